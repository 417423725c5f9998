"""The dense form: all of C, entry by entry."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.cuts import Cut
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import lay
from minicnn.forms.memory import check_fits
from minicnn.forms.tiles import Cuts


@dataclass(frozen=True)
class Dense(Costed):
    """All of C as one tile: for small images, spectra and proofs."""

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse a C that does not fit into memory."""
        check_fits(geometry.out_shape, geometry.in_shape, dtype)

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> Cuts:
        """One tile, which is everything."""
        return _whole(geometry)

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product: C itself is written and read."""
        entries = math.prod(geometry.out_shape) * math.prod(geometry.in_shape) // geometry.groups
        return Cost(batch * entries, entries, 0, 1)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return _whole(geometry).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        return _whole(geometry).correlate(geometry, x, y, arithmetic)


def _whole(geometry: Geometry) -> Cuts:
    return Cuts(tuple(map(Cut.whole, geometry.axes)))


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
