"""Associative operations, and the ways to combine entries of an array by one of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from minicnn.forms.arithmetic import plus
from minicnn.forms.meshes import vary_alike
from minicnn.forms.shaping import reshaped

Parts = tuple[Array, ...]


@dataclass(frozen=True)
class Monoid:
    """An associative and commutative operation on entries of one or more parts.

    Attributes:
        combine: the operation.
        neutral: the entry that changes no other.
        along: all entries along some axes, combined.
        idempotent: whether windows that are combined may overlap, as for a maximum and not for a sum.
        of_numbers: the operation of two numbers, where entries have one part, as XLA's loop for windows takes it.
        written_out: so many entries LLVM writes out one after the other; 0 for plain sums, which XLA for CPUs has in a
            library, and for entries of more parts.
    """

    combine: Callable[[Parts, Parts], Parts]
    neutral: tuple[complex, ...]
    along: Callable[[Parts, tuple[int, ...]], Parts]
    idempotent: bool = True
    of_numbers: Callable[[Array, Array], Array] | None = None
    written_out: int = 0


SUM = Monoid(
    lambda a, b: (plus(a[0], b[0]),),
    (0,),
    lambda parts, axes: (parts[0].sum(axes, dtype=parts[0].dtype),),
    idempotent=False,
    of_numbers=jax.lax.add,  # by itself, for which JAX has a sum of windows with a derivative and a rounding bound
)


def has_few_channels(x: Array) -> bool:
    """Tell whether channels do not fill two vectors; a symbolic number of them is taken to be many."""
    return isinstance(x.shape[-1], int) and x.shape[-1] < 2 * _VECTOR


def sweep_in_loop(x: Array, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Array:
    """Combine k entries `step` apart, from every `stride`-th on, in XLA's own loop for windows."""
    combine: Any = monoid.of_numbers
    (neutral,) = (np.asarray(number).astype(x.dtype)[()] for number in monoid.neutral)
    room = x.shape[position] - (k - 1) * step - 1
    if room // stride >= outputs:  # the loop would combine windows that nobody asks for
        x = jax.lax.slice_in_dim(x, 0, max(outputs - 1, 0) * stride + (k - 1) * step + 1, axis=position)
    # What lies before the axis is one axis and what lies behind it another: LLVM then has two loops less to look at.
    before, n, behind = x.shape[:position], x.shape[position], x.shape[position + 1 :]
    rows = reshaped(x, (math.prod(before), n, math.prod(behind)))
    size, strides, dilation = ((1, number, 1) for number in (k, stride, step))
    rows = jax.lax.reduce_window(rows, neutral, combine, size, strides, "VALID", window_dilation=dilation)
    return reshaped(rows, (*before, rows.shape[1], *behind))


def sweep(parts: Parts, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Parts:
    """Combine k entries `step` apart, from every `stride`-th on: one by one, or as windows of 1, 2, 4, … entries.

    Those of the binary digits of k lie side by side; where windows may overlap, two of the largest are enough.
    """
    if monoid.idempotent and parts[1:]:
        return _double_in_loop(parts, position, k, step, stride, outputs, monoid)
    if one_by_one(k, stride):
        return reduce(monoid.combine, (sliced(parts, position, n * step, outputs, stride) for n in range(k)))
    pieces, size = [], 1
    for length, start in _digits(k, monoid.idempotent):
        while size < length:
            left = parts[0].shape[position] - size * step
            parts = monoid.combine(sliced(parts, position, 0, left), sliced(parts, position, size * step, left))
            size *= 2
        pieces.append(sliced(parts, position, start * step, outputs, stride))
    return reduce(monoid.combine, pieces)


def one_by_one(k: int, stride: int) -> bool:
    """Tell whether so few entries are combined one by one, rather than as windows of 1, 2, 4, … entries."""
    return k <= (FEW_SLICES if stride > 1 else SHORT)


def _digits(k: int, overlapping: bool) -> list[tuple[int, int]]:
    """Cover k entries by runs of 1, 2, 4, … of them: the length of each, which do not fall, and where it starts."""
    if overlapping:
        longest = 1 << (k.bit_length() - 1)
        return [(longest, start) for start in sorted({0, k - longest})]
    lengths = [1 << bit for bit in range(k.bit_length()) if k >> bit & 1]
    return list(zip(lengths, accumulate(lengths[:-1], initial=0), strict=True))


def _double_in_loop(parts: Parts, position: int, k: int, step: int, stride: int, outputs: int, monoid: Monoid) -> Parts:
    """Combine windows of 1, 2, 4, … and at last k entries with those behind them; the last two may overlap.

    Written one after the other, the steps of an operation on pairs take XLA seconds to compile, which joins them; those
    of a loop it compiles once.
    """
    steps = [min(1 << bit, k - (1 << bit)) * step for bit in range((k - 1).bit_length())]
    size, room = parts[0].shape[position], max(steps, default=0)
    widths = [(0, room if n == position else 0, 0) for n in range(parts[0].ndim)]

    def combine_with_next(parts: Parts, start: Array) -> tuple[Parts, None]:
        longer = padded_by_neutral(parts, widths, monoid)
        behind = tuple(jax.lax.dynamic_slice_in_dim(z, start, size, position) for z in longer)
        return monoid.combine(parts, behind), None

    if steps:
        parts, _ = jax.lax.scan(combine_with_next, vary_alike(*parts), jnp.array(steps, jnp.int32))
    return sliced(parts, position, 0, outputs, stride)


def sliced(parts: Parts, position: int, start: int, count: int, stride: int = 1) -> Parts:
    """So many entries of every part, from one on, every `stride`-th."""
    limit = start + (count - 1) * stride + 1 if count else start
    return tuple(jax.lax.slice_in_dim(z, start, limit, stride, position) for z in parts)


def padded_by_neutral(parts: Parts, widths: Sequence[tuple[int, int, int]], monoid: Monoid) -> Parts:
    """Every part with neutral entries around it and between its own."""
    if not any(map(any, widths)):
        return parts
    return tuple(
        jax.lax.pad(z, jnp.asarray(value, z.dtype), widths) for z, value in zip(parts, monoid.neutral, strict=True)
    )


# Found by compiling and running pools of 2 to 64 positions on two axes with XLA for CPUs: so many taps run faster from
# shifts, in one loop, than in blocks, by up to six times;
SHORT = 4
# so many slices of a strided axis are read by one loop, which beats sums and maxima of windows that are not needed;
FEW_SLICES = 8
# with two vectors of so many channels, which are the widest, blocks of all axes at once are as fast as one axis after
# the other;
_VECTOR = 16
# so many entries XLA's loop combines one after the other, in 0.4 to 0.9 of the time of a reduction of blocks where
# these have few channels or are cut out first; more would round more, too.
IN_LOOP = 64
