"""The matrix of a convolution, each tap in its own colour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from minicnn.draw.style import is_dark, own, readable_on, sheet, tap_colors
from minicnn.draw.tap_table import Sums, Taps, parts, sum_names, tap_table
from minicnn.maps import ConvMap, LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALLEST = 6  # points, of a name that can be read
_SUM = "Σ"  # a sum whose name has no room


def taps(A: LinearMap, axes: "Axes | None" = None) -> "Axes":
    """Draw a convolution's matrix with each tap in its own colour; where there is room, its name.

    Entries that no tap reaches are left empty. Padding that copies the input makes several taps meet in one entry,
    which has the mean of their colours. A matrix of more than 400 rows or columns is reduced: every block shows one of
    the taps in it.

    Args:
        A: a convolution, padded in any way, or its transpose; or a pool.
        axes: where to draw; a new figure if None.

    Raises:
        TypeError: if the map has no taps.

    >>> taps(minicnn.conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))).get_title()
    '4×16, 36 non-zeros, 9 taps'
    """
    table, sums = tap_table(A)
    rows, columns = table.shape
    axes = own(axes, sheet(rows, columns))
    colors = sum_colors(sums, is_dark(axes))
    draw_table(axes, table, colors)
    axes.set(xlabel="input entry", ylabel="output entry")
    axes.set_title(f"{rows}×{columns}, {int((table >= 0).sum()):,} non-zeros, {counted(sums)}")
    axes.figure.canvas.draw()
    side = 72 * axes.get_window_extent().width / max(columns, 1) / axes.figure.dpi
    core, _, _ = parts(A)
    if isinstance(core, ConvMap):
        write_names(axes, table, sum_names(core, sums)[table], colors, side)
    return axes


def sum_colors(sums: Sums, dark: bool = False) -> Float[np.ndarray, "k 4"]:
    """The colour of every tap, and the mean of its taps' colours for every sum."""
    colors = tap_colors(sum(len(taps) == 1 for taps in sums), dark)
    return np.array([colors[[*taps]].mean(0) for taps in sums]).reshape(-1, 4)


def counted(sums: Sequence[Taps]) -> str:
    """9 taps; or 9 taps and 4 sums of taps."""
    several = sum(len(taps) > 1 for taps in sums)
    more = f" and {several} sum{'s' if several > 1 else ''} of taps" if several else ""
    return f"{len(sums) - several} taps{more}"


def draw_table(axes: "Axes", table: Int[np.ndarray, "m n"], colors: Float[np.ndarray, "k 4"]) -> Any:
    """The picture of a table of taps, empty where there is none."""
    from minicnn.draw.matrices import reduced

    rows, columns = table.shape
    shown = reduced(table + 1.0).astype(int)
    picture = np.concatenate([np.zeros((1, 4)), colors])[shown]
    return axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="nearest")


def write_names(
    axes: "Axes", table: Int[np.ndarray, "m n"], names: np.ndarray, colors: Float[np.ndarray, "k 4"], side: float
) -> None:
    """Write into every entry, whose side measures so many points, the name of its tap, if it can be read there.

    A sum of taps that has no room for its name is marked as one.
    """
    room = 1.6 * side
    single = max((len(name) for name in names.ravel() if "+" not in name), default=1)
    size = min(room / single, 13)
    if size < _SMALLEST:
        return
    for row, column in np.argwhere(table >= 0):
        name, color = str(names[row, column]), readable_on(colors[table[row, column]])
        fits = min(room / len(name), size)
        told, size_told = (name, fits) if fits >= _SMALLEST else (_SUM, size)
        where = (column + 0.5, row + 0.5)
        axes.text(*where, told, ha="center", va="center", size=size_told, color=color, clip_on=True)
