"""Brackets: two numbers between which the largest singular value lies for certain.

From below any vector will do, since ‖A·v‖ ≤ σ₁·‖v‖; Lanczos finds a good one. From above there are theorems. A
convolution with zero padding is a part of a larger circulant, so that no value of it exceeds the circulant's, nor the
supremum of the symbol. For any other map the norms of its parts bound it, and a Cholesky decomposition of μ²·I − AᴴA
exists only if σ₁ < μ. Rounding is counted on both sides.
"""

import math
from dataclasses import replace
from functools import singledispatch
from typing import NamedTuple

import jax
import numpy as np

from minicnn.forms.memory import memory
from minicnn.jax_internals import Tracer
from minicnn.linalg import lanczos
from minicnn.linalg.frames import framed
from minicnn.linalg.magnitudes import magnitude
from minicnn.linalg.methods import EXACT, check_map, for_largest
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, largest_of, supremum
from minicnn.maps import Batched, Block, Compose, Kronecker, LinearMap, Sum

# Frequencies up to which the circulant around a convolution is looked at; a larger one is as good as the supremum.
FREQUENCIES = 4096
# The side of the smaller Gram matrix up to which a Cholesky decomposition takes about a second.
CHOLESKY = 3000
# Lanczos first stops when its residual is √rtol through 100, as the error of σ₁ is its square through a gap, or after
# 28 products: on 8 → 8 channels of 112 × 112 either gives σ₁ to 1e-5.
RESIDUAL, FIRST = 100, 28
_EPS = float(np.finfo(np.float64).eps)


class Bracket(NamedTuple):
    """Two bounds on the largest singular value, both certified.

    Attributes:
        lower: at most σ₁.
        upper: at least σ₁.
        method: how each was found.
        products: products with the map or its transpose that it took.
    """

    lower: float
    upper: float
    method: str
    products: int

    @property
    def gap(self) -> float:
        """How far apart the bounds are, relative to the upper one."""
        return (self.upper - self.lower) / self.upper if self.upper else 0.0


def bracket(A: LinearMap, rtol: float = 1e-3) -> Bracket:
    """Enclose the largest singular value, lower ≤ σ₁ ≤ upper, with rounding counted.

    Both bounds hold whatever happens. `rtol` is how close they are to come: a map that is too large for its values and
    has no better theorem keeps a wider bracket, and `gap` says how wide.

    Args:
        A: a map of floating or complex numbers that can be looked at: not under `jax.jit`.
        rtol: the gap to reach, relative to the upper bound.

    Raises:
        TypeError: under jit, or for a map of integers.
        ValueError: for NaN, Inf or no entries.

    >>> A = minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME")
    >>> lower, upper, method, products = bracket(A)
    >>> bool(lower <= 2 * np.cos(np.pi / 7) <= upper)
    True
    """
    check_map(A)
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(A)):
        raise TypeError(
            "`bracket` looks at the numbers of A: call it outside of jit, or take `norm(A)`, which is traced"
        )
    method = for_largest(A)
    return enclose(A, rtol) if method.name == "lanczos" else _of_value(A, method.name)


def enclose(A: LinearMap, rtol: float) -> Bracket:
    """Enclose σ₁ by Lanczos and the theorems, whatever the size of the map."""
    slack, (from_above, how) = _slack(A), upper(A)
    tried, lower, start, residual, products = False, 0.0, lanczos.start_of(A), math.sqrt(rtol) / RESIDUAL, 0
    for most in (FIRST, lanczos.PRODUCTS, lanczos.PRODUCTS):
        found = lanczos.largest(A, start, lanczos.room(A), residual, most)
        start, residual, products = found.v, residual / 30, products + int(found.products)
        length = _length(found.v)
        lower = max(_length(A(found.v)) / length - slack, 0.0) if length else 0.0
        if from_above - lower > rtol * from_above and min(A.shape) <= CHOLESKY and _fits(A):
            tried, within = True, lower + slack + 0.9 * rtol * from_above
            if exceeds_norm(A, within):
                from_above, how = within + slack, "cholesky"
        if from_above - lower <= rtol * from_above or not (tried or found.residual > 1e-2 * rtol * lower):
            break
    return Bracket(lower, max(from_above, lower), f"lanczos below, {how} above", products)


def upper(A: LinearMap) -> tuple[float, str]:
    """An upper bound on σ₁ that takes no products, and the theorem it is from."""
    return _upper(framed(A).core)


@singledispatch
def _upper(A: LinearMap) -> tuple[float, str]:
    C, _ = oriented(A)
    bound = magnitude(A).norm, "row and column sums"
    return bound if C is None else min(bound, _of_stencil(C))


@_upper.register
def _compose(A: Compose) -> tuple[float, str]:
    C, _ = oriented(A)
    if C is not None:
        return min((magnitude(A).norm, "row and column sums"), _of_stencil(C))
    return math.prod(upper(factor)[0] for factor in A.factors), "product of the factors' bounds"


