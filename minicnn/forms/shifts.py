"""Shifts: what one tap reads. T[·, k, ·] as a 0/1 matrix, applied by padding and slicing.

A convolution is the sum over its taps of a shift times a coefficient; pooling is a sum or a maximum of shifts. The
adjoint of a shift is a shift on the transposed axes, so nothing here is ever scattered.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis


def taps(axes: Sequence[Axis]) -> Iterator[tuple[int, ...]]:
    """All taps of a kernel, in row-major order."""
    return product(*(range(axis.kernel_size) for axis in axes))


def shift(
    x: Shaped[Array, "b *in c"], axes: Sequence[Axis], tap: Sequence[int], fill: complex = 0
) -> Shaped[Array, "b *out c"]:
    """For every output the input that it meets through one tap, or `fill` where it meets none."""
    return read(widen(x, axes, fill), axes, tap)


def widen(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], fill: complex = 0) -> Shaped[Array, "b *wide c"]:
    """All that any tap reads: x stretched, with `fill` between its entries and around them, or cropped."""
    widths = [(0, 0, 0), *map(_widths, axes), (0, 0, 0)]
    return jax.lax.pad(x, jnp.asarray(fill, x.dtype), widths)


def read(wide: Shaped[Array, "b *wide c"], axes: Sequence[Axis], tap: Sequence[int]) -> Shaped[Array, "b *out c"]:
    """What one tap reads of a widened input: from its first position on, every s-th."""
    starts = [_start(axis, k) for axis, k in zip(axes, tap, strict=True)]
    limits = [start + axis.T.stretched for start, axis in zip(starts, axes, strict=True)]
    strides = [axis.stride for axis in axes]
    return jax.lax.slice(wide, (0, *starts, 0), (wide.shape[0], *limits, wide.shape[-1]), (1, *strides, 1))


def shift_axis(x: Array, axis: Axis, k: int, position: int) -> Array:
    """`shift` along one axis of x."""
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = _widths(axis)
    wide = jax.lax.pad(x, jnp.zeros((), x.dtype), widths)
    start = _start(axis, k)
    return jax.lax.slice_in_dim(wide, start, start + axis.T.stretched, axis.stride, position)


def _start(axis: Axis, k: int) -> int:
    """The first position of a widened input that a tap reads."""
    first, _ = axis.span(1)
    return axis.position(0, k) - first


def _widths(axis: Axis) -> tuple[int, int, int]:
    """How an axis is widened from the first window's first position to the last window's last one."""
    first, _ = axis.span(1)
    wide = axis.T.stretched + max(axis.extent - 1, 0)
    return -first, wide + first - axis.stretched, axis.stretch - 1
