"""Norms of a map, differentiable in what it is made of.

The derivative of σ₁ is Re uᴴ·Ȧ·v with the singular vectors held fixed, so that its pull-back to a kernel is X(v)ᵀu. The
other norms are sums and maxima of what JAX differentiates by itself.
"""

import math
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from minicnn.linalg import kronecker
from minicnn.linalg.frames import framed
from minicnn.linalg.magnitudes import length
from minicnn.linalg.methods import check_map, exact, for_largest
from minicnn.linalg.stencils import oriented
from minicnn.maps import LinearMap
from minicnn.primitive import Primitive, value_of

Order = int | float | str
# Entries of a matrix that is made, column by column, for a norm of its entries: a minute's work.
MOST = 4e9
# Bytes of the columns that are made at once.
COLUMNS = 2**26


def norm(A: LinearMap, ord: Order = 2, *, method: str = "auto") -> Float[Array, ""]:
    """A norm of the matrix, differentiable in the arrays that the map is made of (jvp, vjp, vmap, jit,
    `minicnn.autodiff`).

    σ₁ of a circular convolution comes in pairs of waves at opposite frequencies; for a real kernel both have the same
    derivative, so that it is differentiable all the same. The second derivative of σ₁ is refused.

    Args:
        A: a map of floating or complex numbers.
        ord: 2 (σ₁, the spectral norm), "fro" (root of the sum of squares), "nuc" (sum of the singular values), 1
            (largest column sum), inf (largest row sum).
        method: for 2 and "nuc", as in `svdvals`; "auto" takes Lanczos for 2 where nothing exact is cheap.

    Raises:
        ValueError: for an unknown norm, or a map too large for it.
        ConvergenceError: if Lanczos has not come to σ₁; under jit the norm is then NaN.

    >>> A = minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME")
    >>> norm(A, "fro"), norm(A, 1)
    (Array(2.236068, dtype=float32), Array(2., dtype=float32))
    """
    check_map(A, traced=True)
    if not isinstance(ord, Hashable) or ord not in _NORMS:
        raise ValueError(f'`ord`={ord!r} is not a norm: use 2, "fro", "nuc", 1 or inf')
    leaves, structure = jax.tree.flatten(A)
    return norm_p(*leaves, structure=structure, ord=ord, method=method)


def _compute(*leaves: Any, structure: Any, ord: Order, method: str) -> Array:
    return _NORMS[ord](jax.tree.unflatten(structure, leaves), method)


norm_p = Primitive("norm", _compute)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def spectral(A: LinearMap, method: str) -> Array:
    """σ₁."""
    return _pair(A, method)[1]


@spectral.defjvp
def _spectral_jvp(method: str, primals: tuple[LinearMap], tangents: tuple[Any]) -> tuple[Array, Array]:
    u, sigma, v = _pair(*primals, method)
    _, along = jax.jvp(lambda A: jnp.vdot(u, A(v)).real, primals, tangents)
    return sigma, along


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _pair(A: LinearMap, method: str) -> tuple[Array, Array, Array]:
    return for_largest(A, method).top(A)


@_pair.defjvp
def _pair_jvp(method: str, primals: Any, tangents: Any) -> Any:
    raise NotImplementedError("σ₁ has no second derivative here: singular vectors are not differentiated")


def nuclear(A: LinearMap, method: str) -> Array:
    """The sum of the singular values."""
    return jnp.sum(exact(A, method).values(A))


def frobenius(A: LinearMap, method: str) -> Array:
    """The root of the sum of squared entries: a quadratic form in the taps, whatever the border."""
    A = framed(A).core
    C, _ = oriented(A)
    if C is not None:
        unit = jax.lax.stop_gradient(jnp.abs(C.w).max())
        w = total = C.w / jnp.where(unit == 0, 1, unit).astype(C.w.dtype)  # so that no square overflows or vanishes
        for n, border in enumerate(C.borders):
            table = jnp.asarray(border.coincidences(), total.dtype)
            total = jnp.moveaxis(jnp.tensordot(table, total, ((1,), (n,))), 0, n)
        return unit * jnp.sqrt(jnp.vdot(w, total).real)
    if not isinstance(factors := kronecker.factors(A), str):
        return reduce(jnp.multiply, (frobenius(B, method) for B in factors))
    return length(_over_columns(A, jax.vmap(length)))


def largest_column(A: LinearMap, method: str) -> Array:
    """The largest sum of the absolute values of a column."""
    A = framed(A).core
    C, transposed = oriented(A)
    if C is not None and C.entries_are_taps:
        M = replace(C, w=jnp.abs(C.w)).with_weights(jnp.abs(C.w))
        M = M if transposed else M.T
        return M(jnp.ones(M.in_shape, M.dtype)).max()
    if not isinstance(factors := kronecker.factors(A), str):
        return reduce(jnp.multiply, (largest_column(B, method) for B in factors))
    return _over_columns(A, lambda columns: jnp.sum(jnp.abs(columns), 1)).max()


def largest_row(A: LinearMap, method: str) -> Array:
    """The largest sum of the absolute values of a row."""
    return largest_column(A.T, method)


_NORMS: dict[Any, Callable[[LinearMap, str], Array]] = {
    2: spectral,
    "fro": frobenius,
    "nuc": nuclear,
    1: largest_column,
    math.inf: largest_row,
}


def _over_columns(A: LinearMap, reduce_columns: Callable[[Array], Array]) -> Array:
    """What a function makes of each column, for as many columns at a time as fit."""
    rows, columns = A.shape
    if rows * columns > MOST:
        raise ValueError(
            f"this norm of {A!r} takes {rows * columns:.1e} entries, more than {MOST:.0e}: take ord=2, or `bounds(A)`"
        )
    many = int(max(min(COLUMNS // (rows * np.dtype(A.dtype).itemsize), columns), 1))

    def some(start: Array) -> Array:
        x = (start + jnp.arange(many))[:, None] == jnp.arange(columns)
        return reduce_columns(A(x.astype(A.dtype).reshape(many, *A.in_shape)).reshape(many, rows))

    return jax.lax.map(some, jnp.arange(0, columns, many))


def derivative(leaves: tuple[Any, ...], n: int, **static: Any) -> Array:
    """The gradient of the norm in one of the map's arrays, for `minicnn.autodiff`."""
    values = [value_of(leaf) for leaf in leaves]
    return jax.grad(lambda leaf: _compute(*values[:n], leaf, *values[n + 1 :], **static))(values[n])
