"""The diagonals form: C as a sum of shifted, scaled diagonals, one per tap."""

from functools import reduce
from operator import add

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.geometry import Geometry
from minicnn.forms.shifts import shift, taps


def product(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x = Σ_k (shift of x by tap k)·w[k]."""
    split = w.reshape(geometry.split_shape)
    scaled = (
        how.einsum("...gc,cgd->...gd", _groups(shift(x, geometry.axes, tap), geometry.groups), split[tap])
        for tap in taps(geometry.axes)
    )
    return reduce(add, scaled).reshape(x.shape[0], *geometry.out_shape)


def weights(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: tap by tap, the shift of x against y."""
    y = _groups(y, geometry.groups)
    rows = [
        how.einsum("...gc,...gd->cgd", _groups(shift(x, geometry.axes, tap), geometry.groups), y)
        for tap in taps(geometry.axes)
    ]
    return jnp.stack(rows).reshape(geometry.w_shape)


def _groups(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
