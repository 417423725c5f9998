"""What makes a cell that is tuned to one view bear shifts and changes of size: MAX or SUM?

HMAX from the image to view-tuned cells. S1: Gabor functions of four directions and six sizes, in three bands of two;
all are rows of one C, and each answer is |C·x| over the norm of the patch under it. C1 pools each band over both sizes
and over a square of positions; S2 are the 256 ways to put four directions on a square of 2×2, each a Gaussian of its
distance from a C1 that answers with 1; C2 pools every S2 over all positions and bands; and a view-tuned cell is a
Gaussian of C2 around that of its own view. Pools are maxima, or sums, which here are means: a factor that is the same
everywhere changes nothing. Views are bent wires, as in the paper. A cell is invariant as long as it answers more to its
wire, moved or made larger, than to any other wire; the Gaussian's width does not matter for that. The more other wires
there are, the fewer sizes it bears: with 60 its own and one more.

C2 then describes images for a linear classifier, beside raw pixels, when little is known of each class; test images are
as they are, and moved. Where images are in their places, pixels do better, since C2 does not know where anything is;
once they are moved, C2 keeps most of what it had. A SUM bears less of a shift than MAX, though it forgets places too:
large Gabor functions answer beyond the border, and what leaves the field is missing in a sum.

Sizes and windows are those of a later version with 16 sizes, of which the first six are kept; the rest is chosen here,
and so are the bounds of the claims, since no numbers of the figures are available.

Sources: Riesenhuber & Poggio, *Hierarchical models of object recognition in cortex* (1999), Nature Neuroscience 2:1019;
bands of the pytorch_hmax implementation of Serre et al. (2007): sizes from 7 in steps of 2, pools of 8, 10, 12, ….
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, equal
from minicnn.data.dataset import Split
from minicnn.data.registry import load_data

ROWS = (76,)
SMALL = {"wires": 5, "known": 10, "tests": 50}
FULL = {"wires": 60, "known": 100, "tests": 2_000, "data": "fashion"}

SIDE, CHUNK = 48, 25
SIZES, POOLED, DIRECTIONS = ((7, 9), (11, 13), (15, 17)), (8, 10, 12), 4
WIDEST = SIZES[-1][-1]
S2_WIDTH = 0.5  # deviation of an S2 cell, for answers of C1 between 0 and 1
SHIFTS = tuple(range(-8, 9, 2))
SCALES = tuple(2.0 ** (step / 4) for step in range(-4, 5))
MOVED = 6  # pixels that test images are moved at most
KNOWN = (10, 30, 100)
PAPER = "Riesenhuber & Poggio (1999)"


def run(wires: int = 20, known: int = 100, tests: int = 300, data: str = "digits", seed: int = 0) -> Result:
    """Tune a cell to a wire, then describe images.

    Args:
        wires: other wires that the cell is tested with.
        known: examples of each class that a classifier is given, at most.
        tests: images that it is tested with.
        data: "digits" of scikit-learn, or "fashion", from $MINICNN_DATA.
        seed: of the wires, of the images and of how they are moved.
    """
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-1, 1, (wires + 1, 6, 2))
    others = np.stack([wire(c) for c in corners[1:]])
    moved = np.stack([wire(corners[0], shift=shift) for shift in SHIFTS])
    sized = np.stack([wire(corners[0], scale=scale) for scale in SCALES])
    curves = {pool: answers(wire(corners[0])[None], others, moved, sized, pool) for pool in ("MAX", "SUM")}
    ranges = {
        pool: [int((curve > best).sum()) for curve in (by_shift, by_scale)]
        for pool, (by_shift, by_scale, best) in curves.items()
    }
    accuracies = classified(data, [n for n in KNOWN if n <= known], tests, rng)
    few, kinds = accuracies[0], c2(others[:1]).shape[-1]
    sizes = 3 if wires <= 20 else 2
    claims: list[Claim] = [
        equal("S1 cells at a place, S2 cells at a place", [gabors().shape[-1], kinds], [24, 4**4], "4·6, and 4⁴"),
        equal("MAX: shifts at which the cell knows its wire", ranges["MAX"][0], len(SHIFTS), f"{PAPER}: shift"),
        at_least("MAX: sizes at which it does, less those of SUM", ranges["MAX"][1] - ranges["SUM"][1], 1, PAPER),
        at_least(
            "MAX: sizes at which it does, a quarter of an octave apart", ranges["MAX"][1], sizes, f"{PAPER}: size"
        ),
        at_least(f"{few[0]} of each class, images moved: C2 less pixels", few[4] - few[3], 0.1, "invariance to shift"),
        at_least(f"{few[0]} of each class, images as they are: C2", few[2], 0.3, "three times chance"),
    ]
    tables = (
        Table(
            f"Where the cell answers more to its wire than to {wires} others",
            ("pool", f"shifts, of {len(SHIFTS)}", f"sizes, of {len(SCALES)}", "best other wire"),
            tuple((pool, *ranges[pool], curves[pool][2]) for pool in curves),
        ),
        Table(
            f"Share of {tests} test images, {data}",
            ("examples of a class", "pixels", "C2", "pixels, images moved", "C2, images moved"),
            tuple(accuracies),
        ),
    )
    return Result(claims, tables, (_curves(curves), _accuracy(accuracies), _wires(wire(corners[0]), others)))


def wire(corners: Float[np.ndarray, "n 2"], shift: float = 0, scale: float = 1) -> Float[np.ndarray, "48 48"]:
    """A bent wire through corners between −1 and 1, ten pixels either way, moved to the right and made larger."""
    at = (SIDE - 1) / 2 + 10 * scale * corners + np.array([0, shift])
    pixels = np.moveaxis(np.indices((SIDE, SIDE), float), 0, -1)[:, :, None]
    start, along = at[:-1], at[1:] - at[:-1]
    part = np.clip(((pixels - start) * along).sum(-1) / (along**2).sum(-1), 0, 1)
    distance = np.linalg.norm(pixels - start - part[..., None] * along, axis=-1).min(-1)
    return np.clip(1.5 - distance, 0, 1).astype(np.float32)


def gabors() -> Float[np.ndarray, "17 17 1 24"]:
    """Gabor functions of all sizes and directions, of mean 0 and norm 1, in the middle of the largest square."""
    at = np.arange(WIDEST) - WIDEST // 2
    found = list[np.ndarray]()
    for size in np.ravel(SIZES):
        sigma = 0.0036 * size**2 + 0.35 * size + 0.18
        inside = (abs(at)[:, None] <= size // 2) & (abs(at) <= size // 2)
        for turn in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            along = at[:, None] * np.sin(turn) + at * np.cos(turn)
            across = at[:, None] * np.cos(turn) - at * np.sin(turn)
            g = np.exp(-(along**2 + 0.09 * across**2) / (2 * sigma**2)) * np.cos(2 * np.pi * along * 0.8 / sigma)
            g = np.where(inside, g - g[inside].mean(), 0)
            found.append(g / np.linalg.norm(g))
    return np.stack(found, -1)[:, :, None].astype(np.float32)


@partial(jax.jit, static_argnames="pool")
def _c2(x: Float[Array, "n h w 1"], w: Float[Array, "a b 1 k"], pool: str) -> Float[Array, "n 256"]:
    largest = pool == "MAX"
    window = minicnn.max_pool if largest else minicnn.avg_pool
    square = jnp.sqrt(minicnn.conv(x * x, (w[..., ::DIRECTIONS] != 0).astype(x.dtype), padding="SAME"))
    s1 = jnp.abs(minicnn.conv(x, w, padding="SAME")).reshape(*x.shape[:-1], -1, 2, DIRECTIONS)
    s1 /= jnp.maximum(square, 0.1).reshape(*x.shape[:-1], -1, 2, 1)
    bands = list[Array]()
    for band, size in enumerate(POOLED):
        both = s1[..., band, :, :].max(-2) if largest else s1[..., band, :, :].mean(-2)
        c1 = window(both, (size, size), stride=size // 2)
        apart = minicnn.unfold((c1 - 1) ** 2, (2, 2)).reshape(*c1.shape[:1], -1, 4, DIRECTIONS)
        a, b, c, d = (apart[:, :, corner] for corner in range(4))
        total = (a[..., :, None] + b[..., None, :])[..., :, :, None, None] + (c[..., :, None] + d[..., None, :])[
            ..., None, None, :, :
        ]
        s2 = jnp.exp(-total / (2 * S2_WIDTH**2)).reshape(*total.shape[:2], -1)
        bands.append(s2.max(1) if largest else s2.mean(1))
    every = jnp.stack(bands)
    return every.max(0) if largest else every.mean(0)


def c2(images: Float[np.ndarray, "n 48 48"], pool: str = "MAX") -> Float[np.ndarray, "n 256"]:
    """How well the best place and band, or all of them on average, match each of the 256 S2 cells."""
    padded = np.pad(images, ((0, -len(images) % CHUNK), (0, 0), (0, 0)))[..., None].astype(np.float32)
    found = [np.asarray(_c2(part, gabors(), pool)) for part in padded.reshape(-1, CHUNK, *padded.shape[1:])]
    return np.concatenate(found)[: len(images)].astype(float)


def answers(
    own: np.ndarray, others: np.ndarray, moved: np.ndarray, sized: np.ndarray, pool: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """A view-tuned cell's answers to its view, moved and sized, and its largest to any other.

    The Gaussian's width is half the root mean square of the distances to the others.
    """
    parts = np.cumsum([1, len(others), len(moved)]).tolist()
    features = c2(np.concatenate([own, others, moved, sized]), pool)
    distances = ((features - features[0]) ** 2).sum(-1)
    _, other, by_shift, by_scale = np.split(np.exp(-2 * distances / distances[1 : parts[1]].mean()), parts)
    return by_shift, by_scale, float(other.max())


def field(split: Split, chosen: np.ndarray, pixels: tuple[float, float]) -> Float[np.ndarray, "n 48 48"]:
    """Some images of a data set in the middle of a field of 48×48, with ink 1 on paper 0."""
    paper, ink = pixels
    x = (split.images[chosen, ..., 0] - paper) / (ink - paper)
    low = (SIDE - x.shape[1]) // 2
    return np.pad(x, ((0, 0), (low, low), (low, low)))


def classified(data: str, counts: list[int], tests: int, rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """For each number of examples: the share of test images that pixels and C2 tell, as they are and moved."""
    dataset = load_data(data)
    train, test = dataset.train, dataset.test
    order = rng.permutation(len(train))
    places = np.concatenate([order[train.labels[order] == k][: counts[-1]] for k in range(10)])
    rank = np.tile(np.arange(counts[-1]), 10)
    drawn = rng.permutation(len(test))[:tests]
    x, labels = field(train, places, dataset.pixels), train.labels[places]
    x_test, labels_test = field(test, drawn, dataset.pixels), test.labels[drawn]
    x_moved = np.stack([np.roll(image, rng.integers(-MOVED, MOVED + 1, 2), (0, 1)) for image in x_test])
    found = list[tuple[Any, ...]]()
    described = {"pixels": [v.reshape(len(v), -1) for v in (x, x_test, x_moved)]}
    described["C2"] = [c2(v) for v in (x, x_test, x_moved)]
    for count in counts:
        scores = {
            name: scored(v[0][rank < count], labels[rank < count], v[1:], labels_test) for name, v in described.items()
        }
        found.append((count, scores["pixels"][0], scores["C2"][0], scores["pixels"][1], scores["C2"][1]))
    return found


def scored(x: np.ndarray, labels: np.ndarray, tests: list[np.ndarray], labels_test: np.ndarray) -> list[float]:
    """The share of each test set that a linear classifier gets right, least squares with a small ridge."""
    scale = StandardScaler().fit(x)
    classifier = RidgeClassifier(alpha=1.0).fit(scale.transform(x), labels)
    return [float(np.mean(classifier.predict(scale.transform(test)) == labels_test)) for test in tests]


def _curves(curves: dict[str, tuple[np.ndarray, np.ndarray, float]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for (pool, (by_shift, by_scale, best)), colour, mark in zip(
            curves.items(), ("#000000", "#E69F00"), "os", strict=True
        ):
            left.plot(SHIFTS, by_shift, f"{mark}-", color=colour, label=pool)
            right.plot(SCALES, by_scale, f"{mark}-", color=colour, label=pool)
            for axes in (left, right):
                axes.axhline(best, color=colour, linestyle=":", label=f"{pool}: best other wire")
        left.set(xlabel="shift in pixels", ylabel="answer", ylim=(0, 1.05))
        right.set(
            xlabel="size", xscale="log", xticks=[0.5, 0.7, 1, 1.4, 2], xticklabels=["0.5", "0.7", "1", "1.4", "2"]
        )
        right.minorticks_off()
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize="small")

    return Picture(
        "invariance", "A view-tuned cell's answer to its wire; dotted, the most that another wire gets.", draw, 0.48
    )


def _accuracy(found: list[tuple[Any, ...]]) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, first, title in zip(
            figure.subplots(1, 2, sharey=True), (1, 3), ("as they are", "moved"), strict=True
        ):
            for column, name, colour, mark in ((first, "pixels", "#0072B2", "o"), (first + 1, "C2", "#D55E00", "s")):
                axes.plot(
                    [row[0] for row in found], [row[column] for row in found], f"{mark}-", color=colour, label=name
                )
            axes.set(title=f"test images {title}", xlabel="examples of a class", ylim=(0, 1), xscale="log")
            axes.set(xticks=[row[0] for row in found], xticklabels=[f"{row[0]}" for row in found])
            axes.minorticks_off()
        figure.axes[0].set_ylabel("share that is right")
        figure.axes[1].legend(frameon=False)

    return Picture("classified", "A linear classifier on pixels and on C2.", draw, 0.48)


def _wires(own: np.ndarray, others: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, image, title in zip(
            figure.subplots(1, 6), [own, *others[:5]], ["its wire", *["other"] * 5], strict=True
        ):
            axes.imshow(image, cmap="gray_r")
            axes.set(xticks=[], yticks=[], title=title)

    return Picture("wires", "The wire that the cell is tuned to, and others.", draw, 0.22)
