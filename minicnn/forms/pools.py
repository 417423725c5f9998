"""The geometry of pooling windows, and the maximum of each."""

import math
from collections.abc import Sequence
from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.axis import Axis, Sliding
from minicnn.forms.shifts import read, shift, taps, widen
from minicnn.forms.tables import BinAxis, gather


def pool_axes(slidings: Sequence[Sliding], in_size: Sequence[int], ceil_mode: bool) -> tuple[Axis, ...]:
    """The axes of pooling windows. With `ceil_mode` a last, overhanging window is kept unless it starts in padding.

    Raises:
        ValueError: if a window lies wholly in the padding, naming it, or overhangs a cropped end.
    """
    axes = tuple(_pool_axis(sliding, size, ceil_mode) for sliding, size in zip(slidings, in_size, strict=True))
    for position, axis in enumerate(axes):
        empty = np.flatnonzero((axis.input_of() < 0).all(axis=1))
        if empty.size:
            raise ValueError(
                f"window {empty[0]} on axis {position} lies wholly in the padding: "
                "pad by less than the window, or use a smaller dilation"
            )
    return axes


def _pool_axis(sliding: Sliding, in_size: int, ceil_mode: bool) -> Axis:
    axis = sliding.over(in_size)
    overhangs = ceil_mode and sliding.remainder(in_size) > 0  # SAME leaves no position of x over
    starts_inside = axis.position(axis.out_size, 0) < in_size
    if not (overhangs and starts_inside):
        return axis
    if sliding.widths(in_size)[1] < 0:
        raise ValueError(
            f"`padding`={sliding.padding!r} crops what the last window of `ceil_mode` overhangs: crop x beforehand"
        )
    return Axis(in_size, axis.out_size + 1, axis.kernel_size, axis.stride, axis.dilation, low=axis.low)


def max_windows(
    x: Shaped[Array, "b *in c"], axes: Sequence[Axis]
) -> tuple[Shaped[Array, "b *out c"], Int[Array, "b *out c"]]:
    """The maximum of each window and the flat index of its tap: the first largest, or the first NaN.

    Found tap by tap, so that no window is ever stored.
    """
    wide, first = widen(x, axes, _lowest(x.dtype)), _first_taps(axes)
    best, winner = jnp.zeros((), x.dtype), jnp.zeros((), jnp.int32)
    for n, tap in enumerate(taps(axes)):
        value = read(wide, axes, tap)
        better = (first == n) | (value > best) | (jnp.isnan(value) & ~jnp.isnan(best))
        best, winner = jnp.where(better, value, best), jnp.where(better, n, winner)
    return best, _once(winner)


def _once(winner: Int[Array, "..."]) -> Int[Array, "..."]:
    """The same numbers, as the largest of themselves and -1.

    XLA repeats a chain of comparisons in every loop that reads its result, here once for each tap. A reduction is
    computed once.
    """
    return jnp.stack([winner, jnp.full_like(winner, -1)]).max(0)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def max_values(x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...]) -> Shaped[Array, "b *out c"]:
    """The maxima alone; their derivative selects the winners from the windows of the tangent."""
    return max_windows(x, axes)[0]


@max_values.defjvp
def _max_values_jvp(
    axes: tuple[Axis, ...], primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Shaped[Array, "b *out c"], Shaped[Array, "b *out c"]]:
    best, winner = max_windows(primals[0], axes)
    return best, select(tangents[0], winner, axes)


def select(
    x: Shaped[Array, "b *in c"], winner: Int[Array, "b *out c"], axes: Sequence[Axis]
) -> Shaped[Array, "b *out c"]:
    """The entry of each window that its winner points to: for every tap, the outputs that it won."""
    wide, zero = widen(x, axes), jnp.zeros((), x.dtype)
    return reduce(add, (jnp.where(winner == n, read(wide, axes, tap), zero) for n, tap in enumerate(taps(axes))))


def select_transpose(
    y: Shaped[Array, "b *out c"], winner: Int[Array, "b *out c"], axes: Sequence[Axis]
) -> Shaped[Array, "b *in c"]:
    """The adjoint: for every tap, the outputs that it won are shifted back; where windows overlap they add."""
    back, zero = [axis.T for axis in axes], jnp.zeros((), y.dtype)
    return reduce(add, (shift(jnp.where(winner == n, y, zero), back, tap) for n, tap in enumerate(taps(axes))))


def _first_taps(axes: Sequence[Axis]) -> Int[Array, "*out 1"]:
    """The flat index of each window's first tap that meets the input: where the search starts."""
    first = jnp.zeros((), jnp.int32)
    for axis in axes:
        starts = -(axis.position(jnp.arange(axis.out_size), 0) // axis.dilation)
        first = first[..., None] * axis.kernel_size + jnp.maximum(starts, 0)
    return first[..., None]


def input_positions(winner: Int[Array, "b *out c"], axes: Sequence[Axis]) -> Int[Array, "b *out c"]:
    """The flat input position, row-major over the spatial axes, that each window's winning tap meets."""
    rank, flat = len(axes), jnp.zeros((), jnp.int32)
    chosen = jnp.unravel_index(winner, tuple(axis.kernel_size for axis in axes))
    for position, (axis, k) in enumerate(zip(axes, chosen, strict=True)):
        o = jnp.arange(axis.out_size).reshape(-1, *(1,) * (rank - position))
        flat = flat * axis.in_size + axis.position(o, k)
    return flat.astype(jnp.int32)


def bin_winners(x: Shaped[Array, "b *in c"], axes: Sequence[BinAxis]) -> Int[Array, "b *out c"]:
    """The flat position in each image, channels included, of the first largest entry, or the first NaN, of each bin."""
    rank, channels = len(axes), x.shape[-1]
    bins = x
    for position, axis in enumerate(axes):
        bins = gather(bins, axis.table(jnp), 1 + 2 * position, _lowest(x.dtype))
    outs, places = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    bins = bins.transpose(0, *outs, 2 * rank + 1, *places)  # b, *out, c, *place in bin
    best = jnp.argmax(bins.reshape(*bins.shape[: rank + 2], math.prod(axis.width for axis in axes)), axis=-1)
    flat = jnp.zeros((), jnp.int32)
    for position, (axis, place) in enumerate(
        zip(axes, jnp.unravel_index(best, tuple(axis.width for axis in axes)), strict=True)
    ):
        first, _ = axis.ends(jnp)
        flat = flat * axis.in_size + first.reshape(-1, *(1,) * (rank - position)) + place
    return (flat * channels + jnp.arange(channels)).astype(jnp.int32)


def _lowest(dtype: jnp.dtype) -> complex:
    return -jnp.inf if jnp.issubdtype(dtype, jnp.floating) else int(jnp.iinfo(dtype).min)
