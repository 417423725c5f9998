"""What each window holds, brought together by an associative operation.

A window of a + b taps is a window of a taps and the window of b taps that begins behind it. So the windows of 1, 2,
4, … taps follow from one another, and those of k taps take about log₂ k steps on each axis, whatever k is. Every result
is made from the entries of its own window alone: nothing is ever subtracted, and what is large or not finite elsewhere
leaves no trace.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.blocks import (
    combine_blocks,
    combine_by_library,
    combine_tiles,
    combine_written_out,
    is_full,
    is_tiled,
)
from minicnn.forms.memory import check_widened
from minicnn.forms.meshes import vary_alike
from minicnn.forms.monoids import (
    FEW_SLICES,
    IN_LOOP,
    SHORT,
    SUM,
    Monoid,
    Parts,
    has_few_channels,
    one_by_one,
    padded_by_neutral,
    sliced,
    sweep,
    sweep_in_loop,
)
from minicnn.forms.shifts import axes_with, is_sparse, shift, taps, widths_of


def reduce_windows(parts: Parts, axes: Sequence[Axis], monoid: Monoid, *, alone: bool = False) -> Parts:
    """Replace the spatial axes of every part by what their windows hold, combined; an empty place is neutral.

    With `alone` XLA's own loop may combine them, and windows that lie side by side are a loop or two, or a reduction:
    for plain sums XLA for CPUs has them ready and need not compile them. Together with others, shifts of few taps cost
    little more to compile and run faster.
    """
    if not all(axis.out_size for axis in axes):
        shape = *(axis.out_size for axis in axes), parts[0].shape[-1]
        return tuple(vary_alike(jnp.zeros((z.shape[0], *shape), z.dtype), z)[0] for z in parts)
    for position, axis in enumerate(axes, start=1):
        if _is_in_padding(axis) or _is_in_padding(axis.T):
            parts = _reduce_pieces(parts, axis, position, monoid)
            done = Axis(axis.out_size, axis.out_size, 1)
            return reduce_windows(parts, [*axes[: position - 1], done, *axes[position:]], monoid)
    loop = alone and _fits_loop(axes, monoid)
    if alone and all(map(is_tiled, axes)):
        full, short = all(map(is_full, axes)), all(axis.kernel_size <= SHORT for axis in axes)
        if loop and monoid.written_out:
            return (combine_written_out(parts[0], axes, monoid),)
        if loop and (has_few_channels(parts[0]) or not (full or short)):
            return (combine_by_library(parts[0], axes, monoid),)
        if full or not short:
            return combine_tiles(parts, axes, monoid)
    return _reduce_repeated(parts, axes, monoid if loop else replace(monoid, of_numbers=None))


def _reduce_repeated(parts: Parts, axes: Sequence[Axis], monoid: Monoid) -> Parts:
    """Combine the windows of coarser axes, each output of which stands for several."""
    coarse, repeats, starts = zip(*map(_repeated, axes), strict=True)
    phased = {position: axis for position, axis in enumerate(coarse, start=1) if _in_phases(axis)}
    kept = [Axis(axis.in_size, axis.in_size, 1) if at in phased else axis for at, axis in enumerate(coarse, start=1)]
    parts = _reduce_axes(parts, kept, monoid)
    for position, axis in phased.items():
        parts = _reduce_phases(parts, axis, position, monoid)
    for position, (axis, times, start) in enumerate(zip(axes, repeats, starts, strict=True), start=1):
        if times > 1:
            parts = sliced(tuple(jnp.repeat(z, times, position) for z in parts), position, start, axis.out_size)
    return parts


def _is_in_padding(axis: Axis) -> bool:
    """Tell whether windows hold far more padding than there is to read: all are longer than the input then."""
    slides = axis.stretch == abs(axis.dilation) == 1 and 0 < axis.in_size <= axis.kernel_size
    return slides and axis.read_length > _IN_PADDING * (axis.in_size + axis.out_size) and len(axis.met) > 0


# Chosen, not fitted: the padding of usual windows is no longer than the input, which they read at most twice.
_IN_PADDING = 8


def _reduce_pieces(parts: Parts, axis: Axis, position: int, monoid: Monoid) -> Parts:
    """Combine windows that hold mostly padding, of which none is stored: each piece of them reads the input alone.

    The pieces of the windows of an axis lie side by side; those of the transposed axis add up, as a transpose does.
    """

    def along(parts: Parts, piece: Axis) -> Parts:
        return reduce_windows(parts, axes_with({position: piece}, parts[0].shape[1:-1]), monoid)

    if not _is_in_padding(axis):
        pieces = _pieces(axis.T)
        return reduce(monoid.combine, (along(sliced(parts, position, o.start, len(o)), c.T) for o, c in pieces))
    found = [along(parts, piece) for _, piece in _pieces(axis)]
    ends = axis.met.start, axis.out_size - axis.met.stop, 0
    widths = [ends if at == position else (0, 0, 0) for at in range(parts[0].ndim)]
    return padded_by_neutral(tuple(jnp.concatenate(z, position) for z in zip(*found, strict=True)), widths, monoid)


def _pieces(axis: Axis) -> list[tuple[range, Axis]]:
    """The windows that end within the input, that hold all of it, and that begin within it: outputs, and their axis.

    Windows as long as the input hold what longer ones do, if they end or begin at the same place.
    """
    plain, n, met = axis.forwards, axis.in_size, axis.met
    beyond = plain.kernel_size - n
    ends = -((beyond - plain.low) // plain.stride), plain.low // plain.stride + 1
    first, last = (min(max(end, met.start), met.stop) for end in ends)
    before, all_of_it, after = range(met.start, first), range(first, last), range(last, met.stop)
    count = len(all_of_it)
    pieces = [
        (before, replace(plain, kernel_size=n, low=plain.low - beyond).cut(before)),
        (all_of_it, Axis(n, count, n + count - 1, low=count - 1)),
        (after, replace(plain, kernel_size=n).cut(after)),
    ]
    return [(outputs, piece) for outputs, piece in pieces if outputs]


def _repeated(axis: Axis) -> tuple[Axis, int, int]:
    """An axis, how often each of its outputs is repeated, and where among these the outputs of the given axis begin.

    Windows of k positions over entries that lie u apart hold the same entries gcd(k, u) times in a row: with g that
    number, output i reads what output ⌈(i − p) / g⌉ of the windows of k / g positions over entries u / g apart reads.
    """
    plain = axis.forwards
    g = plain.kernel_size if plain.in_size == 1 else math.gcd(plain.kernel_size, plain.stretch)
    if g == 1 or plain.stride > 1 or plain.dilation > 1 or is_sparse(plain):
        return axis, 1, 0
    first, apart = -(plain.low // g), max(plain.stretch // g, 1)
    start = g - 1 - (g * first + plain.low)
    return Axis(plain.in_size, -(-(start + plain.out_size) // g), plain.kernel_size // g, 1, 1, apart, -first), g, start


def _in_phases(axis: Axis) -> bool:
    """Tell whether windows slide over entries with wide gaps between them, and hold one of these at least.

    Entries two apart are stored with the gaps: that runs as fast, and takes half as long to compile.
    """
    return 2 < axis.stretch <= axis.kernel_size and axis.stride == abs(axis.dilation) == 1 and not is_sparse(axis)


def _reduce_phases(parts: Parts, axis: Axis, position: int, monoid: Monoid) -> Parts:
    """Combine windows of entries u apart: u neighbours hold the same ⌊k / u⌋ entries, and the last k mod u one more.

    It is the transpose of windows that begin u apart, each of ⌊k / u⌋ blocks of u entries and k mod u more.
    """
    plain, u, shape = axis.forwards, axis.stretch, parts[0].shape
    (whole, few), first = divmod(plain.kernel_size, u), -(plain.low // u)
    groups = -((plain.low - plain.out_size + 1) // u) - first + 1

    def windows(k: int, low: int) -> Parts:
        along = axes_with({position: Axis(plain.in_size, groups, k, low=low)}, shape[1:-1])
        return tuple(jnp.expand_dims(z, position + 1) for z in _reduce_axes(parts, along, monoid))

    phase = jnp.arange(u).reshape(*(1,) * position, 1, u, *(1,) * (len(shape) - position - 1))
    more = zip(windows(1, -first - whole), monoid.neutral, strict=True)
    more = tuple(jnp.where(phase >= u - few, z, jnp.asarray(value, z.dtype)) for z, value in more)
    alike = tuple(map(jnp.broadcast_to, windows(whole, -first), (z.shape for z in more)))
    combined = monoid.combine(alike, more)
    start, flat = u - 1 - plain.low - u * first, (*shape[:position], groups * u, *shape[position + 1 :])
    return sliced(tuple(z.reshape(flat) for z in combined), position, start, plain.out_size)


def _reduce_axes(parts: Parts, axes: Sequence[Axis], monoid: Monoid) -> Parts:
    """Combine the windows of all axes.

    Axes are padded at once, since XLA takes its time for every operation that is not part of another; only those whose
    windows double wait for their turn, so that the doubling of others does not have to go through their padding.
    """
    for axis in axes:
        if not _by_shifts(axis):
            check_widened(axis, sum(math.prod(_known(z.shape[1:])) * z.dtype.itemsize for z in parts))
    at_once = ((0, 0, 0) if _doubles(axis, monoid) else _widths(axis, monoid) for axis in axes)
    parts = padded_by_neutral(parts, [(0, 0, 0), *at_once, (0, 0, 0)], monoid)
    parts = _in_blocks(parts, axes, monoid)
    shifted = [position for position, axis in enumerate(axes, start=1) if _by_shifts(axis)]
    together = math.prod(axes[position - 1].kernel_size for position in shifted) <= _TOGETHER
    for positions in [shifted] if together else [[position] for position in shifted]:
        parts = _reduce_shifts(parts, {position: axes[position - 1] for position in positions}, monoid)
    for position, axis in enumerate(axes, start=1):
        if _doubles(axis, monoid):
            widths = [_widths(axis, monoid) if at == position else (0, 0, 0) for at in range(parts[0].ndim)]
            parts = padded_by_neutral(parts, widths, monoid)
        if _in_loop(axis, monoid):
            of_axis = axis.kernel_size, abs(axis.dilation), axis.stride, axis.out_size
            parts = (sweep_in_loop(parts[0], position, *of_axis, monoid),)
        elif not _by_shifts(axis):
            k, stride = axis.kernel_size // _block(axis, monoid), max(axis.stride // _block(axis, monoid), 1)
            parts = sweep(parts, position, k, abs(axis.dilation), stride, axis.out_size, monoid)
    return parts


def _known(shape: Sequence[Any]) -> list[int]:
    """The sizes that are numbers; others are symbols of `jax.export`."""
    return [size for size in shape if isinstance(size, int)]


def _by_shifts(axis: Axis) -> bool:
    """Tell whether each tap reads from the axis as it is, where it would not pay to store the padded axis.

    So it is where no entry is read twice, and where the windows span far more padding than there is to read.
    """
    if is_sparse(axis):
        return axis.kernel_size <= FEW_SLICES
    return axis.kernel_size <= min(SHORT, axis.stride) and axis.stretch == 1 and abs(axis.dilation) == 1


def _fits_loop(axes: Sequence[Axis], monoid: Monoid) -> bool:
    """Tell whether XLA's loop may combine windows, which saves cutting tiles of few channels out.

    Where one axis is pooled after the other, as for winners, other loops take part in a reduction: LeNet-5's step took
    10.5 ms with XLA's loop there, and 5.2 without.
    """
    return monoid.of_numbers is not None and all(1 < axis.kernel_size <= IN_LOOP for axis in axes)


def _in_loop(axis: Axis, monoid: Monoid) -> bool:
    """Tell whether XLA's own loop combines overlapping windows sooner than blocks or doubling do."""
    if monoid.of_numbers is None or _by_shifts(axis) or axis.out_size <= 1:
        return False
    k, stride = axis.kernel_size, axis.stride
    if _in_common(axis) > 1:
        return k <= _READS * stride * (1 if monoid.idempotent else 2)  # pieces of sums may not overlap: there are more
    return stride == 1 and not monoid.idempotent and k in _SOME and k & (k - 1) > 0


