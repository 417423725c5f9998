"""Can convolution with global pooling tell whether the first pixel is the last one's opposite?

The label is first pixel XOR last pixel, and all 4,096 strips of 12 pixels ±1 are looked at. What periodic convolution
and a global pool compute is the same for all shifts of a strip, so that two shifts with opposite labels cannot both be
right: the pooled activations of such a pair are equal, in integers. Where half of a strip's shifts have each label,
every such network is right on exactly 50 %; on all strips on no more than counting allows. It underfits: the strips it
has seen go no better. A dense layer learns the task, and so do the same convolutions with a dense layer in place of the
pool.

A border tells position. Padding with zeros marks it: written down by hand, two convolutions, a pool and two dense
layers are right on every strip. Without padding the ends are read less often: the mean of all differences of neighbours
is (last − first)/11. But a mean of scores, each of a few neighbours, cannot combine the two ends, however well it knows
where it is: of four strips that differ at the ends alone it is wrong on at least one, 75 % at best.

What no network of a kind can do is proved, so that such claims test the code; which share counts as learned, 95 % of
new strips, or as underfitting, 70 % of those seen, are bounds of our own.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.4: "when a task involves incorporating information
from very distant locations in the input, then the prior imposed by convolution may be inappropriate"; Minsky & Papert,
*Perceptrons* (1969), for what sums of local scores cannot tell; Islam, Jia & Bruce, *How much position information do
convolutional neural networks encode?* (2020), for position that padding gives away.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments import classifiers
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from minicnn import nn

ROWS = (60,)
SMALL = {"seeds": 1, "steps": 500, "chosen": ("dense", "periodic, pooled")}
FULL = {"length": 16, "seeds": 10, "steps": 4_000}

PERIODIC: dict[str, Any] = {"padding": "SAME", "padding_mode": "circular"}
ZEROS: dict[str, Any] = {"padding": "SAME"}
WIDTH = 16
BATCH, RATE = 128, 1e-2
EVERY = (
    "dense",
    "periodic, not pooled",
    "zeros, pooled",
    "no padding, pooled",
    "zeros, mean of scores",
    "periodic, pooled",
)


def run(length: int = 12, seeds: int = 3, steps: int = 1_500, chosen: Sequence[str] = EVERY, seed: int = 0) -> Result:
    """Prove what can be, and train networks.

    Args:
        length: of the strips, a multiple of 4.
        seeds: splits and starts of each network.
        steps: of training.
        chosen: the names of the networks that are trained.
        seed: of the first split.
    """
    x, labels = strips(length)
    even = changes(x) == length // 2
    pair = opposite_pair(x, even, seed)
    bound = counted_bound(length)
    found = {
        name: np.array([accuracies(networks(length)[name], x, labels, even, steps, seed + n) for n in range(seeds)])
        for name in chosen
    }
    claims = [
        *_pair(pair, seed),
        *_counted(x, labels, even, bound),
        *_borders(x, labels, even),
        *_sums_of_scores(length, seed),
        *_learned(found, bound),
    ]
    bounds = {"periodic, pooled": bound, "zeros, mean of scores": 0.75}
    rows = [
        (name, _parameters(networks(length)[name], length), *a.mean(0), bounds.get(name, 1.0))
        for name, a in found.items()
    ]
    columns = ("network", "parameters", "seen", "new", "all", "shifts split evenly", "all, at best")
    table = Table(f"Share of strips that is right, mean of {seeds} seeds", columns, tuple(rows))
    return Result(claims, (table,), (_picture(pair, found, bound),))


def strips(length: int) -> tuple[np.ndarray, np.ndarray]:
    """All strips of pixels ±1, (2ⁿ, n, 1), and whether the first and the last differ."""
    on = np.arange(2**length)[:, None] >> np.arange(length) & 1
    return (2 * on - 1).astype(np.float32)[..., None], (on[:, 0] ^ on[:, -1]).astype(np.int32)


def changes(x: np.ndarray) -> np.ndarray:
    """How many pixels differ from the one before, around the strip: how many of its shifts have the label 1."""
    return (x != np.roll(x, 1, 1)).sum((1, 2))


def counted_bound(length: int) -> float:
    """The share of strips that is right at best if all shifts of a strip get one answer: the mean of max(d, 1 − d).

    Of the strips C(n, c)/2ⁿ⁻¹ have c changes, an even number, and so the label 1 for d = c/n of their shifts.
    """
    return sum(comb(length, c) * max(c, length - c) for c in range(0, length + 1, 2)) / (length * 2 ** (length - 1))


def networks(length: int) -> dict[str, nn.Sequential]:
    """The networks by name: one convolution of three taps, except in the dense one."""
    relu = nn.Activation("relu")
    head = (nn.Dense(WIDTH), relu, nn.Dense(2))

    def convolution(padding: dict[str, Any]) -> tuple[nn.Layer, ...]:
        return nn.Conv(WIDTH, (3,), **padding), relu

    def pool(size: int) -> tuple[nn.Layer, ...]:
        return nn.AvgPool((size,)), nn.Flatten(1)

    layers: dict[str, tuple[nn.Layer, ...]] = {
        "dense": (nn.Flatten(1), nn.Dense(2 * WIDTH), relu, nn.Dense(2)),
        "periodic, not pooled": (*convolution(PERIODIC), nn.Flatten(1), *head),
        "zeros, pooled": (*convolution(ZEROS), *pool(length), *head),
        "no padding, pooled": (*convolution({}), *pool(length - 2), *head),
        "zeros, mean of scores": (*convolution(ZEROS), *pool(length), nn.Dense(2)),
        "periodic, pooled": (*convolution(PERIODIC), *pool(length), *head),
    }
    return {name: nn.Sequential(parts) for name, parts in layers.items()}


def accuracies(
    model: nn.Sequential, x: np.ndarray, labels: np.ndarray, even: np.ndarray, steps: int, seed: int
) -> tuple[float, float, float, float]:
    """Train on half of the strips: the shares that are right of those, the rest, all, and the evenly split."""
    rng = np.random.default_rng(seed)
    seen, new = np.split(rng.permutation(len(x)), 2)
    start, drawn = classifiers.start(model, x.shape[1:], rng), classifiers.batches(len(seen), BATCH, steps, rng)
    _, scores = classifiers.trained(model, start, x[seen], labels[seen], drawn, RATE, x)
    right = np.asarray(scores).argmax(-1) == labels
    return right[seen].mean(), right[new].mean(), right.mean(), right[even].mean()


def detected(x: np.ndarray, kernels: Sequence[np.ndarray], padding: dict[str, Any]) -> np.ndarray:
    """Convolutions, each with a ReLU behind it."""
    for w in kernels:
        x = np.maximum(np.asarray(minicnn.conv(jnp.asarray(x), jnp.asarray(w), **padding)), 0)
    return x


def opposite_pair(x: np.ndarray, even: np.ndarray, seed: int) -> np.ndarray:
    """An evenly split strip whose label is 1, and the same moved by one pixel, whose label is 0."""
    last_two_agree = x[:, -1, 0] == x[:, -2, 0]
    found = np.flatnonzero(even & (x[:, 0, 0] != x[:, -1, 0]) & last_two_agree)
    strip = x[np.random.default_rng(seed).choice(found)]
    return np.stack([strip, np.roll(strip, 1, 0)])


def integer_kernels(seed: int) -> list[np.ndarray]:
    """Two layers of integer kernels of three taps."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape).astype(np.float32) for shape in ((3, 1, 8), (3, 8, 8))]


