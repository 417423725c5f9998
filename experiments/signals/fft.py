"""When is a convolution a product of Fourier transforms, and from what size on is it faster?

The DFT of L points diagonalises the circulant matrix: it computes the convolution on a circle of L positions. With
L ≥ N + M − 1 the circle is long enough that nothing meets twice, and the result is that of C(w)·x up to rounding. With
fewer points the end is added to the beginning, and exactly N + M − 1 − L results are wrong. The direct sum takes N·M
products and the transforms take N·log N, so that their times cross between 32
and 8,192 samples.

Sources: notes on convolutional networks after *Deep Learning*, which leave out the padding; the manual of
`scipy.signal.fftconvolve`.
"""

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.signal
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.one_channel import convolve

ROWS = (14,)
SMALL = {"largest": 128}
FULL = {"largest": 65536}

TELLING = 4096  # samples from which on a transform is surely faster than a direct sum
N, M = 40, 9  # samples and taps of the integers that are compared


def run(largest: int = 8192, seed: int = 0) -> Result:
    """Compare results, then times.

    Args:
        largest: samples, and taps, of the longest signals that are timed; a power of two.
        seed: of the signals.
    """
    rng = np.random.default_rng(seed)
    x, w = rng.integers(1, 100, N), rng.integers(1, 100, M)
    direct = convolve(x, w)
    fewer = list(range(N, N + M))
    claims: list[Claim] = [
        equal("N + M − 1 points, rounded to integers", np.rint(by_dft(x, w, N + M - 1)), np.convolve(x, w), "NumPy"),
        at_most("and before rounding: largest error", _error(by_dft(x, w, N + M - 1), direct), 1e-9, "rounding"),
        at_most("our form “fourier” in float32: relative error", _fourier(x, w), 1e-5, "rounding"),
        at_most("and in float64: error", _error(convolve(x * 1.0, w * 1.0, form="fourier"), direct), 1e-9, "rounding"),
        equal("SciPy's `fftconvolve` agrees", scipy.signal.fftconvolve(x, w), direct, "SciPy", 1e-9),
        equal(
            "N points: the circular convolution",
            np.rint(by_dft(x, w, N)),
            convolve(x, w, ((M - 1, 0),), padding_mode="circular"),
            "the DFT diagonalises circulants",
        ),
        equal(
            f"wrong results with {fewer[0]}, …, {fewer[-1]} points",
            [wrong(x, w, points) for points in fewer],
            [N + M - 1 - points for points in fewer],
            "what is beyond the circle",
        ),
    ]
    sizes = [2**k for k in range(5, largest.bit_length())]
    times = [[_seconds(code, *rng.normal(size=(2, n))) for code in CODES.values()] for n in sizes]
    in_ms = tuple((n, *(1e3 * t for t in row)) for n, row in zip(sizes, times, strict=True))
    if largest >= TELLING:  # at smaller sizes what a call costs hides the sums
        direct, by_fft = (list(CODES).index(name) for name in ("np.convolve", "scipy fftconvolve"))
        ratios = [row[direct] / row[by_fft] for row in times]
        claims += [
            at_most(f"time of `np.convolve` over that of `fftconvolve`, n = {sizes[0]}", ratios[0], 1, "N·M products"),
            at_least(f"the same, n = {sizes[-1]:,}: the curves cross", ratios[-1], 1, "N·log N products"),
        ]
    table = Table("Milliseconds for n samples and n taps, the best of thirty, on this machine", ("n", *CODES), in_ms)
    return Result(claims, (table,), (_picture(x, w), _curves(sizes, times)))


def by_dft(x: np.ndarray, w: np.ndarray, points: int) -> np.ndarray:
    """The inverse transform of the product of two transforms of so many points."""
    return np.fft.irfft(np.fft.rfft(x, points) * np.fft.rfft(w, points), points)


def wrong(x: np.ndarray, w: np.ndarray, points: int) -> int:
    """How many of the results differ from those of the convolution of the same place."""
    return int(np.count_nonzero(np.rint(by_dft(x, w, points)) != convolve(x, w)[:points]))


def _error(found: np.ndarray, direct: np.ndarray) -> float:
    return float(np.abs(found - direct).max())


def _fourier(x: np.ndarray, w: np.ndarray) -> float:
    direct = convolve(x, w)
    return _error(convolve(x.astype(np.float32), w.astype(np.float32), form="fourier"), direct) / direct.max()


def _seconds(code: Callable[[np.ndarray, np.ndarray], object], x: np.ndarray, w: np.ndarray) -> float:
    """The best of thirty calls, after one that compiles."""
    x, w = x.astype(np.float32), w.astype(np.float32)
    jax.block_until_ready(code(x, w))
    best = np.inf
    for _ in range(30):
        begun = time.perf_counter()
        jax.block_until_ready(code(x, w))
        best = min(best, time.perf_counter() - begun)
    return best


@partial(jax.jit, static_argnames="form")
def _ours(x: jax.Array, w: jax.Array, form: str) -> jax.Array:
    return minicnn.conv(jnp.asarray(x)[:, None], jnp.asarray(w)[:, None, None], padding="FULL", flip=True, form=form)


CODES: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "conv, directly": partial(_ours, form="auto"),
    "conv, “fourier”": partial(_ours, form="fourier"),
    "np.convolve": np.convolve,
    "scipy fftconvolve": scipy.signal.fftconvolve,
}


def _picture(x: np.ndarray, w: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        direct = convolve(x, w)
        axes.plot(direct, "0.6", linewidth=4, label=f"C(w)·x: N + M − 1 = {N + M - 1} numbers")
        axes.plot(by_dft(x, w, N + M - 1), "C0.", label=f"DFT of {N + M - 1} points")
        axes.plot(by_dft(x, w, N), "C1x", label=f"DFT of N = {N} points: the end is added to the beginning")
        axes.set(xlabel="position", ylim=(0, 1.45 * direct.max()))
        axes.legend(frameon=False, loc="upper center")

    return Picture("wrapped", "Too few points: the convolution on a circle.", draw, 0.5)


def _curves(sizes: list[int], times: list[list[float]]) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, column, style in zip(CODES, zip(*times, strict=True), ("o-", "s-", "o--", "s--"), strict=True):
            axes.loglog(sizes, 1e3 * np.array(column), style, label=name)
        axes.set(xlabel="samples and taps", ylabel="milliseconds")
        axes.legend(frameon=False)

    return Picture("times", "Direct sums against transforms, on the machine that ran this.", draw, 0.55)