def _doubles(axis: Axis, monoid: Monoid) -> bool:
    """Tell whether the windows of single entries are made of windows of 1, 2, 4, … entries."""
    is_single = _block(axis, monoid) == 1 and not _in_loop(axis, monoid)
    return is_single and not one_by_one(axis.kernel_size, axis.stride)


def _block(axis: Axis, monoid: Monoid) -> int:
    """The size of the blocks that all windows of an axis are made of; 1 where entries are taken one by one."""
    return 1 if _by_shifts(axis) or _in_loop(axis, monoid) else _in_common(axis)


def _in_common(axis: Axis) -> int:
    """Windows of k positions that begin s apart are made of blocks of gcd(k, s) positions."""
    if abs(axis.dilation) > 1:
        return 1
    return axis.kernel_size if axis.out_size == 1 else math.gcd(axis.kernel_size, axis.stride)


def _widths(axis: Axis, monoid: Monoid) -> tuple[int, int, int]:
    """Tell how an axis is padded. What lies behind the last window is cut off for blocks, and left alone by slices."""
    low, high, gaps = widths_of(axis)
    if _by_shifts(axis):
        return 0, 0, 0
    return low, high if _block(axis, monoid) > 1 else max(high, 0), gaps


def _in_blocks(parts: Parts, axes: Sequence[Axis], monoid: Monoid) -> Parts:
    """Combine the entries of every block of the padded axes: of one axis after the other, or of all at once.

    What lies side by side in memory is combined in vectors: channels, and for an outer axis the inner ones too. So few
    channels are better off with an axis at a time.
    """
    blocks = {position: _block(axis, monoid) for position, axis in enumerate(axes, start=1)}
    blocks = {position: size for position, size in blocks.items() if size > 1}
    at_once = [(position,) for position in blocks] if has_few_channels(parts[0]) else [tuple(blocks)]
    for positions in filter(None, at_once):
        parts = combine_blocks(parts, {at: blocks[at] for at in positions}, monoid)
    return parts


