"""What stays when the input of a pool moves by one pixel?

An output of a max pool stays when the largest of the k + 1 values that its window holds before and after lies among
the k − 1 that are there both times. If all orders of values are equally likely that is (k − 1)/(k + 1): half of the
outputs for k = 3, though every input has changed. It is counted over all orders, then on noise and on the edges of a
photograph. A mean never stays, but moves little. And what each pool is as a matrix: the same P for every input for
averages, one 1 in each row for a maximum, x/‖x‖ within each window for a 2-norm.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3, where a figure shows such a shift; the share by
counting; Euler's theorem on homogeneous functions for J(x)·x = f(x).
"""

from collections.abc import Callable
from itertools import permutations
from math import factorial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (48, 49)
SMALL = {"widest": 3, "length": 2_000}
FULL = {"widest": 8, "length": 1_000_000}

EDGE = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
# Twelve detectors without equal neighbours, so that a shift changes every one of them.
DETECTORS = np.array([2, 1, 9, 3, 4, 7, 1, 5, 2, 8, 6, 3], np.float32)
WEIGHTS = np.array([1, 2, 1], np.float32) / 4

POOLS: dict[str, Callable[..., Any]] = {
    "maximum": minicnn.max_pool,
    "2-norm": minicnn.lp_pool,
    "mean": minicnn.avg_pool,
}


def run(widest: int = 6, length: int = 100_000, seed: int = 0) -> Result:
    """Move signals by one position.

    Args:
        widest: the largest pool whose orders are all looked at.
        length: of the noise.
        seed: of the noise.
    """
    widths = range(2, widest + 1)
    counted = [orders_that_stay(k) for k in widths]
    predicted = [(k - 1) / (k + 1) for k in widths]
    noise = np.random.default_rng(seed).permutation(length).astype(np.float32)
    on_noise = [unchanged(minicnn.max_pool, noise, k) for k in widths]
    photograph = edges()
    shares = {name: unchanged(pool, photograph, 3) for name, pool in POOLS.items()}
    # Windows that share inputs are not independent: 2k − 1 neighbours at most are, which multiplies the variance.
    spread = 4 * np.sqrt(0.25 * (2 * widest - 1) / length)
    claims: list[Claim] = [
        equal(
            "inputs that stay when the detectors move", unchanged_inputs(DETECTORS), 0, "no two neighbours are equal"
        ),
        equal(
            "orders of k + 1 values in which the maximum stays, k = 2, 3, …",
            counted,
            [factorial(k) * (k - 1) for k in widths],
            "(k − 1)/(k + 1) of (k + 1)!",
        ),
        equal("k = 3: orders in which it stays, of 24", counted[1], 12, "half, Deep Learning, section 9.3"),
        equal(f"the same on {length:,} shuffled numbers", on_noise, predicted, "four deviations", spread),
        at_least(
            "edges of a photograph: share of maxima that stay, over that of inputs",
            shares["maximum"] / unchanged_inputs(photograph),
            2,
            "pooled > unpooled",
        ),
        at_most(
            "noise: mean change of a mean of three, over that of an input",
            relative_change(minicnn.avg_pool, noise, 3),
            1 / 3 + 4 / np.sqrt(length),
            "one value of three is exchanged: 1/3",
        ),
        *_matrices(np.random.default_rng(seed)),
    ]
    rows = [(k, c, p, n) for k, c, p, n in zip(widths, counted, predicted, on_noise, strict=True)]
    table = Table("Maxima that stay", ("k", "orders", "(k − 1)/(k + 1)", "noise"), tuple(rows))
    changes = {name: relative_change(pool, noise, 3) for name, pool in POOLS.items()}
    kinds = Table(
        "Pools of three, after a shift by one",
        ("pool", "noise: mean change, over that of an input", "photograph: share that stays"),
        (("none", 1.0, unchanged_inputs(photograph)), *((name, changes[name], shares[name]) for name in POOLS)),
    )
    return Result(claims, (table, kinds), (_picture(list(widths), on_noise),))


def orders_that_stay(k: int) -> int:
    """In how many orders of k + 1 values the first and the last k have the same maximum."""
    orders = jnp.asarray(list(permutations(range(k + 1))), jnp.float32)
    maxima = minicnn.max_pool(orders[..., None], (k,), stride=1)[..., 0]
    return int((maxima[:, 0] == maxima[:, 1]).sum())


def pooled(pool: Callable[..., Any], x: np.ndarray, k: int) -> np.ndarray:
    """Windows of k along the last axis, one step apart."""
    return np.asarray(pool(jnp.asarray(x)[..., None], (k,), stride=1))[..., 0]


def unchanged_inputs(x: np.ndarray) -> float:
    """The share of values that are equal to their neighbour, and so stay in a shift by one."""
    return float((x[..., 1:] == x[..., :-1]).mean())


