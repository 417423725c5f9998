"""The diagonals form: C as a sum of shifted, scaled diagonals, one per tap."""

import math
from dataclasses import dataclass
from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry
from minicnn.forms.shifts import read, taps, widen


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
            return Cost(_ELEMENTWISE * multiplied, inputs, outputs)
        return Cost(_NARROW * multiplied, taps * inputs, taps * outputs)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """C(w)·x."""
        return _convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return _correlate(geometry, x, y, arithmetic)


_ELEMENTWISE = 4  # a loop over single numbers takes so many times as long as a matrix product; fitted as `MOVING` was
_NARROW = 12  # and so does a product of matrices as small as one tap's


def _convolve(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x = Σ_k (shift of x by tap k)·w[k]."""
    if geometry.depthwise:
        return _depthwise_convolve(geometry, x, w, arithmetic.result_type(x, w))
    split, wide = w.reshape(geometry.split_shape), widen(x, geometry.axes)
    scaled = (
        arithmetic.einsum("...gc,cgd->...gd", _groups(read(wide, geometry.axes, tap), geometry.groups), split[tap])
        for tap in taps(geometry.axes)
    )
    return reduce(add, scaled).reshape(x.shape[0], *geometry.out_shape)


def _correlate(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], arithmetic: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: tap by tap, the shift of x against y."""
    if geometry.depthwise:
        return _depthwise_correlate(geometry, x, y, arithmetic.result_type(x, y))
    y, wide = _groups(y, geometry.groups), widen(x, geometry.axes)
    rows = [
        arithmetic.einsum("...gc,...gd->cgd", _groups(read(wide, geometry.axes, tap), geometry.groups), y)
        for tap in taps(geometry.axes)
    ]
    return jnp.stack(rows).reshape(geometry.w_shape)


def _depthwise_convolve(geometry: Geometry, x: Array, w: Array, dtype: jnp.dtype) -> Array:
    """One channel per group: every diagonal is a product of single numbers, and their sum is one loop."""
    wide, w = widen(x.astype(dtype), geometry.axes), w.astype(dtype)
    return reduce(add, (read(wide, geometry.axes, tap) * w[tap][0] for tap in taps(geometry.axes)))


def _depthwise_correlate(geometry: Geometry, x: Array, y: Array, dtype: jnp.dtype) -> Array:
    """All taps are summed in one pass over the images, along the last spatial axis; what is left is small."""
    wide, y = widen(x.astype(dtype), geometry.axes), y.astype(dtype)
    products = [read(wide, geometry.axes, tap) * y for tap in taps(geometry.axes)]
    zeros = (jnp.zeros((), dtype),) * len(products)
    plus = lambda a, b: tuple(map(add, a, b))
    sums = jax.lax.reduce(tuple(products), zeros, plus, (len(geometry.axes),))
    rows = [row.sum(range(row.ndim - 1)) for row in sums]
    return jnp.stack(rows).reshape(geometry.w_shape)


def _groups(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
