"""The tiles form: C cut into tiles that all have the same small matrix.

On every axis a tile is a block of outputs with the window of inputs that they read, or a block of inputs with the
window of outputs that they reach. Blocks lie side by side and windows overlap. Inside a tile the relation holds again,
on a small axis of its own, so its matrix is the kernel laid out by that axis, and a convolution is: gather the tiles
of x, multiply all of them by one matrix, add the tiles of y up. A tile of one output is im2col; a tile of all outputs
is the dense matrix without its unread columns; a tile of one input is what a textbook calls scattering.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.blocks import groups_first, groups_last, matrix, multiply, rows, unmatrix
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import collect, lay


@dataclass(frozen=True)
class Span:
    """Where the tiles of one axis lie: `count` of them, `step` apart, the first at position `first`.

    Each holds `length` positions, `spacing` apart.
    """

    count: int
    length: int
    step: int
    first: int = 0
    spacing: int = 1

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Where the pieces of a tile begin and end. Tiles are moved piece by piece, one of every tile at once.

        No piece reaches over the next tile, so the pieces of all tiles lie side by side.
        """
        width = -(-self.step // self.spacing)
        return [(start, min(start + width, self.length)) for start in range(0, max(self.length, 1), width)]

    def start(self, piece: int) -> int:
        """The position where a piece of the first tile begins."""
        return self.first + self.spacing * piece

    def extent(self, length: int) -> int:
        """How many positions lie from the first to the last of so many."""
        return self.spacing * (length - 1) + 1


@dataclass(frozen=True)
class Cut:
    """One axis cut into tiles.

    Attributes:
        axis: the relation inside one tile.
        x: the tiles of the inputs.
        y: the tiles of the outputs.
    """

    axis: Axis
    x: Span
    y: Span

    @classmethod
    def outputs(cls, axis: Axis, size: int) -> "Cut":
        """Blocks of about `size` outputs, the next multiple of u / gcd(s, u), with the windows that they read."""
        period = axis.stretch // math.gcd(axis.stride, axis.stretch)
        size = period * max(-(-min(size, axis.out_size) // period), 1)
        ends = [
            axis.stride * o + axis.dilation * k - axis.low for o in (0, size - 1) for k in (0, axis.kernel_size - 1)
        ]
        first, last = -(-min(ends) // axis.stretch), max(ends) // axis.stretch
        spacing = _spacing(axis, size)
        tile = Axis(
            in_size=max((last - first) // spacing + 1, 1),
            out_size=size,
            kernel_size=axis.kernel_size,
            stride=max(axis.stride // spacing, 1),
            dilation=axis.dilation // spacing,
            stretch=axis.stretch,
            low=(axis.low + axis.stretch * first) // spacing,
        )
        count = -(-axis.out_size // size)
        # a single window is one piece: no other lies a step further
        step = size * axis.stride // axis.stretch if count > 1 else spacing * tile.in_size
        return cls(tile, Span(count, tile.in_size, step, first, spacing), Span(count, size, size))

    @classmethod
    def inputs(cls, axis: Axis, size: int) -> "Cut":
        """Blocks of about `size` inputs with the windows of outputs that they reach: as on the transposed axis."""
        return cls.outputs(axis.T, size).T

    @classmethod
    def whole(cls, axis: Axis) -> "Cut":
        """One tile that is everything."""
        return cls(axis, *(Span(1, size, max(size, 1)) for size in (axis.in_size, axis.out_size)))

    @property
    def T(self) -> "Cut":
        """The cut of the transposed axis."""
        return Cut(self.axis.T, self.y, self.x)


def _spacing(axis: Axis, size: int) -> int:
    """How far apart the positions lie that a window of `size` outputs reads; those in between are left out of it."""
    if axis.stretch > 1:
        return 1
    return math.gcd(axis.dilation, axis.stride if size > 1 else 0)


def product(
    geometry: Geometry,
    parts: Sequence[Cut],
    x: Shaped[Array, "b *in ci"],
    w: Shaped[Array, "*k c co"],
    how: Arithmetic,
) -> Shaped[Array, "b *out co"]:
    """C(w)·x: every tile of x times the one matrix, added up."""
    x = gather(groups_first(x, geometry.groups), [cut.x for cut in parts])
    tile = matrix(lay(w.reshape(geometry.split_shape), [cut.axis for cut in parts]))
    y = multiply("bi,io->bo", rows(x, len(parts)), tile, how)
    y = y.reshape(*x.shape[: 2 + len(parts)], *(cut.y.length for cut in parts), geometry.c_out // geometry.groups)
    return groups_last(scatter(y, [cut.y for cut in parts], [axis.out_size for axis in geometry.axes]))


def weights(
    geometry: Geometry,
    parts: Sequence[Cut],
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    how: Arithmetic,
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: every tile of x against its tile of y, then the entries of one tap summed."""
    axes, groups = [cut.axis for cut in parts], geometry.groups
    x = rows(gather(groups_first(x, groups), [cut.x for cut in parts]), len(parts))
    y = rows(gather(groups_first(y, groups), [cut.y for cut in parts]), len(parts))
    # the left operand is the one that gets transposed, so it should be the smaller one
    small = x.size < y.size
    tile = multiply("bi,bo->io", x, y, how) if small else multiply("bo,bi->oi", y, x, how).swapaxes(1, 2)
    return collect(unmatrix(tile, axes), axes).reshape(geometry.w_shape)


def gather(x: Shaped[Array, "g b *n c"], spans: Sequence[Span]) -> Shaped[Array, "g b *m_and_l c"]:
    """From (g, b, n₁, n₂, …, c) to (g, b, m₁, m₂, …, l₁, l₂, …, c): all tiles, then what is in them."""
    rank = len(spans)
    for position in reversed(range(rank)):
        x = _gather_axis(x, spans[position], position + 2, rank + 1)
    return x


def scatter(y: Shaped[Array, "g b *m_and_l c"], spans: Sequence[Span], size: Sequence[int]) -> Array:
    """The adjoint of `gather`: tiles added where they overlap."""
    rank = len(spans)
    for position, (span, n) in enumerate(zip(spans, size, strict=True)):
        y = _scatter_axis(y, span, n, position + 2, rank + 1)
    return y


def _gather_axis(x: Array, span: Span, position: int, last: int) -> Array:
    """Replace axis n by its tiles, their inside behind axis `last`: each is joined from pieces of at most one step."""
    *_, (latest, _) = span.pieces
    whole = span.count * span.step
    x = _pad_axis(x, position, -span.first, span.start(latest) + whole - x.shape[position])
    pieces = []
    for start, stop in span.pieces:
        piece = jax.lax.slice_in_dim(x, span.spacing * start, span.spacing * start + whole, axis=position)
        piece = piece.reshape(*x.shape[:position], span.count, span.step, *x.shape[position + 1 :])
        piece = jax.lax.slice_in_dim(piece, 0, span.extent(stop - start), span.spacing, axis=position + 1)
        pieces.append(jnp.moveaxis(piece, position + 1, last + 1))
    return jnp.concatenate(pieces, axis=last + 1) if len(pieces) > 1 else pieces[0]


def _scatter_axis(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """Replace the tiles of an axis by the axis, piece by piece."""
    inside, whole = last + 1, span.count * span.step
    placed = []
    for start, stop in span.pieces:
        piece = jax.lax.slice_in_dim(y, start, stop, axis=inside)
        piece = _pad_axis(piece, inside, 0, span.step - span.extent(stop - start), span.spacing - 1)
        piece = jnp.moveaxis(piece, inside, position + 1)
        piece = piece.reshape(*piece.shape[:position], whole, *piece.shape[position + 2 :])
        low = span.start(start)
        # each piece goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        placed.append(_pad_axis(piece, position, low, size - low - whole))
    return reduce(add, placed)


def _pad_axis(x: Array, position: int, low: int, high: int, between: int = 0) -> Array:
    """Zeros before, after and between; negative widths crop."""
    if low == high == between == 0:
        return x
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = (low, high, between)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), widths)
