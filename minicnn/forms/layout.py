"""From a kernel to a matrix and back: w ↦ Σ_k T[o, k, i]·w[k], its adjoint, and what becomes rows and columns.

`lay` and `collect` tie the entries of a Toeplitz matrix to the taps of its kernel. `lay` copies (a NaN tap stays in its
own entries); its derivative and `collect` contract with T, which XLA turns into fast products, or move row by row where
the kernel is long. Then tiles, positions in them and channels are ordered into one matrix for each group.
"""

import math
from collections.abc import Sequence
from functools import partial
from itertools import chain
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic, summing
from minicnn.forms.fence import fence
from minicnn.forms.shaping import listed, moved, ordered, reshaped
from minicnn.forms.sums import BAKED_PLACES, FEW, Entries, along, gathered, picked_sum, places_of, sources


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def lay(w: Shaped[Array, "*kernel c d"], axes: tuple[Axis, ...]) -> Shaped[Array, "..."]:
    """Replace each tap axis of w by a pair (out, in): from (*kernel, …) to (out₁, in₁, out₂, in₂, …).

    An entry is the tap that joins its output and input, or zero where none does.
    """
    return copied(w, axes)


def copied(w: Shaped[Array, "*kernel c d"], axes: Sequence[Axis]) -> Shaped[Array, "..."]:
    """`lay` where no derivative is taken: a product is differentiated as a whole, not its steps."""
    in_order = [_in_order(axis) for axis in axes]
    w = _turned(w, in_order)
    for position, (axis, step) in reversed(list(enumerate(zip(axes, in_order, strict=True)))):
        w = _copies(w, axis, position) if step is None else w
    pairs = (size for axis in axes for size in (axis.out_size, axis.in_size))
    behind = 2 * len(axes) - in_order.count(1) - in_order.count(-1)
    return reshaped(w, (*pairs, *w.shape[behind:]))


def _turned(w: Array, in_order: Sequence[int | None]) -> Array:
    """The axes whose entries are taps that run backwards, turned round."""
    backwards = [position for position, step in enumerate(in_order) if step == -1]
    return jax.lax.rev(w, backwards) if backwards else w


