"""The matrix of a convolution, each tap in its own colour."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from minicnn.draw.style import is_dark, own, readable_on, sheet, tap_colors
from minicnn.forms import Geometry
from minicnn.maps import AveragePool, ConvMap, LinearMap, Selection, WindowSum
from minicnn.maps.convolution import structure, swap_channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALLEST = 6  # points, of a name that can be read


def taps(A: LinearMap, axes: "Axes | None" = None) -> "Axes":
    """Draw a convolution's matrix with each tap in its own colour; where there is room, its name.

    Entries that no tap reaches are left empty. A matrix of more than 400 rows or columns is reduced: every block shows
    one of the taps in it.

    Args:
        A: a convolution or a pool, or the transpose of a convolution.
        axes: where to draw; a new figure if None.

    Raises:
        TypeError: if the map has no taps.

    >>> taps(minicnn.conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))).get_title()
    '4×16, 36 non-zeros, 9 taps'
    """
    table = tap_table(A)
    number = int(table.max(initial=-1)) + 1
    rows, columns = table.shape
    axes = own(axes, sheet(rows, columns))
    colors = tap_colors(number, is_dark(axes))
    draw_table(axes, table, colors)
    axes.set(xlabel="input entry", ylabel="output entry")
    axes.set_title(f"{rows}×{columns}, {int((table >= 0).sum()):,} non-zeros, {number} taps")
    axes.figure.canvas.draw()
    side = 72 * axes.get_window_extent().width / max(columns, 1) / axes.figure.dpi
    if isinstance(A, ConvMap):
        write_names(axes, table, A.symbols(), colors, side)
    return axes


def geometry_of(A: LinearMap) -> Geometry:
    """The geometry of a convolution or a pool; a pool is a convolution with one group for each channel.

    Raises:
        TypeError: if the map has no taps.
    """
    if isinstance(A, ConvMap):
        return A.geometry
    if isinstance(A, AveragePool | WindowSum | Selection):
        return Geometry(A.axes, A.channels, A.channels, groups=A.channels)
    raise TypeError(f"{type(A).__name__} has no taps: draw its entries with `minicnn.draw.matrix`")


def tap_table(A: LinearMap, number: Int[np.ndarray, "..."] | None = None) -> Int[np.ndarray, "out in"]:
    """For each entry of the matrix the number of its tap, or −1 where there is none.

    Args:
        A: a convolution or a pool.
        number: the number of each entry of w; their places in w if None.

    >>> tap_table(minicnn.conv_map(jnp.ones((2, 1, 1)), (3,)))
    array([[ 0,  1, -1],
           [-1,  0,  1]])
    """
    rows, columns, flat = structure(geometry_of(A))
    table = np.full(A.shape, -1)
    table[rows, columns] = flat if number is None else number.ravel()[flat]
    if not isinstance(A, Selection):
        return table
    chosen = np.zeros(A.shape, bool)
    rows, columns, _ = A.entries()
    chosen[rows, columns] = True
    return np.where(chosen, table, -1)


def numbers(C: ConvMap, transposed: bool) -> Int[np.ndarray, "..."]:
    """The place in C's w of every entry of w, or of the w of C.T."""
    places = np.arange(C.w.size).reshape(C.w.shape)
    return np.asarray(swap_channels(places, C.geometry)) if transposed else places  # pyright: ignore


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
    """Write into every entry, whose side measures so many points, the name of its tap, if it can be read there."""
    size = min(1.6 * side / max(map(len, names.ravel()), default=1), 13)
    if size < _SMALLEST:
        return
    for row, column in np.argwhere(table >= 0):
        color = readable_on(colors[table[row, column]])
        where = (column + 0.5, row + 0.5)
        axes.text(*where, str(names[row, column]), ha="center", va="center", size=size, color=color, clip_on=True)
