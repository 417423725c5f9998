"""The tiles form: C cut into tiles that all have the same small matrix.

On every axis a tile is a block of outputs with the window of inputs that they read, or a block of inputs with the
window of outputs that they reach. Blocks lie side by side and windows overlap. Inside a tile the relation holds again,
on a small axis of its own, so its matrix is the kernel laid out by that axis, and a convolution is: gather the tiles
of x, multiply all of them by one matrix, add the tiles of y up. A tile of one output is im2col; a tile of all outputs
is the dense matrix without its unread columns; a tile of one input is what a textbook calls scattering.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
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
    def steps(self) -> int:
        """The number of steps that one tile covers: 1 for blocks, more for windows that overlap."""
        return -(-self.length // self.step)


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
        if size == axis.stretch == 1 and abs(axis.dilation) > 1 and axis.out_size:
            return cls._single(axis)
        period = axis.stretch // math.gcd(axis.stride, axis.stretch)
        size = period * max(-(-min(size, axis.out_size) // period), 1)
        ends = [
            axis.stride * o + axis.dilation * k - axis.low for o in (0, size - 1) for k in (0, axis.kernel_size - 1)
        ]
        first, last = -(-min(ends) // axis.stretch), max(ends) // axis.stretch
        tile = Axis(
            in_size=max(last - first + 1, 1),
            out_size=size,
            kernel_size=axis.kernel_size,
            stride=axis.stride,
            dilation=axis.dilation,
            stretch=axis.stretch,
            low=axis.low + axis.stretch * first,
        )
        count = -(-axis.out_size // size)
        window = Span(count, tile.in_size, size * axis.stride // axis.stretch, first)
        return cls(tile, window, Span(count, size, size))

    @classmethod
    def _single(cls, axis: Axis) -> "Cut":
        """Blocks of one output: their windows hold one input for every tap, and skip what lies in between."""
        taps = axis.kernel_size
        first = min(0, axis.dilation * (taps - 1)) - axis.low
        tile = Axis(taps, 1, taps) if axis.dilation >= 0 else Axis(taps, 1, taps).flipped
        window = Span(axis.out_size, taps, axis.stride, first, abs(axis.dilation))
        return cls(tile, window, Span(axis.out_size, 1, 1))

    @classmethod
    def inputs(cls, axis: Axis, size: int) -> "Cut":
        """Blocks of about `size` inputs with the windows of outputs that they reach: as on the transposed axis."""
        return cls.outputs(axis.T, size).T

    @property
    def T(self) -> "Cut":
        """The cut of the transposed axis."""
        return Cut(self.axis.T, self.y, self.x)


def product(
    geometry: Geometry,
    parts: Sequence[Cut],
    x: Shaped[Array, "b *in ci"],
    w: Shaped[Array, "*k c co"],
    how: Arithmetic,
) -> Shaped[Array, "b *out co"]:
    """C(w)·x: every tile of x times the one matrix, added up."""
    x = gather(_groups_first(x, geometry.groups), [cut.x for cut in parts])
    matrix = _matrix(lay(w.reshape(geometry.split_shape), [cut.axis for cut in parts]))
    y = _multiply("bi,io->bo", _rows(x, len(parts)), matrix, how)
    y = y.reshape(*x.shape[: 2 + len(parts)], *(cut.y.length for cut in parts), geometry.c_out // geometry.groups)
    return _groups_last(scatter(y, [cut.y for cut in parts], [axis.out_size for axis in geometry.axes]))


def weights(
    geometry: Geometry,
    parts: Sequence[Cut],
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    how: Arithmetic,
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: every tile of x against its tile of y, then the entries of one tap summed."""
    axes, groups = [cut.axis for cut in parts], geometry.groups
    x = gather(_groups_first(x, groups), [cut.x for cut in parts])
    y = gather(_groups_first(y, groups), [cut.y for cut in parts])
    x, y = _rows(x, len(parts)), _rows(y, len(parts))
    # the left operand is the one that gets transposed, so it should be the smaller one
    small = x.size < y.size
    matrix = _multiply("bi,bo->io", x, y, how) if small else _multiply("bo,bi->oi", y, x, how).swapaxes(1, 2)
    return collect(_unmatrix(matrix, axes), axes).reshape(geometry.w_shape)


def _rows(tiles: Shaped[Array, "g b *m_and_l c"], rank: int) -> Shaped[Array, "g rows inside"]:
    """One row for each tile of each image."""
    return tiles.reshape(len(tiles), math.prod(tiles.shape[1 : 2 + rank]), math.prod(tiles.shape[2 + rank :]))