def _reduce_shifts(parts: Parts, by_position: Mapping[int, Axis], monoid: Monoid) -> Parts:
    """Combine the shifts of some axes, tap by tap."""
    axes = axes_with(by_position, parts[0].shape[1:-1])

    def read(tap: tuple[int, ...]) -> Parts:
        return tuple(shift(z, axes, tap, value, padded=False) for z, value in zip(parts, monoid.neutral, strict=True))

    return reduce(monoid.combine, map(read, taps(axes)))


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def window_sum(x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...], alone: bool = True) -> Shaped[Array, "b *out c"]:
    """Sum each window, one axis after the other."""
    return _sum(x, axes, alone=alone)


@window_sum.defjvp
def _window_sum_jvp(
    axes: tuple[Axis, ...], alone: bool, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    """State the derivative as the transpose of the sum on the transposed axes, which is the sum itself.

    What JAX makes of it in reverse mode is the sum on the transposed axes, read by slices. Transposed step by step, the
    sum would pad at each step, and XLA would join the steps into one loop that repeats the first for every later one.
    """
    (x,), (x_dot,) = primals, tangents
    del alone  # where a derivative is taken, the sum is not
    y = window_sum(x, axes, False)
    return y, transposed(lambda y: _sum(y, [axis.T for axis in axes]), y.shape, x_dot)


def _sum(x: Array, axes: Sequence[Axis], *, alone: bool = False) -> Array:
    return reduce_windows((x,), axes, SUM, alone=alone)[0]


def transposed(function: Callable[[Array], Array], shape: Sequence[int], x: Array) -> Array:
    """Multiply x by the transpose of a linear function of arrays of this shape."""
    example, _ = vary_alike(jnp.zeros(shape, x.dtype), x)
    return jax.linear_transpose(function, example)(x)[0]


# Found by compiling and running pools of 2 to 64 positions on two axes with XLA for CPUs: so many shifts of all axes
# are one loop;
_TOGETHER = 16
# overlapping windows of what blocks have in common, that read an entry so often on each axis, XLA's loop combines in a
# tenth to nine tenths of the time of blocks;
_READS = 4
# and sums of so many entries that slide by one, in a twelfth of the time of doubling, which joins three pieces or more,
# or two in a loop that repeats them for the next axis. Sums of 8 double.
_SOME = range(7, 16)
