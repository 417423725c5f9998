"""Which class is taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from minicnn.draw.style import own, readable_on, sequential

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from minicnn.train import Run

_MOST = 25  # classes whose counts are still readable


def confusion(
    run: "Run | Int[np.ndarray, 'true said']", axes: "Axes | None" = None, classes: Sequence[str] = ()
) -> "Axes":
    """Draw how many test images of each class are taken for each class.

    Args:
        run: a finished run, whose test images are then classified; or the counts themselves, one row per true class.
        axes: where to draw; a new figure if None.
        classes: the names of the classes, where counts are given; numbers if empty.

    >>> axes = confusion(np.array([[8, 2], [0, 10]]))
    >>> axes.get_title()
    '90.00 % right, 2 of 20 wrong'
    """
    from matplotlib.colors import PowerNorm

    counts, names = (np.asarray(run), classes) if isinstance(run, np.ndarray | list) else counts_of(run)
    names = names or [str(n) for n in range(len(counts))]
    side = max(4.8, 0.5 * len(counts))
    axes = own(axes, figsize=(side, side))
    # A gentle power keeps the few mistakes visible beside the many right answers.
    image = axes.imshow(counts, cmap=sequential(axes), norm=PowerNorm(0.4, 0, max(counts.max(initial=0), 1)))
    if len(counts) <= _MOST:
        for row, column in np.argwhere(counts):
            color = readable_on(image.to_rgba(counts[row, column])[:3])
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=8)
    ticks = range(len(counts))
    turned = 45 if max(map(len, names)) > 3 else 0
    axes.set_xticks(ticks, names, rotation=turned, ha="right" if turned else "center", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    right, total = int(np.trace(counts)), int(counts.sum())
    axes.set(xlabel="taken for", ylabel="is")
    axes.set_title(f"{100 * right / max(total, 1):.2f} % right, {total - right:,} of {total:,} wrong")
    return axes


def counts_of(run: "Run") -> tuple[Int[np.ndarray, "true said"], Sequence[str]]:
    """The counts of a finished run on its test images, and the names of the classes."""
    from minicnn.train.evaluation import Trained

    trained = Trained.of(run)
    return trained.counts(trained.data.test), trained.data.classes
