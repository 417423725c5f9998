"""Solving with a map: least squares, the pseudo-inverse, the null space, the determinant."""

import math
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Shaped

from minicnn.arguments import number, untraced
from minicnn.dtypes import array
from minicnn.linalg import cosine, fourier, kronecker
from minicnn.linalg.dense import stored
from minicnn.linalg.frames import framed
from minicnn.linalg.lanczos import ConvergenceError
from minicnn.linalg.magnitudes import length
from minicnn.linalg.methods import cheap, check_map, exact
from minicnn.linalg.values import tolerance
from minicnn.maps import Gather, Kronecker, LinearMap, Reshape, compose

# Steps of conjugate gradients at most, two products each: where they do not suffice, the problem wants damping.
STEPS = 5000


class Solution(NamedTuple):
    """A solution of a least-squares problem, and how good it is.

    Attributes:
        x: the solution, (*batch, *in_shape).
        residual: ‖A·x − y‖ for each vector of the batch.
        gradient: ‖Aᴴ(A·x − y) + damp²·x‖, which is zero at the minimum.
        method: how it was found.
        products: products with A or its transpose.
    """

    x: Shaped[Array, "..."]
    residual: Float[Array, "..."]
    gradient: Float[Array, "..."]
    method: str
    products: int


def lstsq(
    A: LinearMap, y: Shaped[Array, "..."], *, damp: float = 0.0, method: str = "auto", rtol: float | None = None
) -> Solution:
    """Minimise ‖A·x − y‖² + damp²·‖x‖²; of several solutions, the shortest.

    Args:
        A: a map of floating or complex numbers.
        y: the right-hand side, (*batch, *out_shape).
        damp: how much a large x costs (Tikhonov), at least 0; it keeps noise out of directions with small singular
        values.
        method: "auto", "kron", "fourier", "dct" or "dense" (exact), or "iterate" (conjugate gradients, for large maps).
        rtol: of the iteration: the gradient at which it ends, relative to ‖Aᴴy‖; the root of the rounding unit by
        default.

    Raises:
        ValueError: if shapes do not fit, damp is negative, or the method is not exact for the map.
        ConvergenceError: if `STEPS` steps of the iteration did not lead there.

    >>> A = minicnn.conv_map(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (3,))
    >>> lstsq(A, jnp.array([[1.0], [2.0]])).x.ravel().round(3)
    Array([0.048, 0.476, 0.762], dtype=float32)
    """
    check_map(A)
    y = array("y", y)
    batch = y.shape[: y.ndim - len(A.out_shape)]
    if y.shape != (*batch, *A.out_shape):
        raise ValueError(f"`y` has shape {y.shape}: the last axes must be {A.out_shape}, the map's out_shape")
    damp = float(number("damp", damp))
    if not damp >= 0:
        raise ValueError(f"`damp`={damp} must be at least 0")
    y = y.astype(jnp.result_type(y.dtype, A.dtype))
    goal = float(jnp.finfo(A.dtype).eps) ** 0.5 if rtol is None else float(number("rtol", rtol))
    chosen = None if method == "iterate" else cheap(A) if method == "auto" else exact(A, method)
    if chosen is None:
        flat = y.reshape(-1, *A.out_shape)
        x, steps, left = jax.lax.map(partial(_iterate, A, damp, goal), flat)
        solution = _checked(A, x.reshape(*batch, *A.in_shape), y, damp, "iterate", int(steps.max()) * 2 + 1)
        if not (left <= 10 * goal).all():
            gradient, residual = float(solution.gradient.max()), float(solution.residual.max())
            raise ConvergenceError(
                f"after {solution.products} products the gradient is {gradient:.1e} with a residual of {residual:.3g}: "
                f"{A!r} is ill-conditioned; take a larger `damp` or `rtol`"
            )
        return solution

    def damped(s: Array) -> Array:
        kept = s > tolerance(A, s)
        size = jnp.where(kept, s, 1)
        return jnp.where(kept, 1 / (size + damp * (damp / size)), 0)  # s/(s² + damp²), without squares that overflow

    return _checked(A, chosen.function(A, damped).H(y), y, damp, chosen.name, 0)


def pinv(A: LinearMap, tol: float | None = None, *, method: str = "auto") -> LinearMap:
    """The pseudo-inverse of Moore and Penrose, as a map: the inverse where there is one.

    Args:
        A: a map of floating or complex numbers.
        tol: singular values up to it count as zero; by default as in `rank`.
        method: as in `svdvals`.

    Raises:
        ValueError: if no exact method takes the map; `lstsq` iterates for a single y.

    >>> A = minicnn.conv_map(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (3,))
    >>> bool(jnp.allclose((A @ pinv(A)).matrix(), jnp.eye(2), atol=1e-6))
    True
    """
    check_map(A)
    tol = tol if tol is None else number("tol", tol)

    def inverse(s: Array) -> Array:
        kept = s > (tolerance(A, s) if tol is None else tol)
        return jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)

    return exact(A, method).function(A, inverse).H


def null_space(A: LinearMap, tol: float | None = None) -> LinearMap:
    """An orthonormal basis of all x with A·x = 0, as a map N from coefficients: A @ N is zero, N.H @ N the identity.

    Args:
        A: a map of floating or complex numbers.
        tol: singular values up to it count as zero; by default as in `rank`.

    Raises:
        ValueError: if no exact method takes the map.
        TypeError: inside of `jax.jit` and the like, where the number of coefficients is not known.

    >>> null_space(minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (4,))).in_shape
    (1,)
    """
    check_map(A)
    untraced("A", A, "count its values outside of jax.jit, jax.grad and jax.vmap, or take svdvals(A)")
    tol = tol if tol is None else number("tol", tol)
    frame = framed(A)
    V, values, columns = _right_vectors(frame.core)
    null = np.asarray(values <= (tolerance(A, values) if tol is None else tol))
    positions = jnp.asarray(columns[null & (columns >= 0)], jnp.int32)
    picked = Gather(positions, V.in_shape, positions.shape, A.dtype)
    N = compose(Reshape(V.out_shape, frame.core.in_shape, A.dtype), V, picked.T)
    return compose(*(Q.T for Q in reversed(frame.right)), N)


