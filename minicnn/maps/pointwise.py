"""Diagonals that are not stored as the numbers on them: a mask, and the inverse of a diagonal."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Shaped

from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map, static


@linear_map
class Mask(LinearMap):
    """A diagonal of zeros and ones. What it drops counts for nothing, not even where it is infinite."""

    keep: Bool[Array, "..."]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> LinearMap:
        """Itself: a diagonal is symmetric."""
        return self

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """The entries to keep, and zeros."""
        return jnp.where(self.keep, x, jnp.zeros((), x.dtype))

    def entries(self) -> Entries:
        """The diagonal."""
        i = np.arange(self.shape[0])
        return i, i, np.asarray(self.keep).ravel().astype(self.dtype)


@linear_map
class InverseDiagonal(LinearMap):
    """diag(d)⁻¹: division by d, rounded once."""

    d: Shaped[Array, "..."]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> LinearMap:
        """Itself: a diagonal is symmetric."""
        return self

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Entry by entry, x / d."""
        return x / self.d

    def entries(self) -> Entries:
        """The diagonal."""
        i = np.arange(self.shape[0])
        return i, i, 1 / np.asarray(self.d).ravel()
