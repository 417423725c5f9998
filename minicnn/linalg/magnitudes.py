"""What can be said of a map without a single product: how large ‖|A|‖ is at most, and how many terms an output adds up.

Both are cheap, and together they bound what rounding can do to a product: no more than terms·eps·‖|A|‖·‖x‖.
"""

import math
from functools import lru_cache, singledispatch
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from minicnn.linalg.stencils import Border, Stencil, oriented
from minicnn.maps import Batched, Block, Compose, Kronecker, LinearMap, Permute, Reshape, Sum


def length(x: Any) -> Any:
    """The Euclidean length of an array, by way of its largest entry, so that no square overflows or vanishes.

    >>> float(length(np.array([3e-200, 4e-200])))
    5e-200
    """
    xp: Any = np if isinstance(x, np.ndarray) else jnp
    largest = xp.abs(x).max() if xp is np else jax.lax.stop_gradient(jnp.abs(x).max())
    unit = xp.where(largest == 0, 1, largest)
    return unit * xp.linalg.norm((x / unit.astype(x.dtype)).ravel())


def normalised(x: Any) -> Any:
    """The array of length 1 in the direction of another one; zeros if that is zero."""
    size = length(x)
    return x / jnp.where(size == 0, 1, size).astype(x.dtype)


def determinant(M: Inexact[Array, "... n n"]) -> tuple[Inexact[Array, "..."], Float[Array, "..."]]:
    """The sign of a determinant and the logarithm of its size, by way of the largest entry: JAX multiplies 2×2 entries.

    >>> round(float(determinant(jnp.array([[3e-30, 0.0], [1e-30, 2e-30]]))[1]), 2)
    -136.36
    """
    largest = jax.lax.stop_gradient(jnp.abs(M).max((-2, -1)))
    unit = jnp.where(largest == 0, 1, largest)
    sign, logarithm = jnp.linalg.slogdet(M / unit[..., None, None].astype(M.dtype))
    return sign, logarithm + M.shape[-1] * jnp.log(unit)


class Magnitude(NamedTuple):
    """A bound on a map with all entries replaced by their absolute values.

    Attributes:
        norm: at least the spectral norm of |A|, so at least that of A.
        terms: at least the number of products that an output adds up.
    """

    norm: float
    terms: int


@singledispatch
def magnitude(A: LinearMap) -> Magnitude:
    """Bound a map from its entries: ‖A‖₂² ≤ ‖A‖₁·‖A‖∞, and ‖A‖₂ ≤ ‖A‖_F.

    >>> magnitude(minicnn.conv_map(jnp.array([1.0, -2.0]).reshape(2, 1, 1), (9,)))
    Magnitude(norm=3.0, terms=2)
    """
    C, transposed = oriented(A)
    if C is not None:
        return _of_stencil(C, transposed)
    rows, columns, values = A.entries()
    size = np.abs(np.asarray(values, np.complex128))
    row, column = np.bincount(rows, size, A.shape[0]), np.bincount(columns, size, A.shape[1])
    norm = min(_mean(row.max(initial=0), column.max(initial=0)), float(length(size)))
    return Magnitude(norm, int(np.bincount(rows, minlength=1).max()))


@magnitude.register
def _compose(A: Compose) -> Magnitude:
    C, transposed = oriented(A)
    if C is not None:
        return _of_stencil(C, transposed)
    found = [magnitude(factor) for factor in A.factors]
    return Magnitude(math.prod(each.norm for each in found), sum(each.terms for each in found))


@magnitude.register
def _sum(A: Sum) -> Magnitude:
    found = [magnitude(term) for term in A.terms]
    return Magnitude(sum(each.norm for each in found), sum(each.terms for each in found))


@magnitude.register
def _kronecker(A: Kronecker) -> Magnitude:
    found = [magnitude(factor) for factor in A.factors]
    return Magnitude(math.prod(each.norm for each in found), sum(each.terms for each in found))


@magnitude.register
def _batched(A: Batched) -> Magnitude:
    return magnitude(A.A)


@magnitude.register
def _block(A: Block) -> Magnitude:
    found = [[Magnitude(0, 0) if B is None else magnitude(B) for B in row] for row in A.rows]
    norms = np.array([[each.norm for each in row] for row in found])
    return Magnitude(float(np.linalg.norm(norms, 2)), max(sum(each.terms for each in row) for row in found))


@magnitude.register(Reshape)
@magnitude.register(Permute)
def _permutation(A: LinearMap) -> Magnitude:
    return Magnitude(1.0, 1)


def _of_stencil(C: Stencil, transposed: bool) -> Magnitude:
    """Row sums are those of the taps; a column meets a tap once, or as often as its position is copied."""
    w = np.abs(np.asarray(C.w, np.complex128))
    copies = math.prod(map(_copies, C.borders))
    axes = tuple(range(C.rank))
    split = w.reshape(*w.shape[:-1], C.groups, -1)
    row, column = split.sum((*axes, C.rank)).max(), split.sum((*axes, C.rank + 2)).max() * copies
    kernel = math.prod(w.shape[: C.rank])
    terms = kernel * (split.shape[-1] * copies if transposed else w.shape[-2])
    return Magnitude(_mean(row, column), int(terms))


@lru_cache(maxsize=128)  # it is asked about one map many times, and takes as long as the map has non-zeros
def _copies(border: Border) -> int:
    """How often a position is read through one tap, at most."""
    reads, n = border.reads(), border.axis.in_size
    return int(max(np.bincount(column[column < n], minlength=1).max() for column in reads.T))


def _mean(a: float, b: float) -> float:
    """The geometric mean, whose squares neither overflow nor vanish."""
    larger = max(float(a), float(b))
    return larger * math.sqrt(min(a, b) / larger) if larger else 0.0
