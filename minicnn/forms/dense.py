"""The dense form: all of C, entry by entry."""

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import lay


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
