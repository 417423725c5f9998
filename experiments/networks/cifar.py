"""Does INPUT-CONV-RELU-POOL-FC learn from colour images?

The example has one layer of each kind: 12 filters of 3×3 keep the size of 32×32×3, a ReLU keeps everything, a pool
halves the sides, and a dense layer of 30,730 parameters gives ten scores. Its sizes are counted, with the matrix C of
each layer, and it is trained with three seeds, on images that it has not seen better than chance with each of them. The
weights are all that the seed decides; what the filters become differs, and how much is right hardly.

Without `--full` the images are handwritten digits of scikit-learn in front of its photographs, of which each takes the
negative; with it they are those of CIFAR-10 from $MINICNN_DATA, or as many as are there.

Sources: CS231n, *Convolutional neural networks*, the CIFAR-10 example: 32×32×3, 32×32×12, 16×16×12, 10; Ganin et al.,
*Domain-adversarial training of neural networks* (2016), for digits that invert what they cover; Krizhevsky, *Learning
multiple layers of features from tiny images* (2009), CIFAR-10.
"""

import warnings
from functools import partial
from itertools import cycle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.photographs import photograph
from minicnn import nn, zoo
from minicnn.data import Dataset, Split, cifar10, digits
from minicnn.train import Config, Record, fit

ROWS = (39,)
SMALL = {"train": 448, "test": 120, "epochs": 4, "seeds": 1}
FULL = {"data": "cifar10", "train": 50_000, "test": 10_000, "epochs": 6}

STYLES = ("o-", "s--", "^:", "d-.")  # of curves, one a seed
CS231N = "CS231n, the CIFAR-10 example"


def run(data: str = "digits", train: int = 1437, test: int = 360, epochs: int = 12, seeds: int = 3) -> Result:
    """Count, then train with each seed.

    Args:
        data: "digits" in front of photographs, or "cifar10".
        train: images to learn from, at most.
        test: images to test on, at most.
        epochs: passes over the images.
        seeds: networks that are trained.
    """
    model = zoo.CifarNet()
    dataset = images(data)
    dataset = Dataset(dataset.name, dataset.classes, dataset.train[:train], dataset.test[:test], dataset.pixels)
    learnt = [trained(model, dataset, epochs, seed) for seed in range(seeds)]
    accuracies = [records[-1].test_accuracy for _, records in learnt]
    described = layers(model)
    # By guessing so many are right once in a thousand times, by one of the seeds.
    lucky = float(stats.binom.isf(1e-3 / seeds, len(dataset.test), 0.1)) / len(dataset.test)
    claims: list[Claim] = [
        equal("sizes behind CONV, POOL and FC", [row[1] for row in described], EXPECTED, CS231N),
        equal("parameters of FC", described[-1][2], 30_730, "3,072·10 + 10"),
        equal("parameters of CONV", described[0][2], 12 * (3 * 3 * 3 + 1), "27 weights and a bias for each filter"),
        equal("parameters of POOL", described[1][2], 0, "a fixed function"),
        *(
            at_least(f"seed {seed}: share of unseen images that is right", accuracy, lucky, "more than luck: 0.1 %")
            for seed, accuracy in enumerate(accuracies)
        ),
        at_most(
            "loss of the last pass over that of the first, largest of all",
            max(records[-1].loss / records[0].loss for _, records in learnt),
            1,
            "it learns",
        ),
    ]
    columns = ("layer", "output", "parameters", "C", "non-zeros of C")
    sizes = Table("32×32×3 → 10", columns, tuple(described))
    outcomes = Table(
        f"{dataset.name}: {len(dataset.train):,} images to learn from, {len(dataset.test):,} to test on",
        ("seed", "loss", "right while learning", "right of unseen"),
        tuple((s, r[-1].loss, r[-1].train_accuracy, r[-1].test_accuracy) for s, (_, r) in enumerate(learnt)),
    )
    pictures = (_curves([records for _, records in learnt]), _filters([params for params, _ in learnt], dataset))
    return Result(claims, (sizes, outcomes), pictures)


EXPECTED = ["32×32×12", "16×16×12", "10"]


def images(name: str) -> Dataset:
    """The data set, in colour."""
    if name == "digits":
        return digits_before_photographs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a part of the batches is there: the table says how many images
        return cifar10()


