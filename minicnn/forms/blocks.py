"""Windows that lie side by side: blocks of entries, each of which becomes one.

Where nothing else is computed along with them, XLA for CPUs has two kinds of loops for them. For plain sums it has a
library, of which nothing need be compiled. All else LLVM compiles, whose time is mostly the price of any loop. It goes
along the channels, or whatever lies behind a block, in vectors if the entries of a block are written out one after the
other; of several reductions in one loop it writes out the innermost alone.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import chain, pairwise

import jax
from jaxtyping import Array

from minicnn.axis import Axis
from minicnn.forms.fence import fence
from minicnn.forms.monoids import Monoid, Parts, sweep_in_loop
from minicnn.forms.shaping import reshaped


def is_tiled(axis: Axis) -> bool:
    """Tell whether windows lie side by side from the first entry of the axis on."""
    is_plain = axis.stretch == abs(axis.dilation) == 1 and axis.span(1)[0] == 0
    is_whole = axis.out_size == 1 or axis.stride == axis.kernel_size
    return is_plain and is_whole and axis.in_size >= axis.kernel_size * axis.out_size


def is_full(axis: Axis) -> bool:
    """Tell whether windows that lie side by side leave no entry over."""
    return axis.in_size == axis.kernel_size * axis.out_size


def combine_blocks(parts: Parts, blocks: Mapping[int, int], monoid: Monoid) -> Parts:
    """Combine the entries of every block, of the sizes that are given by the position of an axis."""
    sizes = ((n // blocks[at], blocks[at]) if at in blocks else (n,) for at, n in enumerate(parts[0].shape))
    shape = tuple(chain.from_iterable(sizes))
    along = tuple(at + n for n, at in enumerate(blocks, start=1))
    return monoid.along(tuple(reshaped(z, shape) for z in parts), along)


def combine_tiles(parts: Parts, axes: Sequence[Axis], monoid: Monoid) -> Parts:
    """Combine windows of any size as blocks of all axes at once."""
    blocks = {position: axis.kernel_size for position, axis in enumerate(axes, start=1)}
    return combine_blocks(tuple(_cut(z, axes) for z in parts), blocks, monoid)


def _cut(x: Array, axes: Sequence[Axis], tap: int = 0, step: int = 1) -> Array:
    """Cut off what windows leave over, and keep of the last axis every `step`-th entry from a tap on."""
    if step == 1 and all(map(is_full, axes)):
        return x
    first, last = (0,) * (x.ndim - 2), [axis.kernel_size * axis.out_size for axis in axes]
    (images, *_, channels), strides = x.shape, (1,) * (x.ndim - 2)
    return jax.lax.slice(x, (*first, tap, 0), (images, *last, channels), (*strides, step, 1))


def combine_by_library(x: Array, axes: Sequence[Axis], monoid: Monoid) -> Array:
    """Combine windows axis by axis in the library's loop, with what x is computed from and what they leave over."""
    for position, axis in enumerate(axes, start=1):
        x = sweep_in_loop(x, position, axis.kernel_size, 1, axis.kernel_size, axis.out_size, monoid)
    return x


def combine_written_out(x: Array, axes: Sequence[Axis], monoid: Monoid) -> Array:
    """Combine windows in one loop if the last axis has few taps, which are slices there, and else in two.

    The first loop takes in what x is computed from, and reads nearly all there is to read.
    """
    sizes = {position: axis.kernel_size for position, axis in enumerate(axes, start=1)}
    *others, last = sizes
    k = sizes.pop(last) if others and sizes[last] <= _FEW_TAPS else 1
    (x,) = reduce(monoid.combine, ((_cut(x, axes, tap, k),) for tap in range(k)))
    steps = ((position, size) for position, k in sizes.items() for size in _divided(k, monoid.written_out))
    for n, (position, size) in enumerate(steps):
        x = _combine_every(fence(x) if n == 1 else x, position, size, monoid)
    return x


def _divided(k: int, most: int) -> list[int]:
    """The most entries that are written out and divide k, and how many such parts there are; k, if it is prime."""
    part = next(part for part in range(min(k, most), 0, -1) if k % part == 0)
    return [size for size in (part, k // part) if size > 1]


def _combine_every(x: Array, position: int, k: int, monoid: Monoid) -> Array:
    """Combine every k entries of an axis that lie side by side; those of a prime that is too large in equal shares."""
    blocks = reshaped(x, (*x.shape[:position], x.shape[position] // k, k, *x.shape[position + 1 :]))
    along, shares = position + 1, -(-k // monoid.written_out)
    ends = pairwise(k * n // shares for n in range(shares + 1))
    pieces = [blocks] if shares == 1 else [jax.lax.slice_in_dim(blocks, *share, axis=along) for share in ends]
    (x,) = reduce(monoid.combine, (monoid.along((piece,), (along,)) for piece in pieces))
    return x


# Found by compiling and running maxima and sums of squares of 2 to 64 positions on two axes with XLA for CPUs, on
# images of 4×126² to 4×129² with 1 to 128 channels: taps of 2×2 and 3×3 as slices in one loop run in 0.4 to 0.9 of the
# time of two loops, and compile as soon or sooner; those of 4×4 take LLVM 9 ms more than two loops.
_FEW_TAPS = 3
