"""The dense form: all of C, entry by entry."""

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
    """C·vec(x). C is block diagonal in the groups, and only its blocks are multiplied."""
    letters = _Letters(len(geometry.axes))
    C = lay(w.reshape(geometry.split_shape), geometry.axes)
    y = how.einsum(f"{letters.x},{letters.C}->{letters.y}", _grouped(x, geometry.groups), C)
    return y.reshape(x.shape[0], *geometry.out_shape)


def weights(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y: the gradient of all entries of C, then the entries of one tap summed."""
    letters = _Letters(len(geometry.axes))
    x, y = (_grouped(a, geometry.groups) for a in (x, y))
    C_bar = how.einsum(f"{letters.x},{letters.y}->{letters.C}", x, y)
    return collect(C_bar, geometry.axes).reshape(geometry.w_shape)


class _Letters:
    """The index pattern of C: b batch, i… inputs, o… outputs, g group, c and d channels."""

    def __init__(self, rank: int) -> None:
        inputs, outputs = "ijkl"[:rank], "opqr"[:rank]
        self.x = f"b{inputs}gc"
        self.y = f"b{outputs}gd"
        self.C = "".join(map("".join, zip(outputs, inputs, strict=True))) + "cgd"


def _grouped(a: Array, groups: int) -> Array:
    return a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups)
