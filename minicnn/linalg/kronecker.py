"""The method `kron`: a map that is a Kronecker product has the products of its factors' singular values.

A kernel that is a product of one kernel for each axis and a matrix of channels makes such a map, whatever the padding,
the stride and the dilation: so do pools, padding, and the same map for every image of a batch. Each factor is answered
by its own best method.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import reduce, singledispatch
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from minicnn.linalg.dense import stored
from minicnn.linalg.magnitudes import length
from minicnn.linalg.stencils import Stencil, stencil
from minicnn.maps import (
    AveragePool,
    Batched,
    BinAverage,
    BinSum,
    Compose,
    Diagonal,
    Kronecker,
    LinearMap,
    Pad,
    Reshape,
    Scale,
    Transposed,
    WindowSum,
    compose,
    identity,
)
from minicnn.maps.algebra import scale_by

Factors = tuple[LinearMap, ...]


def factors(A: LinearMap) -> Factors | str:
    """Maps whose Kronecker product is A but for the names of its axes, or why there are none."""
    found = _factors(A)
    if isinstance(found, str):
        return found
    found = tuple(B for B in found if not (isinstance(B, Reshape) and B.shape == (1, 1)))
    return found if len(found) > 1 else "it has a single axis: nothing to take apart"


def refusal(A: LinearMap) -> str:
    """Why the map is not known to be a Kronecker product, or nothing."""
    found = factors(A)
    return found if isinstance(found, str) else ""


@singledispatch
def _factors(A: LinearMap) -> Factors | str:
    C = stencil(A)
    return f"{type(A).__name__} is not known to be a product over its axes" if C is None else _of_stencil(C)


@_factors.register
def _kronecker(A: Kronecker) -> Factors | str:
    return A.factors


@_factors.register
def _batched(A: Batched) -> Factors | str:
    inner = _factors(A.A)
    return (identity(A.batch, A.dtype), *((A.A,) if isinstance(inner, str) else inner))


@_factors.register
def _transposed(A: Transposed) -> Factors | str:
    found = _factors(A.of)
    return found if isinstance(found, str) else tuple(B.T for B in found)


@_factors.register(Pad)
@_factors.register(WindowSum)
@_factors.register(BinSum)
@_factors.register(BinAverage)
@_factors.register(AveragePool)
def _per_axis(A: Any) -> Factors | str:
    """A map that treats every axis by itself and every channel alike: the same class with one axis at a time."""
    match A:
        case Pad():
            axes = [Pad((axis,), 1, A.dtype) for axis in A.padded]
        case WindowSum():
            axes = [WindowSum((axis,), 1, A.dtype) for axis in A.axes]
        case BinSum():
            axes = [BinSum((axis,), 1, A.dtype) for axis in A.bins]
        case BinAverage():
            axes = [BinAverage((axis,), 1, A.dtype) for axis in A.bins]
        case _:
            counted = zip(A.axes, A.counted, strict=True)
            axes = [AveragePool((axis,), 1, (pads,), A.dtype) for axis, pads in counted]
    return (*axes, identity((A.channels,), A.dtype))


@_factors.register
def _compose(A: Compose) -> Factors | str:
    """A stencil if it is one, else the products of the factors, axis by axis."""
    if (C := stencil(A)) is not None:
        return _of_stencil(C)
    if isinstance(A.factors[0], Scale):
        inner = _factors(compose(*A.factors[1:]))
        return inner if isinstance(inner, str) else (scale_by(A.factors[0].c, inner[0]), *inner[1:])
    found = [_factors(B) for B in A.factors]
    for B in found:
        if isinstance(B, str):
            return B
    rows: list[Any] = found
    if len({len(row) for row in rows}) > 1:
        return "its factors divide the axes differently"
    columns = list(zip(*rows, strict=True))
    if any(left.in_shape != right.out_shape for column in columns for left, right in pairwise(column)):
        return "its factors divide the axes differently"
    return tuple(compose(*column) for column in columns)


def _of_stencil(C: Stencil) -> Factors | str:
    """A map of one axis each, and the matrix of the channels."""
    if not C.concrete:
        return "whether its kernel is a product over the axes is not known while it is traced"
    split = separated(joined_channels(C))
    if isinstance(split, str):
        return split
    *taps, channels = split
    if channels.size == 1:
        taps[0] = taps[0] * channels.item()
    axes = [
        Stencil(w.reshape(-1, 1, 1), (border,)).with_weights(jnp.asarray(w.reshape(-1, 1, 1)))
        for w, border in zip(taps, C.borders, strict=True)
    ]
    M = jnp.asarray(channels.T)
    return tuple(axes) if M.size == 1 else (*axes, stored(M))


def separated(w: Any) -> list[np.ndarray] | str:
    """Vectors for all but the last two axes and a matrix for these, whose outer product is w; or how far it is from
    one.

    The fibres through the largest entry are exact wherever w is a product. What is left must be rounding: 8 units of
    its dtype, relative to the Frobenius norm, which computing the product and dividing by its sum take.

    >>> separated(np.outer([1.0, 2.0], [3.0, 1.0])[..., None, None])[0]
    array([0.5, 1. ])
    """
    w = np.asarray(w)
    rank = w.ndim - 2
    pivot = np.unravel_index(np.abs(w).argmax(), w.shape)
    if w[pivot] == 0 or not np.isfinite(w).all():
        return "its kernel is zero" if not w.any() else "its kernel is not finite"
    found = [w[(*pivot[:n], slice(None), *pivot[n + 1 :])] / w[pivot] for n in range(rank)]
    found.append(w[pivot[:rank]])
    off = length(reduce(np.multiply.outer, found) - w) / length(w)
    if off > 8 * jnp.finfo(w.dtype).eps:
        return f"its kernel is not a product over the axes: it is {off:.1e} off, relative to its norm"
    return found


def values(A: LinearMap) -> Array:
    """All singular values: products of one of each factor, and zeros where the factors are of different shapes."""
    from minicnn.linalg.methods import exact

    found = reduce(jnp.multiply.outer, (exact(B).values(B) for B in _known(A))).ravel()
    return jnp.sort(jnp.pad(found, (0, min(A.shape) - found.size)), descending=True)


def top(A: LinearMap) -> tuple[Array, Array, Array]:
    """The product of the factors' largest values and vectors."""
    from minicnn.linalg.methods import for_largest

    triplets = [for_largest(B).top(B) for B in _known(A)]
    u, s, v = (reduce(jnp.multiply.outer, part) for part in zip(*triplets, strict=True))
    return u.reshape(A.out_shape), s, v.reshape(A.in_shape)


