"""Brackets: two numbers between which the largest singular value lies for certain.

From below any vector will do, since ‖A·v‖ ≤ σ₁·‖v‖; Lanczos finds a good one. From above there are theorems. A
convolution with zero padding is a part of a larger circulant, so that no value of it exceeds the circulant's, nor the
supremum of the symbol. For any other map the norms of its parts bound it. Where a Cholesky decomposition of μ²·I − AᴴA
is cheap, a few of them bring both bounds as close as is asked for. Rounding is counted on both sides.
"""

import math
from dataclasses import replace
from functools import singledispatch
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from minicnn.arguments import number, untraced
from minicnn.linalg import lanczos
from minicnn.linalg.cholesky import Gram, doubled
from minicnn.linalg.frames import framed
from minicnn.linalg.magnitudes import length, magnitude
from minicnn.linalg.methods import EXACT, check_map, for_largest
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, largest_of, supremum
from minicnn.maps import Batched, Block, Compose, Kronecker, LinearMap, Sum

# Frequencies up to which the circulant around a convolution is looked at; a larger one is as good as the supremum.
FREQUENCIES = 4096
# Multiplications of a Cholesky decomposition up to which Lanczos, compiled for each map, is not worth a try before it.
SECOND = 1e9
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
    untraced("A", A, "enclose its values outside of jax.jit, jax.grad and jax.vmap, or take norm(A)")
    rtol = number("rtol", rtol)
    method = for_largest(A)
    return enclose(A, rtol) if method.name == "lanczos" else _of_value(A, method.name)


def enclose(A: LinearMap, rtol: float) -> Bracket:
    """Enclose σ₁ by the theorems, Lanczos and Cholesky decompositions, whatever the size of the map."""
    bound, theorem = upper(A)
    G, found = Gram.of(A, bound), Bracket(0.0, bound, theorem, 0)
    if G is None or G.work > SECOND:
        found = _by_lanczos(A, found, rtol, (FIRST,) if G else (FIRST, lanczos.PRODUCTS, lanczos.PRODUCTS))
    return found if G is None or found.gap <= rtol else _by_cholesky(A, G, found, rtol)


def _by_lanczos(A: LinearMap, known: Bracket, rtol: float, limits: tuple[int, ...]) -> Bracket:
    """Find a lower bound in runs of at most so many products, until it is close enough to the upper one or to σ₁."""
    slack, lower, start, residual, products = _slack(A), 0.0, lanczos.start_of(A), math.sqrt(rtol) / RESIDUAL, 0
    for most in limits:
        found = lanczos.largest(A, start, lanczos.room(A), residual, most)
        start, residual, products = found.v[None], residual / 30, products + int(found.products)
        size = _length(found.v)
        lower = max(_length(A(found.v)) / size - slack, 0.0) if size else 0.0
        if known.upper - lower <= rtol * known.upper or found.residual <= 1e-2 * rtol * lower:
            break
    return Bracket(lower, max(known.upper, lower), f"lanczos below, {known.method} above", products)


def _by_cholesky(A: LinearMap, G: Gram, known: Bracket, rtol: float) -> Bracket:
    """Bring both bounds together by decompositions of the Gram matrix."""
    slack = _slack(A)
    lower, upper, products = G.enclose(known.lower, known.upper, rtol)
    lower, upper = max(lower - slack, known.lower), min(upper + slack, known.upper)
    return Bracket(lower, max(lower, upper), "cholesky", known.products + products)


def upper(A: LinearMap) -> tuple[float, str]:
    """An upper bound on σ₁ that takes no products, and the theorem it is from."""
    return _upper(framed(A).core)


@singledispatch
def _upper(A: LinearMap) -> tuple[float, str]:
    C, _ = oriented(A)
    bound = magnitude(A).norm * (1 + 1e-12), "row and column sums"
    return bound if C is None else min(bound, _of_stencil(C))


@_upper.register
def _compose(A: Compose) -> tuple[float, str]:
    C, _ = oriented(A)
    if C is not None:
        return min((magnitude(A).norm * (1 + 1e-12), "row and column sums"), _of_stencil(C))
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


def _slack(A: LinearMap) -> float:
    """What rounding can do to ‖A·v‖ for a v of length 1."""
    size = magnitude(A)
    return 4 * (size.terms + 8) * float(jnp.finfo(A.dtype).eps) * size.norm


def _of_value(A: LinearMap, name: str) -> Bracket:
    """The bracket of an exact value: what rounding may have done to it."""
    slack = _slack(A)
    if name == "dense":
        sigma = float(np.linalg.norm(doubled(A, np.asarray(A.matrix())), 2))
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
    around = float(largest_of(symbol.half_around(periods)).max()) * (1 + 1e-12)
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
    return float(length(np.asarray(x).astype(np.complex128)))
