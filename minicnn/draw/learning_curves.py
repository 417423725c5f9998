"""Pictures of a training run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Record(Protocol):
    """What is drawn of one epoch: `minicnn.train.Record` has it, and so may anything else."""

    @property
    def epoch(self) -> float:
        """The number of passes over the images so far."""
        ...

    @property
    def loss(self) -> float:
        """The mean loss of the epoch."""
        ...

    @property
    def train_accuracy(self) -> float:
        """The share of training images that were read rightly, from 0 to 1."""
        ...

    @property
    def test_accuracy(self) -> float:
        """The share of test images that were read rightly, from 0 to 1."""
        ...


def training(records: Sequence[Record], axes: "tuple[Axes, Axes] | None" = None) -> "tuple[Axes, Axes]":
    """Draw the loss and the error of a run against its epochs, both on logarithmic scales.

    Args:
        records: one for each epoch, such as `minicnn.train.Run.records()` gives.
        axes: where to draw; a new figure if None.
    """
    from matplotlib import pyplot as plt

    if axes is None:
        _, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        axes = (left, right)
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
