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
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost, portions
from minicnn.forms.cuts import CUTS, Cut, Span, tile_sizes
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import (
    collect,
    from_matrix,
    groups_first,
    groups_last,
    lay,
    multiply,
    pad_axis,
    rows,
    to_matrix,
)

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
        """Multiply x by C(w): every tile of x times the one matrix, added up."""
        parts, groups = self.parts, geometry.groups
        x = gather(groups_first(x, groups), [cut.x for cut in parts])
        tile = to_matrix(lay(w.reshape(geometry.split_shape), tuple(cut.axis for cut in parts)))
        y = multiply("bi,io->bo", rows(x, len(parts)), tile, arithmetic)
        y = y.reshape(*x.shape[: 2 + len(parts)], *(cut.y.length for cut in parts), geometry.c_out // groups)
        return groups_last(scatter(y, [cut.y for cut in parts], [axis.out_size for axis in geometry.axes]))

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: every tile of x against its tile of y, then the entries of one tap summed."""
        parts, axes, groups = self.parts, [cut.axis for cut in self.parts], geometry.groups
        x = rows(gather(groups_first(x, groups), [cut.x for cut in parts]), len(parts))
        y = rows(gather(groups_first(y, groups), [cut.y for cut in parts]), len(parts))
        # the left operand is the one that gets transposed, so it should be the smaller one
        small = x.size < y.size
        tile = (
            multiply("bi,bo->io", x, y, arithmetic) if small else multiply("bo,bi->oi", y, x, arithmetic).swapaxes(1, 2)
        )
        return collect(from_matrix(tile, axes), axes).reshape(geometry.w_shape)


def cuts_cost(geometry: Geometry, parts: Sequence[Cut], batch: int) -> Cost:
    """The predicted cost of a product, or of the weights, by tiles."""
    tiles, inner, outer = (math.prod(column) for column in zip(*map(_extents, parts), strict=True))
    work = _work(geometry, batch, tiles, inner, outer)
    inner, outer = inner * geometry.c_in // geometry.groups, outer * geometry.c_out // geometry.groups
    moved = batch * geometry.groups * tiles * (inner + outer)
    return replace(work, portions=portions(batch, moved, geometry.groups * inner * outer))


def _extents(cut: Cut) -> tuple[int, int, int]:
    """The number of tiles of a cut, and how many inputs and outputs lie in one."""
    return cut.x.count, cut.x.length, cut.y.length


def _work(geometry: Geometry, batch: int, tiles: Any, inner: Any, outer: Any) -> Cost:
    """The cost of so many tiles of so many inputs and outputs, each a number or an array of what is compared."""
    count = batch * geometry.groups * tiles
    inner, outer = inner * geometry.c_in // geometry.groups, outer * geometry.c_out // geometry.groups
    laid = geometry.groups * inner * outer
    apart = bringing_groups_together(geometry, batch)
    return Cost(count * inner * outer, count * inner + laid + apart, count * outer)


def bringing_groups_together(geometry: Geometry, batch: int) -> int:
    """What it costs to bring channels apart in memory together, group by group, one small piece after the other."""
    numbers = math.prod(geometry.in_shape) + math.prod(geometry.out_shape)
    return _APART * batch * numbers if geometry.groups > 1 else 0


_APART = 8  # numbers that are moved, in the time of bringing one number of x or y to its group


@lru_cache(maxsize=4096)
def best_cuts(geometry: Geometry, batch: int) -> tuple[Cut, ...]:
    """The cuts of least predicted cost."""
    candidates = [list(_candidates(axis)) for axis in geometry.axes]
    sizes = [np.array([_extents(cut) for cut in cuts], float) for cuts in candidates]
    tiles, inner, outer = (reduce(np.multiply.outer, (size[:, column] for size in sizes)) for column in range(3))
    costs = _work(geometry, batch, tiles, inner, outer).total
    best = np.unravel_index(np.argmin(costs), np.shape(costs))
    return tuple(cuts[place] for cuts, place in zip(candidates, best, strict=True))


def _candidates(axis: Axis) -> Iterator[Cut]:
    if axis.kernel_size == axis.stretch == 1:
        yield Cut.outputs(axis, 1)  # nothing is read twice, so that a larger tile would only add zeros
        return
    sizes = (*_SIZES, *(size for size in _LARGE if size <= axis.kernel_size))
    for make, size in ((Cut.outputs, axis.out_size), (Cut.inputs, axis.in_size)):
        for tile in sorted({min(tile, max(size, 1)) for tile in (*sizes, size)}):
            yield make(axis, tile)


def gather(x: Shaped[Array, "g b *n c"], spans: Sequence[Span]) -> Shaped[Array, "g b *m_and_l c"]:
    """From (g, b, n₁, n₂, …, c) to (g, b, m₁, m₂, …, l₁, l₂, …, c): all tiles, then what is in them."""
    rank = len(spans)
    for position in reversed(range(rank)):
        x = gather_axis(x, spans[position], position + 2, rank + 1)
    return x


def scatter(y: Shaped[Array, "g b *m_and_l c"], spans: Sequence[Span], size: Sequence[int]) -> Array:
    """The adjoint of `gather`: tiles added where they overlap."""
    rank = len(spans)
    for position, (span, n) in enumerate(zip(spans, size, strict=True)):
        y = _scatter_axis(y, span, n, position + 2, rank + 1)
    return y


def gather_axis(x: Array, span: Span, position: int, last: int) -> Array:
    """Replace axis n by its tiles, their inside behind axis `last`."""
    if len(span.pieces) > _PIECES:
        return jnp.moveaxis(_windows(x, span, position), position + 1, last + 1)
    *_, (latest, _) = span.pieces
    whole = span.count * span.step
    x = pad_axis(x, position, -span.first, span.start(latest) + whole - x.shape[position])
    pieces = []
    for start, stop in span.pieces:
        piece = jax.lax.slice_in_dim(x, span.spacing * start, span.spacing * start + whole, axis=position)
        piece = piece.reshape(*x.shape[:position], span.count, span.step, *x.shape[position + 1 :])
        piece = jax.lax.slice_in_dim(piece, 0, span.extent(stop - start), span.spacing, axis=position + 1)
        pieces.append(jnp.moveaxis(piece, position + 1, last + 1))
    return jnp.concatenate(pieces, axis=last + 1) if len(pieces) > 1 else pieces[0]


# Windows of more pieces are copied window by window, and added up by a loop, so that a program does not grow with its
# kernel. Joining 40 pieces of 3.6 million numbers took 49 ms and compiled for 3 s, copying windows 1 and 0.2.
_PIECES = 8


def _windows(x: Array, span: Span, position: int) -> Array:
    """Replace axis n by (m, l), window by window."""
    extent = span.extent(span.length)
    reach = (span.count - 1) * span.step + extent
    x = pad_axis(x, position, -span.first, span.first + reach - x.shape[position])

    def window(start: Array) -> Array:
        held = jax.lax.dynamic_slice_in_dim(x, start, extent, position)
        return jax.lax.slice_in_dim(held, 0, extent, span.spacing, position)

    return jax.vmap(window, out_axes=position)(span.step * jnp.arange(span.count))


def _scatter_axis(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """Replace the tiles of an axis by the axis, piece by piece."""
    inside, whole = last + 1, span.count * span.step

    def side_by_side(piece: Array) -> Array:
        """One piece of every tile, where they lie: a step apart."""
        extent = span.extent(piece.shape[inside])
        piece = pad_axis(piece, inside, 0, span.step - extent, span.spacing - 1)
        piece = jnp.moveaxis(piece, inside, position + 1)
        return piece.reshape(*piece.shape[:position], whole, *piece.shape[position + 2 :])

    if len(span.pieces) > _PIECES:
        return _added(y, span, size, position, inside, side_by_side)
    placed = []
    for start, stop in span.pieces:
        piece, low = side_by_side(jax.lax.slice_in_dim(y, start, stop, axis=inside)), span.start(start)
        # each piece goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        placed.append(pad_axis(piece, position, low, size - low - whole))
    return reduce(add, placed)


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
