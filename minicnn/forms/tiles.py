"""The tiles form: C cut into tiles that all have the same small matrix.

The matrix of a tile is the kernel laid out by the tile's own axes, and a convolution is: gather the tiles of x,
multiply all of them by one matrix, add the tiles of y up. A tile of one output is im2col; a tile of all outputs is the
dense matrix without its unread columns; a tile of one input is what a textbook calls scattering.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import CACHE, Cost, portions
from minicnn.forms.cuts import CUTS, Cut, Span, tile_sizes
from minicnn.forms.fence import fence
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry, run_backwards
from minicnn.forms.layout import (
    as_matrix,
    copied,
    groups_first,
    groups_last,
    multiply,
    pad_axis,
    pad_in_rows,
    taps_of_matrix,
    to_matrix,
)
from minicnn.forms.shaping import moved, reshaped, swapped
from minicnn.forms.sums import FEW, Entries, along, gathered, picked_sum, places_of, sources

_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16)  # tiles that are tried, besides the whole axis
# And these, up to the size of the kernel: a larger tile is half zeros.
_LARGE = tuple(2**power for power in range(5, 21))


@dataclass(frozen=True)
class Tiles(Costed):
    """C cut into tiles that share one small matrix.

    Attributes:
        tile: size of a tile, one int for every axis or one each; None lets the cost model choose, `of` included.
        of: what a tile is a block of: "outputs", with the windows of x that they read, or "inputs", with the windows
            of y that they reach; one word for every axis or one each.
    """

    tile: int | tuple[int, ...] | None = None
    of: str | tuple[str, ...] = "outputs"

    def __post_init__(self) -> None:
        if self.tile is not None:
            object.__setattr__(self, "tile", tile_sizes(self.tile))
        object.__setattr__(self, "of", self.of if isinstance(self.of, str) else tuple(self.of))

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> "Cuts":
        """The tiles with every axis cut."""
        return Cuts(self.cuts(geometry, batch))

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product."""
        return cuts_cost(geometry, self.cuts(geometry, batch), batch)

    def cuts(self, geometry: Geometry, batch: int) -> tuple[Cut, ...]:
        """How every axis is cut.

        Raises:
            ValueError: if the tile or its words do not fit the axes.
        """
        if self.tile is None:
            return best_cuts(geometry, batch)
        rank = len(geometry.axes)
        tiles = (self.tile,) * rank if isinstance(self.tile, int) else self.tile
        words = (self.of,) * rank if isinstance(self.of, str) else self.of
        if len(tiles) != rank:
            raise ValueError(f"`tile`={self.tile!r} must give one size, or one for each of {rank} axes")
        if len(words) != rank or not set(words) <= set(CUTS):
            raise ValueError(f'`of`={self.of!r} must be "outputs" or "inputs", or one of them for each of {rank} axes')
        return tuple(CUTS[word](axis, size) for axis, size, word in zip(geometry.axes, tiles, words, strict=True))

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return Cuts(self.cuts(geometry, len(x))).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        return Cuts(self.cuts(geometry, len(x))).correlate(geometry, x, y, arithmetic)


