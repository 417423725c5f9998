"""The geometry of pooling windows, and the maximum of each."""

import math
from collections.abc import Iterator, Sequence
from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Shaped

from minicnn.axis import Axis, Sliding
from minicnn.forms.arithmetic import summing
from minicnn.forms.blocks import is_tiled
from minicnn.forms.fence import kept
from minicnn.forms.monoids import Monoid
from minicnn.forms.shifts import axes_with, reader, shift, taps
from minicnn.forms.tables import BinAxis, gather
from minicnn.forms.unfolding import few_taps
from minicnn.forms.windows import reduce_windows


def pool_axes(slidings: Sequence[Sliding], in_size: Sequence[int], ceil_mode: bool) -> tuple[Axis, ...]:
    """The axes of pooling windows. With `ceil_mode` a last, overhanging window is kept unless it starts in padding.

    Raises:
        ValueError: if a window lies wholly in the padding, naming it, or overhangs a cropped end.
    """
    axes = tuple(_pool_axis(sliding, size, ceil_mode) for sliding, size in zip(slidings, in_size, strict=True))
    for position, axis in enumerate(axes):
        empty = first_empty(axis)
        if empty is not None:
            raise ValueError(
                f"window {empty} on axis {position} lies wholly in the padding: "
                "pad by less than the window, or use a smaller dilation"
            )
    return axes


def first_empty(axis: Axis) -> int | None:
    """Find the first window that meets no input, if there is one."""
    meeting = axis.met
    if meeting.start:
        return 0
    if axis.dilation > axis.in_size:  # then the taps of a window may lie on both sides of the input
        for start in range(0, len(meeting), _LOOK):
            empty = np.flatnonzero(axis.cut(meeting[start : start + _LOOK]).counts() == 0)
            if empty.size:
                return start + int(empty[0])
    return meeting.stop if meeting.stop < axis.out_size else None


_LOOK = 65_536  # so many windows are looked at together: the first empty one is mostly among the first


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