def _multiply(spec: str, a: Array, b: Array, how: Arithmetic) -> Array:
    """One product for each group."""
    if len(a) == 1:
        return how.einsum(spec, a[0], b[0])[None]
    return how.einsum(re.sub(r"(\w+)", r"g\1", spec), a, b)


def _matrix(laid: Shaped[Array, "*t_and_l c g d"]) -> Shaped[Array, "g in out"]:
    """From (t₁, l₁, t₂, l₂, …, c, g, d) to one matrix per group, (l₁, l₂, …, c) × (t₁, t₂, …, d)."""
    *pairs, c, g, d = range(laid.ndim)
    return _rows(laid.transpose(g, *pairs[1::2], c, *pairs[::2], d), len(pairs) // 2)


def _unmatrix(matrix: Shaped[Array, "g in out"], axes: Sequence[Axis]) -> Shaped[Array, "*t_and_l c g d"]:
    """The inverse of `_matrix`."""
    inner, outer = ([n(axis) for axis in axes] for n in (lambda a: a.in_size, lambda a: a.out_size))
    c, d = matrix.shape[1] // math.prod(inner), matrix.shape[2] // math.prod(outer)
    rank = len(axes)
    places = [place for a in range(rank) for place in (2 + rank + a, 1 + a)]
    return matrix.reshape(len(matrix), *inner, c, *outer, d).transpose(*places, 1 + rank, 0, 2 + 2 * rank)


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
    """Replace axis n by its tiles, their inside behind axis `last`: each is joined from pieces of one step."""
    if span.spacing > 1:
        return _gather_spaced(x, span, position, last)
    total = (span.count + span.steps - 1) * span.step
    x = _pad_axis(x, position, -span.first, total + span.first - x.shape[position])
    x = x.reshape(*x.shape[:position], span.count + span.steps - 1, span.step, *x.shape[position + 1 :])
    x = jnp.moveaxis(x, position + 1, last + 1)
    pieces = []
    for j in range(span.steps):
        piece = jax.lax.slice_in_dim(x, j, j + span.count, axis=position)
        pieces.append(jax.lax.slice_in_dim(piece, 0, min(span.step, span.length - j * span.step), axis=last + 1))
    return jnp.concatenate(pieces, axis=last + 1) if len(pieces) > 1 else pieces[0]


def _scatter_axis(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """Replace the tiles of an axis by the axis: piece j of tile m belongs to step m + j."""
    if span.spacing > 1:
        return _scatter_spaced(y, span, size, position, last)
    inside, whole = last + 1, span.count * span.step
    placed = []
    for j in range(span.steps):
        piece = jax.lax.slice_in_dim(y, j * span.step, min((j + 1) * span.step, span.length), axis=inside)
        piece = _pad_axis(piece, inside, 0, span.step - piece.shape[inside])
        piece = jnp.moveaxis(piece, inside, position + 1)
        piece = piece.reshape(*piece.shape[:position], whole, *piece.shape[position + 2 :])
        low = span.first + j * span.step
        # each piece goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        placed.append(_pad_axis(piece, position, low, size - low - whole))
    return reduce(add, placed)


def _gather_spaced(x: Array, span: Span, position: int, last: int) -> Array:
    """The same where tiles hold every so many positions: piece j has one number from each tile."""
    reach = span.step * (span.count - 1) + 1
    total = reach + span.spacing * (span.length - 1)
    x = _pad_axis(x, position, -span.first, total + span.first - x.shape[position])
    starts = [span.spacing * j for j in range(span.length)]
    pieces = [jax.lax.slice_in_dim(x, start, start + reach, span.step, position) for start in starts]
    return jnp.stack(pieces, axis=last + 1)


def _scatter_spaced(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """The adjoint of `_gather_spaced`."""
    reach = span.step * (span.count - 1) + 1
    placed = []
    for j in range(span.length):
        low = span.first + span.spacing * j
        piece = jax.lax.index_in_dim(y, j, last + 1, keepdims=False)
        placed.append(_pad_axis(piece, position, low, size - low - reach, span.step - 1))
    return reduce(add, placed)


def _pad_axis(x: Array, position: int, low: int, high: int, between: int = 0) -> Array:
    """Zeros before, after and between; negative widths crop."""
    if low == high == between == 0:
        return x
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = (low, high, between)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), widths)


def _groups_first(x: Array, groups: int) -> Array:
    """From (b, *n, g·c) to (g, b, *n, c)."""
    return jnp.moveaxis(x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups), -2, 0)


def _groups_last(x: Array) -> Array:
    """The inverse."""
    x = jnp.moveaxis(x, 0, -2)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])
