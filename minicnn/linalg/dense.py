"""The method `dense`: the singular values of the stored matrix, for any map that is small enough."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from minicnn.forms.memory import memory, readable
from minicnn.linalg import banded
from minicnn.linalg.magnitudes import determinant
from minicnn.maps import Dense, LinearMap

# Rows · columns · the lesser of them, with which the time grows: 1e12 is 10,000 × 10,000, which takes minutes.
MOST = 1e12


def refusal(A: LinearMap) -> str:
    """Why the matrix is not to be stored and decomposed, or nothing."""
    rows, columns = A.shape
    size = f"the matrix is {rows}×{columns}, {readable(A.nbytes)}"
    if A.nbytes > memory() // 2:
        return f"{size}: this machine has {readable(memory())}"
    if rows * columns * min(rows, columns) > MOST:
        return f"{size}: its singular values would take hours"
    return ""


def stored(M: Inexact[Array, "m n"], dtype: jnp.dtype | None = None) -> Dense:
    """A matrix as a map between vectors."""
    return Dense(M, M.shape[1:], M.shape[:1], dtype or M.dtype)


def values(A: LinearMap) -> Array:
    """All singular values of the matrix, those of a narrow band without the zeros around it."""
    found = banded.values(A)
    if found is not None:
        return jnp.asarray(found, jnp.finfo(A.dtype).dtype)
    return jnp.linalg.svd(A.matrix(), full_matrices=False, compute_uv=False)


def top(A: LinearMap) -> tuple[Array, Array, Array]:
    """A left singular vector of the largest value, the value, and the right one."""
    U, s, Vh = jnp.linalg.svd(A.matrix(), full_matrices=False)
    return U[:, 0].reshape(A.out_shape), s[0], Vh[0].conj().reshape(A.in_shape)


def function(A: LinearMap, f: Callable[[Array], Array]) -> LinearMap:
    """U·f(Σ)·Vᴴ as a stored matrix."""
    U, s, Vh = jnp.linalg.svd(A.matrix(), full_matrices=False)
    return Dense((U * f(s)[None].astype(U.dtype)) @ Vh, A.in_shape, A.out_shape, A.dtype)


def slogdet(A: LinearMap) -> tuple[Array, Array]:
    """The sign and the logarithm of the matrix's determinant."""
    return determinant(A.matrix())


def several(A: LinearMap, k: int) -> tuple[Array, Array, Array]:
    """The k largest values with their vectors, (U, s, Vh)."""
    U, s, Vh = jnp.linalg.svd(A.matrix(), full_matrices=False)
    return U[:, :k], s[:k], Vh[:k]