def digits_before_photographs(seed: int = 0) -> Dataset:
    """Digits whose ink takes the negative of a piece of a photograph, on a scale of −1 … 1."""
    plain, rng = digits(), np.random.default_rng(seed)
    scenes = [photograph(400, 600, name).astype(np.float32) / 255 for name in ("china", "flower")]

    def coloured(split: Split) -> Split:
        ink = (split.images - plain.pixels[0]) / (plain.pixels[1] - plain.pixels[0])
        corners = zip(
            rng.integers(0, 2, len(ink)), rng.integers(0, 368, len(ink)), rng.integers(0, 568, len(ink)), strict=True
        )
        pieces = np.stack([scenes[scene][row : row + 32, column : column + 32] for scene, row, column in corners])
        return Split(2 * np.abs(pieces - ink) - 1, split.labels)

    return Dataset("digits before photographs", plain.classes, coloured(plain.train), coloured(plain.test), (-1.0, 1.0))


def trained(model: nn.Sequential, dataset: Dataset, epochs: int, seed: int) -> tuple[Any, list[Record]]:
    """The parameters after so many epochs, and what was recorded of each."""
    records: list[Record] = []
    config = Config(model="cifarnet", epochs=epochs, seed=seed, learning_rate=1e-2, reach=0)
    return fit(model, dataset, config, on_epoch=records.append), records


def layers(model: nn.Sequential) -> list[tuple[Any, ...]]:
    """Of each layer that has a matrix: its name, output, parameters, the shape of the matrix and its non-zeros."""
    found, shape = [], (32, 32, 3)
    drawn = jax.eval_shape(partial(model.init, in_shape=shape), jax.random.key(0))
    params = jax.tree.map(lambda p: jnp.zeros(p.shape), drawn)
    names = {nn.Conv: "CONV", nn.MaxPool: "POOL", nn.Dense: "FC"}
    for layer, own in zip(model.layers, params, strict=True):
        if name := names.get(type(layer)):
            count = sum(p.size for p in jax.tree.leaves(own))
            # A pool has the matrix S(x) of where its maxima are, with the same size and number of ones for every x.
            C = layer.map_at(own, jnp.zeros(shape))
            size = "×".join(map(str, layer.out_shape(shape)))
            found.append((name, size, count, f"{C.shape[0]:,}×{C.shape[1]:,}", C.nnz))
        shape = layer.out_shape(shape)
    return found


def _curves(learnt: list[list[Record]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for seed, (records, style) in enumerate(zip(learnt, cycle(STYLES), strict=False)):
            epochs = [record.epoch for record in records]
            left.plot(epochs, [record.loss for record in records], style, label=f"seed {seed}", markersize=4)
            right.plot(epochs, [record.test_accuracy for record in records], style, markersize=4)
        left.set(title="loss while learning", xlabel="epoch", ylim=(0, None))
        left.legend(frameon=False)
        right.axhline(0.1, color="k", linewidth=0.8)
        right.annotate("chance", (1, 0.11))
        right.set(title="share of unseen images that is right", xlabel="epoch", ylim=(0, 1))

    return Picture("curves", "Each seed: the loss while learning, and what is right of unseen images.", draw, 0.42)


def _filters(learnt: list[Any], dataset: Dataset) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(1 + len(learnt), 12)
        for column in range(12):
            axes = figure.add_subplot(grid[0, column])
            axes.imshow((dataset.train.images[column] + 1) / 2)
            axes.set(xticks=(), yticks=())
            axes.set_ylabel("images" if column == 0 else "", rotation=0, ha="right", va="center")
        for seed, params in enumerate(learnt):
            w = np.asarray(params[0]["w"])
            scaled = 0.5 + w / (2 * np.abs(w).max())
            for column in range(12):
                axes = figure.add_subplot(grid[seed + 1, column])
                axes.imshow(scaled[..., column])
                axes.set(xticks=(), yticks=())
                axes.set_ylabel(f"seed {seed}" if column == 0 else "", rotation=0, ha="right", va="center")

    return Picture(
        "filters",
        "Images, and the twelve filters that each seed learns; grey is zero.",
        draw,
        0.085 * (1 + len(learnt)),
    )
