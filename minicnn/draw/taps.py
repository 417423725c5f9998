"""Pictures of the matrix of a convolution, each tap in its own colour."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from minicnn.draw.arguments import as_map, one_axes
from minicnn.draw.matrices import BLOCKS, reduced_list
from minicnn.draw.style import readable_on, sheet, stretch, tap_colors
from minicnn.draw.tap_table import Sums, TapTable, parts, sum_names, tap_table
from minicnn.draw.titles import write_title
from minicnn.maps import ConvMap, LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALLEST = 6  # points, of a name that can be read
_LARGEST = 13  # points, of a name that still looks like one
_WIDE = 1.6  # a name of n letters in a cell of side a fits at 1.6·a/n points: a letter is some 0.6 of its size wide
_SUM = "Σ"  # a sum whose name has no room


def taps(A: LinearMap, axes: "Axes | None" = None) -> "Axes":
    """Draw a convolution's matrix with each tap in its own colour; where there is room, its name.

    Entries that no tap reaches are left empty. Padding that copies the input makes several taps meet in one entry,
    which has the mean of their colours. A matrix of more than 400 rows or columns is reduced: every block shows one of
    the taps in it.

    Args:
        A: a convolution, padded in any way, or a pool, or any map whose window slides; or the transpose of one.
        axes: where to draw; a new figure if None.

    Raises:
        TypeError: if no window slides, or for what is not a map or not axes.
        ValueError: for a matrix without entries.
        MemoryError: if the matrix has too many non-zeros to draw, before any of them is computed.

    >>> taps(minicnn.conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))).get_title()
    '4×16, 36 non-zeros, 9 taps'
    """
    table = tap_table(as_map(A))
    rows, columns = table.shape
    axes = one_axes(axes, sheet(rows, columns))
    colors = sum_colors(table.sums)
    draw_table(axes, table, colors)
    axes.set(xlabel="input entry", ylabel="output entry")
    write_title(axes, f"{rows}×{columns}, {len(table.numbers):,} non-zeros, {table.said}")
    core, _, _ = parts(A)
    if isinstance(core, ConvMap) and max(table.shape) <= BLOCKS:
        axes.figure.canvas.draw()  # only then is it known how large an entry is
        box = axes.get_window_extent()
        side = 72 * min(box.width / columns, box.height / rows) / axes.figure.dpi
        write_names(axes, table, sum_names(core, table.sums)[table.numbers], colors, side)
    return axes


def sum_colors(sums: Sums) -> Float[np.ndarray, "k 4"]:
    """The colour of every tap, and the mean of its taps' colours for every sum."""
    colors = tap_colors(sum(len(taps) == 1 for taps in sums))
    several = [colors[[*taps]].mean(0) for taps in sums[len(colors) :]]
    return np.concatenate([colors, np.reshape(several, (-1, 4))])


def draw_table(axes: "Axes", table: TapTable, colors: Float[np.ndarray, "k 4"]) -> Any:
    """Draw a table of taps, empty where there is none; where the matrix is reduced, the last tap of a block is seen."""
    rows, columns = table.shape
    shown = reduced_list(table.shape, table.rows, table.columns, table.numbers + 1).astype(int)
    picture = np.concatenate([np.zeros((1, 4)), colors])[shown]
    extent, aspect = (0, columns, rows, 0), stretch(rows, columns)
    return axes.imshow(picture, extent=extent, aspect=aspect, interpolation="nearest")


def write_names(
    axes: "Axes", table: TapTable, names: np.ndarray, colors: Float[np.ndarray, "k 4"], side: float
) -> None:
    """Write into every entry, whose side measures so many points, the name of its tap, if it can be read there.

    A sum of taps that has no room for its name is marked as one.
    """
    room = _WIDE * side
    single = max((len(name) for name in names if "+" not in name), default=1)
    size = min(room / single, _LARGEST)
    if size < _SMALLEST:
        return
    for row, column, number, name in zip(table.rows, table.columns, table.numbers, names.tolist(), strict=True):
        fits = min(room / len(name), size)
        told, size_told = (name, fits) if fits >= _SMALLEST else (_SUM, size)
        where, color = (column + 0.5, row + 0.5), readable_on(colors[number])
        axes.text(*where, told, ha="center", va="center", size=size_told, color=color, clip_on=True)