def _pair(pair: np.ndarray, seed: int) -> list[Claim]:
    kernels = integer_kernels(seed)
    periodic, zeros = (detected(pair, kernels, how).sum(1) for how in (PERIODIC, ZEROS))
    return [
        equal(
            "labels of a strip and of its shift by one", (pair[:, 0] != pair[:, -1])[:, 0].astype(int), [1, 0], "XOR"
        ),
        equal("periodic: pooled activations, largest difference", np.ptp(periodic, 0).max(), 0, "a sum has no order"),
        differs("zeros: pooled activations of both", zeros[0], zeros[1], "the border is seen"),
    ]


def _counted(x: np.ndarray, labels: np.ndarray, even: np.ndarray, bound: float) -> list[Claim]:
    """Answers that are the same for all shifts: the best share right, orbit by orbit."""
    length = x.shape[1]
    codes = ((x[..., 0] > 0) << np.arange(length)).sum(1)
    shifts = np.stack([(codes << t | codes >> length - t) & 2**length - 1 for t in range(length)])
    ones = np.bincount(shifts.min(0), labels, 2**length)
    sizes = np.bincount(shifts.min(0), minlength=2**length)
    best = np.maximum(ones, sizes - ones).sum() / len(x)
    return [
        equal(
            "shifts of each evenly split strip with the label 1",
            np.unique(labels[shifts].sum(0)[even]),
            [length // 2],
            "half",
        ),
        equal("one answer for all shifts: share of strips right, at best", best, bound, "mean of max(d, 1 − d)", 1e-12),
    ]


def by_hand(x: np.ndarray, padding: dict[str, Any]) -> np.ndarray:
    """XOR of the ends by two convolutions, a pool and two dense layers, if what is padded is zero.

    The first convolution has a 1 for each pixel, in the channel "on" or "off". The second has "on" less both channels
    of the pixel before, or of the one behind: it is positive at an end alone, where nothing is beside it.
    """
    sides = np.zeros((3, 2, 2), np.float32)
    sides[1, 0] = 1
    sides[0, :, 0] = sides[2, :, 1] = -1
    ends = detected(x, [np.array([[[1, -1]]], np.float32), sides], padding).sum(1)
    total = ends.sum(1)
    return total - 2 * np.maximum(total - 1, 0)


def _borders(x: np.ndarray, labels: np.ndarray, even: np.ndarray) -> list[Claim]:
    zeros, periodic = by_hand(x, ZEROS), by_hand(x, PERIODIC)
    w = np.array([-1, 1], np.float32).reshape(2, 1, 1)
    differences = np.asarray(minicnn.global_avg_pool(minicnn.conv(jnp.asarray(x), jnp.asarray(w)), 1)).ravel()
    ends = (x[:, -1] - x[:, 0])[:, 0]
    return [
        equal("zeros, by hand: strips that are wrong", int((zeros != labels).sum()), 0, "the border tells the ends"),
        equal("periodic, the same weights: right of the evenly split", (periodic == labels)[even].mean(), 0.5, "half"),
        equal(
            "no padding: mean difference of neighbours · (n − 1) − (last − first), largest",
            np.abs(differences * (x.shape[1] - 1) - ends).max(),
            0,
            "a telescoping sum",
            1e-5,
        ),
    ]


def _sums_of_scores(length: int, seed: int) -> list[Claim]:
    """Scores of the four strips with one middle: with XOR on them, f(00) + f(11) < 0 < f(01) + f(10) or the reverse."""
    rng = np.random.default_rng(seed)
    middles = rng.choice([-1, 1], (50, length - 2)).astype(np.float32)
    four = np.stack([np.c_[np.full(50, a), middles, np.full(50, b)] for a in (-1, 1) for b in (-1, 1)])
    signs = np.array([1, -1, -1, 1])

    def mixed(kernels: Sequence[np.ndarray]) -> float:
        scores = detected(four.reshape(-1, length, 1), kernels, ZEROS).sum(1) @ rng.integers(-9, 10, 8)
        return float(np.abs(signs @ scores.reshape(4, -1)).max())

    wide = rng.integers(-3, 4, (2 * length - 1, 1, 8)).astype(np.float32)
    return [
        equal(
            "sum of scores of five neighbours: f(00) − f(01) − f(10) + f(11)",
            mixed(integer_kernels(seed)),
            0,
            "additive",
        ),
        differs("the same if each score sees both ends", mixed([wide]), 0.0, "not additive"),
    ]


def _learned(found: dict[str, np.ndarray], bound: float) -> list[Claim]:
    learns = {
        "dense": "no such prior",
        "periodic, not pooled": "the dense layer knows positions",
        "zeros, pooled": "the border tells the ends",
    }
    claims = [
        at_least(f"{name}: right of new strips", found[name][:, 1].min(), 0.95, source)
        for name, source in learns.items()
        if name in found
    ]
    if (name := "no padding, pooled") in found:
        claims.append(
            at_least(f"{name}: right of all strips", found[name][:, 2].min(), bound, "the ends are read less")
        )
    if (name := "zeros, mean of scores") in found:
        claims.append(at_most(f"{name}: right of all strips", found[name][:, 2].max(), 0.75, "three of four"))
    if (name := "periodic, pooled") in found:
        shares = found[name]
        claims += [
            # Rounding may decide between two equal scores, and so differently for shifts of one strip.
            at_most(f"{name}: right of all strips", shares[:, 2].max(), bound + 0.005, "counted"),
            equal(f"{name}: right of the evenly split", shares[:, 3], [0.5] * len(shares), "half of the shifts", 0.005),
            at_most(f"{name}: right of the strips seen", shares[:, 0].max(), 0.7, "underfitting, Deep Learning, 9.4"),
        ]
    return claims


def _parameters(model: nn.Sequential, length: int) -> int:
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), (length, 1)))
    return sum(p.size for p in jax.tree.leaves(shapes))