def unchanged(pool: Callable[..., Any], x: np.ndarray, k: int) -> float:
    """The share of pooled values that stay when x moves by one position along its last axis."""
    return unchanged_inputs(pooled(pool, x, k))


def relative_change(pool: Callable[..., Any], x: np.ndarray, k: int) -> float:
    """The mean change of a pooled value over that of an input, in a shift by one."""
    y = pooled(pool, x.astype(np.float64) / len(x), k)
    return float(np.abs(np.diff(y)).mean() / np.abs(np.diff(x.astype(np.float64) / len(x))).mean())


def edges() -> np.ndarray:
    """How strong vertical edges are in a photograph, as integers."""
    gray = load_sample_image("china.jpg").astype(np.float32).mean(-1).round()
    return np.abs(np.asarray(minicnn.conv(jnp.asarray(gray)[..., None], jnp.asarray(EDGE)[..., None, None]))[..., 0])


def _matrices(rng: np.random.Generator) -> list[Claim]:
    x = jnp.asarray(rng.integers(-9, 10, (7, 1)), jnp.float32)
    y_bar = jnp.asarray(rng.integers(-9, 10, (5, 1)), jnp.float32)
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(x).ravel(), 3)
    S = minicnn.max_pool_map_at(x, (3,), stride=1)
    J = minicnn.lp_pool_map_at(x, (3,), stride=1).matrix()
    P = minicnn.avg_pool_map((7, 1), (3,), stride=1)
    W = minicnn.weighted_pool_map(jnp.asarray(WEIGHTS)[:, None], (7,), stride=1)
    _, pull = jax.vjp(lambda x: minicnn.max_pool(x, (3,), stride=1), x)
    norms = np.sqrt((windows**2).sum(1))
    ties = minicnn.max_pool_map_at(jnp.ones((4, 1)), (2,)).matrix()
    peak = jax.grad(lambda x: minicnn.max_pool(x, (3,), stride=1).sum())(jnp.eye(1, 5, 2).reshape(5, 1))
    in_windows = np.zeros((5, 7), np.float32)
    for o, (window, norm) in enumerate(zip(windows, norms, strict=True)):
        in_windows[o, o : o + 3] = window / norm
    return [
        equal("maximum: S(x)·x", S(x).ravel(), windows.max(1), "a loop over windows"),
        equal("maximum: ones in each row of S(x)", (S.matrix() == 1).sum(1), [1] * 5, "a selection"),
        equal("maximum: gradient", pull(y_bar)[0].ravel(), S.T(y_bar).ravel(), "S(x)ᵀ·ȳ"),
        equal("maximum: gradient at a peak that three windows share", peak.ravel(), [0, 0, 3, 0, 0], "windows add"),
        equal("maximum: columns of S where all are equal", ties.argmax(1), [0, 2], "the first of equals wins"),
        equal("mean: 3·P·x", 3 * P(x).ravel(), windows.sum(1), "sums of windows", 2e-5),
        equal("weighted: W·x", W(x).ravel(), windows @ WEIGHTS, "the weights of each window"),
        equal("2-norm: rows of J(x)", J, in_windows, "x/‖x‖ in each window", 1e-6),
        equal("2-norm: J(x)·x", J @ x.ravel(), norms, "Euler: homogeneous of degree 1", 1e-5),
    ]


def _picture(widths: list[int], shares: list[float]) -> Picture:
    def draw(figure: Figure) -> None:
        before, after, right = figure.subplots(1, 3)
        shifted = np.roll(DETECTORS, 1)
        maxima = [pooled(minicnn.max_pool, x, 3) for x in (DETECTORS, shifted)]
        for axes, x, y, title in (
            (before, DETECTORS, maxima[0], "before"),
            (after, shifted, maxima[1], "shifted by one"),
        ):
            axes.bar(np.arange(12), x, color="0.75", label="input")
            kept = maxima[0] == maxima[1]
            places = np.arange(1, 11)
            axes.plot(places, y, color="#0072B2", drawstyle="steps-mid", label="maximum of three")
            axes.plot(places[kept], y[kept], "s", color="#D55E00", label="stays")
            axes.set(title=title, xlabel="position", ylim=(0, 14))
        before.set_ylabel("value")
        before.legend(frameon=False, loc="upper right", fontsize="small")
        ks = np.linspace(1, widths[-1], 50)
        right.plot(ks, (ks - 1) / (ks + 1), color="0.4", label="(k − 1)/(k + 1)")
        right.plot(widths, shares, "ko", label="noise")
        right.set(title="maxima that stay", xlabel="k", ylabel="share", ylim=(0, 1))
        right.legend(frameon=False)

    caption = "All inputs change in a shift by one, but many maxima stay; the share of those that do."
    return Picture("invariance", caption, draw, 0.42)