def winners(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Int[Array, "b *out c"]:
    """The flat input position, row-major, of each window's maximum: of the first largest, or of the first NaN.

    Padding never wins.
    """
    return _winners(kept(x), axes)


def _winners(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Int[Array, "b *out c"]:
    x = jax.lax.stop_gradient(x)
    return _winners_of_maxima(x, axes) if _are_short(axes) else _winners_of_windows(x, axes)


def _are_short(axes: Sequence[Axis]) -> bool:
    """Tell whether windows are looked through tap by tap. Windows of more double."""
    return all(axis.kernel_size <= _SHORT for axis in axes)


_SHORT = 8  # so many taps of an axis are compared one by one


def _one_by_one(axes: Sequence[Axis]) -> Iterator[tuple[int, list[Axis]]]:
    """Each axis with its position, all others being left as they are.

    The last one comes first, so that of all that are largest the earliest is the one in the first of their rows.
    """
    sizes = [axis.in_size for axis in axes]
    for position, axis in reversed(list(enumerate(axes, start=1))):
        yield position, axes_with({position: axis}, sizes)
        sizes[position - 1] = axis.out_size


def _winners_of_maxima(x: Array, axes: Sequence[Axis]) -> Int[Array, "b *out c"]:
    """Look for the maxima, which are known first, among the taps of one axis after the other."""
    best, place = x, jnp.broadcast_to(_positions([axis.in_size for axis in axes]), x.shape)
    for position, one in _one_by_one(axes):
        largest, start = max_values(best, tuple(one)), along(_first_met(one[position - 1]), position, best.ndim)
        value, there = reader(best, one, lowest(x.dtype)), reader(place, one)
        found = jnp.asarray(_NOWHERE, jnp.int32)
        for tap in reversed(list(taps(one))):
            is_largest = (value(tap) == largest) | jnp.isnan(value(tap))
            found = jnp.where(is_largest & (tap[position - 1] >= start), there(tap), found)
        best, place = largest, found
    return _once(place)


def _first_met(axis: Axis) -> Int[Array, " out"]:
    """The first tap of each window that meets the input, where there is no more padding before it."""
    return jnp.maximum(-(axis.position(jnp.arange(axis.out_size), 0) // axis.dilation), 0)


def _once(winner: Int[Array, "..."]) -> Int[Array, "..."]:
    """Return the same numbers, as the largest of themselves and the least there is.

    XLA repeats a chain of comparisons in every loop that reads its result. A reduction is computed once.
    """
    return jnp.stack([winner, jnp.full_like(winner, jnp.iinfo(jnp.int32).min)]).max(0)


def _winners_of_windows(x: Array, axes: Sequence[Axis]) -> Int[Array, "b *out c"]:
    """Bring values with their positions together, axis by axis."""
    parts = x, jnp.broadcast_to(_positions([axis.in_size for axis in axes]), x.shape)
    first_largest = Monoid(_first_largest, (lowest(x.dtype), _NOWHERE), _first_largest_along)
    _, places = reduce_windows(parts, axes, first_largest)
    return places


def _first_largest(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
    """The larger of two (value, position), NaN before any number; of two alike the one with the earlier position."""
    (value, place), (other, there) = a, b
    nan, other_nan = jnp.isnan(value), jnp.isnan(other)
    larger = (other > value) | (other_nan & ~nan)
    alike = (other == value) | (other_nan & nan)
    better = larger | (alike & (there < place))
    return jax.lax.select(better, other, value), jax.lax.select(better, there, place)


def _first_largest_along(parts: tuple[Array, ...], axes: tuple[int, ...]) -> tuple[Array, ...]:
    """Find the first largest of all (value, position) along some axes."""
    value, place = parts
    best = _largest_along(value, axes)
    alike = jnp.expand_dims(best, axes)
    is_best = (value == alike) | (jnp.isnan(value) & jnp.isnan(alike))
    return best, jnp.where(is_best, place, _NOWHERE).min(axes)


_NOWHERE = int(jnp.iinfo(jnp.int32).max)  # the position of padding, behind all others


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def max_values(x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...], alone: bool = True) -> Shaped[Array, "b *out c"]:
    """The maxima alone; their derivative selects the winners from the windows of the tangent."""
    along = lambda parts, axes: (_largest_along(parts[0], axes),)
    combine = lambda a, b: (_larger(a[0], b[0]),)
    largest = Monoid(combine, (lowest(x.dtype),), along, of_numbers=_larger, written_out=_WRITTEN_OUT)
    return reduce_windows((x,), axes, largest, alone=alone)[0]


_WRITTEN_OUT = 32  # 37×37 maxima take twice the time as a loop, and compile in 170 ms instead of 85


def _largest_along(x: Array, axes: tuple[int, ...]) -> Array:
    """The largest of all entries along some axes; a NaN if there is one, of which XLA's own maximum loses some."""
    return jax.lax.reduce(x, np.asarray(lowest(x.dtype)).astype(x.dtype)[()], _larger, axes)


def _larger(a: Array, b: Array) -> Array:
    """The larger of two; a NaN if there is one.

    XLA's maximum loses some NaNs in long windows. With a bound, which nothing exceeds, it keeps them, in vectors too.
    """
    return jax.lax.clamp(a, b, np.asarray(_greatest(b.dtype)).astype(b.dtype)[()])


@max_values.defjvp
def _max_values_jvp(
    axes: tuple[Axis, ...], alone: bool, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Shaped[Array, "b *out c"], Shaped[Array, "b *out c"]]:
    x, (x_dot,) = kept(*primals), tangents
    del alone  # where a derivative is taken, the maximum is not
    return _known_to_winners(x, axes), select(x_dot, _winners(x, axes), axes)


def _known_to_winners(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *out c"]:
    """The maxima, found as the search for the winners finds them, so that XLA computes them once."""
    if not _are_short(axes):
        return max_values(x, tuple(axes), False)
    for _, one in _one_by_one(axes):
        x = max_values(x, tuple(one))
    return x


def select(
    x: Shaped[Array, "b *in c"], winner: Int[Array, "b *out c"], axes: Sequence[Axis]
) -> Shaped[Array, "b *out c"]:
    """The entry at each window's winner.

    Of windows that lie side by side every entry is looked at once, which is one plain loop, and so is its transpose. Of
    others for every tap the outputs that it won, or, where those are many, the winners' entries at once.
    """
    wide = x.astype(summing(x.dtype))  # in which the transpose adds
    if all(map(is_tiled, axes)):
        won = jnp.where(_won(winner, axes), _blocks(wide, axes), jnp.zeros((), wide.dtype))
        return won.sum(_inside(axes)).astype(x.dtype)
    if few_taps(axes):
        read, zero, relative = reader(wide, axes), jnp.zeros((), wide.dtype), winner - _origins(axes)
        won = (jnp.where(relative == _offset(axes, tap), read(tap), zero) for tap in taps(axes))
        return reduce(add, won).astype(x.dtype)
    channels = jnp.arange(x.shape[-1])

    def picked(x: Shaped[Array, "n c"], places: Int[Array, "m c"]) -> Shaped[Array, "m c"]:
        return x.at[places, channels].get(mode="fill", fill_value=0, wrap_negative_indices=False)

    return jax.vmap(picked)(_rows(wide), _rows(winner)).reshape(winner.shape).astype(x.dtype)


def _blocks(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *out_and_k c"]:
    """Windows that lie side by side, each axis as two: (b, out₁, k₁, out₂, k₂, …, c), without what they leave over."""
    inside = (slice(axis.out_size * axis.kernel_size) for axis in axes)
    sizes = (size for axis in axes for size in (axis.out_size, axis.kernel_size))
    return x[:, *inside].reshape(x.shape[0], *sizes, x.shape[-1])


def _won(winner: Int[Array, "b *out c"], axes: Sequence[Axis]) -> Bool[Array, "b *out_and_k c"]:
    """Tell which entries of windows that lie side by side are the winners: one of each."""
    places = _blocks(_positions([axis.in_size for axis in axes])[None], axes)
    return places == jnp.expand_dims(winner, _inside(axes))


def _inside(axes: Sequence[Axis]) -> tuple[int, ...]:
    """The axes of blocks along which the entries of a window lie."""
    return tuple(range(2, 2 + 2 * len(axes), 2))


def select_transpose(
    y: Shaped[Array, "b *out c"], winner: Int[Array, "b *out c"], axes: Sequence[Axis]
) -> Shaped[Array, "b *in c"]:
    """The adjoint: every output is sent to its winner; where windows overlap they add."""
    if all(map(is_tiled, axes)):
        sent = jnp.where(_won(winner, axes), jnp.expand_dims(y, _inside(axes)), jnp.zeros((), y.dtype))
        sent = sent.reshape(y.shape[0], *(axis.out_size * axis.kernel_size for axis in axes), y.shape[-1])
        over = [(0, axis.in_size - size) for axis, size in zip(axes, sent.shape[1:-1], strict=True)]
        return jnp.pad(sent, [(0, 0), *over, (0, 0)])
    wide, in_size = y.astype(summing(y.dtype)), tuple(axis.in_size for axis in axes)
    if few_taps(axes):
        back, zero, relative = [axis.T for axis in axes], jnp.zeros((), wide.dtype), winner - _origins(axes)
        sent = (shift(jnp.where(relative == _offset(axes, tap), wide, zero), back, tap) for tap in taps(axes))
        return reduce(add, sent).astype(y.dtype)
    size, channels = math.prod(in_size), jnp.arange(y.shape[-1])

    def put(y: Shaped[Array, "m c"], places: Int[Array, "m c"]) -> Shaped[Array, "n c"]:
        return jnp.zeros((size, y.shape[-1]), y.dtype).at[places, channels].add(y, mode="drop")

    return jax.vmap(put)(_rows(wide), _rows(winner)).reshape(y.shape[0], *in_size, y.shape[-1]).astype(y.dtype)


def _rows(x: Shaped[Array, "b *n c"]) -> Shaped[Array, "b rows c"]:
    """The spatial axes as one."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def _positions(in_size: Sequence[int]) -> Int[Array, "*in 1"]:
    """The flat position of every entry, row-major over the spatial axes."""
    return jnp.arange(math.prod(in_size), dtype=jnp.int32).reshape(*in_size, 1)


def _origins(axes: Sequence[Axis]) -> Int[Array, "1 *out 1"]:
    """The flat position that the first tap of each window reads, as if rows had no ends."""
    flat = jnp.zeros((), jnp.int32)
    for axis in axes:
        origin = axis.position(jnp.arange(axis.out_size, dtype=jnp.int32), 0)
        flat = flat[..., None] * axis.in_size + along(origin, flat.ndim, flat.ndim + 1)
    return flat[None, ..., None]


def along(a: Shaped[Array, " n"], position: int, rank: int) -> Shaped[Array, "..."]:
    """A list of numbers as an array of so many axes, of which it is one; no rank is then promoted in silence."""
    return a.reshape(*(1,) * position, -1, *(1,) * (rank - position - 1))


def _offset(axes: Sequence[Axis], tap: Sequence[int]) -> int:
    """How far behind that position a tap reads; taps that lie in a row's padding may share one, and read zeros."""
    flat = 0
    for axis, k in zip(axes, tap, strict=True):
        flat = flat * axis.in_size + axis.dilation * k
    return int(np.int64(flat).astype(np.int32))  # positions are differences in 32 bits, which may wrap around


def bin_winners(x: Shaped[Array, "b *in c"], axes: Sequence[BinAxis]) -> Int[Array, "b *out c"]:
    """The flat position in each image, channels included, of the first largest entry, or the first NaN, of each bin."""
    rank, channels = len(axes), x.shape[-1]
    bins = x
    for position, axis in enumerate(axes):
        bins = gather(bins, axis.table(jnp), 1 + 2 * position, lowest(x.dtype))
    outs, places = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    bins = bins.transpose(0, *outs, 2 * rank + 1, *places)  # b, *out, c, *place in bin
    best = jnp.argmax(bins.reshape(*bins.shape[: rank + 2], math.prod(axis.width for axis in axes)), axis=-1)
    flat = jnp.zeros((), jnp.int32)
    for position, (axis, place) in enumerate(
        zip(axes, jnp.unravel_index(best, tuple(axis.width for axis in axes)), strict=True)
    ):
        first, _ = axis.ends(jnp)
        flat = flat * axis.in_size + along(first, 1 + position, rank + 2) + place
    return (flat * channels + along(jnp.arange(channels), rank + 1, rank + 2)).astype(jnp.int32)


def _greatest(dtype: jnp.dtype) -> complex:
    """The number of a dtype that no other exceeds."""
    return jnp.inf if jnp.issubdtype(dtype, jnp.floating) else int(jnp.iinfo(dtype).max)


def lowest(dtype: jnp.dtype) -> complex:
    """The number of a dtype that no other is less than: padding, which never wins."""
    return -jnp.inf if jnp.issubdtype(dtype, jnp.floating) else int(jnp.iinfo(dtype).min)
