"""The algebra of linear maps: products, sums and multiples."""

from functools import reduce
from itertools import pairwise
from operator import add as add_
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.dtypes import complexes
from minicnn.forms.arithmetic import total
from minicnn.forms.memory import check_entries_fit
from minicnn.maps.base import Entries, LinearMap, Shape, Transposed, carried_back, derived, linear_map, units
from minicnn.maps.complex import ImaginaryPart, RealPart
from minicnn.maps.elementary import Scale


@linear_map
class Compose(LinearMap):
    """The product A₁ A₂ … Aₙ: the last factor is applied first. A flat tuple, never nested."""

    factors: tuple[LinearMap, ...]

    in_shape = derived(lambda self: self.factors[-1].in_shape)
    out_shape = derived(lambda self: self.factors[0].out_shape)
    dtype = derived(lambda self: _dtype_of_product(self.factors))

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply by one factor after the other, from the right."""
        for factor in reversed(self.factors):
            x = factor.apply(x)
        return x

    @property
    def T(self) -> "Compose":
        """The transposed factors in reverse order: (A B)ᵀ = Bᵀ Aᵀ."""
        return Compose(tuple(factor.T for factor in reversed(self.factors)))

    def conj(self) -> LinearMap:
        """Conjugate every factor, some of which become products themselves; a real product is its own conjugate."""
        is_complex = jnp.issubdtype(self.dtype, jnp.complexfloating)
        return compose(*(factor.conj() for factor in self.factors)) if is_complex else self

    def entries(self) -> Entries:
        """List the non-zeros as `sparse` does: the sparse products look at the memory one by one."""
        return self.sparse()

    def sparse(self) -> Entries:
        """List the non-zeros of the product of the structures, with the values of the product."""
        return values_at(self._structure(), self.to_scipy())

    @property
    def nnz(self) -> int:
        """The number of entries that some path through the factors reaches.

        A factor that only moves and scales entries does not change it; several others are multiplied.
        """
        others = [factor for factor in self.factors if not factor.one_to_one]
        if len(others) > 1:
            return self._structure().nnz
        return others[0].nnz if others else self.shape[0]

    def to_scipy(self) -> Any:
        """Multiply the sparse factors."""
        return sparse_product([factor.to_scipy() for factor in self.factors])

    def _structure(self) -> Any:
        return sparse_product([_ones_of(factor) for factor in self.factors])

    def dense(self) -> Shaped[Array, "..."]:
        """Carry the lesser of two sides through the other factors: the rows of the first, or the columns of the last.

        So nothing on the way has more vectors than the matrix has on its lesser side, whichever factors are square.
        """
        first, last = self.factors[0], self.factors[-1]
        if self.shape[0] < self.shape[1]:
            if first.real_linear:
                return carried_back(units(self.out_shape, first.dtype), self, self.dtype)
            rows = first.matrix().reshape(self.shape[0], *first.in_shape)
            return carried_back(rows, Compose(self.factors[1:]), self.dtype)
        if last.real_linear:
            return self.apply(units(self.in_shape, last.dtype)).reshape(self.shape[::-1]).T
        columns = last.matrix().T.reshape(self.shape[1], *last.out_shape)
        return Compose(self.factors[:-1]).apply(columns).reshape(self.shape[::-1]).T

    def __repr__(self) -> str:
        """Show the factors, joined by @."""
        return " @ ".join(map(repr, self.factors))


@linear_map
class Sum(LinearMap):
    """The sum A₁ + A₂ + … of maps of one shape. A flat tuple, never nested."""

    terms: tuple[LinearMap, ...]

    in_shape = derived(lambda self: self.terms[0].in_shape)
    out_shape = derived(lambda self: self.terms[0].out_shape)
    dtype = derived(lambda self: jnp.result_type(*{term.dtype for term in self.terms}))

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Add the products with each term."""
        return total([term.apply(x) for term in self.terms])

    @property
    def T(self) -> "Sum":
        """The sum of the transposed terms: (A + B)ᵀ = Aᵀ + Bᵀ."""
        return Sum(tuple(term.T for term in self.terms))

    @property
    def nnz(self) -> int:
        """The number of entries where some term has one."""
        return self._structure().nnz

    def entries(self) -> Entries:
        """List the non-zeros as `sparse` does, which looks at the memory first."""
        return self.sparse()

    def sparse(self) -> Entries:
        """List the union of the structures, with the values of the sum."""
        return values_at(self._structure(), self.to_scipy())

    def _structure(self) -> Any:
        check_entries_fit(sum(term.nnz for term in self.terms), np.int64)
        first, *rest = map(_ones_of, self.terms)
        return reduce(add_, rest, first)

    def to_scipy(self) -> Any:
        """Add the sparse terms."""
        first, *rest = (term.to_scipy() for term in self.terms)
        return sum(rest, first)

    def dense(self) -> Shaped[Array, "..."]:
        """Add the dense matrices of the terms."""
        return total([term.dense().reshape(self.shape) for term in self.terms])

    def __repr__(self) -> str:
        """Show the terms, joined by +."""
        return " + ".join(map(repr, self.terms))


