"""Singular values and what follows from them: vectors, condition number, rank."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from minicnn.arguments import integer, number, untraced
from minicnn.linalg import cosine, dense, fourier, kronecker, lanczos
from minicnn.linalg.frames import back, forth, framed
from minicnn.linalg.methods import EXACT, LANCZOS, SMALL, check_map, exact
from minicnn.maps import LinearMap


def svdvals(A: LinearMap, k: int | None = None, *, method: str = "auto") -> Float[Array, " n"]:
    """The singular values, descending: all min(rows, columns) of them, or the k largest.

    Values are as accurate as the dtype lets them be, relative to the largest one: take float64 for small ones.

    Args:
        A: a map of floating or complex numbers.
        k: how many; all if None.
        method: "auto", or "kron" (Kronecker products, separable kernels), "fourier" (circular padding), "dct"
            (symmetric padding and kernel), "dense" (small), "lanczos" (the k largest of anything).

    Raises:
        ValueError: if no method, or not the one asked for, is exact for the map, with the reasons; if k is out of
            range; for NaN or Inf.
        TypeError: for a map of integers.
        ConvergenceError: if Lanczos has not come to the k largest, with what it found.

    >>> w = jnp.array([1.0, -1.0]).reshape(2, 1, 1)
    >>> A = minicnn.conv_map(w, (4,), padding=((0, 1),), padding_mode="circular")
    >>> svdvals(A).round(2)
    Array([2.  , 1.41, 1.41, 0.  ], dtype=float32)
    """
    check_map(A)
    if k is None:
        if method == "lanczos":
            return LANCZOS.values(A)
        return exact(A, method).values(A).astype(jnp.finfo(A.dtype).dtype)
    k = _count(A, k)
    if method == "auto":
        method = _for_several(A, k)
    return lanczos.several(A, k)[1] if method == "lanczos" else svdvals(A, method=method)[:k]


class Factors(NamedTuple):
    """The matrix as U·diag(s)·Vh, of its k largest singular values.

    Attributes:
        U: (rows, k), orthonormal columns.
        s: (k,), descending.
        Vh: (k, columns), orthonormal rows.
    """

    U: Inexact[Array, "m k"]
    s: Float[Array, " k"]
    Vh: Inexact[Array, "k n"]


def svd(A: LinearMap, k: int, *, method: str = "auto") -> Factors:
    """The k largest singular values with their vectors, (U, s, Vh).

    Args:
        A: a map of floating or complex numbers.
        k: how many.
        method: as in `svdvals`.

    Raises:
        ValueError, TypeError, ConvergenceError: as `svdvals`.

    >>> U, s, Vh = svd(minicnn.conv_map(jnp.ones((2, 1, 1)), (3,)), 1)
    >>> np.asarray(s, float).round(3)
    array([1.732])
    """
    check_map(A)
    k = _count(A, k)
    if method == "auto":
        method = _for_several(A, k)
    if method == "lanczos":
        return Factors(*lanczos.several(A, k))
    exact(A, method)
    frame = framed(A)
    U, s, Vh = _VECTORS[method](frame.core, k)
    left = forth(frame.left, U.T.reshape(k, *frame.core.out_shape)).reshape(k, -1).T
    return Factors(left, s, back(frame.right, Vh.reshape(k, *frame.core.in_shape)).reshape(k, -1))


_VECTORS = {"kron": kronecker.several, "fourier": fourier.several, "dct": cosine.several, "dense": dense.several}


def cond(A: LinearMap, *, method: str = "auto") -> Float[Array, ""]:
    """The condition number: the largest singular value through the smallest; infinite if that is zero.

    Raises:
        ValueError, TypeError: as `svdvals`.

    >>> w = jnp.array([1.0, 2.0]).reshape(2, 1, 1)
    >>> cond(minicnn.conv_map(w, (2,), padding=((0, 1),), padding_mode="circular"))
    Array(3., dtype=float32)
    """
    s = svdvals(A, method=method)
    return jnp.where(s[-1] == 0, jnp.inf, s[0] / jnp.where(s[-1] == 0, 1, s[-1]))


def rank(A: LinearMap, tol: float | None = None, *, method: str = "auto") -> int:
    """The number of singular values above a tolerance.

    Args:
        A: the map.
        tol: values up to it count as zero; by default the largest value times the larger side times the rounding unit.
        method: as in `svdvals`.

    Raises:
        ValueError, TypeError: as `svdvals`; and TypeError inside of `jax.jit` and the like.

    >>> w = jnp.ones((2, 2, 1, 1))
    >>> rank(minicnn.conv_map(w, (4, 4), padding=((0, 1), (0, 1)), padding_mode="circular"))
    9
    """
    tol = tol if tol is None else number("tol", tol)
    untraced("A", A, "count its values outside of jax.jit, jax.grad and jax.vmap, or take svdvals(A)")
    s = svdvals(A, method=method)
    return int((s > (tolerance(A, s) if tol is None else tol)).sum())


def tolerance(A: LinearMap, s: Float[Array, " n"]) -> Float[Array, ""]:
    """What counts as zero among the singular values: their rounding."""
    return s.max() * max(A.shape) * jnp.finfo(s.dtype).eps


def _count(A: LinearMap, k: int) -> int:
    k, most = integer("k", k), min(A.shape)
    if not 1 <= k <= most:
        raise ValueError(f"`k`={k} must be from 1 to {most}, the number of singular values of {A!r}")
    return k


def _for_several(A: LinearMap, k: int) -> str:
    """The cheapest method for the k largest values and their vectors."""
    for name, method in EXACT.items():
        large = name == "dense" and min(A.shape) > SMALL and k < min(A.shape) // 4
        if not large and not method.refusal(A):
            return name
    return "lanczos"
