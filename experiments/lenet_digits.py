"""How well does LeNet-5 read 360 unseen digits, when every convolution in it is an explicit matrix product?

Trains one network per seed on scikit-learn's digits and prints a table; draws the learning curves of all seeds.

    python experiments/lenet_digits.py --seeds 5
"""

import statistics
import time
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import typer
from matplotlib import pyplot as plt
from rich.console import Console
from rich.table import Table

from minicnn import draw
from minicnn.data import digits
from minicnn.train import Config, Record, fit
from minicnn.zoo import LeNet5


def main(
    seeds: Annotated[int, typer.Option(help="Networks to train.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 30,
    out: Annotated[Path, typer.Option(help="Where the figure goes.")] = Path("runs/lenet_digits.png"),
) -> None:
    mpl.use("agg")
    console, data = Console(), digits()
    table = Table("seed", "test accuracy, %", "wrong of 360", "training, s", title="LeNet-5 on digits")
    _, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    accuracies = []
    for seed in range(seeds):
        records: list[Record] = []
        begun = time.perf_counter()
        fit(LeNet5(), data, Config(seed=seed, epochs=epochs), on_epoch=records.append)
        accuracies.append(records[-1].test_accuracy)
        wrong = round((1 - accuracies[-1]) * len(data.test))
        table.add_row(str(seed), f"{100 * accuracies[-1]:.2f}", str(wrong), f"{time.perf_counter() - begun:.1f}")
        draw.training(records, axes)
    axes[1].legend().remove()
    out.parent.mkdir(parents=True, exist_ok=True)
    axes[0].figure.savefig(out, dpi=110)
    console.print(table)
    console.print(f"median {100 * statistics.median(accuracies):.2f} %, worst {100 * min(accuracies):.2f} %; see {out}")


if __name__ == "__main__":
    typer.run(main)