def compose(*maps: LinearMap) -> LinearMap:
    """Multiply maps; the last is applied first, and one map is its own product.

    Raises:
        ValueError: where a factor's in_shape is not the next one's out_shape.
    """
    for left, right in pairwise(maps):
        _check("product", "in_shape", left.in_shape, "out_shape", right.out_shape)
    factors = tuple(f for m in maps for f in (m.factors if isinstance(m, Compose) else (m,)))
    return factors[0] if len(factors) == 1 else Compose(factors)


def add(*maps: LinearMap) -> LinearMap:
    """Add maps of one shape; one map is its own sum.

    Raises:
        ValueError: where shapes differ.
    """
    for left, right in pairwise(maps):
        _check("sum", "in_shape", left.in_shape, "in_shape", right.in_shape)
        _check("sum", "out_shape", left.out_shape, "out_shape", right.out_shape)
    terms = tuple(t for m in maps for t in (m.terms if isinstance(m, Sum) else (m,)))
    return terms[0] if len(terms) == 1 else Sum(terms)


def scale_by(scale: complex | Array, A: LinearMap) -> LinearMap:
    """Multiply a map by a number: c·A as the product of c·I and A.

    Raises:
        ValueError: if `scale` is not a number.
    """
    if jnp.ndim(scale) != 0:
        raise ValueError(f"`scale` has shape {jnp.shape(scale)}: only a number multiplies a map; compose with Diagonal")
    dtype = jnp.result_type(scale, A.dtype)
    return compose(Scale(jnp.asarray(scale, dtype), A.out_shape, dtype), A)


def _check(what: str, left_name: str, left: Shape, right_name: str, right: Shape) -> None:
    if left != right:
        raise ValueError(
            f"no {what}: the left map's {left_name} is {left} and the right map's {right_name} {right}; "
            "reshape with Reshape where only the sizes agree"
        )


def _dtype_of_product(factors: tuple[LinearMap, ...]) -> jnp.dtype:
    """The dtype of a product's entries, which the first factor that makes real or complex numbers decides."""
    dtype = jnp.result_type(*{factor.dtype for factor in factors})
    for factor in factors:
        if isinstance(factor, RealPart | ImaginaryPart):
            return jnp.finfo(dtype).dtype
        whole = isinstance(factor, Transposed) and isinstance(factor.of, RealPart | ImaginaryPart)
        if whole or jnp.issubdtype(factor.dtype, jnp.complexfloating):
            return complexes(dtype)
    return dtype


def sparse_product(factors: list[Any]) -> Any:
    """Multiply sparse matrices, the last applied first.

    Raises:
        MemoryError: if a product would not fit, before it is computed.
    """
    product, *rest = reversed(factors)
    for factor in rest:
        paths = int(np.bincount(factor.indices, minlength=factor.shape[1]) @ np.diff(product.indptr))
        check_entries_fit(min(paths, factor.shape[0] * product.shape[1]), np.int64)
        product = factor @ product
    return product


def values_at(structure: Any, values: Any) -> Entries:
    """List the places of one sparse matrix with the values of another."""
    rows, columns = structure.nonzero()
    # SciPy answers with a sparse array where no place is asked for
    found = values[rows, columns] if len(rows) else np.zeros(0, values.dtype)
    return rows, columns, np.asarray(found).ravel()


def _ones_of(A: LinearMap) -> Any:
    from scipy import sparse

    rows, columns, _ = A.entries()
    # int64 counts paths; a product of float ones could round, a product of bools is not summed by scipy
    return sparse.coo_array((np.ones(len(rows), np.int64), (rows, columns)), shape=A.shape).tocsr()
