"""Who loses when all pixels are permuted in the same way?

One permutation P, fixed, is applied to every image. A dense layer does not notice: W·P⁻¹ on permuted images is W on the
images, and training keeps it so, step for step. So its error is the same, by construction if it starts from permuted
weights, within noise if it starts anew. A convolution takes for granted that neighbours belong together: permuted,
they are hardly correlated, and C·P⁻¹, what a convolution would have to be, is no convolution. The nearest one holds as
much of its square as chance gives to 9 of 4,096 dimensions. The images are digits anywhere on a larger page, where
convolution with pooling is right at once; permuted, it is no better than dense layers. Models that know the layout of
an image and models that have to find it out are therefore only compared with their like.

Without `--full` it runs on the 8 × 8 digits of scikit-learn, with it on MNIST from $MINICNN_DATA.

That permuting costs a convolution a tenth of the images for every seed, and how much less neighbours must be
correlated, are bounds of our own.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.4: "we should only compare convolutional models to
other convolutional models in benchmarks of statistical learning performance. Models that do not use convolution would
be able to learn even if we permuted all of the pixels in the image"; Goodfellow et al., *Maxout networks* (2013), for
the permutation-invariant version of MNIST.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import minicnn
from experiments import classifiers
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.subspaces import projection, weights_of_taps
from minicnn import nn
from minicnn.data.registry import load_data

ROWS = (61,)
SMALL = {"seeds": 1, "steps": 80}
FULL = {"data": "mnist", "train": 4_000, "test": 1_000, "steps": 400}

EIGHT = "digits of 8 × 8"
BATCH, RATE = 64, 5e-3
PAGE = 1.5  # how many times as high and wide as a digit
RELU = nn.Activation("relu")
MODELS = {
    "convolution": nn.Sequential(
        (
            nn.Conv(16, (3, 3), padding="SAME"),
            RELU,
            nn.MaxPool((2, 2)),
            nn.Conv(32, (3, 3), padding="SAME"),
            RELU,
            nn.MaxPool((2, 2)),
            nn.Flatten(),
            nn.Dense(10),
        )
    ),
    "dense": nn.Sequential((nn.Flatten(), nn.Dense(64), RELU, nn.Dense(10))),
}


def run(
    data: str = EIGHT, seeds: int = 5, train: int = 600, test: int = 600, steps: int = 200, seed: int = 0
) -> Result:
    """Train both kinds of networks on images as they are and permuted.

    Args:
        data: the digits of scikit-learn, or the name of a data set.
        seeds: splits, permutations and starts.
        train: images to learn from.
        test: images to test on.
        steps: of training.
        seed: of the first split.
    """
    images, labels = images_of(data, train + test, seed)
    right = {name: np.zeros((seeds, 2)) for name in MODELS}
    with jax.enable_x64(True):
        for n in range(seeds):
            rng = np.random.default_rng(seed + n)
            seen, new = np.split(rng.permutation(len(images))[: train + test], [train])
            drawn = classifiers.batches(train, BATCH, steps, rng)
            arrangements = (images, permuted(images, rng.permutation(images[0].size)))
            for name, model in MODELS.items():
                first = classifiers.start(model, images.shape[1:], rng, images.dtype)
                for column, x in enumerate(arrangements):
                    _, scores = classifiers.trained(model, first, x[seen], labels[seen], drawn, RATE, x[new])
                    right[name][n, column] = np.mean(np.asarray(scores).argmax(-1) == labels[new])
        claims = _by_construction(images[:train], labels[:train], images[-test:], steps, seed)
    claims += [*_neighbours(images, seed), *_compared(right, test)]
    rows = [(name, *a.mean(0), (a[:, 0] - a[:, 1]).mean(), np.ptp(a[:, 0] - a[:, 1])) for name, a in right.items()]
    columns = ("network", "as they are", "permuted", "fall", "range of falls")
    table = Table(f"{data}: share of {test:,} new images that is right, mean of {seeds} seeds", columns, tuple(rows))
    return Result(claims, (table,), (_picture(images[0], seed, right),))


def images_of(data: str, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images anywhere on larger pages, (n, height, width, 1), paper as 0, and their labels."""
    if data == EIGHT:
        flat, labels = load_digits(return_X_y=True)
        images, labels = (flat / 16).reshape(-1, 8, 8, 1), labels.astype(np.int32)
    else:
        dataset = load_data(data)
        images, labels = dataset.train.images - dataset.pixels[0], dataset.train.labels
    rng = np.random.default_rng(seed)
    # All seeds share some more than each needs.
    chosen = rng.permutation(len(labels))[: 2 * most]
    images, labels = images[chosen], labels[chosen]
    size = images.shape[1]
    pages = np.zeros((len(images), int(PAGE * size), int(PAGE * size), 1))
    corners = rng.integers(0, pages.shape[1] - size + 1, (len(images), 2))
    for page, image, (row, column) in zip(pages, images, corners, strict=True):
        page[row : row + size, column : column + size] = image
    return pages, labels