@_upper.register
def _sum(A: Sum) -> tuple[float, str]:
    return sum(upper(term)[0] for term in A.terms), "sum of the terms' bounds"


@_upper.register
def _kronecker(A: Kronecker) -> tuple[float, str]:
    return math.prod(upper(factor)[0] for factor in A.factors), "product of the factors' bounds"


@_upper.register
def _batched(A: Batched) -> tuple[float, str]:
    return upper(A.A)


@_upper.register
def _block(A: Block) -> tuple[float, str]:
    norms = np.array([[0.0 if B is None else upper(B)[0] for B in row] for row in A.rows])
    return float(np.linalg.norm(norms, 2)) * (1 + 1e-12), "norm of the blocks' bounds"


def embedded(C: Stencil) -> tuple[int, ...]:
    """Periods, in outputs, of the smallest circulant that a stencil with zero padding is a part of.

    On it no window that reaches over one end meets an input at the other, rows and columns stay apart, and the stride
    divides the circle.
    """
    periods = []
    for axis in C.axes:
        first, last = axis.span(axis.out_size)
        size = max(axis.in_size, axis.in_size - first, last + 1, axis.stride * axis.out_size)
        periods.append(-(-size // axis.stride))
    return tuple(periods)


def exceeds_norm(A: LinearMap, mu: float) -> bool:
    """Whether μ is certainly larger than σ₁: μ²·I − AᴴA, or with AAᴴ, has a Cholesky decomposition.

    A decomposition that succeeds in floating point proves the matrix to be positive definite up to n·(n + 2)·eps·μ² (S.
    M. Rump, *Verification of positive definiteness*, 2006), which is taken off before.
    """
    M = _double(A)
    gram = M @ M.conj().T if M.shape[0] < M.shape[1] else M.conj().T @ M
    n = len(gram)
    rounding = (n * (n + 2) + 2 * max(M.shape)) * _EPS * mu**2
    try:
        np.linalg.cholesky((mu**2 - rounding) * np.eye(n) - gram)
    except np.linalg.LinAlgError:
        return False
    return True


def _slack(A: LinearMap) -> float:
    """What rounding can do to ‖A·v‖ for a v of length 1."""
    size = magnitude(A)
    return 4 * (size.terms + 8) * float(np.finfo(np.dtype(A.dtype)).eps) * size.norm


def _of_value(A: LinearMap, name: str) -> Bracket:
    """The bracket of an exact value: what rounding may have done to it."""
    slack = _slack(A)
    if name == "dense":
        sigma = float(np.linalg.norm(_double(A), 2))
        slack += 4 * sum(A.shape) * _EPS * sigma
    else:
        sigma = float(EXACT[name].top(A)[1])
    return Bracket(max(sigma - slack, 0.0), sigma + slack, name, 0)


def _of_stencil(C: Stencil) -> tuple[float, str]:
    """The circulant around a zero-padded convolution, or the supremum of its symbol, whichever is less."""
    if not C.zero_padded:
        return _with_copies(C)
    symbol, periods = Symbol.of(C.in_float64()), embedded(C)
    over_all = supremum(symbol).upper * (1 + 1e-12), "supremum of the symbol"
    if math.prod(periods) > FREQUENCIES:
        return over_all
    around = float(largest_of(symbol.around(periods)).max()) * (1 + 1e-12)
    return min(over_all, (around, "circulant around it"))


def _with_copies(C: Stencil) -> tuple[float, str]:
    """Rows of a circulant of stride 1, or C·P with a padding P that copies a position so often at most."""
    if all(b.stays_inside or (b.mode == "circular" and b.axis.T.stretched <= b.axis.in_size) for b in C.borders):
        every = replace(C, borders=tuple(replace(b, axis=replace(b.axis, stride=1)) for b in C.borders))
        return supremum(Symbol.of(every.in_float64())).upper * (1 + 1e-12), "supremum of the symbol"
    copies = 1
    for border in C.borders:
        _, pad = border.padded()
        copies *= 1 if pad is None else np.bincount(pad.table(), minlength=1)[: pad.in_size].max()
    bound = supremum(Symbol.of(C.in_float64())).upper * math.sqrt(copies) * (1 + 1e-12)
    return bound, "supremum of the symbol times the norm of the padding"


def _length(x: object) -> float:
    return float(np.linalg.norm(np.asarray(x).ravel().astype(np.complex128)))


def _double(A: LinearMap) -> np.ndarray:
    """The matrix in double precision, whatever JAX computes in."""
    return np.asarray(A.matrix()).astype(np.complex128 if np.issubdtype(A.dtype, np.complexfloating) else np.float64)


def _fits(A: LinearMap) -> bool:
    """Whether the matrix and its Gram matrix fit in double precision."""
    return 3 * 8 * max(A.shape[0], A.shape[1]) * min(A.shape) < memory() // 2
