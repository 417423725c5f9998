"""The diagonals form: C as a sum of shifted, scaled diagonals, one per tap."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import pad_in_rows
from minicnn.forms.portions import mapped, summed
from minicnn.forms.shifts import taps, widen, widths_of


@dataclass(frozen=True)
class Diagonals(Costed):
    """C as a sum of shifted, scaled diagonals, one per tap: for depthwise and few-tap kernels."""

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product: no zero is multiplied, but each tap passes over all images once."""
        taps = math.prod(axis.kernel_size for axis in geometry.axes)
        inputs, outputs = batch * math.prod(geometry.in_shape), batch * math.prod(geometry.out_shape)
        multiplied = taps * outputs * geometry.c_in // geometry.groups
        if geometry.depthwise:
            # the sum over the taps is one loop, which moves nothing in between
            return Cost(_ELEMENTWISE * multiplied, inputs, outputs, 1)
        return Cost(_NARROW * multiplied, taps * inputs, taps * outputs, min(taps, _WRITTEN_OUT) + 1)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return _convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        return _correlate(geometry, x, y, arithmetic)


_ELEMENTWISE = 4  # a loop over single numbers takes so many times as long as a matrix product; fitted as `MOVING` was
_NARROW = 12  # and so does a product of matrices as small as one tap's


# Up to so many taps are written out one after the other; more are taken in a loop over portions, so that a program does
# not grow with its kernel: 1,000 taps written out compiled for 15 s.
_WRITTEN_OUT = 32
# Taps of a portion. For a depthwise kernel their sum is one pass over the images, so that a portion takes as many as
# may be written out; otherwise each is a product of its own, and few of them keep the program short.
_FUSED, _APART = 32, 8


def _convolve(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """Add up over the taps: C(w)·x = Σ_k (shift of x by tap k)·w[k]."""
    if geometry.depthwise:
        # one channel per group: every diagonal is a product of single numbers
        x, w = (a.astype(arithmetic.result_type(x, w)) for a in (x, w))
        scale = lambda shifted, tap: shifted * tap[0, :, 0].reshape(*(1,) * (x.ndim - 1), x.shape[-1])
    else:
        scale = lambda shifted, tap: arithmetic.einsum("...gc,cgd->...gd", _groups(shifted, geometry.groups), tap)
    read = _reader(x, geometry.axes)
    of_taps = lambda starts, kernel: reduce(add, map(scale, map(read, starts), kernel))
    starts = _starts(geometry.axes)
    kernel = w.reshape(len(starts), *geometry.split_shape[-3:])
    channels = (geometry.c_out,) if geometry.depthwise else geometry.split_shape[-2:]
    like = jax.ShapeDtypeStruct((x.shape[0], *geometry.out_shape[:-1], *channels), arithmetic.result_type(x, w))
    return summed(of_taps, starts, kernel, _portions(geometry), like).reshape(x.shape[0], *geometry.out_shape)


def _correlate(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], arithmetic: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """Multiply tap by tap: X(x)ᵀ·y has at tap k the shift of x by it against y."""
    if geometry.depthwise:
        x, y = (a.astype(arithmetic.result_type(x, y)) for a in (x, y))
        against = lambda shifts: _channel_sums([shifted * y for shifted in shifts])[:, None, :, None]
    else:
        y = _groups(y, geometry.groups)
        row = lambda shifted: arithmetic.einsum("...gc,...gd->cgd", _groups(shifted, geometry.groups), y)
        against = lambda shifts: jnp.stack(list(map(row, shifts)))
    read = _reader(x, geometry.axes)
    of_taps = lambda starts: against(map(read, starts))
    like = jax.ShapeDtypeStruct(geometry.split_shape[-3:], arithmetic.result_type(x, y))
    return mapped(of_taps, _starts(geometry.axes), _portions(geometry), like).reshape(geometry.w_shape)


def _reader(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Callable[[Any], Shaped[Array, "b *out c"]]:
    """What a tap reads of x, from where it starts on: every s-th position."""
    wide, sizes = _widened_in_rows(x, axes), [axis.T.stretched for axis in axes]

    def read(start: Any) -> Shaped[Array, "b *out c"]:
        held = jax.lax.dynamic_slice(wide, start, (wide.shape[0], *sizes, wide.shape[-1]))
        return held[:, *(slice(None, None, axis.stride) for axis in axes)]

    return read


def _widened_in_rows(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *wide c"]:
    """All that any tap reads, as `widen` makes it, in rows wherever they are known and not stretched."""
    if not axes or axes[-1].stretch > 1 or not isinstance(x.shape[-1], int):
        return widen(x, axes)
    *outer, (low, high, _) = map(widths_of, axes)
    return pad_in_rows(x, outer, low, high)


def _starts(axes: Sequence[Axis]) -> Any:
    """For each tap where it begins to read a widened input: integers (taps, 1 + axes + 1), zero for batch and channel.

    All are of one dtype, as `dynamic_slice` asks of them; a Python zero beside them would be wider under x64.
    """
    firsts = [axis.span(1)[0] for axis in axes]
    starts = [
        [axis.position(0, k) - first for axis, k, first in zip(axes, tap, firsts, strict=True)] for tap in taps(axes)
    ]
    return np.pad(np.asarray(starts, np.int32).reshape(len(starts), len(axes)), ((0, 0), (1, 1)))


def _portions(geometry: Geometry) -> int:
    """The number of portions of the taps, as equal ones as possible."""
    count = math.prod(axis.kernel_size for axis in geometry.axes)
    if count <= _WRITTEN_OUT:
        return 1
    most = _FUSED if geometry.depthwise else _APART
    return -(-count // next((size for size in range(most, most // 2, -1) if count % size == 0), most))


def _channel_sums(products: Sequence[Shaped[Array, "b *out c"]]) -> Shaped[Array, "taps c"]:
    """All taps are summed in one pass over the images, along the last spatial axis; what is left is small."""
    zeros = (jnp.zeros((), products[0].dtype),) * len(products)
    plus = lambda a, b: tuple(map(add, a, b))
    sums = jax.lax.reduce(tuple(products), zeros, plus, (products[0].ndim - 2,))
    return jnp.stack([row.sum(range(row.ndim - 1)) for row in sums])


def _groups(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
