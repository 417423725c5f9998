"""Matrices made of matrices: Kronecker products, the same map for every image of a batch, and block matrices."""

import math
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import total
from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map, static
from minicnn.maps.elementary import identity


@linear_map
class Kronecker(LinearMap):
    """A₁ ⊗ A₂ ⊗ …: each factor acts on axes of its own, so that the product never has to be built.

    A 1×1 convolution is I ⊗ Wᵀ, a separable blur is C_y ⊗ C_x, adaptive pooling is one small matrix for each axis.
    """

    factors: tuple[LinearMap, ...]

    in_shape = derived(lambda self: tuple(n for factor in self.factors for n in factor.in_shape))
    out_shape = derived(lambda self: tuple(n for factor in self.factors for n in factor.out_shape))
    dtype = derived(lambda self: jnp.result_type(*(factor.dtype for factor in self.factors)))

    @property
    def T(self) -> "Kronecker":
        """The product of the transposed factors: (A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ."""
        return Kronecker(tuple(factor.T for factor in self.factors))

    @property
    def nnz(self) -> int:
        """The product of the factors' numbers of non-zeros."""
        return math.prod(factor.nnz for factor in self.factors)

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply by one factor after the other, each on the middle axis of (before, in, after)."""
        batch, done = x.shape[0], 1
        for n, factor in enumerate(self.factors):
            after = math.prod(other.shape[1] for other in self.factors[n + 1 :])
            middle = x.reshape(batch * done, factor.shape[1], after).swapaxes(1, 2)
            y = factor.apply(middle.reshape(batch * done * after, *factor.in_shape))
            x = y.reshape(batch * done, after, factor.shape[0]).swapaxes(1, 2)
            done *= factor.shape[0]
        return x.reshape(batch, *self.out_shape)

    def sparse(self) -> Entries:
        """List the products of the factors' entries."""
        return reduce(_kronecker, ((*factor.sparse(), factor.shape) for factor in self.factors))[:3]

    def __repr__(self) -> str:
        """Show the factors, joined by ⊗."""
        return " ⊗ ".join(map(repr, self.factors))


@linear_map
class Batched(LinearMap):
    """I ⊗ A: the same map for every image of a batch whose axes lead both shapes.

    As a Kronecker product it is multiplied, printed and differentiated as A alone is: the batch is A's own.
    """

    A: LinearMap
    batch: Shape = static()

    in_shape = derived(lambda self: (*self.batch, *self.A.in_shape))
    out_shape = derived(lambda self: (*self.batch, *self.A.out_shape))
    dtype = derived(lambda self: self.A.dtype)

    @property
    def kronecker(self) -> Kronecker:
        """The same matrix as a product with an identity."""
        return Kronecker((identity(self.batch, self.dtype), self.A))

    @property
    def T(self) -> "Batched":
        """The transposed map for every image: (I ⊗ A)ᵀ = I ⊗ Aᵀ."""
        return Batched(self.A.T, self.batch)

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply every image by A, all at once."""
        return self.A(x)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros of A, times the images."""
        return self.kronecker.nnz

    def sparse(self) -> Entries:
        """List the entries of A once for each image."""
        return self.kronecker.sparse()


@linear_map
class Block(LinearMap):
    """A matrix of maps, None where a block is zero; inputs and outputs are vectors, block after block."""

    rows: tuple[tuple[LinearMap | None, ...], ...]

    in_shape = derived(lambda self: (sum(self.widths),))
    out_shape = derived(lambda self: (sum(self.heights),))
    dtype = derived(lambda self: jnp.result_type(*{A.dtype for row in self.rows for A in row if A is not None}))

    @property
    def heights(self) -> Shape:
        """The output size of each row of blocks."""
        return tuple(next(A.shape[0] for A in row if A is not None) for row in self.rows)

    @property
    def widths(self) -> Shape:
        """The input size of each column of blocks."""
        return tuple(next(A.shape[1] for A in column if A is not None) for column in zip(*self.rows, strict=True))

    @property
    def T(self) -> "Block":
        """The blocks with rows and columns exchanged, and each of them transposed."""
        columns = zip(*self.rows, strict=True)
        return Block(tuple(tuple(None if A is None else A.T for A in column) for column in columns))

    @property
    def nnz(self) -> int:
        """The sum of the blocks' numbers of non-zeros."""
        return sum(A.nnz for row in self.rows for A in row if A is not None)

    def apply(self, x: Shaped[Array, "b n"]) -> Shaped[Array, "b m"]:
        """Multiply every row of blocks by the pieces of x, and add."""
        pieces = jnp.split(x, np.cumsum(self.widths)[:-1], axis=1)
        return jnp.concatenate([_row(row, pieces) for row in self.rows], axis=1)

    def sparse(self) -> Entries:
        """List the blocks' entries, each moved to its place."""
        top, left = (np.cumsum((0, *sizes)) for sizes in (self.heights, self.widths))
        found = [
            (rows + top[i], columns + left[j], values)
            for i, row in enumerate(self.rows)
            for j, A in enumerate(row)
            if A is not None
            for rows, columns, values in [A.sparse()]
        ]
        rows, columns, values = (np.concatenate(part) for part in zip(*found, strict=True))
        return rows, columns, values


def kronecker(*factors: LinearMap) -> LinearMap:
    """Build the Kronecker product of maps, the first outermost; one map is its own product."""
    flat = tuple(f for A in factors for f in (A.factors if isinstance(A, Kronecker) else (A,)))
    return flat[0] if len(flat) == 1 else Kronecker(flat)


def block(rows: Any) -> Block:
    """Build a block matrix from rows of maps, with None for zero blocks.

    Raises:
        ValueError: if rows differ in length, a row or column is all None, or blocks do not fit.
    """
    grid = tuple(tuple(row) for row in rows)
    if len({len(row) for row in grid}) != 1 or not grid[0]:
        raise ValueError("`rows` must be rows of blocks, all of one length")
    for what, lines in (("row", grid), ("column", tuple(zip(*grid, strict=True)))):
        for n, line in enumerate(lines):
            sizes = {A.shape[what == "column"] for A in line if A is not None}
            if len(sizes) != 1:
                raise ValueError(f"the blocks of {what} {n} have sizes {sorted(sizes)}: they need one size in common")
    return Block(grid)


def _row(row: tuple[LinearMap | None, ...], pieces: list[Array]) -> Array:
    products = [
        A.apply(x.reshape(x.shape[0], *A.in_shape)).reshape(x.shape[0], A.shape[0])
        for A, x in zip(row, pieces, strict=True)
        if A is not None
    ]
    return total(products)


def _kronecker(left: Any, right: Any) -> Any:
    rows, columns, values, shape = right
    return (
        np.add.outer(left[0] * shape[0], rows).ravel(),
        np.add.outer(left[1] * shape[1], columns).ravel(),
        np.multiply.outer(left[2], values).ravel(),
        (left[3][0] * shape[0], left[3][1] * shape[1]),
    )