@dataclass(frozen=True)
class Cuts(Costed):
    """Tiles whose place is settled: the axes of one geometry, cut.

    Attributes:
        parts: one cut per axis.
    """

    parts: tuple[Cut, ...]

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product."""
        return cuts_cost(geometry, self.parts, batch)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w): every tile of x times the one matrix, added up.

        The result is in memory in its own shape: a loop that read a product or a sum of tiles in another one would be
        another loop for each, to compile.
        """
        parts, groups = self.parts, geometry.groups
        matrix, of_inputs = _tile_matrix(reshaped(w, geometry.split_shape), [cut.axis for cut in parts])
        y = multiply(_tile_rows(x, groups, [cut.x for cut in parts]), matrix, (-1, of_inputs), arithmetic)
        tiles = (*(cut.y.count for cut in parts), *(cut.y.length for cut in parts))
        y = reshaped(y, (groups, x.shape[0], *tiles, geometry.c_out // groups))
        return fence(scatter(y, [cut.y for cut in parts], geometry.out_shape[:-1]))

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: every tile of x against its tile of y, then the entries of one tap summed."""
        parts, axes, groups = self.parts, [cut.axis for cut in self.parts], geometry.groups
        x = _tile_rows(x, groups, [cut.x for cut in parts])
        y = _tile_rows(y, groups, [cut.y for cut in parts])
        # the left operand is the one that gets transposed, so it should be the smaller one
        if x.size < y.size:
            w = taps_of_matrix(multiply(x, y, (-2, -2), arithmetic), axes)
        else:
            back = taps_of_matrix(multiply(y, x, (-2, -2), arithmetic), [axis.T for axis in axes])
            w = swapped(back, -1, -3)
        return reshaped(w, geometry.w_shape)


def _tile_matrix(
    w: Shaped[Array, "*kernel c g d"], axes: Sequence[Axis]
) -> tuple[Shaped[Array, "*g rows columns"], int]:
    """The tile's matrix, or one for each group, in memory, and which of its axes is that of the inputs.

    It is laid out alike for y and for x̄: XLA does it once, and once for all portions of a batch.
    """
    inner, outer = [axis.in_size for axis in axes], [axis.out_size for axis in axes]
    straight = inner > outer or (inner == outer and not run_backwards(axes))
    laid = copied(w, axes) if straight else copied(swapped(w, -1, -3), [axis.T for axis in axes])
    return to_matrix(laid), -2 if straight else -1


def cuts_cost(geometry: Geometry, parts: Sequence[Cut], batch: int) -> Cost:
    """The predicted cost of a product, or of the weights, by tiles."""
    tiles, inner, outer = (math.prod(column) for column in zip(*map(_extents, parts), strict=True))
    loops = np.array([_loops(geometry.axes[n:], cut) for n, cut in enumerate(parts)], int)
    work = _work(geometry, batch, tiles, inner, outer, sum(int(join.reduce(loops[:, n])) for n, join in _JOINED))
    inner, outer = inner * geometry.c_in // geometry.groups, outer * geometry.c_out // geometry.groups
    moved = batch * geometry.groups * tiles * (inner + outer)
    return replace(work, portions=portions(batch, moved, geometry.groups * inner * outer))


def _extents(cut: Cut) -> tuple[int, int, int]:
    """The number of tiles of a cut, and how many inputs and outputs lie in one."""
    return cut.x.count, cut.x.length, cut.y.length


def _loops(axes: Sequence[Axis], cut: Cut) -> tuple[bool, bool, bool]:
    """Tell whether the first of these axes makes gathering x, laying out the kernel, or scattering y a loop."""
    axis, *behind = axes
    is_laid_out = 1 not in (cut.axis.in_size, cut.axis.out_size) or cut.x.length * cut.y.length != axis.kernel_size
    return _is_moved(cut.x, axis.in_size, behind), is_laid_out, _is_moved(cut.y, axis.out_size, behind)


# The first two are one loop for all axes, the third is one for each.
_JOINED = ((0, np.logical_or), (1, np.logical_or), (2, np.add))


def _is_moved(span: Span, size: int, behind: Sequence[Axis]) -> bool:
    """Tell whether tiles do not lie in their order already; what is in them comes behind the tiles of all axes."""
    return not _in_place([span], [size]) or (bool(behind) and span.count > 1 < span.length)


def _work(geometry: Geometry, batch: int, tiles: Any, inner: Any, outer: Any, loops: Any) -> Cost:
    """The cost of so many tiles of so many inputs and outputs, each a number or an array of what is compared."""
    count = batch * geometry.groups * tiles
    inner, outer = inner * geometry.c_in // geometry.groups, outer * geometry.c_out // geometry.groups
    laid = geometry.groups * inner * outer
    apart = bringing_groups_together(geometry, batch)
    return Cost(count * inner * outer, count * inner + laid + apart, count * outer, loops)


def bringing_groups_together(geometry: Geometry, batch: int) -> int:
    """What it costs to bring channels apart in memory together, group by group, one small piece after the other."""
    numbers = math.prod(geometry.in_shape) + math.prod(geometry.out_shape)
    return _APART * batch * numbers if geometry.groups > 1 else 0


_APART = 8  # numbers that are moved, in the time of bringing one number of x or y to its group


@lru_cache(maxsize=4096)
def best_cuts(geometry: Geometry, batch: int) -> tuple[Cut, ...]:
    """The cuts of least predicted cost; of those that the model does not tell apart, the one that compiles fastest."""
    candidates = [list(_candidates(axis)) for axis in geometry.axes]
    sizes = [np.array([_extents(cut) for cut in cuts], float) for cuts in candidates]
    tiles, inner, outer = (reduce(np.multiply.outer, (size[:, column] for size in sizes)) for column in range(3))
    needed = [np.array([_loops(geometry.axes[n:], cut) for cut in cuts], int) for n, cuts in enumerate(candidates)]
    loops = sum(reduce(join.outer, (loop[:, n] for loop in needed)).astype(int) for n, join in _JOINED)
    costs = _work(geometry, batch, tiles, inner, outer, loops).total
    moved = batch * tiles * (inner * geometry.c_in + outer * geometry.c_out)
    compiled = np.where(costs <= _ALIKE * np.min(costs), loops + _OF_PORTIONS * (moved > CACHE), np.inf)
    best = np.unravel_index(np.argmin(np.where(compiled == np.min(compiled), costs, np.inf)), np.shape(costs))
    return tuple(cuts[place] for cuts, place in zip(candidates, best, strict=True))


# Costs that differ by less than what the model errs by, 1.13 in the geometric mean, are alike.
_ALIKE = 1.15
# Loops that taking a batch in portions needs: it counts them, compares, sets up what they write to, and writes.
_OF_PORTIONS = 4


def _candidates(axis: Axis) -> Iterator[Cut]:
    if axis.kernel_size == axis.stretch == 1:
        # Nothing is read twice, so that a larger tile would only add zeros, and all of a short axis saves a loop;
        # either side may be the longer one.
        sizes = (1,)
    else:
        sizes = (*_SIZES, *(size for size in _LARGE if size <= axis.kernel_size))
    for make, size in ((Cut.outputs, axis.out_size), (Cut.inputs, axis.in_size)):
        for tile in sorted({min(tile, max(size, 1)) for tile in (*sizes, size)}):
            yield make(axis, tile)


def gather(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "g b *m_and_l c"]:
    """From (b, n₁, n₂, …, g·c) to (g, b, m₁, m₂, …, l₁, l₂, …, c): all tiles, then what is in them."""
    tiles = (*(span.count for span in spans), *(span.length for span in spans))
    return reshaped(_gathered(x, groups, spans), (groups, x.shape[0], *tiles, x.shape[-1] // groups))


def _tile_rows(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "*g rows inside"]:
    """All tiles of all images, a row each."""
    tiles, inside = math.prod(span.count for span in spans), math.prod(span.length for span in spans)
    return as_matrix(_gathered(x, groups, spans), groups, x.shape[0] * tiles, inside * (x.shape[-1] // groups))


def _gathered(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "..."]:
    """The numbers of all tiles in the order of `gather`.

    Every tile is copied from the padded image in pieces that lie in one piece there, along its last axis where that is
    possible, all in one loop.
    """
    if _in_place(spans, x.shape[1:-1]):
        return groups_first(fence(x), groups)
    channels, inner = x.shape[-1] // groups, tuple(span.length for span in spans)
    in_rows = groups == spans[-1].spacing == 1
    x = padded(x, spans)
    starts = _starts(x.shape[1:-1], x.shape[-1], groups, spans, inner[: len(spans) - in_rows])
    piece = inner[-1] * channels if in_rows else channels
    pieces = gathered(reshaped(x, (x.shape[0], math.prod(x.shape[1:]))), starts, (1,), (x.shape[0], piece))
    return fence(moved(reshaped(pieces, (*starts.shape[:-1], *pieces.shape[1:])), -2, 1))


def _in_place(spans: Sequence[Span], sizes: Sequence[int]) -> bool:
    """Tell whether the tiles, and what is in them, lie in their order already."""
    for span, size in zip(spans, sizes, strict=True):
        apart = span.step if span.count > 1 else span.length
        if span.first or span.spacing > 1 < span.length or apart != span.length or span.count * span.length != size:
            return False
    return not any(span.length > 1 and behind.count > 1 for n, span in enumerate(spans) for behind in spans[n + 1 :])


def padded(x: Shaped[Array, "b *n c"], spans: Sequence[Span]) -> Shaped[Array, "b *n c"]:
    """The images with zeros where tiles reach over their ends, in memory."""
    ends = [(max(-span.first, 0), max(span.stop - size, 0)) for span, size in zip(spans, x.shape[1:-1], strict=True)]
    if any(map(any, ends)):
        *outer, (low, high) = ends
        x = pad_in_rows(x, [(*pair, 0) for pair in outer], low, high)
    return fence(x)


def _starts(
    sizes: Sequence[int], channels: int, groups: int, spans: Sequence[Span], inside: Sequence[int]
) -> Int[Array | np.ndarray, "g *m_and_l 1"]:
    """Where every piece of every tile begins in an image that is written down as one row."""
    rank, shape = len(spans), (groups, *(span.count for span in spans), *inside)
    place = lambda axis: along(range(shape[axis]), axis, len(shape))
    tables, width = [place(0) * (channels // groups)], channels
    for n in reversed(range(rank)):
        span = spans[n]
        tables.append(width * (max(span.first, 0) + span.step * place(1 + n)))
        if n < len(inside):
            tables.append(width * span.spacing * place(1 + rank + n))
        width *= sizes[n]
    return places_of([tables], shape)


def scatter(y: Shaped[Array, "g b *m_and_l c"], spans: Sequence[Span], size: tuple[int, ...]) -> Array:
    """The adjoint of `gather`: tiles added where they overlap, (b, *n, g·c).

    Rows of many channels are added for all axes at once; of few, one axis after the other, the first first: then rows
    are as long as all that is in the tiles of the other axes.
    """
    groups, images, channels, rank = *y.shape[:2], y.shape[-1], len(spans)
    if _in_place(spans, size):
        return groups_last(reshaped(y, (groups, images, *size, channels)))
    reaching = [_reaching(span, length) for span, length in zip(spans, size, strict=True)]
    if channels >= _LONG_ROW and math.prod(map(len, reaching)) in range(1, FEW + 1):
        return _scatter_rows(y, reaching, size, 0, (images, *size, groups * channels))
    for n, (span, taken, length) in enumerate(zip(spans, reaching, size, strict=True)):
        is_last, behind = n == rank - 1, math.prod(y.shape[3 + n : 2 + rank])
        if _in_place([span], [length]) and 1 in (span.length, behind) and (groups == 1 or not is_last):
            y = reshaped(y, (*y.shape[: 2 + n], length, *y.shape[3 + n : 2 + rank], *y.shape[3 + rank :]))
        elif not taken:
            y = _scatter_axis(y, span, length, n + 2, rank + 1)
        elif is_last:
            return _scatter_rows(y, [taken], (length,), n, (images, *size, groups * channels))
        else:
            y = _scatter_rows(y, [taken], (length,), n)
    return groups_last(y)


# Channels from which on adding the rows of all axes at once was as fast: 2.5 times slower with 1 channel and 6, and a
# transposed convolution of 32 channels 4 % faster, on two cores of an AMD EPYC (Zen 4), where a vector holds 16.
_LONG_ROW = 16


def _scatter_rows(
    y: Shaped[Array, "g b *n_and_m_and_l c"],
    reaching: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]],
    size: tuple[int, ...],
    n: int,
    result: tuple[int, ...] | None = None,
) -> Array:
    """Replace the tiles of some axes by the axes: every row is a sum of a few of them.

    The axes are as many as have sizes, from n on; those before it have no tiles any more. Behind the last axis of all
    the groups are brought to the channels: (b, *n, g, c).
    """
    groups, images, *done = y.shape[: 2 + n]
    many, last = len(size), (len(y.shape) - 3 + n) // 2  # axes that still are tiles have two
    count, aside = y.shape[2 + n : 2 + n + many], y.shape[2 + n + many : 2 + last]
    length, inside = y.shape[2 + last : 2 + last + many], y.shape[2 + last + many :]
    between = math.prod(aside)
    z = reshaped(
        y, (groups, images * math.prod(done), math.prod(count) * between * math.prod(length), math.prod(inside))
    )
    shape, at = ((groups, *size, between), 1) if aside else ((*size, groups), 0)
    list_of = lambda numbers, axis: along(numbers, axis, len(shape))
    axes = [[Entries((list_of(range(groups), 0 if aside else many), 0))]]
    for a, taken in enumerate(reaching):
        to_next, within = math.prod(count[a + 1 :]) * between * math.prod(length), math.prod(length[a + 1 :])
        places = ((list_of(to_next * tile + within * place, at + a), weight) for tile, place, weight in taken)
        axes.append([Entries((0, place), list_of(weight, at + a)) for place, weight in places])
    if aside:
        axes.append([Entries((0, list_of(math.prod(length) * np.arange(between), 1 + many)))])
    return picked_sum(z, axes, shape, at, (groups, images, *done, *size, *aside, *inside) if aside else result)


def _reaching(span: Span, size: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each position the tiles that hold it: tile, place inside and 1, or 0 where fewer do than elsewhere.

    There is none where more overlap than are written out, or where no tile holds a position.
    """
    if len(span.pieces) > FEW:
        return []
    tile, inside = np.divmod(np.arange(span.count * span.length), span.length)
    position = span.first + span.step * tile + span.spacing * inside
    return [(tile[each], inside[each], is_there) for each, is_there in sources(position, size)]


def _scatter_axis(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """Replace the tiles of an axis by the axis, piece by piece."""
    inside, whole = last + 1, span.count * span.step

    def side_by_side(piece: Array) -> Array:
        """One piece of every tile, where they lie: a step apart."""
        extent = span.extent(piece.shape[inside])
        piece = pad_axis(piece, inside, 0, span.step - extent, span.spacing - 1)
        piece = moved(piece, inside, position + 1)
        return piece.reshape(*piece.shape[:position], whole, *piece.shape[position + 2 :])

    if len(span.pieces) > _PIECES:
        return _added(y, span, size, position, inside, side_by_side)
    placed = []
    for start, stop in span.pieces:
        piece, low = side_by_side(jax.lax.slice_in_dim(y, start, stop, axis=inside)), span.start(start)
        # each piece goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        placed.append(pad_axis(piece, position, low, size - low - whole))
    return reduce(add, placed)


# Windows of more pieces are added up by a loop, so that a program does not grow with its kernel: 40 pieces of 3.6
# million numbers compiled for 3 s.
_PIECES = 8


def _added(y: Array, span: Span, size: int, position: int, inside: int, side_by_side: Callable) -> Array:
    """The sum of all pieces, one after the other."""
    starts = [start for start, _ in span.pieces]
    width, whole = starts[1], span.count * span.step
    reach = span.spacing * starts[-1] + whole
    y = pad_axis(y, inside, 0, starts[-1] + width - span.length)

    def step(total: Array, start: Array) -> tuple[Array, None]:
        piece = side_by_side(jax.lax.dynamic_slice_in_dim(y, start, width, inside))
        here = jax.lax.dynamic_slice_in_dim(total, span.spacing * start, whole, position)
        return jax.lax.dynamic_update_slice_in_dim(total, here + piece, span.spacing * start, position), None

    shape = [n for axis, n in enumerate(y.shape) if axis != inside]
    shape[position] = reach
    total, _ = jax.lax.scan(step, jnp.zeros(shape, y.dtype), jnp.asarray(starts))
    return pad_axis(total, position, span.first, size - span.first - reach)
