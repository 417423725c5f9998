"""Pictures of a training run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from minicnn.train import Record, Run


def training(run: "Run | Sequence[Record]", axes: "tuple[Axes, Axes] | None" = None) -> "tuple[Axes, Axes]":
    """Draw the loss and the error of a run against its epochs, both on logarithmic scales.

    Args:
        run: a run, or what one wrote after each epoch.
        axes: where to draw; a new figure if None.
    """
    from matplotlib import pyplot as plt

    if axes is None:
        _, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        axes = (left, right)
    records = run if isinstance(run, Sequence) else run.records()
    epochs = [record.epoch for record in records]
    axes[0].semilogy(epochs, [record.loss for record in records], color="#0072b2")
    axes[0].set(xlabel="epoch", ylabel="training loss", title="Cross-entropy")
    for style, color, name in (("--", "#999999", "train"), ("-", "#d55e00", "test")):
        errors = [100 * (1 - getattr(record, f"{name}_accuracy")) for record in records]
        axes[1].plot(epochs, errors, style, color=color, label=f"{name}, last {errors[-1]:.2f} %")
    axes[1].set(xlabel="epoch", ylabel="error, %", title="Error")
    axes[1].set_yscale("symlog", linthresh=1)
    axes[1].set_ylim(bottom=0)
    axes[1].legend()
    return axes
