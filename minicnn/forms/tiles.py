"""The tiles form: C cut into tiles that all have the same small matrix.

The matrix of a tile is the kernel laid out by the tile's own axes, and a convolution is: gather the tiles of x,
multiply all of them by one matrix, add the tiles of y up. A tile of one output is im2col; a tile of all outputs is the
dense matrix without its unread columns; a tile of one input is what a textbook calls scattering.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import CACHE, Cost, bringing_groups_together, portions
from minicnn.forms.cuts import CUTS, Cut, Span, tile_sizes
from minicnn.forms.fence import fence
from minicnn.forms.form import Costed
from minicnn.forms.gathering import in_place, scatter, tile_rows
from minicnn.forms.geometry import Geometry, run_backwards
from minicnn.forms.layout import copied, multiply, taps_of_matrix, to_matrix
from minicnn.forms.shaping import reshaped, swapped

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
        y = multiply(tile_rows(x, groups, [cut.x for cut in parts]), matrix, (-1, of_inputs), arithmetic)
        tiles = (*(cut.y.count for cut in parts), *(cut.y.length for cut in parts))
        y = reshaped(y, (groups, x.shape[0], *tiles, geometry.c_out // groups))
        return fence(scatter(y, [cut.y for cut in parts], geometry.out_shape[:-1]))

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: every tile of x against its tile of y, then the entries of one tap summed."""
        parts, axes, groups = self.parts, [cut.axis for cut in self.parts], geometry.groups
        x = tile_rows(x, groups, [cut.x for cut in parts])
        y = tile_rows(y, groups, [cut.y for cut in parts])
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
    return not in_place([span], [size]) or (bool(behind) and span.count > 1 < span.length)


def _work(geometry: Geometry, batch: int, tiles: Any, inner: Any, outer: Any, loops: Any) -> Cost:
    """The cost of so many tiles of so many inputs and outputs, each a number or an array of what is compared."""
    count = batch * geometry.groups * tiles
    inner, outer = inner * geometry.c_in // geometry.groups, outer * geometry.c_out // geometry.groups
    laid = geometry.groups * inner * outer
    apart = bringing_groups_together(geometry, batch)
    return Cost(count * inner * outer, count * inner + laid + apart, count * outer, loops)


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
