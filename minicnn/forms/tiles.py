"""The tiles form: C cut into tiles of outputs, all of which have the same small matrix.

A tile of t outputs steps the input by t·s/u. Inside it the relation holds again, on a small axis of its own, so its
matrix is the kernel laid out by that axis, and a convolution is one product of all windows of x with it. A tile of one
output is im2col; a tile of all outputs is the dense matrix without its unread columns.
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
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import collect, lay


@dataclass(frozen=True)
class Cut:
    """One axis cut into tiles.

    Attributes:
        axis: the relation inside one tile, from its window to its outputs.
        count: number of tiles; the last may overhang.
        step: input positions from one window to the next.
        first: input position at which the first window starts.
    """

    axis: Axis
    count: int
    step: int
    first: int

    @classmethod
    def of(cls, axis: Axis, outputs: int) -> "Cut":
        """Cut an axis into tiles of about so many outputs: the next multiple of u / gcd(s, u)."""
        period = axis.stretch // math.gcd(axis.stride, axis.stretch)
        outputs = period * max(-(-min(outputs, axis.out_size) // period), 1)
        ends = [
            axis.stride * o + axis.dilation * k - axis.low for o in (0, outputs - 1) for k in (0, axis.kernel_size - 1)
        ]
        first, last = -(-min(ends) // axis.stretch), max(ends) // axis.stretch
        tile = Axis(
            in_size=max(last - first + 1, 1),
            out_size=outputs,
            kernel_size=axis.kernel_size,
            stride=axis.stride,
            dilation=axis.dilation,
            stretch=axis.stretch,
            low=axis.low + axis.stretch * first,
        )
        return cls(tile, -(-axis.out_size // outputs), outputs * axis.stride // axis.stretch, first)


def cuts(geometry: Geometry, tile: Sequence[int]) -> tuple[Cut, ...]:
    """Cut every axis of a geometry."""
    return tuple(Cut.of(axis, outputs) for axis, outputs in zip(geometry.axes, tile, strict=True))


def product(
    geometry: Geometry, tile: Sequence[int], x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x: every window of x times the matrix of one tile."""
    parts = cuts(geometry, tile)
    letters = _Letters(len(parts), geometry.groups)
    laid = lay(w.reshape(geometry.split_shape), [cut.axis for cut in parts])
    y = how.einsum(letters.product, _windows(x, geometry, parts), _drop_single_group(laid, geometry.groups))
    return _join(y, geometry, parts)


