"""Inverses that are never built: a product with one solves a system of equations."""

import math
from abc import abstractmethod
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Shaped

from minicnn.forms.arithmetic import summing
from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map, static


class Solve(LinearMap):
    """Products with inverse matrices: one for each system of a batch, and as many right-hand sides for each."""

    out_shape = derived(lambda self: self.in_shape)
    axis = -2  # the axis of unknowns, in the shape of the right-hand sides

    @property
    @abstractmethod
    def inverse(self) -> Shaped[Array, "*batch n n"]:
        """The inverse matrices, output times input."""

    @property
    def pattern(self) -> Bool[np.ndarray, "n n"]:
        """Where an inverse can have entries: everywhere."""
        return np.ones((self.in_shape[self.axis],) * 2, bool)

    @property
    def nnz(self) -> int:
        """The number of entries that the inverses can have, once for each right-hand side."""
        unknowns = self.in_shape[self.axis]
        return math.prod(self.in_shape) // unknowns * int(self.pattern.sum()) if unknowns else 0

    def sparse(self) -> Entries:
        """List the entries of the inverses, once for each right-hand side."""
        rows, columns = self.pattern.nonzero()
        places = np.moveaxis(np.arange(self.shape[0]).reshape(self.in_shape), self.axis, -1)  # *batch, sides, n
        values = np.asarray(self.inverse)[..., None, rows, columns]
        values = np.broadcast_to(values, (*places.shape[:-1], len(rows)))
        return places[..., rows].ravel(), places[..., columns].ravel(), values.ravel()


@linear_map
class TriangularSolve(Solve):
    """b ↦ op(a)⁻¹·b, or b·op(a)⁻¹ from the right, with a triangular a; op transposes it, conjugates it, or both."""

    a: Shaped[Array, "*batch n n"]
    left_side: bool = static()
    lower: bool = static()
    transpose_a: bool = static()
    conjugate_a: bool = static()
    unit_diagonal: bool = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    axis = derived(lambda self: -2 if self.left_side else -1)

    @property
    def T(self) -> "TriangularSolve":
        """The solve with the transposed matrix: (a⁻¹)ᵀ = (aᵀ)⁻¹."""
        return replace(self, transpose_a=not self.transpose_a)

    @property
    def pattern(self) -> Bool[np.ndarray, "n n"]:
        """A triangle, as the matrix is one."""
        triangle = np.tri(self.in_shape[self.axis], dtype=bool)
        return triangle if self.lower ^ self.transpose_a ^ (not self.left_side) else triangle.T

    @property
    def inverse(self) -> Shaped[Array, "*batch n n"]:
        """The inverse matrices, found by solving for the unit vectors."""
        found = self._solve(self.a, jnp.broadcast_to(jnp.eye(self.a.shape[-1], dtype=self.dtype), self.a.shape))
        return found if self.left_side else found.swapaxes(-1, -2)

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Solve by substitution."""
        return self._solve(jnp.broadcast_to(self.a, (x.shape[0], *self.a.shape)), x)

    def _solve(self, a: Array, b: Array) -> Array:
        found = jax.lax.linalg.triangular_solve(
            a.astype(summing(a.dtype)),
            b.astype(summing(b.dtype)),
            left_side=self.left_side,
            lower=self.lower,
            transpose_a=self.transpose_a,
            conjugate_a=self.conjugate_a,
            unit_diagonal=self.unit_diagonal,
        )
        return found.astype(b.dtype)


@linear_map
class TridiagonalSolve(Solve):
    """b ↦ a⁻¹·b, with a the matrix of three diagonals, whose row i is (below[i], middle[i], above[i])."""

    below: Shaped[Array, "*batch n"]
    middle: Shaped[Array, "*batch n"]
    above: Shaped[Array, "*batch n"]
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    @property
    def T(self) -> "TridiagonalSolve":
        """The solve with the transposed matrix: the outer diagonals are exchanged, each moved by one row."""
        below, above = jnp.roll(self.above, 1, -1), jnp.roll(self.below, -1, -1)
        return TridiagonalSolve(below, self.middle, above, self.in_shape, self.dtype)

    @property
    def inverse(self) -> Shaped[Array, "*batch n n"]:
        """The inverse matrices, found by solving for the unit vectors."""
        n = self.middle.shape[-1]
        return self._solve(jnp.broadcast_to(jnp.eye(n, dtype=self.dtype), (*self.middle.shape, n)))

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Solve by elimination along the diagonals."""
        return self._solve(x)

    def _solve(self, b: Array) -> Array:
        inner = self.below.at[..., 0].set(0), self.middle, self.above.at[..., -1].set(0)
        below, middle, above = (jnp.broadcast_to(d, b.shape[:-1]) for d in inner)
        return jax.lax.linalg.tridiagonal_solve(below, middle, above, b)