def permuted(images: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Every image with its pixels in the same other order."""
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)


def _by_construction(x: np.ndarray, labels: np.ndarray, x_new: np.ndarray, steps: int, seed: int) -> list[Claim]:
    """A dense network on images, and one with permuted weights on permuted images, in double precision."""
    rng = np.random.default_rng(seed)
    model, order = MODELS["dense"], rng.permutation(x[0].size)
    drawn = classifiers.batches(len(x), BATCH, steps, rng)
    start = classifiers.start(model, x.shape[1:], rng, x.dtype)
    other = (start[0], {**start[1], "w": start[1]["w"][order]}, *start[2:])
    first, scores = classifiers.trained(model, start, x, labels, drawn, RATE, x_new)
    second, others = classifiers.trained(model, other, permuted(x, order), labels, drawn, RATE, permuted(x_new, order))
    weights = float(np.abs(np.asarray(first[1]["w"])[order] - np.asarray(second[1]["w"])).max())
    answers = float(np.abs(np.asarray(scores) - np.asarray(others)).max())
    # Sums in another order differ by rounding, 10⁻¹⁶ of their terms, which steps of training multiply.
    return [
        equal("dense, weights permuted at the start: those at the end, difference", weights, 0, "W·P⁻¹·P = W", 1e-6),
        equal("dense: scores of new images, largest difference", answers, 0, "the same", 1e-6),
    ]


def _neighbours(images: np.ndarray, seed: int) -> list[Claim]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(images[0].size)
    near, far = neighbour_correlation(images), neighbour_correlation(permuted(images, order))
    with jax.enable_x64(True):
        w = jnp.asarray(rng.normal(size=(3, 3, 1, 1)))
        C = np.asarray(minicnn.conv_matrix(w, (8, 8), padding="SAME"))
        Pi = projection(weights_of_taps((8, 8, 1), (3, 3, 1, 1), np.float64, padding="SAME"))
        share = [_share_of(Pi, A) for A in (C, C[:, rng.permutation(64)])]
    return [
        at_least("correlation of neighbours, less that of permuted ones", near - far, 0.3, "strokes are connected"),
        equal("share of ‖C‖² that the nearest convolution has", share[0], 1, "row 58: ΠC = C", 1e-12),
        at_most("share of ‖C·P⁻¹‖²", share[1], 0.02, "9 of 4,096 dimensions: 0.0022 on average"),
    ]


def _share_of(Pi: Any, A: np.ndarray) -> float:
    nearest = np.asarray(Pi(jnp.asarray(A.T).reshape(Pi.in_shape)))
    return float((nearest**2).sum() / (A**2).sum())


def neighbour_correlation(images: np.ndarray) -> float:
    """The mean correlation of two pixels side by side, over all of one column and the next."""
    left, right = images[:, :, :-1].ravel(), images[:, :, 1:].ravel()
    return float(np.corrcoef(left, right)[0, 1])


def _compared(right: dict[str, np.ndarray], test: int) -> list[Claim]:
    dense, conv = right["dense"], right["convolution"]
    share = (dense.mean() + conv.mean()) / 2
    # Three deviations of a difference of two shares, each of `test` images for every seed.
    noise = 3 * np.sqrt(2 * share * (1 - share) / (test * len(dense)))
    falls = {name: float((a[:, 0] - a[:, 1]).mean()) for name, a in right.items()}
    return [
        equal("dense: mean fall", falls["dense"], 0, "within three deviations", noise),
        at_least("convolution: mean fall", falls["convolution"], noise, "beyond three deviations"),
        at_least("convolution: smallest fall of a seed", (conv[:, 0] - conv[:, 1]).min(), 0.1, "for every permutation"),
        at_least("as they are: convolution less dense, mean", (conv - dense)[:, 0].mean(), 0, "the prior is right"),
        at_most("permuted: convolution less dense, mean", (conv - dense)[:, 1].mean(), noise, "the prior is wrong"),
    ]


def _picture(digit: np.ndarray, seed: int, right: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(1, 2.6))
        order = np.random.default_rng(seed).permutation(digit.size)
        for row, (image, title) in enumerate(((digit, "as they are"), (permuted(digit[None], order)[0], "permuted"))):
            axes = figure.add_subplot(grid[row, 0])
            axes.imshow(image[..., 0], cmap="gray_r")
            axes.set(xticks=[], yticks=[], title=title)
        axes = figure.add_subplot(grid[:, 1])
        for name, style, color, at in (("convolution", "o-", "#0072B2", 0), ("dense", "s--", "#D55E00", 1)):
            for n, pair in enumerate(right[name]):
                axes.plot([2 * at, 2 * at + 1], pair, style, color=color, alpha=0.6, label=name if n == 0 else None)
        axes.set(xticks=range(4), xticklabels=["as they are", "permuted"] * 2, xlim=(-0.4, 3.4))
        axes.set(title="share of new images that is right")
        axes.legend(frameon=False, loc="upper right")

    return Picture("permuted", "A digit and the same permuted; each line is a seed.", draw, 0.5)
