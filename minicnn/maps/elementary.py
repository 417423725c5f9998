"""The elementary maps: a stored matrix, diagonals, a multiple of the identity, and changes of shape."""

import math
from abc import abstractmethod

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Shaped

from minicnn.arguments import checked_shape
from minicnn.forms.arithmetic import contracted
from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map, static


@linear_map
class Dense(LinearMap):
    """A stored matrix M of shape (out_size, in_size), between arrays of any shapes of these sizes."""

    M: Shaped[Array, "out in"]
    in_shape: Shape = static()
    out_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply M by vec(x)."""
        flat = x.reshape(x.shape[0], math.prod(self.in_shape))
        return contracted("oi,bi->bo", self.M, flat).reshape(x.shape[0], *self.out_shape)

    @property
    def nnz(self) -> int:
        """The number of entries, the zeros included: none of them is structural."""
        return self.shape[0] * self.shape[1]

    @property
    def T(self) -> "Dense":
        """The map of Mᵀ."""
        return Dense(self.M.T, self.out_shape, self.in_shape, self.dtype)

    def sparse(self) -> Entries:
        """List every entry, the zeros included: none of them is structural."""
        rows, columns = np.indices(self.shape)
        return rows.ravel(), columns.ravel(), np.asarray(self.M).ravel()

    def dense(self) -> Shaped[Array, "..."]:
        """Return the stored matrix M."""
        return self.M


class _OnDiagonal(LinearMap):
    """A map that multiplies entry by entry."""

    one_to_one = True

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> LinearMap:
        """The map itself, because a diagonal matrix is symmetric."""
        return self

    def sparse(self) -> Entries:
        """List the entries of the diagonal."""
        i = np.arange(self.shape[0])
        return i, i, self._entries()

    @abstractmethod
    def _entries(self) -> np.ndarray:
        """The entries of the diagonal, in C order."""


@linear_map
class Diagonal(_OnDiagonal):
    """A diagonal matrix: the derivative of an elementwise function."""

    d: Shaped[Array, "..."]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply entry by entry, d·x."""
        return self.d[None] * x

    def _entries(self) -> np.ndarray:
        return np.asarray(self.d).ravel()


@linear_map
class Mask(_OnDiagonal):
    """A diagonal of zeros and ones. What it drops counts for nothing, not even where it is infinite."""

    keep: Bool[Array, "..."]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Keep the entries to keep, and put zeros for the others."""
        return jnp.where(self.keep[None], x, jnp.zeros((), x.dtype))

    def _entries(self) -> np.ndarray:
        return np.asarray(self.keep).ravel().astype(self.dtype)


@linear_map
class InverseDiagonal(_OnDiagonal):
    """diag(d)⁻¹: division by d, rounded once."""

    d: Shaped[Array, "..."]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Divide entry by entry, x / d."""
        return x / self.d[None]

    def _entries(self) -> np.ndarray:
        return 1 / np.asarray(self.d).ravel()


@linear_map
class Scale(_OnDiagonal):
    """A multiple of the identity."""

    c: Shaped[Array, ""]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply every entry by c."""
        return self.c * x

    def _entries(self) -> np.ndarray:
        return np.full(self.shape[0], np.asarray(self.c))

    def __repr__(self) -> str:
        """Show the name and the shape."""
        return f"Scale({self.in_shape})"


@linear_map
class Reshape(LinearMap):
    """The identity between two shapes of one size: vec(x) is unchanged."""

    in_shape: Shape = static()
    out_shape: Shape = static()
    dtype: jnp.dtype = static()
    one_to_one = True

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Give the same entries another shape."""
        return x.reshape(x.shape[0], *self.out_shape)

    @property
    def T(self) -> "Reshape":
        """The reshape from the output's shape back to the input's."""
        return Reshape(self.out_shape, self.in_shape, self.dtype)

    def sparse(self) -> Entries:
        """List the entries of the diagonal."""
        i = np.arange(self.shape[0])
        return i, i, np.ones(self.shape[0], self.dtype)


def identity(shape: Shape, dtype: jnp.dtype) -> Reshape:
    """Build the identity map on arrays of one shape.

    Raises:
        TypeError: for sizes that are neither integers nor symbols of `jax.export`.
        ValueError: for negative ones.
    """
    shape = checked_shape(shape)
    return Reshape(shape, shape, dtype)


@linear_map
class Permute(LinearMap):
    """A permutation of axes: the axes of the output are the input's in this `order`."""

    order: tuple[int, ...] = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()
    one_to_one = True

    out_shape = derived(lambda self: tuple(self.in_shape[axis] for axis in self.order))

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Lay the same entries along the axes in their new order."""
        return x.transpose(0, *(axis + 1 for axis in self.order))

    @property
    def T(self) -> "Permute":
        """The permutation that puts the axes back."""
        return Permute(tuple(int(i) for i in np.argsort(self.order)), self.out_shape, self.dtype)

    def sparse(self) -> Entries:
        """List the 1 of each row."""
        columns = np.arange(self.shape[1]).reshape(self.in_shape).transpose(self.order).ravel()
        return np.arange(self.shape[0]), columns, np.ones(self.shape[0], self.dtype)