def _right_vectors(A: LinearMap) -> tuple[LinearMap, Float[Array, " n"], Int[np.ndarray, " n"]]:
    """All right singular vectors as a map from coefficients, the values, and the number of each one's column."""
    if kronecker.refusal(A):
        for method in (fourier, cosine):
            if not method.refusal(A):
                found = method.vectors(A)
                return found.V, found.s.ravel(), found.right.ravel()
        exact(A, "dense")
    factors = kronecker.factors(A)
    triplets = [jnp.linalg.svd(B.matrix(), full_matrices=True) for B in ((A,) if isinstance(factors, str) else factors)]
    values = reduce(jnp.multiply.outer, [jnp.pad(s, (0, len(Vh) - len(s))) for _, s, Vh in triplets]).ravel()
    return Kronecker(tuple(stored(Vh.conj().T) for _, _, Vh in triplets)), values, np.arange(len(values))


def slogdet(A: LinearMap, *, method: str = "auto") -> tuple[Inexact[Array, ""], Float[Array, ""]]:
    """The sign of the determinant and the logarithm of its absolute value, (0, −∞) for a singular matrix.

    Args:
        A: a square map.
        method: as in `svdvals`.

    Raises:
        ValueError: if the map is not square, or no exact method takes it.

    >>> slogdet(minicnn.conv_map(-2 * jnp.ones((1, 1, 1)), (3,)))
    (Array(-1., dtype=float32), Array(2.0794415, dtype=float32))
    """
    check_map(A)
    rows, columns = A.shape
    if rows != columns:
        raise ValueError(f"the matrix is {rows}×{columns}: only a square one has a determinant")
    sign, logarithm = exact(A, method).slogdet(A)
    return sign, logarithm


def gram(A: LinearMap) -> LinearMap:
    """AᴴA, whose eigenvalues are the squares of A's singular values.

    >>> gram(minicnn.conv_map(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (3,))).matrix()
    Array([[1., 2., 0.],
           [2., 5., 2.],
           [0., 2., 4.]], dtype=float32)
    """
    return compose(A.H, A)


@partial(jax.jit, static_argnums=(1, 2))
def _iterate(A: LinearMap, damp: float, rtol: float, y: Array) -> tuple[Array, Array, Array]:
    """Conjugate gradients for the normal equations, without forming them (CGLS; Hestenes & Stiefel, 1952).

    They are run for y/η, A/α and damp/α with powers of two, by which no digit changes: Aᴴy is then about 1 long and
    damp no more, so that no square overflows or vanishes. Also the steps, and how long the gradient that is left is
    beside Aᴴy.
    """
    H, (eta, alpha) = A.H, _units(A, damp, y)
    y, penalty = y / eta, (damp / alpha) ** 2
    s = H(y) / alpha
    first = jnp.vdot(s, s).real
    goal = (rtol**2) * first

    def unfinished(state: tuple[Array, ...]) -> Array:
        *_, size, steps = state
        return (size > goal) & (steps < STEPS)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        x, r, p, size, steps = state
        q = A(p) / alpha
        along = (size / (jnp.vdot(q, q) + penalty * jnp.vdot(p, p)).real).astype(p.dtype)
        x, r = x + along * p, r - along * q
        s = H(r) / alpha - penalty * x
        new = jnp.vdot(s, s).real
        return x, r, s + (new / size).astype(p.dtype) * p, new, steps + 1

    x, *_, steps = jax.lax.while_loop(unfinished, step, (jnp.zeros_like(s), y, s, first, jnp.zeros((), int)))
    left = length(H(y - A(x) / alpha) / alpha - penalty * x) / jnp.where(first > 0, jnp.sqrt(first), 1)
    return x * (eta / alpha), steps, left


def _units(A: LinearMap, damp: float, y: Array) -> tuple[Array, Array]:
    """Powers of two by which to divide y and A, in the dtype of y, so that Aᴴy is about 1 long and damp no more."""
    eta = _power_of_two(length(y))
    size = length(A.H(y / eta.astype(y.dtype)))
    alpha = _power_of_two(jnp.maximum(size, damp))
    return (eta * _power_of_two(size / alpha)).astype(y.dtype), alpha.astype(y.dtype)


def _checked(A: LinearMap, x: Array, y: Array, damp: float, method: str, products: int) -> Solution:
    away = A(x) - y
    gradient = A.H(away) + damp * (damp * x)
    return Solution(x, _lengths(away, A.out_shape), _lengths(gradient, A.in_shape), method, products)


def _lengths(x: Array, shape: tuple[int, ...]) -> Array:
    batch = x.shape[: x.ndim - len(shape)]
    return jax.vmap(length)(x.reshape(math.prod(batch), math.prod(shape))).reshape(batch)


def _power_of_two(size: Array) -> Array:
    """The power of two just below a number, within those that have all digits; 1 or less for zero."""
    room = jnp.finfo(size.dtype)
    return jnp.ldexp(jnp.ones_like(size), jnp.clip(jnp.frexp(size)[1] - 1, room.minexp, -room.minexp))
