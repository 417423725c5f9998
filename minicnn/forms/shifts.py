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
    for position, (axis, k) in enumerate(zip(axes, tap, strict=True), start=1):
        x = shift_axis(x, axis, k, position, fill)
    return x


def shift_axis(x: Array, axis: Axis, k: int, position: int, fill: complex = 0) -> Array:
    """`shift` along one axis of x: stretch by u, move by d·k − p, keep every s-th position."""
    length = max(axis.stride * (axis.out_size - 1) + 1, 0)
    stretched = axis.stretch * (axis.in_size - 1) + 1 if axis.in_size else 0
    low = axis.low - axis.dilation * k
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = (low, length - low - stretched, axis.stretch - 1)
    moved = jax.lax.pad(x, jnp.asarray(fill, x.dtype), widths)
    return jax.lax.slice_in_dim(moved, 0, length, stride=axis.stride, axis=position)
