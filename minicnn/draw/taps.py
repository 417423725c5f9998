"""The matrix of a convolution, each tap in its own colour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from minicnn.draw.style import is_dark, own, readable_on, sheet, tap_colors
from minicnn.forms import Geometry
from minicnn.maps import AveragePool, Compose, ConvMap, LinearMap, Pad, Selection, Transposed, WindowSum
from minicnn.maps.convolution import structure, swap_channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Taps = tuple[int, ...]
Sums = tuple[Taps, ...]
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


def parts(A: LinearMap) -> tuple[LinearMap, Pad | None, Pad | None]:
    """The map with the taps, and the padding that comes before it or whose transpose comes after it.

    >>> w = jnp.ones((3, 1, 1))
    >>> parts(minicnn.conv_map(w, (4,), padding=1, padding_mode="circular"))
    (ConvMap((6, 1) → (4, 1), 4×6 float32), Pad((4, 1) → (6, 1), 6×4 float32), None)
    """
    match A:
        case Compose(factors=(core, Pad() as pad)):
            return core, pad, None
        case Compose(factors=(Transposed(of=Pad() as pad), core)):
            return core, None, pad
    return A, None, None


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


def tap_table(A: LinearMap, number: Int[np.ndarray, "..."] | None = None) -> tuple[Int[np.ndarray, "out in"], Sums]:
    """For each entry of the matrix the number of its taps' sum, or −1 where there is none; and the taps of each sum.

    A tap by itself is a sum too and comes first, with the tap's number.

    Args:
        A: a convolution, padded in any way, or its transpose; or a pool.
        number: the number of each entry of w; their places in w if None.

    >>> w = jnp.ones((2, 1, 1))
    >>> tap_table(minicnn.conv_map(w, (3,)))
    (array([[ 0,  1, -1],
           [-1,  0,  1]]), ((0,), (1,)))
    >>> tap_table(minicnn.conv_map(w, (2,), padding=((1, 0),), padding_mode="replicate"))
    (array([[ 2, -1],
           [ 0,  1]]), ((0,), (1,), (0, 1)))
    """
    core, before, after = parts(A)
    rows, columns, flat = structure(geometry_of(core))
    found = flat if number is None else number.ravel()[flat]
    columns = columns if before is None else _copied(before)[columns]
    rows = rows if after is None else _copied(after)[rows]
    there = (rows >= 0) & (columns >= 0)
    rows, columns, found = rows[there], columns[there], found[there]
    table = np.full(A.shape, -1)
    table[rows, columns] = found
    sums = [(tap,) for tap in range(int(found.max(initial=-1)) + 1 if number is None else number.size)]
    if before or after:
        sums += _add(table, rows, columns, found, len(sums))
    if isinstance(A, Selection):
        chosen = np.zeros(A.shape, bool)
        rows, columns, _ = A.entries()
        chosen[rows, columns] = True
        table = np.where(chosen, table, -1)
    return table, tuple(sums)


def _add(table: np.ndarray, rows: np.ndarray, columns: np.ndarray, found: np.ndarray, first: int) -> list[Taps]:
    """Number the sums of several taps from `first` on, where they meet in one entry of the table."""
    meeting: dict[tuple[int, int], list[int]] = {}
    for row, column, tap in zip(rows.tolist(), columns.tolist(), found.tolist(), strict=True):
        meeting.setdefault((row, column), []).append(tap)
    several = {where: tuple(sorted(met)) for where, met in meeting.items() if len(met) > 1}
    numbers = {met: n for n, met in enumerate(sorted(set(several.values())), first)}
    for where, met in several.items():
        table[where] = numbers[met]
    return [*numbers]


def _copied(pad: Pad) -> Int[np.ndarray, " padded"]:
    """For every padded entry the entry that it copies; −1 for a zero."""
    padded, copied, _ = pad.entries()
    found = np.full(pad.shape[0], -1)
    found[padded] = copied
    return found


def sum_names(C: ConvMap, sums: Sums) -> np.ndarray:
    """What each sum of taps is called, and last, for what is no entry, 0.

    >>> sum_names(minicnn.conv_map(jnp.ones((2, 1, 1)), (3,)), ((0,), (1,), (0, 1))).tolist()
    ['w₀', 'w₁', 'w₀+w₁', '0']
    """
    rows, columns, flat = structure(C.geometry)
    names = dict(zip(flat.tolist(), C.symbols()[rows, columns].tolist(), strict=True))
    return np.array(["+".join(names.get(tap, "") for tap in taps) for taps in sums] + ["0"])


def sum_colors(sums: Sums, dark: bool = False) -> Float[np.ndarray, "k 4"]:
    """The colour of every tap, and the mean of its taps' colours for every sum."""
    colors = tap_colors(sum(len(taps) == 1 for taps in sums), dark)
    return np.array([colors[[*taps]].mean(0) for taps in sums]).reshape(-1, 4)


def counted(sums: Sequence[Taps]) -> str:
    """9 taps; or 9 taps and 4 sums of taps."""
    several = sum(len(taps) > 1 for taps in sums)
    more = f" and {several} sum{'s' if several > 1 else ''} of taps" if several else ""
    return f"{len(sums) - several} taps{more}"


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
