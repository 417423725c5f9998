"""Which taps of a convolution or a pool meet in which entry of its matrix."""

import numpy as np
from jaxtyping import Int

from minicnn.forms import Geometry
from minicnn.maps import AveragePool, Compose, ConvMap, LinearMap, Pad, Selection, Transposed, WindowSum
from minicnn.maps.convolution import structure, swap_channels

Taps = tuple[int, ...]
Sums = tuple[Taps, ...]


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


def numbers(C: ConvMap, transposed: bool) -> Int[np.ndarray, "..."]:
    """The place in C's w of every entry of w, or of the w of C.T."""
    places = np.arange(C.w.size).reshape(C.w.shape)
    return np.asarray(swap_channels(places, C.geometry)) if transposed else places  # pyright: ignore
