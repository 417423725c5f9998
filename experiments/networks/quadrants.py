"""Can one classifier take images of any size?

However large an image is, each quadrant of its c feature maps has one mean and one maximum: 4·c numbers each, always
as many. An adaptive pool to 2 × 2 computes them, and for even sizes they are the means of the four slices. Features
are the responses of edge detectors in eight directions, rectified. One linear classifier is trained on these numbers
from digits of four sizes and tested on each size.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3: the final pooling layer may be defined to output
four sets of summary statistics, one for each quadrant of an image, regardless of the image size.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, equal

ROWS = (52,)
SMALL = {"digits": 300, "sizes": 2}
FULL = {"digits": 1_797}

SIZES = ((16, 16), (24, 24), (32, 32), (24, 40))
SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
CHANCE = 0.1


def run(digits: int = 900, sizes: int = 4, seed: int = 0) -> Result:
    """Train one classifier for four sizes.

    Args:
        digits: how many, of which a third are for the tests.
        sizes: of images, at most 4.
        seed: of the split.
    """
    flat, labels = load_digits(return_X_y=True)
    images, labels = flat[:digits].reshape(-1, 8, 8) / 16, labels[:digits]
    train, test = train_test_split(np.arange(len(labels)), test_size=1 / 3, stratify=labels, random_state=seed)
    chosen = SIZES[:sizes]
    numbers = {size: statistics(resized(images, size)) for size in chosen}
    seen = np.concatenate([n[train] for n in numbers.values()])
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(seen, np.tile(labels[train], sizes))
    accuracy = {size: float(classifier.score(n[test], labels[test])) for size, n in numbers.items()}
    features = 8
    claims: list[Claim] = [
        equal(
            "numbers for each size",
            [n.shape[1] for n in numbers.values()],
            [2 * 4 * features] * sizes,
            "4·c means, 4·c maxima",
        ),
        *_exact(chosen),
        *(at_least(f"accuracy on {h} × {w}", accuracy[h, w], 5 * CHANCE, "five times chance") for h, w in chosen),
    ]
    rows = [(f"{h} × {w}", numbers[h, w].shape[1], accuracy[h, w]) for h, w in chosen]
    table = Table("One classifier", ("size", "numbers", "accuracy"), tuple(rows))
    return Result(claims, (table,), (_picture(images[0], accuracy),))


def resized(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The digits enlarged, (n, *size)."""
    factors = (1, *(n / m for n, m in zip(size, images.shape[1:], strict=True)))
    return np.asarray(ndimage.zoom(images, factors, order=1), np.float32)


def edges(images: np.ndarray) -> np.ndarray:
    """The rectified responses in eight directions, (n, *size, 8)."""
    diagonal = np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]], np.float32)
    quarters = [np.rot90(k, n) for k in (SOBEL, diagonal) for n in range(4)]
    w = jnp.asarray(np.stack(quarters, -1)[:, :, None, :])
    y = minicnn.conv(jnp.asarray(images)[..., None], w, padding="SAME")
    # Edges of an enlarged image are less steep, in proportion.
    return np.asarray(jnp.maximum(y, 0)) * (images.shape[1] / 8)


def statistics(images: np.ndarray) -> np.ndarray:
    """The means and the maxima of the four quadrants, (n, 8·c)."""
    y = jnp.asarray(edges(images))
    pools = (minicnn.adaptive_avg_pool(y, (2, 2)), minicnn.adaptive_max_pool(y, (2, 2)))
    return np.concatenate([np.asarray(p).reshape(len(y), -1) for p in pools], 1)


def _exact(sizes: Sequence[tuple[int, int]]) -> list[Claim]:
    rng = np.random.default_rng(0)
    errors = []
    for h, w in sizes:
        x = rng.integers(-99, 100, (h, w, 3)).astype(np.float32)
        quarters = [x[i : i + h // 2, j : j + w // 2] for i in (0, h // 2) for j in (0, w // 2)]
        sums = np.asarray(minicnn.adaptive_avg_pool(jnp.asarray(x), (2, 2))).reshape(4, 3) * (h * w // 4)
        maxima = np.asarray(minicnn.adaptive_max_pool(jnp.asarray(x), (2, 2))).reshape(4, 3)
        errors.append(
            max(
                np.abs(sums - [q.sum((0, 1)) for q in quarters]).max() / (h * w),
                np.abs(maxima - [q.max((0, 1)) for q in quarters]).max(),
            )
        )
    shapes = {minicnn.adaptive_avg_pool(jnp.zeros((h, w, 3)), (2, 2)).shape for h, w in ((5, 3), (9, 8))}
    return [
        equal("statistics − those of four slices, largest, for each size", errors, [0] * len(sizes), "numpy", 1e-5),
        equal("shapes of 5 × 3 and of 9 × 8", sorted(shapes), [(2, 2, 3)], "4·c"),
    ]


def _picture(digit: np.ndarray, accuracy: dict[tuple[int, int], float]) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, (h, w) in zip(
            figure.subplots(1, len(accuracy), width_ratios=[w for _, w in accuracy]), accuracy, strict=True
        ):
            axes.imshow(resized(digit[None], (h, w))[0], cmap="gray_r")
            axes.axhline(h / 2 - 0.5, color="#D55E00")
            axes.axvline(w / 2 - 0.5, color="#D55E00")
            axes.set(xticks=[], yticks=[], title=f"{h} × {w}", xlabel=f"{accuracy[h, w]:.0%} right")

    return Picture(
        "quadrants", "One digit in four sizes, its quadrants, and the accuracy of the one classifier.", draw, 0.4
    )
