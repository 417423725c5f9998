"""The dense form: all of C, entry by entry."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import collect, lay


def matrix(geometry: Geometry, w: Shaped[Array, "*k c co"]) -> Shaped[Array, "..."]:
    """C(w) as an array (*out_size, c_out, *in_size, c_in): exact copies of the taps, and zeros.

    Groups make the channel block diagonal: an output of one group reads no input of another.
    """
    rank, groups = len(geometry.axes), geometry.groups
    laid = lay(w.reshape(geometry.split_shape), geometry.axes)
    outs, ins = tuple(range(0, 2 * rank, 2)), tuple(range(1, 2 * rank, 2))
    c, g, d = 2 * rank, 2 * rank + 1, 2 * rank + 2
    rows = jnp.expand_dims(laid.transpose(*outs, g, d, *ins, c), -2)
    same_group = jnp.eye(groups, dtype=bool).reshape(groups, *(1,) * (rank + 1), groups, 1)
    return jnp.where(same_group, rows, jnp.zeros((), w.dtype)).reshape(*geometry.out_shape, *geometry.in_shape)


def product(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C·vec(x)."""
    batch, rows, columns = x.shape[0], math.prod(geometry.out_shape), math.prod(geometry.in_shape)
    C = matrix(geometry, w).reshape(rows, columns)
    return how.einsum("bi,oi->bo", x.reshape(batch, columns), C).reshape(batch, *geometry.out_shape)


def weights(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: the gradient of all entries of C, then the entries of one tap summed."""
    rank, groups = len(geometry.axes), geometry.groups
    spatial_in, spatial_out = "ijkl"[:rank], "opqr"[:rank]
    pairs = "".join(map("".join, zip(spatial_out, spatial_in, strict=True)))
    x = x.reshape(*x.shape[:-1], groups, geometry.c_in // groups)
    y = y.reshape(*y.shape[:-1], groups, geometry.c_out // groups)
    entries = how.einsum(f"b{spatial_in}gc,b{spatial_out}gd->{pairs}cgd", x, y)
    return collect(entries, geometry.axes).reshape(geometry.w_shape)
