"""The diagonals form: C as a sum of shifted, scaled diagonals, one per tap."""

from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.geometry import Geometry
from minicnn.forms.shifts import read, taps, widen


def product(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x = Σ_k (shift of x by tap k)·w[k]."""
    if _depthwise(geometry):
        return _depthwise_product(geometry, x, w, how.result_type(x, w))
    split, wide = w.reshape(geometry.split_shape), widen(x, geometry.axes)
    scaled = (
        how.einsum("...gc,cgd->...gd", _groups(read(wide, geometry.axes, tap), geometry.groups), split[tap])
        for tap in taps(geometry.axes)
    )
    return reduce(add, scaled).reshape(x.shape[0], *geometry.out_shape)


def weights(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: tap by tap, the shift of x against y."""
    if _depthwise(geometry):
        return _depthwise_weights(geometry, x, y, how.result_type(x, y))
    y, wide = _groups(y, geometry.groups), widen(x, geometry.axes)
    rows = [
        how.einsum("...gc,...gd->cgd", _groups(read(wide, geometry.axes, tap), geometry.groups), y)
        for tap in taps(geometry.axes)
    ]
    return jnp.stack(rows).reshape(geometry.w_shape)


def _depthwise(geometry: Geometry) -> bool:
    return geometry.groups == geometry.c_in == geometry.c_out


def _depthwise_product(geometry: Geometry, x: Array, w: Array, dtype: jnp.dtype) -> Array:
    """One channel per group: every diagonal is a product of single numbers, and their sum is one loop."""
    wide, w = widen(x.astype(dtype), geometry.axes), w.astype(dtype)
    return reduce(add, (read(wide, geometry.axes, tap) * w[tap][0] for tap in taps(geometry.axes)))


def _depthwise_weights(geometry: Geometry, x: Array, y: Array, dtype: jnp.dtype) -> Array:
    """All taps are summed in one pass over the images, along the last spatial axis; what is left is small."""
    total = jnp.promote_types(dtype, jnp.float32) if jnp.issubdtype(dtype, jnp.inexact) else dtype
    wide, y = widen(x.astype(total), geometry.axes), y.astype(total)
    products = [read(wide, geometry.axes, tap) * y for tap in taps(geometry.axes)]
    zeros = (jnp.zeros((), total),) * len(products)
    plus = lambda a, b: tuple(map(add, a, b))
    sums = jax.lax.reduce(tuple(products), zeros, plus, (len(geometry.axes),))
    rows = [row.sum(range(row.ndim - 1)) for row in sums]
    return jnp.stack(rows).reshape(geometry.w_shape).astype(dtype)


def _groups(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
