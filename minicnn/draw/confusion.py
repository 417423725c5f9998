"""Which class is taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from minicnn.draw.style import own, readable_on, sequential

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 25  # classes whose counts are still readable


def confusion(counts: Int[np.ndarray, "true said"], axes: "Axes | None" = None, classes: Sequence[str] = ()) -> "Axes":
    """Draw how many test images of each class are taken for each class.

    Args:
        counts: how many images of each true class (row) are taken for each class (column), such as
            `minicnn.train.Trained.counts` gives.
        axes: where to draw; a new figure if None.
        classes: the names of the classes; numbers if empty.

    >>> axes = confusion(np.array([[8, 2], [0, 10]]))
    >>> axes.get_title()
    '90.00 % right, 2 of 20 wrong'
    """
    from matplotlib.colors import PowerNorm

    counts = np.asarray(counts)
    names = classes or [str(n) for n in range(len(counts))]
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
