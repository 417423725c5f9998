"""What does a moving average keep, and what does it take away?

Averaging is a convolution whose rows of C sum to 1: the box of fifths, and the weights 1 4 6 4 1 over 16. Constants
stay as they are, and since the weights are symmetric straight lines do. At the border rows of zero-padded matrices
sum to less than 1, unless the end is repeated. Noise of variance σ² is left with σ²·Σ w². A wave of frequency ω is
multiplied by Σ w[k]·cos(ω·k): the box removes a period of five samples and turns shorter ones upside down, the
binomial weights turn none.

Sources: notes on convolutional networks after *Deep Learning*, smoothing; the variance of a sum of independent
variables.
"""

import numpy as np
import scipy.ndimage
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.one_channel import convolve, matrix

ROWS = (19,)
SMALL = {"samples": 10_000}
FULL = {"samples": 10_000_000}

KERNELS = {"box": np.full(5, 1 / 5), "binomial": np.array([1, 4, 6, 4, 1]) / 16}
N = 12  # positions of the matrices whose rows are summed
EPSILON = 4 * np.finfo(float).eps  # rounding of five terms of size 1


def run(samples: int = 1_000_000, seed: int = 0) -> Result:
    """Average constants, lines, noise and waves.

    Args:
        samples: of noise.
        seed: of the noise.
    """
    noise = np.random.default_rng(seed).normal(size=samples)
    claims: list[Claim] = []
    rows = []
    for name, w in KERNELS.items():
        interior = matrix(w, N, padding="VALID").sum(1)
        repeated = convolve(np.full(N, 7.0), w, "SAME", padding_mode="replicate")
        line = np.arange(N) * 3.0 - 5
        variance, expected = convolve(noise, w, "VALID").var(), float(w @ w)
        claims += [
            equal(f"{name}: sums of the rows of C", interior, np.ones(N - 4), "an average", EPSILON),
            equal(f"{name}: a straight line, inside", convolve(line, w, "VALID"), line[2:-2], "symmetry", 32 * EPSILON),
            equal(f"{name}: a constant, ends repeated", repeated, np.full(N, 7.0), "rows still sum to 1", 8 * EPSILON),
            # five deviations of the variance of correlated samples, of which there are samples / 5 independent ones
            equal(f"{name}: variance of noise", variance, expected, "Σ w²", 5 * expected * np.sqrt(10 / samples)),
        ]
        rows.append((name, expected, float(variance), *(response(w, 2 * np.pi / period) for period in (20, 5, 3, 2))))
    step = np.random.default_rng(seed).normal(size=60) * 0.4 + (np.arange(60) > 29) * 2
    ours, known = (
        convolve(step, KERNELS["box"], "SAME", padding_mode="replicate"),
        scipy.ndimage.uniform_filter1d(step, 5, mode="nearest"),
    )
    wave = np.cos(2 * np.pi * np.arange(40) / 5)
    omega = np.linspace(0, np.pi, 101)
    claims += [
        equal(
            "zero-padded box of fifths: first sums of rows",
            matrix([1] * 5, N, padding="SAME").sum(1)[:3],
            [3, 4, 5],
            "the border",
        ),
        equal("box: SciPy's `uniform_filter1d`", ours, known, "SciPy", 16 * EPSILON),
        at_most(
            "box: what is left of a wave of period 5",
            np.abs(convolve(wave, KERNELS["box"], "VALID")).max(),
            1e-14,
            "five in a period",
        ),
        at_most(
            "box: the response to a period of 3 is negative", response(KERNELS["box"], 2 * np.pi / 3), -0.1, "Σ w·cos"
        ),
        at_least(
            "binomial: the smallest response", min(response(KERNELS["binomial"], o) for o in omega), -1e-15, "cos⁴(ω/2)"
        ),
    ]
    columns = ("kernel", "Σ w²", "variance left", "period 20", "5", "3", "2")
    return Result(claims, (Table("Noise of variance 1 and waves, averaged", columns, tuple(rows)),), (_picture(step),))


def response(w: np.ndarray, omega: float) -> float:
    """By what a wave is multiplied: Σ w[k]·cos(ω·k), k counted from the middle."""
    return float(w @ np.cos(omega * (np.arange(len(w)) - len(w) // 2)))


def _picture(step: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        omega = np.linspace(0, np.pi, 101)
        left.plot(step, ".", color="0.6", label="noisy step")
        for (name, w), style in zip(KERNELS.items(), ("-", "--"), strict=True):
            left.plot(convolve(step, w, "SAME", padding_mode="replicate"), style, label=name)
            right.plot(omega / np.pi, [response(w, o) for o in omega], style, label=name)
        left.set(title="smoothed", xlabel="position", ylim=(-1.2, 5))
        left.legend(frameon=False, fontsize="small", loc="upper left")
        for word, style, size in (("VALID", "o", 8), ("SAME", "s", 5), ("FULL", "k.", 3)):
            sums = matrix([1] * 5, N, padding=word).sum(1) / 5
            middle.plot(np.arange(len(sums)) - (len(sums) - N) / 2, sums, f"{style}:", label=word, markersize=size)
        middle.set(title="sums of the rows", xlabel="position", ylim=(0, 1.55))
        middle.legend(frameon=False, fontsize="small", loc="upper center")
        right.axhline(0, color="0.7", linewidth=0.8)
        right.set(title="response to waves", xlabel="frequency / π")
        right.legend(frameon=False, fontsize="small")

    return Picture("averages", "Two averages of a noisy step, their rows at the border, their frequencies.", draw, 0.42)
