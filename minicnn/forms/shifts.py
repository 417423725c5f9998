"""Shifts: what one tap reads. T[·, k, ·] as a 0/1 matrix, applied by padding and slicing.

A convolution is the sum over its taps of a shift times a coefficient; pooling is a sum or a maximum of shifts. The
adjoint of a shift is a shift on the transposed axes, so nothing here is ever scattered.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis


def taps(axes: Sequence[Axis]) -> Iterator[tuple[int, ...]]:
    """All taps of a kernel, in row-major order."""
    return product(*(range(axis.kernel_size) for axis in axes))


def axes_with(some: Mapping[int, Axis], sizes: Sequence[int]) -> list[Axis]:
    """All spatial axes of images of these sizes: some, given by their position in an array, the others left as are.

    >>> axes_with({2: Axis(5, 3, 3)}, (4, 5))[0]
    Axis(in_size=4, out_size=4, kernel_size=1, stride=1, dilation=1, stretch=1, low=0)
    """
    return [some.get(position, Axis(size, size, 1)) for position, size in enumerate(sizes, start=1)]


def shift(
    x: Shaped[Array, "b *in c"], axes: Sequence[Axis], tap: Sequence[int], fill: complex = 0, *, padded: bool = True
) -> Shaped[Array, "b *out c"]:
    """Read for every output the input that it meets through one tap, or `fill` where it meets none.

    Either from a padded input, or, if `padded` is false and where padding prevails, from the input as it is, and what
    was read is padded.
    """
    single = [axis.through(k) for axis, k in zip(axes, tap, strict=True)]
    met = [range(axis.out_size) if padded and not is_sparse(axis) else axis.met for axis in single]
    seeing = [axis.cut(outputs) for axis, outputs in zip(single, met, strict=True)]
    y = read(widen(x, seeing, fill), seeing, (0,) * len(axes))
    if seeing == single:
        return y
    ends = [(outputs.start, axis.out_size - outputs.stop, 0) for axis, outputs in zip(single, met, strict=True)]
    return jax.lax.pad(y, jnp.asarray(fill, x.dtype), [(0, 0, 0), *ends, (0, 0, 0)])


def reader(
    x: Shaped[Array, "b *in c"], axes: Sequence[Axis], fill: complex = 0
) -> Callable[[tuple[int, ...]], Shaped[Array, "b *out c"]]:
    """Make a function of the tap that gives its shift: the input is padded once for all taps, unless padding prevails.

    How much padding a window reads is no reason to store it.
    """
    if any(map(is_sparse, axes)):
        return lambda tap: shift(x, axes, tap, fill)
    wide = widen(x, axes, fill)
    return lambda tap: read(wide, axes, tap)


def widen(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], fill: complex = 0) -> Shaped[Array, "b *wide c"]:
    """Make all that any tap reads: x stretched, with `fill` between its entries and around them, or cropped."""
    widths = [(0, 0, 0), *map(widths_of, axes), (0, 0, 0)]
    return jax.lax.pad(x, jnp.asarray(fill, x.dtype), widths)


def read(wide: Shaped[Array, "b *wide c"], axes: Sequence[Axis], tap: Sequence[int]) -> Shaped[Array, "b *out c"]:
    """Read one tap of a widened input: from its first position on, every s-th."""
    starts = [_start(axis, k) for axis, k in zip(axes, tap, strict=True)]
    limits = [start + axis.T.stretched for start, axis in zip(starts, axes, strict=True)]
    strides = [axis.stride for axis in axes]
    return jax.lax.slice(wide, (0, *starts, 0), (wide.shape[0], *limits, wide.shape[-1]), (1, *strides, 1))


def widths_of(axis: Axis) -> tuple[int, int, int]:
    """Tell how an axis is widened from the first window's first position to the last window's last one."""
    first, _ = axis.span(1)
    return -first, axis.read_length + first - axis.stretched, axis.stretch - 1


def is_sparse(axis: Axis) -> bool:
    """Tell whether the windows span far more positions than there are to read."""
    return axis.read_length > _SPARSE * (axis.stretched + axis.out_size + axis.kernel_size)


# Chosen, not fitted: usual strides and dilations widen an axis a few times, and what is wider than that holds padding.
_SPARSE = 8


def _start(axis: Axis, k: int) -> int:
    """The first position of a widened input that a tap reads."""
    first, _ = axis.span(1)
    return axis.position(0, k) - first