def function(A: LinearMap, f: Callable[[Array], Array]) -> LinearMap:
    """U·f(Σ)·Vᴴ with Kronecker products U and V of the factors' vectors."""
    triplets = [jnp.linalg.svd(B.matrix(), full_matrices=False) for B in _known(A)]
    U, s, Vh = zip(*triplets, strict=True)
    sigma = f(reduce(jnp.multiply.outer, s))
    dtype = A.dtype
    left = Kronecker(tuple(stored(M, dtype) for M in U))
    right = Kronecker(tuple(stored(M, dtype) for M in Vh))
    middle = Diagonal(sigma.astype(dtype), sigma.shape, jnp.dtype(dtype))
    ends = Reshape(left.out_shape, A.out_shape, dtype), Reshape(A.in_shape, right.in_shape, dtype)
    return compose(ends[0], left, middle, right, ends[1])


def several(A: LinearMap, k: int) -> tuple[Array, Array, Array]:
    """The k largest products of the factors' values with the products of their vectors, (U, s, Vh)."""
    U, s, Vh = zip(*(jnp.linalg.svd(B.matrix(), full_matrices=False) for B in _known(A)), strict=True)
    found = reduce(jnp.multiply.outer, s)
    order = jnp.argsort(found.ravel(), descending=True)[:k]
    if len(order) < k:
        raise ValueError(f"`k`={k}: the Kronecker product of these factors has the rank {len(order)} at most")
    places = jnp.unravel_index(order, found.shape)
    left = reduce(_columns, (M[:, place] for M, place in zip(U, places, strict=True)))
    right = reduce(_columns, (M[place].T for M, place in zip(Vh, places, strict=True)))
    return left, found.ravel()[order], right.T


def _columns(left: Array, right: Array) -> Array:
    """The Kronecker products of columns with columns."""
    return (left[:, None, :] * right[None, :, :]).reshape(-1, left.shape[-1])


def slogdet(A: LinearMap) -> tuple[Array, Array]:
    """det(A₁ ⊗ A₂) = det(A₁)^n₂·det(A₂)^n₁, if the factors are square; a product of others has the determinant 0."""
    from minicnn.linalg.methods import exact

    sign, total = jnp.ones((), A.dtype), jnp.zeros((), jnp.finfo(A.dtype).dtype)
    for B in _known(A):
        if B.shape[0] != B.shape[1]:
            return jnp.zeros((), A.dtype), jnp.full((), -jnp.inf, total.dtype)
        others = math.prod(A.shape[:1]) // B.shape[0]
        own_sign, own = exact(B).slogdet(B)
        sign, total = sign * own_sign**others, total + others * own
    return sign, total


def _known(A: LinearMap) -> Factors:
    found = factors(A)
    assert not isinstance(found, str)
    return found


def joined_channels(C: Stencil) -> np.ndarray:
    """The kernel with the zeros between groups, (*kernel, c_in, c_out)."""
    split = replace(C, w=np.asarray(C.w)).split
    *kernel, c, g, d = split.shape
    whole = np.zeros((*kernel, g, c, g, d), split.dtype)
    for group in range(g):
        whole[..., group, :, group, :] = split[..., :, group, :]
    return whole.reshape(*kernel, g * c, g * d)