def _picture(pair: np.ndarray, found: dict[str, np.ndarray], bound: float) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        length = pair.shape[1]
        kernels = [np.array([[[1]], [[2]], [[-1]]], np.float32)]
        responses = detected(pair, kernels, PERIODIC)[..., 0]
        for n, (strip, label, response) in enumerate(zip(pair, (1, 0), responses, strict=True)):
            top = 8 * (1 - n)
            left.imshow(strip.T, cmap="gray_r", extent=(-0.5, length - 0.5, top + 5, top + 6), aspect="auto", vmin=-1.3)
            left.bar(np.arange(length), response, bottom=top, color="#0072B2", width=0.8)
            left.text(length / 2 - 0.5, top + 6.3, f"label {label}; activations sum to {response.sum():g}", ha="center")
        left.set(
            xticks=np.arange(0, length, 4),
            xlim=(-0.6, length - 0.4),
            ylim=(-0.3, 15.8),
            yticks=[],
            xlabel="position",
            title="periodic: a pair",
        )
        places = np.arange(len(found))[::-1]
        for place, shares in zip(places, found.values(), strict=True):
            right.plot(shares[:, 2], np.full(len(shares), place), "o", color="#D55E00", alpha=0.6)
        for value, style, name in (
            (0.5, ":", "chance"),
            (bound, "--", "one answer for all shifts"),
            (0.75, "-.", "sum of local scores"),
        ):
            right.axvline(value, color="0.4", linestyle=style, linewidth=1, label=name)
        right.set(yticks=places, yticklabels=list(found), xlim=(0.45, 1.02), ylim=(-0.5, len(found) - 0.5))
        right.set(xlabel="share of all strips that is right", title="trained")
        figure.legend(
            *right.get_legend_handles_labels(), loc="outside lower right", ncols=3, frameon=False, fontsize="small"
        )

    caption = "A pair that periodic convolution and a pool cannot tell apart; what networks learn, with bounds."
    return Picture("distant", caption, draw, 0.5)
