"""Small matrices drawn cell by cell: every number in its cell, equal ones in one colour."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def cells(axes: Axes, values: ArrayLike, title: str = "", colours: ArrayLike | None = None, size: float = 0.8) -> None:
    """Draw a matrix of numbers; zeros are left empty.

    Args:
        axes: to draw into.
        values: the entries, (rows, columns).
        title: above it.
        colours: what the colour of each cell stands for; by default its value.
        size: of the numbers, as a fraction of the figure's font.
    """
    entries = np.asarray(values)
    shade = np.asarray(entries if colours is None else colours, float)
    axes.imshow(np.where(entries == 0, np.nan, shade), cmap="cividis", alpha=0.45)
    points = size * mpl.rcParams["font.size"]
    for (row, column), entry in np.ndenumerate(entries):
        if entry:
            axes.text(column, row, f"{entry:g}", ha="center", va="center", fontsize=points)
    _grid(axes, entries.shape)
    axes.set_title(title)


def _grid(axes: Axes, shape: tuple[int, ...]) -> None:
    sides: dict[str, Any] = {"which": "both", "bottom": False, "left": False, "labelbottom": False, "labelleft": False}
    axes.tick_params(**sides)
    axes.set_xticks(np.arange(shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.75", linewidth=0.5)
