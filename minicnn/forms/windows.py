"""What each window holds, brought together by an associative operation, or laid side by side.

A window of a + b taps is a window of a taps and the window of b taps that begins behind it. So the windows of 1, 2,
4, … taps follow from one another, and those of k taps take about log₂ k steps on each axis, whatever k is. Every result
is made from the entries of its own window alone: nothing is ever subtracted, and what is large or not finite elsewhere
leaves no trace.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import accumulate
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import summing
from minicnn.forms.memory import check_widened
from minicnn.forms.meshes import vary_alike
from minicnn.forms.shifts import reader, shift, taps, widths_of
from minicnn.forms.tables import window_positions

Parts = tuple[Array, ...]


@dataclass(frozen=True)
class Monoid:
    """An associative and commutative operation on entries of one or more parts.

    Attributes:
        combine: the operation.
        neutral: the entry that changes no other.
        along: all entries along one axis, combined.
        idempotent: whether windows that are combined may overlap, as for a maximum and not for a sum.
    """

    combine: Callable[[Parts, Parts], Parts]
    neutral: tuple[complex, ...]
    along: Callable[[Parts, int], Parts]
    idempotent: bool = True


SUM = Monoid(
    lambda a, b: (a[0] + b[0],), (0,), lambda parts, axis: (parts[0].sum(axis, dtype=parts[0].dtype),), idempotent=False
)


def reduce_windows(parts: Parts, axis: Axis, position: int, monoid: Monoid) -> Parts:
    """Replace one axis of every part by what its windows hold, combined; an empty place is neutral."""
    k, outputs = axis.kernel_size, axis.out_size
    s = axis.stride if outputs > 1 else k
    check_widened(axis, sum(math.prod(z.shape[1:]) * z.dtype.itemsize for z in parts))
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
        pieces.append(_sweep(monoid.along(blocks, position + 1), position, whole, 1, 1, outputs, monoid))
    if few:
        starts = _slice(_slice(blocks, position, whole, outputs), position + 1, 0, few)
        pieces.append(monoid.along(starts, position + 1))
    return reduce(monoid.combine, pieces)


def _sweep(parts: Parts, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Parts:
    """Combine k entries `step` apart, from every `stride`-th on, as windows of the binary digits of k."""
    if monoid.idempotent and parts[1:]:
        return _sweep_in_loop(parts, position, k, step, stride, outputs, monoid)
    sizes = [size for bit in range(k.bit_length()) if k & (size := 1 << bit)]
    pieces, size = [], 1
    for wanted, place in zip(sizes, accumulate(sizes[:-1], initial=0), strict=True):
        while size < wanted:
            left = parts[0].shape[position] - size * step
            parts = monoid.combine(_slice(parts, position, 0, left), _slice(parts, position, size * step, left))
            size *= 2
        pieces.append(_slice(parts, position, place * step, outputs, stride))
    return reduce(monoid.combine, pieces)


def _sweep_in_loop(parts: Parts, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Parts:
    """Combine windows of 1, 2, 4, … and at last k entries with those behind them; the last two may overlap.

    Written one after the other, the steps of an operation on pairs take XLA seconds to compile, which joins them; those
    of a loop it compiles once.
    """
    steps = [min(1 << bit, k - (1 << bit)) * step for bit in range((k - 1).bit_length())]
    size, room = parts[0].shape[position], max(steps, default=0)

    def combine_with_next(parts: Parts, start: Array) -> tuple[Parts, None]:
        behind = (
            jax.lax.dynamic_slice_in_dim(z, start, size, position) for z in _pad(parts, position, (0, room, 0), monoid)
        )
        return monoid.combine(parts, tuple(behind)), None

    parts, _ = jax.lax.scan(combine_with_next, vary_alike(*parts), jnp.array(steps, jnp.int32))
    return _slice(parts, position, 0, outputs, stride)


def _slice(parts: Parts, position: int, start: int, count: int, stride: int = 1) -> Parts:
    limit = start + (count - 1) * stride + 1 if count else start
    return tuple(jax.lax.slice_in_dim(z, start, limit, stride, position) for z in parts)


def _widen(parts: Parts, axis: Axis, position: int, length: int, monoid: Monoid) -> Parts:
    """Pad or crop one axis to what its windows read, from the first position of the first window on."""
    low, high, gaps = widths_of(axis)
    return _pad(parts, position, (low, high + length - axis.read_length, gaps), monoid)


def _pad(parts: Parts, position: int, widths: tuple[int, int, int], monoid: Monoid) -> Parts:
    return tuple(
        jax.lax.pad(z, jnp.asarray(value, z.dtype), [widths if n == position else (0, 0, 0) for n in range(z.ndim)])
        for z, value in zip(parts, monoid.neutral, strict=True)
    )


def window_sum(x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...]) -> Shaped[Array, "b *out c"]:
    """Sum each window, one axis after the other."""
    swept = any(axis.kernel_size > max(_FEW, axis.stride) for axis in axes)
    return _swept_sum(x, axes) if swept else _sum(x, axes)


def _sum(x: Array, axes: Sequence[Axis]) -> Array:
    for position, axis in enumerate(axes, start=1):
        x = _sum_axis(x, axis, position)
    return x


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _swept_sum(x: Array, axes: tuple[Axis, ...]) -> Array:
    return _sum(x, axes)


@_swept_sum.defjvp
def _swept_sum_jvp(axes: tuple[Axis, ...], primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """State the derivative as the transpose of the sum on the transposed axes, which is the sum itself.

    What JAX makes of it in reverse mode is the sum on the transposed axes, read by slices. Transposed step by step, the
    sum would pad at each step, and XLA would join the steps into one loop that repeats the first for every later one.
    """
    (x,), (x_dot,) = primals, tangents
    y = _swept_sum(x, axes)
    return y, _transposed(lambda y: _sum(y, [axis.T for axis in axes]), y.shape, x_dot)


def _transposed(function: Callable[[Array], Array], shape: Sequence[int], x: Array) -> Array:
    """Multiply x by the transpose of a linear function of arrays of this shape."""
    example, _ = vary_alike(jnp.zeros(shape, x.dtype), x)
    return jax.linear_transpose(function, example)(x)[0]


def _sum_axis(x: Array, axis: Axis, position: int) -> Array:
    if axis.kernel_size <= _FEW:
        others = [Axis(size, size, 1) for size in x.shape[1:-1]]
        along = [*others[: position - 1], axis, *others[position:]]
        taps = ((*(0,) * (position - 1), k, *(0,) * (len(others) - position)) for k in range(axis.kernel_size))
        return reduce(add, (shift(x, along, tap) for tap in taps))
    if axis.stretch > 1 and axis.stride == 1:
        # the windows of a stretched input hold gaps; the transposed axis has none
        shape = (*x.shape[:position], axis.out_size, *x.shape[position + 1 :])
        return _transposed(lambda y: _sum_axis(y, axis.T, position), shape, x)
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


# One by one, each tap makes the program longer. Nine are chosen, not fitted: 3×3 windows stay as they were measured.
_FEW_TAPS = 9
