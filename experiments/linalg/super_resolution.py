"""How much of a photograph is in a few of a quarter of its pixels?

A camera with large pixels blurs a scene and keeps every second position: y = A·x with the matrix of a strided
convolution. One photograph has a quarter as many numbers as the scene, and of all scenes that explain it
`minicnn.linalg.lstsq` finds the one that is nearest to the photograph enlarged, x₀ + A⁺·(y − A·x₀). Four photographs,
each shifted by a pixel, hold the rows of the convolution of stride 1 between them, and these are enough for all that
the blur leaves above the noise.

Which residual counts as explained, and by how much an error must be less, are bounds of our own for this scene.

Sources: S. C. Park, M. K. Park & M. G. Kang, "Super-resolution image reconstruction: a technical overview" (2003); S.
Baker & T. Kanade, "Limits on super-resolution and how to break them" (2002).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.photographs import grey_photograph
from minicnn import linalg
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"side": 36}
FULL = {"side": 300}

STRIDE = 2
TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64  # a pixel of twice the width, and the lens before it
NOISE = 1e-3  # of each pixel of the photographs, where white is 1


def run(side: int = 120, damp: float = 1e-2, seed: int = 0) -> Result:
    """Find the scene behind one photograph, and behind four.

    Args:
        side: pixels of the scene, even.
        damp: of the least squares.
        seed: of the noise.
    """
    with jax.enable_x64(True):
        scene = jnp.asarray(grey_photograph(side, side).astype(float) / 255)
        one, four = camera(side, STRIDE), camera(side, 1)
        rng = np.random.default_rng(seed)
        y = one(scene) + NOISE * rng.standard_normal(one.out_shape)
        all_y = four(scene) + NOISE * rng.standard_normal(four.out_shape)
        repeated = np.asarray(jnp.repeat(jnp.repeat(y, STRIDE, 0), STRIDE, 1))
        enlarged = jnp.asarray(np.pad(repeated, ((1, side - 1 - len(repeated)),) * 2 + ((0, 0),), "edge"))
        found = {
            "pixels repeated": np.asarray(enlarged),
            "one photograph": nearest(one, y, enlarged, damp),
            "four photographs": nearest(four, all_y, enlarged, damp),
        }
        truth = np.asarray(scene)
        again = {
            name: float(jnp.linalg.norm(one(jnp.asarray(x)) - y) / jnp.linalg.norm(y)) for name, x in found.items()
        }
        claims = _claims(found, truth, again, side)
    rows = tuple((name, error(x, truth), decibels(x, truth), again[name]) for name, x in found.items())
    table = Table("The scene found again", ("from", "error", "signal to noise, dB", "residual of one photograph"), rows)
    return Result(claims, (table,), (_picture(truth, found),))


def camera(side: int, stride: int) -> LinearMap:
    """The matrix of a camera: a blur, and every so many positions."""
    return minicnn.conv_map(jnp.asarray(TAPS[..., None, None]), (side, side), stride=stride)


def nearest(A: LinearMap, y: jax.Array, start: jax.Array, damp: float) -> np.ndarray:
    """The scene that explains y and is nearest to another one."""
    return np.asarray(start + linalg.lstsq(A, y - A(start), damp=damp).x)


def error(x: np.ndarray, truth: np.ndarray) -> float:
    """The distance from the scene, relative to its length."""
    return float(np.linalg.norm(x - truth) / np.linalg.norm(truth))


def decibels(x: np.ndarray, truth: np.ndarray) -> float:
    """The peak signal-to-noise ratio where white is 1."""
    return float(-10 * np.log10(((x - truth) ** 2).mean()))


def shifted_rows(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of four shifted cameras, and those of stride 1, each in one order."""
    every = np.asarray(camera(side, 1).matrix())
    shifted: list[Any] = []
    for i, j in np.ndindex(STRIDE, STRIDE):
        window = side - STRIDE + 1
        C = np.asarray(minicnn.conv_map(jnp.asarray(TAPS[..., None, None]), (window, window), stride=STRIDE).matrix())
        placed = np.zeros((len(C), side, side))
        placed[:, i : i + window, j : j + window] = C.reshape(-1, window, window)
        shifted.append(placed.reshape(len(C), -1))
    return _ordered(np.concatenate(shifted)), _ordered(every)


def _ordered(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def _claims(found: dict[str, np.ndarray], truth: np.ndarray, again: dict[str, float], side: int) -> list[Claim]:
    one, four = camera(side, STRIDE), camera(side, 1)
    errors = {name: error(x, truth) for name, x in found.items()}
    shifted, every = shifted_rows(9)
    return [
        equal("rank of one camera, its rows", linalg.rank(one), one.shape[0], "rows are independent"),
        equal("rank of four, their rows", linalg.rank(four), four.shape[0], "rows are independent"),
        at_most(
            "rows of four shifted cameras less those of stride 1", np.abs(shifted - every).max(), 0, "equal entries"
        ),
        equal("how both are inverted", linalg.explain(one).largest, "kron", "a separable kernel"),
        at_most("one photograph is explained: residual", again["one photograph"], 1e-2, "lstsq"),
        at_least("repeated pixels explain it not: residual", again["pixels repeated"], 2e-2, "they are blurred twice"),
        at_most(
            "one: error over that of repeated pixels",
            errors["one photograph"] / errors["pixels repeated"],
            0.95,
            "the nearest scene",
        ),
        at_most(
            "four: error over that of one",
            errors["four photographs"] / errors["one photograph"],
            0.6,
            "four times the rows",
        ),
    ]


def _picture(truth: np.ndarray, found: dict[str, np.ndarray]) -> Picture:
    images = {"scene": truth} | found

    def draw(figure: Figure) -> None:
        for axes, (name, image) in zip(figure.subplots(1, 4), images.items(), strict=True):
            axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
            told = "" if name == "scene" else f"\n{decibels(image, truth):.1f} dB"
            axes.set(title=name.replace(" ", "\n") + told, xticks=(), yticks=())

    caption = "A scene; one photograph of a quarter of its pixels; the scene by least squares from one, and from four."
    return Picture("scene", caption, draw, 0.38)
