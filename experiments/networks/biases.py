"""Which biases make up for the zeros around an image?

With zero padding a constant image does not stay constant: at the border some taps meet nothing, and the output lacks
their weights. A bias for each position, b[o] = the weights that are missing there, times the constant, cancels this
without rounding. One bias for each channel can only move all outputs together; biases that repeat in tiles do little
more. The best of each kind is the mean of the deficits that share it. But a bias knows one constant: on an image twice
as bright half of the deficit is back.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.5, where separate biases at each location correct
for differences in image statistics such as padding at the border; parameters counted: c, c·o², c·t².
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (44,)
SMALL = {"size": 6}
FULL = {"size": 64}

TAPS, CHANNELS, TILE = 3, 4, 2
CONSTANT = 3.0


def run(size: int = 12, seed: int = 0) -> Result:
    """Convolve a constant image and correct it.

    Args:
        size: rows and columns of the image, even.
        seed: of the kernels.
    """
    w = np.random.default_rng(seed).integers(1, 10, (TAPS, TAPS, 1, CHANNELS)).astype(np.float32)
    y = output(w, size, CONSTANT)
    wanted = CONSTANT * w.sum((0, 1, 2))
    deficit = wanted - y
    biases = {
        "none": np.zeros(CHANNELS, np.float32),
        "per channel": deficit.mean((0, 1)),
        f"per place in {TILE} × {TILE} tiles": deficit.reshape(size // TILE, TILE, size // TILE, TILE, -1).mean((0, 2)),
        "per position": deficit,
    }
    left = {name: corrected(y, b) - wanted for name, b in biases.items()}
    brighter = corrected(output(w, size, 2 * CONSTANT), deficit) - 2 * wanted
    claims: list[Claim] = [
        equal(
            "deficits − weights of taps outside, largest",
            np.abs(deficit - CONSTANT * missing(w, size)).max(),
            0,
            "a loop over taps",
        ),
        equal(
            "outputs with a deficit: the border's", int((deficit[..., 0] > 0).sum()), 4 * size - 4, "one row each side"
        ),
        equal("per position: largest deviation", np.abs(left["per position"]).max(), 0, "cancelled"),
        at_least(
            "per channel: largest deviation", np.abs(left["per channel"]).max(), 1, "one number for all positions"
        ),
        equal(
            "parameters",
            [b.size for b in biases.values()][1:],
            [CHANNELS, CHANNELS * TILE**2, CHANNELS * size**2],
            "c, c·t², c·o²",
        ),
        equal(
            "twice as bright: what is left over the deficit",
            np.unique(brighter[deficit > 0] / deficit[deficit > 0]),
            [-1],
            "half of it is back",
        ),
        equal(
            "the best bias per channel: derivative of the squared error",
            _derivative(y, wanted, biases["per channel"]),
            [0] * CHANNELS,
            "the mean of the deficits",
            1e-3,
        ),
        at_most(
            "tiles: root mean square over that per channel",
            _rms(left[f"per place in {TILE} × {TILE} tiles"]) / _rms(left["per channel"]),
            1 + 1e-6,
            "more freedom",
        ),
    ]
    rows = [(name, biases[name].size, _rms(e), float(np.abs(e).max())) for name, e in left.items()]
    table = Table("What is left of the deficit", ("bias", "parameters", "root mean square", "largest"), tuple(rows))
    return Result(claims, (table,), (_picture(left),))


def output(w: np.ndarray, size: int, constant: float) -> np.ndarray:
    """A constant image convolved, padded with zeros to keep its size."""
    return np.asarray(minicnn.conv(jnp.full((size, size, 1), constant), jnp.asarray(w), padding="SAME"))


def corrected(y: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The output with a bias of any kind."""
    return np.asarray(minicnn.add_bias(jnp.asarray(y), jnp.asarray(b)))


def missing(w: np.ndarray, size: int) -> np.ndarray:
    """The weights of the taps that fall outside of the image, at each position, counted in a loop."""
    total = np.zeros((size, size, CHANNELS), np.float32)
    for row, column, a, b in np.ndindex(size, size, TAPS, TAPS):
        i, j = row + a - TAPS // 2, column + b - TAPS // 2
        if not (0 <= i < size and 0 <= j < size):
            total[row, column] += w[a, b, 0]
    return total


def _derivative(y: np.ndarray, wanted: np.ndarray, b: np.ndarray) -> np.ndarray:
    error = lambda b: ((minicnn.add_bias(jnp.asarray(y), b) - wanted) ** 2).mean()
    return np.asarray(jax.grad(error)(jnp.asarray(b)))


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt((error**2).mean()))


def _picture(left: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        panels = np.atleast_1d(figure.subplots(1, len(left)))
        most = max(np.abs(e[..., 0]).max() for e in left.values())
        image = None
        for axes, (name, error) in zip(panels, left.items(), strict=True):
            image = axes.imshow(error[..., 0], cmap="PuOr", vmin=-most, vmax=most)
            axes.set(xticks=[], yticks=[], title=name.replace(" in ", "\nin "))
        assert image is not None
        figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.5, label="deviation from the constant")

    return Picture("biases", "What each kind of bias leaves of the deficit at the border, in one channel.", draw, 0.44)