def adjoint(
    geometry: Geometry, tile: Sequence[int], x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x once more, by the tiles of Cᵀ: every tile of x times the transposed matrix, windows added back.

    Where C has few output channels for each window it is the wider product and moves less.
    """
    back = geometry.T
    parts = cuts(back, tile)
    letters = _Letters(len(parts), geometry.groups)
    laid = lay(w.reshape(geometry.split_shape).swapaxes(-1, -3), [cut.axis for cut in parts])
    y = how.einsum(letters.adjoint, _split(x, back, parts), _drop_single_group(laid, geometry.groups))
    return _add_windows(y, back, parts)


def weights(
    geometry: Geometry,
    tile: Sequence[int],
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    how: Arithmetic,
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: every window of x against its tile of y, then the entries of one tap summed."""
    parts = cuts(geometry, tile)
    letters = _Letters(len(parts), geometry.groups)
    matrix = how.einsum(letters.weights, _windows(x, geometry, parts), _split(y, geometry, parts))
    return collect(matrix, [cut.axis for cut in parts]).reshape(geometry.w_shape)


class _Letters:
    """The index pattern of one tile product: b batch, m tile, l window, t output in tile, g group, c and d channels."""

    def __init__(self, rank: int, groups: int) -> None:
        m, l, t = "mnpq"[:rank], "lijk"[:rank], "tuvw"[:rank]  # noqa: E741
        if rank > len(m):
            raise NotImplementedError(f"tiles of {rank} spatial axes: at most {len(m)} have index letters")
        g = "g" if groups > 1 else ""
        x = "b" + _interleave(m, l) + g + "c"
        y = "b" + _interleave(m, t) + g + "d"
        w = _interleave(t, l) + "c" + g + "d"
        self.product = f"{x},{w}->{y}"
        self.adjoint = f"{y},{w}->{x}"
        self.weights = f"{x},{y}->{w}"


def _interleave(a: str, b: str) -> str:
    return "".join(map("".join, zip(a, b, strict=True)))


def _windows(x: Array, geometry: Geometry, parts: Sequence[Cut]) -> Array:
    """From (b, *in, c_in) to (b, m₁, l₁, m₂, l₂, …, [groups], c_in / groups)."""
    for position, cut in reversed(list(enumerate(parts, start=1))):
        x = _window_axis(x, cut, position)
    if geometry.groups == 1:
        return x
    return x.reshape(*x.shape[:-1], geometry.groups, geometry.c_in // geometry.groups)


def _window_axis(x: Array, cut: Cut, position: int) -> Array:
    """Replace one axis by (tile, window). Windows overlap, so they are joined from shifted blocks of one step each."""
    length, step = cut.axis.in_size, cut.step
    blocks = -(-length // step)
    total = (cut.count + blocks - 1) * step
    x = _pad_axis(x, position, -cut.first, total + cut.first - x.shape[position])
    x = x.reshape(*x.shape[:position], cut.count + blocks - 1, step, *x.shape[position + 1 :])
    shifted = [jax.lax.slice_in_dim(x, j, j + cut.count, axis=position) for j in range(blocks)]
    return jax.lax.slice_in_dim(jnp.concatenate(shifted, axis=position + 1), 0, length, axis=position + 1)


def _add_windows(x: Array, geometry: Geometry, parts: Sequence[Cut]) -> Array:
    """The adjoint of `_windows`: windows added where they overlap."""
    x = x.reshape(*x.shape[: 1 + 2 * len(parts)], geometry.c_in)
    for position, (cut, axis) in enumerate(zip(parts, geometry.axes, strict=True), start=1):
        x = _add_window_axis(x, cut, axis.in_size, position)
    return x


def _add_window_axis(x: Array, cut: Cut, in_size: int, position: int) -> Array:
    """Replace (tile, window) by one axis: a window is blocks of one step, and block j of tile m belongs to m + j."""
    length, step = cut.axis.in_size, cut.step
    blocks = -(-length // step)
    x = _pad_axis(x, position + 1, 0, blocks * step - length)
    x = x.reshape(*x.shape[: position + 1], blocks, step, *x.shape[position + 2 :])
    span = cut.count * step
    placed = []
    for j in range(blocks):
        block = jax.lax.index_in_dim(x, j, position + 1, keepdims=False)
        low = cut.first + j * step
        # each block goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        flat = block.reshape(*x.shape[:position], span, *x.shape[position + 3 :])
        placed.append(_pad_axis(flat, position, low, in_size - low - span))
    return reduce(add, placed)


def _pad_axis(x: Array, position: int, low: int, high: int) -> Array:
    """Zeros before and after; negative widths crop."""
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = (low, high, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), widths)


def _split(y: Array, geometry: Geometry, parts: Sequence[Cut]) -> Array:
    """From (b, *out, c_out) to (b, m₁, t₁, m₂, t₂, …, [groups], c_out / groups), zero where a tile overhangs."""
    overhang = [cut.count * cut.axis.out_size - axis.out_size for cut, axis in zip(parts, geometry.axes, strict=True)]
    y = jnp.pad(y, [(0, 0), *((0, width) for width in overhang), (0, 0)])
    sizes = [size for cut in parts for size in (cut.count, cut.axis.out_size)]
    groups = (geometry.groups,) if geometry.groups > 1 else ()
    return y.reshape(y.shape[0], *sizes, *groups, geometry.c_out // geometry.groups)


def _join(y: Array, geometry: Geometry, parts: Sequence[Cut]) -> Array:
    """The inverse of `_split`: tiles side by side, the overhang cut off."""
    y = y.reshape(y.shape[0], *(cut.count * cut.axis.out_size for cut in parts), geometry.c_out)
    return y[(slice(None), *(slice(axis.out_size) for axis in geometry.axes))]


def _drop_single_group(laid: Array, groups: int) -> Array:
    return laid if groups > 1 else laid.squeeze(-2)