@lay.defjvp
def _lay_jvp(axes: tuple[Axis, ...], primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (w,), (w_dot,) = primals, tangents
    laid = w_dot.astype(summing(w_dot.dtype))  # for the transpose, which sums
    for position, axis in reversed(list(enumerate(axes))):
        if axis.kernel_size > _SHORT:
            laid = copied(moved(laid, position, 0), [axis])
        else:
            laid = jnp.tensordot(_taps(axis, laid.dtype), laid, axes=(1, position), precision=_EXACT)
        laid = jnp.moveaxis(laid, (0, 1), (position, position + 1))
    return lay(w, axes), laid.astype(w_dot.dtype)


def collect(m: Shaped[Array, "..."], axes: Sequence[Axis]) -> Shaped[Array, "*kernel c d"]:
    """The adjoint of `lay`: sum the entries that share a tap, from (out₁, in₁, …) back to (*kernel, …)."""
    total, in_order = m.astype(summing(m.dtype)), [_in_order(axis) for axis in axes]
    pair_or_taps = lambda axis, step: (axis.out_size, axis.in_size) if step is None else (axis.kernel_size,)
    total = reshaped(total, (*chain.from_iterable(map(pair_or_taps, axes, in_order)), *total.shape[2 * len(axes) :]))
    for position, (axis, step) in enumerate(zip(axes, in_order, strict=True)):
        if step is None and axis.kernel_size > _SHORT:
            total = _diagonal_sums(total, axis, position)
        elif step is None:
            total = jnp.tensordot(
                _taps(axis, total.dtype), total, axes=((0, 2), (position, position + 1)), precision=_EXACT
            )
            total = moved(total, 0, position)
    return _turned(total, in_order).astype(m.dtype)


# Kernels of more taps are laid out and collected row by row: the tap tensor has so many times more entries than the
# matrix, and the kernels of networks, up to 11 taps, keep the contraction, which was measured to be fast for them.
_SHORT = 16


# Up to so many entries a table is part of the program; a larger one is computed where it is used. Computing a small one
# takes XLA longer to compile than all the rest of a small convolution.
_BAKED = 1024


def _home(axis: Axis) -> ModuleType:
    """What counts the table of an axis: numpy before the program runs, or jax.numpy in it."""
    return np if axis.out_size * axis.in_size * axis.kernel_size <= _BAKED else jnp


def _taps(axis: Axis, dtype: jnp.dtype) -> Array:
    """The tap tensor of an axis."""
    return jnp.asarray(axis.taps(_home(axis)), dtype)


def _in_order(axis: Axis) -> int | None:
    """Tell whether the entries of an axis are its taps, in their order, 1, or backwards, −1: those of single tiles."""
    if axis.kernel_size != axis.out_size * axis.in_size or 1 not in (axis.out_size, axis.in_size):
        return None
    taps = axis.tap_of().ravel().tolist()
    return next((step for step in (1, -1) if taps == list(range(axis.kernel_size))[::step]), None)


def _copies(w: Array, axis: Axis, position: int) -> Array:
    """The entries of one axis, copied: entry by entry, or row by row, where a row of a long kernel is one piece."""
    if axis.kernel_size <= _SHORT or axis.stretch > 1:
        return _taken(w, axis.tap_of(_home(axis)), position)
    first, _ = axis.span(1)
    turn = axis.stride * max(axis.out_size - 1, 0)
    w = jax.lax.rev(w, (position,)) if axis.dilation < 0 else w
    w = pad_axis(w, position, turn + first, axis.in_size - first - axis.extent, abs(axis.dilation) - 1)
    starts = places_of([[turn - axis.stride * np.arange(axis.out_size)]], (axis.out_size,))
    rows = gathered(w, starts, (position,), (*w.shape[:position], axis.in_size, *w.shape[position + 1 :]))
    return moved(rows, 0, position)


def _taken(w: Array, table: Int[Array | np.ndarray, "out in"], position: int) -> Array:
    """The entries of one axis that a table names, zero where it names none: `jnp.take` in fewer operations."""
    kept = tuple(axis if axis < position else axis + 1 for axis in range(w.ndim) if axis != position)
    numbers = jax.lax.GatherDimensionNumbers(kept, (position,), (position,))
    sizes = (*w.shape[:position], 1, *w.shape[position + 1 :])
    return jax.lax.gather(w, table[..., None].astype(np.int32), numbers, sizes, mode="fill", fill_value=0)


def _diagonal_sums(m: Array, axis: Axis, position: int) -> Array:
    """The sums of the entries of one axis that share a tap: every row is moved to where the first one lies."""
    first, _ = axis.span(1)
    high = max(axis.T.stretched - 1, 0) + first + axis.extent - axis.stretched
    m = pad_axis(m, position + 1, -first, high, axis.stretch - 1)
    places = places_of([[np.arange(axis.out_size)], [axis.stride * np.arange(axis.out_size)]], (axis.out_size,))
    row = *m.shape[:position], 1, axis.extent, *m.shape[position + 2 :]
    sums = gathered(m, places, (position, position + 1), row).sum((0, position + 1))
    w = jax.lax.slice_in_dim(sums, 0, axis.extent, abs(axis.dilation), position)
    return jax.lax.rev(w, (position,)) if axis.dilation < 0 else w


def pad_axis(x: Array, position: int, low: int, high: int, between: int = 0) -> Array:
    """Zeros before, after and between the entries of one axis; negative widths crop."""
    if low == high == between == 0:
        return x
    widths = [(0, 0, 0)] * x.ndim
    widths[position] = (low, high, between)
    return jax.lax.pad(x, np.zeros((), x.dtype), widths)


def pad_in_rows(x: Array, outer: Sequence[tuple[int, int, int]], low: int, high: int) -> Array:
    """Zeros around images, the channels with the last axis as a row.

    A loop over few channels is written out for each of them: XLA takes 140 ms to compile it for 64, and 20 for rows.
    """
    size, channels = x.shape[-2:]
    rows = reshaped(x, (*x.shape[:-2], size * channels))
    rows = jax.lax.pad(rows, np.zeros((), x.dtype), [(0, 0, 0), *outer, (low * channels, high * channels, 0)])
    return reshaped(rows, (*rows.shape[:-1], low + size + high, channels))


_EXACT = jax.lax.Precision.HIGHEST


def groups_first(x: Shaped[Array, "b *n gc"], groups: int) -> Shaped[Array, "g b *n c"]:
    """Take the groups out of the channels, to the front."""
    apart = (*x.shape[:-1], groups, x.shape[-1] // groups)
    return moved(reshaped(x, apart), -2, 0)


def groups_last(x: Shaped[Array, "g b *n c"]) -> Shaped[Array, "b *n gc"]:
    """Put the groups back into the channels: the inverse of `groups_first`."""
    x = moved(x, 0, -2)
    return reshaped(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def as_matrix(numbers: Shaped[Array, "..."], groups: int, rows: int, columns: int) -> Shaped[Array, "..."]:
    """All numbers as one matrix, or as one for each group where there are several.

    A single group is multiplied as a plain matrix, which is faster.
    """
    return reshaped(numbers, (groups, rows, columns) if groups != 1 else (rows, columns))


def to_matrix(laid: Shaped[Array, "*t_and_l c g d"]) -> Shaped[Array, "..."]:
    """From (t₁, l₁, t₂, l₂, …, c, g, d) to (l₁, l₂, …, c) × (t₁, t₂, …, d), a matrix for each group, in memory.

    Between its axes and the matrix lies a list, which has one order only.
    """
    *pairs, c, g, d = range(laid.ndim)
    inside, outside = (*pairs[1::2], c), (*pairs[::2], d)
    size_of = lambda axes: math.prod(laid.shape[axis] for axis in axes)
    numbers = fence(listed(ordered(laid, (g, *inside, *outside))))
    return as_matrix(numbers, laid.shape[g], size_of(inside), size_of(outside))


def from_matrix(blocks: Shaped[Array, "..."], axes: Sequence[Axis]) -> Shaped[Array, "*t_and_l c g d"]:
    """The inverse of `to_matrix` for a kernel laid out by these axes."""
    inner, outer = [axis.in_size for axis in axes], [axis.out_size for axis in axes]
    groups, c, d = _parts(blocks, axes)
    rank = len(axes)
    places = [place for a in range(rank) for place in (2 + rank + a, 1 + a)]
    return ordered(reshaped(blocks, (groups, *inner, c, *outer, d)), (*places, 1 + rank, 0, 2 + 2 * rank))


def _parts(blocks: Shaped[Array, "..."], axes: Sequence[Axis]) -> tuple[int, int, int]:
    """The groups of the matrices of tiles, and the channels of an input and of an output."""
    *groups, rows, columns = blocks.shape
    inside, outside = math.prod(axis.in_size for axis in axes), math.prod(axis.out_size for axis in axes)
    return math.prod(groups), rows // inside, columns // outside


def taps_of_matrix(blocks: Shaped[Array, "..."], axes: Sequence[Axis]) -> Shaped[Array, "*kernel c g d"]:
    """Sum the entries of a tile's matrix that share a tap: `collect`, in one loop where they are few."""
    entries = [sources(axis.tap_of().ravel(), axis.kernel_size) for axis in axes]
    inside, outside = math.prod(axis.in_size for axis in axes), math.prod(axis.out_size for axis in axes)
    groups, c, d = _parts(blocks, axes)
    shape = (*(axis.kernel_size for axis in axes), c, groups)
    is_short = math.prod(map(len, entries)) in range(1, FEW + 1) and math.prod(shape) <= BAKED_PLACES
    if not is_short or all(map(_in_order, axes)):
        return collect(from_matrix(blocks, axes), axes)
    rank, terms, behind = len(axes), [], (inside * c, outside)
    for n, (axis, taken) in enumerate(zip(axes, entries, strict=True)):
        behind = behind[0] // axis.in_size, behind[1] // axis.out_size
        ends = ((np.divmod(each, axis.in_size), is_there) for each, is_there in taken)
        place = lambda numbers, stride, n=n: along(stride * numbers, n, rank + 2)
        terms.append(
            [Entries((place(i, behind[0]), place(o, behind[1])), along(there, n, rank + 2)) for (o, i), there in ends]
        )
    terms.append([Entries((along(range(c), rank, rank + 2), 0))])
    terms.append([Entries((along(inside * c * np.arange(groups), rank + 1, rank + 2), 0))])
    rows = reshaped(blocks.astype(summing(blocks.dtype)), (groups * inside * c, 1, outside, d))
    return picked_sum(rows, terms, shape, 0, (*shape, d)).astype(blocks.dtype)


def multiply(
    a: Shaped[Array, "*g i j"], b: Shaped[Array, "*g k l"], over: tuple[int, int], arithmetic: Arithmetic
) -> Shaped[Array, "*g m n"]:
    """The product of two matrices, or of those of each group, summed over rows, −2, or columns, −1, of a and of b.

    What is left of a comes first.
    """
    of_a, of_b = (axis + a.ndim for axis in over)
    groups = tuple(range(a.ndim - 2))
    return arithmetic.dot(a, b, (((of_a,), (of_b,)), (groups, groups)))
