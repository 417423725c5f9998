"""How do the classifiers of LeCun, Bottou, Bengio & Haffner (1998) compare on MNIST, 28 years later and as matrices?

Trains each of them from several seeds, and prints and draws its test error beside the published one. The data are
found as `minicnn train` finds them. `--quick` shows in a minute that everything works, on a few images.

    python experiments/lenet_table.py --seeds 5
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import numpy as np
import typer
from matplotlib import pyplot as plt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from minicnn.data import Dataset, mnist
from minicnn.train import Record, config_of, fit
from minicnn.zoo.registry import network as named


@dataclass(frozen=True)
class Result:
    """One training of one classifier: its test error in per cent and, of a network, the seconds of training."""

    error: float
    seconds: float | None = None


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes:
        name: of the classifier.
        published: its test error in the paper, in per cent.
        train: from data, seed and whether to be quick to a result.
        random: whether the seed changes anything.
    """

    name: str
    published: float
    train: Callable[[Dataset, int, bool], Result]
    random: bool = True


def least_squares(data: Dataset, seed: int, quick: bool) -> Result:
    """One weighted sum per class, nearest to ±1 in the mean square: a linear system."""
    A, targets = _rows(data.train.images), 2 * np.eye(len(data.classes))[data.train.labels] - 1
    # The border is the same in every image: without the ridge its weights were not determined.
    W = np.linalg.solve(A.T @ A + 1e-2 * len(A) * np.eye(A.shape[1]), A.T @ targets)
    return Result(_error((_rows(data.test.images) @ W).argmax(1), data))


def nearest_neighbours(data: Dataset, seed: int, quick: bool, k: int = 3, block: int = 500) -> Result:
    """The majority among the k training images at the least Euclidean distance, ties to the smaller label."""
    x = data.train.images.reshape(len(data.train), -1)
    square = (x**2).sum(1)
    found = []
    for start in range(0, len(data.test), block):
        y = data.test.images[start : start + block].reshape(-1, x.shape[1])
        nearest = np.argpartition(square - 2 * (y @ x.T), k)[:, :k]
        votes = np.eye(len(data.classes), dtype=int)[data.train.labels[nearest]].sum(1)
        found.append(votes.argmax(1))
    return Result(_error(np.concatenate(found), data))


def network(model: str, **fields: Any) -> Callable[[Dataset, int, bool], Result]:
    """Train a network of the zoo with these fields of the config."""

    def train(data: Dataset, seed: int, quick: bool) -> Result:
        config = config_of(model, **{"data": "mnist", "seed": seed, **fields})
        records: list[Record] = []
        fit(named(model).build(), data, replace(config, epochs=1) if quick else config, on_epoch=records.append)
        return Result(100 * (1 - records[-1].test_accuracy), records[-1].seconds)

    return train


_ADAM = {"optimizer": "adamw", "schedule": "cosine", "batch": 64}
_PLAIN = _ADAM | {"augment": "none", "learning_rate": 3e-3}
_SHIFTED = _ADAM | {"augment": "shift", "reach": 1}
ENTRIES = (
    Entry("linear, least squares", 12.0, least_squares, random=False),
    Entry("3 nearest neighbours", 5.0, nearest_neighbours, random=False),
    Entry("LeNet-1", 1.7, network("lenet1", **_PLAIN, epochs=8)),
    Entry("LeNet-4", 1.1, network("lenet4", **_PLAIN, epochs=8)),
    Entry("LeNet-5 of 1998", 0.95, network("lenet5-1998", **_SHIFTED, epochs=12, learning_rate=3e-3)),
    Entry("LeNet-5 of today", 0.95, network("lenet5", **_SHIFTED, epochs=3, learning_rate=4e-3)),
    Entry(
        "LeNet-5 of today, distorted images",
        0.8,
        network("lenet5", **_ADAM, augment="distort", reach=2, epochs=10, learning_rate=3e-3),
    ),
)


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each network.")] = 5,
    only: Annotated[str, typer.Option(help="Only the rows whose name has this in it.")] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Where the folder mnist is looked for first.")] = None,
    out: Annotated[Path, typer.Option(help="Where the figure goes.")] = Path("runs/lenet_table.png"),
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed, few images, one pass: the errors mean little.")
    ] = False,
) -> None:
    data = mnist(data_dir)
    if quick:
        seeds, data = 1, replace(data, train=data.train[:4000], test=data.test[:1000])
    chosen = [entry for entry in ENTRIES if only.lower() in entry.name.lower()]
    jobs = [(entry, seed) for entry in chosen for seed in range(seeds if entry.random else 1)]
    results: dict[str, list[Result]] = {entry.name: [] for entry in chosen}
    console = Console()
    for entry, seed in track(jobs, "training", console=console):
        results[entry.name].append(entry.train(data, seed, quick))
        console.print(f"{entry.name}, seed {seed}: {results[entry.name][-1].error:.2f} % wrong")
    console.print(_table(chosen, results))
    _draw(chosen, results, out)
    console.print(f"See {out}.")


def _table(entries: Sequence[Entry], results: dict[str, list[Result]]) -> Table:
    table = Table("", "paper, %", "ours: median, %", "mean ± spread", "worst", "seconds", title="Test error on MNIST")
    for entry in entries:
        errors = [result.error for result in results[entry.name]]
        seconds = [result.seconds for result in results[entry.name] if result.seconds is not None]
        spread = f" ± {statistics.stdev(errors):.2f}" if len(errors) > 1 else ""
        table.add_row(
            entry.name,
            f"{entry.published:g}",
            f"{statistics.median(errors):.2f}",
            f"{statistics.mean(errors):.2f}{spread}",
            f"{max(errors):.2f}",
            f"{statistics.median(seconds):.0f}" if seconds else "–",
        )
    return table


def _draw(entries: Sequence[Entry], results: dict[str, list[Result]], out: Path) -> None:
    mpl.use("agg")
    figure, axes = plt.subplots(figsize=(8, 0.6 * len(entries) + 1.2), layout="constrained")
    rows = range(len(entries))
    axes.scatter([entry.published for entry in entries], rows, marker="|", s=300, color="tab:orange", label="paper")
    for row, entry in enumerate(entries):
        errors = [result.error for result in results[entry.name]]
        axes.scatter(errors, [row] * len(errors), s=25, color="tab:blue", label=None if row else "ours, one per seed")
    axes.set(xscale="log", xlabel="test error on MNIST, %", yticks=rows, yticklabels=[entry.name for entry in entries])
    axes.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def _rows(images: np.ndarray) -> np.ndarray:
    """Each image as a row, with a 1 for the bias."""
    flat = images.reshape(len(images), -1)
    return np.hstack([flat, np.ones((len(flat), 1), flat.dtype)]).astype(np.float64)


def _error(found: np.ndarray, data: Dataset) -> float:
    return 100 * float((found != data.test.labels).mean())


if __name__ == "__main__":
    typer.run(main)
