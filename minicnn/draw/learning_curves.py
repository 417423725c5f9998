"""The learning curves of a training run."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from minicnn.draw.arguments import described, two_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIELDS = ("epoch", "loss", "train_accuracy", "test_accuracy")


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

    What is not finite is left out of the lines.

    Args:
        records: one for each epoch, such as `minicnn.train.Run.records()` gives.
        axes: where to draw; a new figure if None.

    Raises:
        TypeError: for what is not records or not two axes.
        ValueError: if there are none.
    """
    from matplotlib.ticker import MaxNLocator

    records = _checked(records)
    axes = two_axes(axes, (10, 4))
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
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def _checked(records: Any) -> list[Record]:
    """The records as a list, or an error that says what is wrong with them."""
    if callable(getattr(records, "records", None)):
        raise TypeError(f"`records` is {described(records)}: give its records, run.records()")
    if not isinstance(records, Iterable):
        raise TypeError(f"`records` must be a sequence with one record for each epoch, not {described(records)}")
    records = list(records)
    if not records:
        raise ValueError("`records` is empty: there is a record after the first epoch, and a curve after the second")
    for record in records:
        if missing := [name for name in _FIELDS if not hasattr(record, name)]:
            raise TypeError(
                f"`records` holds {described(record)} without {', '.join(missing)}: each must be a record such as "
                "minicnn.train.Record(**line)"
            )
    return records
