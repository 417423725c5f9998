"""Can a pool be learned that is better than any grid?

A planted pool has overlapping regions of different sizes that lie on no grid, and nothing but its outputs is seen. The
rows of P are learned by gradient steps on ½·mean (P·x − y)², each followed by max(P, 0): weights stay non-negative,
and the problem convex. They are held against scipy's solver for non-negative least squares, row by row, and against
the planted pool. The rivals are grids of as many means, and of four times as many, with the best linear readout behind
them: what a grid has averaged away no readout brings back.

Sources: Jia, Huang & Darrell (2012), Beyond spatial pyramids: receptive field learning for pooled image features, for
pooling regions that are learned, the same for all images; Lawson & Hanson (1974) for non-negative least squares.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import nnls

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from minicnn.nn import losses

ROWS = (56,)
SMALL = {"images": 400, "steps": 150}
FULL = {"images": 10_000, "steps": 2_000}

SIZE = 8
# Middle, height and width of each planted region.
REGIONS = ((1.5, 2.0, 1.0, 2.0), (5.5, 2.5, 1.5, 1.0), (3.0, 5.0, 2.0, 1.5), (6.0, 5.5, 0.8, 1.2))
NOISE = 0.05


def run(images: int = 2_000, steps: int = 400, seed: int = 0) -> Result:
    """Learn a pool.

    Args:
        images: of noise, whose pooled values are seen.
        steps: of the gradient.
        seed: of the images.
    """
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        planted = planted_pool()
        x, x_test = (rng.normal(size=(images, SIZE, SIZE, 1)) for _ in range(2))
        y, y_test = (np.asarray(minicnn.matrix_pool(x, planted)) for x in (x, x_test))
        y_noisy = y + NOISE * rng.normal(size=y.shape)
        found, trace = learned(x, y, steps)
        noisy, _ = learned(x, y_noisy, steps)
        error = relative_error(np.asarray(minicnn.matrix_pool(x_test, found)), y_test)
        grids = {n: grid_error(n, (x, y), (x_test, y_test)) for n in (2, 4)}
    solved = np.stack([nnls(x.reshape(images, -1), column)[0] for column in y_noisy.reshape(images, -1).T])
    claims: list[Claim] = [
        at_least("smallest weight", found.min(), 0, "projected on P ≥ 0"),
        equal("learned − planted, largest entry", np.abs(found - planted).max(), 0, "the planted optimum", 1e-6),
        equal("sums of the rows", found.sum((2, 3)).ravel(), [1] * len(REGIONS), "planted means", 1e-5),
        equal(
            "with noise: learned − solved, largest entry",
            np.abs(noisy.reshape(solved.shape) - solved).max(),
            0,
            "scipy.optimize.nnls",
            1e-6,
        ),
        at_least("grid of 2 × 2 with the best readout: error, over √(energy)", grids[2], 0.3, "regions on no grid"),
        at_most("the learned pool's error, over that of a grid of 4 × 4", error / grids[4], 1e-3, "four times as many"),
    ]
    rows = [
        ("grid of 2 × 2, best readout", 4, grids[2]),
        ("grid of 4 × 4, best readout", 16, grids[4]),
        ("learned", 4, error),
    ]
    table = Table("Relative error on new images", ("pool", "outputs", "error"), tuple(rows))
    return Result(claims, (table,), (_picture(planted, found, trace),))


def planted_pool() -> np.ndarray:
    """Gaussian bumps cut off at a tenth of their height, each with sum 1, (1, 4, size, size)."""
    rows, columns = np.indices((SIZE, SIZE))
    bumps = np.stack([np.exp(-(((rows - r) / h) ** 2) / 2 - (((columns - c) / w) ** 2) / 2) for r, c, h, w in REGIONS])
    bumps[bumps < 0.1] = 0
    return (bumps / bumps.sum((1, 2), keepdims=True))[None]


def learned(x: np.ndarray, y: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Projected gradient descent from a uniform pool: the pool, and the loss after each step."""
    loss = lambda P: losses.squared_error(minicnn.matrix_pool(x, P), y)
    flat = x.reshape(len(x), -1)
    # The loss is a mean over images and rows of P; its curvature is the Gram matrix of the images over both.
    rate = y.shape[2] * len(x) / np.linalg.norm(flat, 2) ** 2

    @jax.jit
    def step(P: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        value, P_bar = jax.value_and_grad(loss)(P)
        return jnp.maximum(P - rate * P_bar, 0), value

    start = jnp.full((1, y.shape[2], *x.shape[1:3]), 1 / x[0].size)
    P, trace = jax.lax.scan(step, start, None, steps)
    return np.asarray(P), np.asarray(trace)


def grid_error(n: int, seen: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray]) -> float:
    """The relative error on new images of the best linear readout of a grid of n × n means."""
    (x, y), (x_test, y_test) = seen, new
    means, means_test = (
        np.asarray(minicnn.adaptive_avg_pool(jnp.asarray(a), (n, n))).reshape(len(a), -1) for a in (x, x_test)
    )
    readout = np.linalg.lstsq(means, y.reshape(len(y), -1), rcond=None)[0]
    return relative_error((means_test @ readout).reshape(y_test.shape), y_test)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The norm of the difference over that of what was expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _picture(planted: np.ndarray, found: np.ndarray, trace: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 6)
        for row, (name, P) in enumerate((("planted", planted), ("learned", found))):
            for n, region in enumerate(P[0]):
                axes = figure.add_subplot(grid[row, n])
                axes.imshow(region, cmap="cividis", vmin=0)
                axes.set(xticks=[], yticks=[], ylabel=name if n == 0 else "")
        axes = figure.add_subplot(grid[:, 4:])
        axes.semilogy(np.arange(1, len(trace) + 1), trace, color="#0072B2")
        axes.set(xlabel="step", title="loss")

    return Picture("learned", "The planted regions, the learned ones, and the loss.", draw, 0.42)
