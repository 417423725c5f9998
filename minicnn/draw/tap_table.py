"""Which taps of a convolution or a pool meet in which entry of its matrix."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Int

from minicnn.axis import triples
from minicnn.draw.arguments import check_listed
from minicnn.forms.geometry import swap_channels
from minicnn.maps import Compose, ConvMap, LinearMap, Pad, Transposed

Taps = tuple[int, ...]
Sums = tuple[Taps, ...]


@dataclass(frozen=True, eq=False)
class TapTable:
    """The structural non-zeros of a matrix, each with the sum of taps that it holds.

    Attributes:
        shape: rows and columns of the matrix.
        rows: the row of each non-zero.
        columns: the column of each non-zero.
        numbers: which of the sums each non-zero holds.
        sums: the taps of each sum. A tap by itself is a sum too and comes first, with the tap's own number; behind them
            come the sums of several taps, which padding that copies the input brings about.
    """

    shape: tuple[int, int]
    rows: Int[np.ndarray, " nnz"]
    columns: Int[np.ndarray, " nnz"]
    numbers: Int[np.ndarray, " nnz"]
    sums: Sums

    @property
    def T(self) -> "TapTable":
        """The table of the transpose."""
        return replace(self, shape=self.shape[::-1], rows=self.columns, columns=self.rows)

    @cached_property
    def dense(self) -> Int[np.ndarray, "out in"]:
        """For each entry of the matrix the number of its sum, or −1 where there is none."""
        table = np.full(self.shape, -1)
        table[self.rows, self.columns] = self.numbers
        return table

    @cached_property
    def present(self) -> list[int]:
        """The numbers of the sums that are somewhere in the matrix, in increasing order."""
        return np.unique(self.numbers).tolist()

    @property
    def said(self) -> str:
        """How many taps there are, such as "9 taps", or "9 taps and 4 sums of taps"."""
        several = sum(len(self.sums[n]) > 1 for n in self.present)
        more = f" and {several} sum{'s' if several > 1 else ''} of taps" if several else ""
        return f"{len(self.present) - several} taps{more}"


def tap_table(A: LinearMap, number: Int[np.ndarray, "*kernel c co"] | None = None) -> TapTable:
    """The taps of a map whose window slides, alone or with padding before it or the transpose of one behind it.

    Args:
        A: a convolution or a pool, padded in any way, or the transpose of one.
        number: the number of each entry of a convolution's w; their places in w if None.

    Raises:
        TypeError: if no window slides.
        MemoryError: if there are too many non-zeros to list.

    >>> w = jnp.ones((2, 1, 1))
    >>> table = tap_table(minicnn.conv_map(w, (3,)))
    >>> table.dense, table.sums
    (array([[ 0,  1, -1],
           [-1,  0,  1]]), ((0,), (1,)))
    >>> table = tap_table(minicnn.conv_map(w, (2,), padding=((1, 0),), padding_mode="replicate"))
    >>> table.dense, table.sums
    (array([[ 2, -1],
           [ 0,  1]]), ((0,), (1,), (0, 1)))
    """
    core, before, after = parts(A)
    if not core.axes:
        raise TypeError(f"{core!r} slides no window and has no taps: draw its entries with minicnn.draw.matrix(A)")
    check_listed(core)
    rows, columns, taps = _taps(core)
    taps = taps if number is None else number.ravel()[taps]
    columns = columns if before is None else _copied(before)[columns]
    rows = rows if after is None else _copied(after)[rows]
    there = (rows >= 0) & (columns >= 0)
    rows, columns, taps = rows[there], columns[there], taps[there]
    single = int(taps.max(initial=-1)) + 1 if number is None else number.size
    if before or after:
        return _added(A.shape, rows, columns, taps, single)
    return TapTable(A.shape, rows, columns, taps, tuple((tap,) for tap in range(single)))


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


def _taps(A: LinearMap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column and tap of every non-zero; a tap is the place in w, (*kernel, c_in / groups, c_out)."""
    rows, columns, _ = A.entries()
    c_in, c_out = A.in_shape[-1], A.out_shape[-1]
    out_size, in_size = (math.prod(getattr(axis, name) for axis in A.axes) for name in ("out_size", "in_size"))
    outputs, taps, inputs = triples(A.axes)
    # An output and an input meet in at most one tap, so a search for the pair finds it.
    pairs = outputs * in_size + inputs
    order = np.argsort(pairs)
    wanted = rows // c_out % out_size * in_size + columns // c_in % in_size
    taps = taps[order[np.searchsorted(pairs, wanted, sorter=order)]]
    c, d = columns % c_in, rows % c_out
    apart = c_in // A.geometry.groups if isinstance(A, ConvMap) else 1 if np.array_equal(c, d) else c_in
    return rows, columns, (taps * apart + c % apart) * c_out + d


def _added(shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, taps: np.ndarray, single: int) -> TapTable:
    """The table where several of the listed taps may meet in one entry; single taps have numbers below `single`."""
    order = np.lexsort((taps, columns, rows))
    rows, columns, taps = rows[order], columns[order], taps[order]
    starts = np.flatnonzero((np.diff(rows, prepend=-1) != 0) | (np.diff(columns, prepend=-1) != 0))
    ends = np.append(starts[1:], len(taps))
    crowded = np.flatnonzero(ends - starts > 1)
    met = [tuple(taps[starts[n] : ends[n]].tolist()) for n in crowded]
    several = sorted(set(met))
    number_of = {taps: number for number, taps in enumerate(several, start=single)}
    numbers = taps[starts]
    numbers[crowded] = [number_of[taps] for taps in met]
    sums = (*((tap,) for tap in range(single)), *several)
    return TapTable(shape, rows[starts], columns[starts], numbers, sums)


def _copied(pad: Pad) -> Int[np.ndarray, " padded"]:
    """For every padded entry the entry that it copies; −1 for a zero."""
    padded, copied, _ = pad.entries()
    found = np.full(pad.shape[0], -1)
    found[padded] = copied
    return found


def sum_names(C: ConvMap, sums: Sums) -> np.ndarray:
    """What each sum of taps is called.

    >>> sum_names(minicnn.conv_map(jnp.ones((2, 1, 1)), (3,)), ((0,), (1,), (0, 1))).tolist()
    ['w₀', 'w₁', 'w₀+w₁']
    """
    return np.array(["+".join(C.names[tap] for tap in taps) for taps in sums])


def kernel_numbers(C: ConvMap, transposed: bool) -> Int[np.ndarray, "*kernel c co"]:
    """The place in C's w of every entry of w, or of the w of C.T."""
    places = np.arange(C.w.size).reshape(C.w.shape)
    return np.asarray(swap_channels(places, C.geometry)) if transposed else places  # pyright: ignore
