"""The picture of a confusion: which class is taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Int

from minicnn.draw.arguments import described, one_axes
from minicnn.draw.bars import BAR, color_bar
from minicnn.draw.style import readable_on, sequential
from minicnn.draw.titles import write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POWER = 0.4  # of a count, as a colour: a hundredth of the largest is a sixth as strong, and not as good as none
_CELL = 0.5  # inches of a class, in which a count of five digits can be read
_WRITTEN = 25  # classes whose counts are written: with more of them the figure would be larger than 12.5 inches
_NAMED = 50  # classes that are named on the axes: more names would touch
_MOST = 4000  # classes: 1.6·10⁷ cells are more than a screen has pixels


def confusion(counts: Int[ArrayLike, "true said"], axes: "Axes | None" = None, classes: Sequence[str] = ()) -> "Axes":
    """Draw how many images of each class are taken for each class.

    Args:
        counts: one row for each true class, one column for each class that it is taken for, such as
            `minicnn.train.Trained.counts` gives.
        axes: where to draw; a new figure if None.
        classes: the names of the classes; numbers if empty.

    Raises:
        TypeError: for what is not counts or not axes.
        ValueError: for counts that are not square, negative or not whole, and for names of fewer or more classes.

    >>> axes = confusion(np.array([[8, 2], [0, 10]]))
    >>> axes.get_title()
    '90.00 % right, 2 of 20 wrong'
    """
    from matplotlib.colors import PowerNorm

    counts = _counts(counts)
    number = len(counts)
    names = [str(name) for name in classes] or [str(n) for n in range(number)]
    if len(names) != number:
        raise ValueError(f"`classes` has {len(names)} names and `counts` {number} classes: give a name for each")
    side = max(4.8, _CELL * min(number, _WRITTEN))
    axes = one_axes(axes, (side + BAR, side))
    image = axes.imshow(counts, cmap=sequential(axes), norm=PowerNorm(_POWER, 0, max(counts.max(), 1)))
    if number <= _WRITTEN:
        for row, column in np.argwhere(counts):
            color = readable_on(image.to_rgba(counts[row, column])[:3])
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=8)
    if number <= _NAMED:
        turned = 45 if max(map(len, names)) > 3 else 0
        ha = "right" if turned else "center"
        axes.set_xticks(range(number), names, rotation=turned, ha=ha, rotation_mode="anchor")
        axes.set_yticks(range(number), names)
    right, total = int(np.trace(counts)), int(counts.sum())
    axes.set(xlabel="taken for", ylabel="is")
    write_title(axes, f"{100 * right / max(total, 1):.2f} % right, {total - right:,} of {total:,} wrong")
    color_bar(image, axes, "images")
    return axes


def _counts(counts: Any) -> Int[np.ndarray, "true said"]:
    """Counts as integers, or an error that says what is wrong with them."""
    try:
        array = np.asarray(counts)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "iufb":
        raise TypeError(
            f"`counts` must be numbers, one row for each true class, not {described(counts)}: those of a finished run "
            "are minicnn.train.Trained.of(run).counts(split)"
        )
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise ValueError(
            f"`counts` has shape {array.shape}: it must be square, (classes, classes), with the true ones in its rows"
        )
    if len(array) > _MOST:
        raise ValueError(f"`counts` has {len(array):,} classes: at most {_MOST:,} can be drawn, so leave some out")
    if not np.isfinite(array).all() or (array < 0).any() or (array != np.floor(array)).any():
        raise ValueError("`counts` must be whole numbers, at least 0: give counts, not shares of them")
    return array.astype(np.int64)
