"""What each window holds, brought together by an associative operation, or laid side by side.

A window of a + b taps is a window of a taps and the window of b taps that begins behind it. So the windows of 1, 2,
4, … taps follow from one another, and those of k taps take about log₂ k steps on each axis, whatever k is. Every result
is made from the entries of its own window alone: nothing is ever subtracted, and what is large or not finite elsewhere
leaves no trace.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import summing
from minicnn.forms.memory import check_widened
from minicnn.forms.shifts import reader, shift, taps, widths_of
from minicnn.forms.tables import window_positions

Parts = tuple[Array, ...]


@dataclass(frozen=True)
class Monoid:
    """An associative and commutative operation on entries of one or more parts, and its neutral entry."""

    combine: Callable[[Parts, Parts], Parts]
    neutral: tuple[complex, ...]


SUM = Monoid(lambda a, b: (a[0] + b[0],), (0,))


def reduce_windows(parts: Parts, axis: Axis, position: int, monoid: Monoid) -> Parts:
    """Replace one axis of every part by what its windows hold, combined; an empty place is neutral."""
    k, outputs = axis.kernel_size, axis.out_size
    s = axis.stride if outputs > 1 else k
    check_widened(axis, sum(z.nbytes for z in parts))
    if s == 1 or abs(axis.dilation) > 1:
        wide = _widen(parts, axis, position, axis.read_length, monoid)
        return _sweep(wide, position, k, abs(axis.dilation), s, outputs, monoid)
    # Windows begin s positions apart, so each is made of whole blocks of s positions and of the first few of one more.
    whole, few = divmod(k, s)
    count = outputs + whole - (not few)
    wide = _widen(parts, axis, position, count * s, monoid)
    blocks = tuple(z.reshape(*z.shape[:position], count, s, *z.shape[position + 1 :]) for z in wide)
    pieces = []
    if whole:
        pieces.append(_sweep(_reduce(blocks, position + 1, monoid), position, whole, 1, 1, outputs, monoid))
    if few:
        starts = _slice(_slice(blocks, position, whole, outputs), position + 1, 0, few)
        pieces.append(_reduce(starts, position + 1, monoid))
    return reduce(monoid.combine, pieces)


def _sweep(parts: Parts, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Parts:
    """Combine k entries `step` apart, from every `stride`-th on, as windows of the binary digits of k."""
    pieces, taken, size = [], 0, 1
    while taken < k:
        if k & size:
            pieces.append(_slice(parts, position, taken * step, outputs, stride))
            taken += size
        if taken < k:
            left = parts[0].shape[position] - size * step
            parts = monoid.combine(_slice(parts, position, 0, left), _slice(parts, position, size * step, left))
            size *= 2
    return reduce(monoid.combine, pieces)


def _reduce(parts: Parts, position: int, monoid: Monoid) -> Parts:
    """Combine all entries along one axis."""
    if monoid is SUM:
        return (parts[0].sum(position, dtype=parts[0].dtype),)
    neutral = tuple(jnp.asarray(value, z.dtype) for value, z in zip(monoid.neutral, parts, strict=True))
    return tuple(jax.lax.reduce(parts, neutral, monoid.combine, (position,)))


def _slice(parts: Parts, position: int, start: int, count: int, stride: int = 1) -> Parts:
    limit = start + (count - 1) * stride + 1 if count else start
    return tuple(jax.lax.slice_in_dim(z, start, limit, stride, position) for z in parts)


def _widen(parts: Parts, axis: Axis, position: int, length: int, monoid: Monoid) -> Parts:
    """Pad or crop one axis to what its windows read, from the first position of the first window on."""
    low, high, gaps = widths_of(axis)
    widths = low, high + length - axis.read_length, gaps
    return tuple(
        jax.lax.pad(z, jnp.asarray(value, z.dtype), [widths if n == position else (0, 0, 0) for n in range(z.ndim)])
        for z, value in zip(parts, monoid.neutral, strict=True)
    )


def window_sum(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *out c"]:
    """Sum each window, one axis after the other."""
    for position, axis in enumerate(axes, start=1):
        x = _sum_axis(x, axis, position)
    return x


def _sum_axis(x: Array, axis: Axis, position: int) -> Array:
    if axis.kernel_size <= _FEW:
        others = [Axis(size, size, 1) for size in x.shape[1:-1]]
        along = [*others[: position - 1], axis, *others[position:]]
        taps = ((*(0,) * (position - 1), k, *(0,) * (len(others) - position)) for k in range(axis.kernel_size))
        return reduce(add, (shift(x, along, tap) for tap in taps))
    if axis.stretch > 1 and axis.stride == 1:
        # the windows of a stretched input hold gaps; the transposed axis has none
        y = jax.ShapeDtypeStruct((*x.shape[:position], axis.out_size, *x.shape[position + 1 :]), x.dtype)
        return jax.linear_transpose(lambda y: _sum_axis(y, axis.T, position), y)(x)[0]
    return reduce_windows((x,), axis, position, SUM)[0]


# So many taps on one axis are added one by one, by shifts that XLA joins into one loop.
_FEW = 4


def unfold(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *out taps c"]:
    """Lay every window's entries side by side, 0 where it sees padding; the derivative adds in the dtype of sums."""
    if few_taps(axes):
        read = reader(x, axes)
        return jnp.stack([read(tap) for tap in taps(axes)], axis=-2)
    flat = x.astype(summing(x.dtype)).reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])
    return jnp.take(flat, window_positions(axes), axis=1, mode="fill", fill_value=0).astype(x.dtype)


def fold(y: Shaped[Array, "b *out taps c"], axes: Sequence[Axis]) -> Shaped[Array, "b *in c"]:
    """Add windows back where they overlap: the adjoint of `unfold`."""
    in_size, total = tuple(axis.in_size for axis in axes), y.astype(summing(y.dtype))
    if few_taps(axes):
        back = tuple(axis.T for axis in axes)
        x = reduce(add, (shift(total[..., n, :], back, tap) for n, tap in enumerate(taps(axes))))
    else:
        flat = jnp.zeros((y.shape[0], math.prod(in_size), y.shape[-1]), total.dtype)
        x = flat.at[:, window_positions(axes)].add(total, mode="drop").reshape(y.shape[0], *in_size, y.shape[-1])
    return x.astype(y.dtype)


def few_taps(axes: Sequence[Axis]) -> bool:
    """Whether a window has so few taps that they are taken one by one, in one loop over the outputs."""
    return math.prod(axis.kernel_size for axis in axes) <= _FEW_TAPS


# One by one, each tap makes the program longer; up to 9 of them run faster than what the larger windows use.
_FEW_TAPS = 9
