"""The method `lanczos`: the largest singular values of any map from products with it and its transpose.

Golub & Kahan's bidiagonalisation builds orthonormal u₁, u₂, … and v₁, v₂, … with A·V = U·B and B bidiagonal. The
largest singular values of the small B approach those of A from below. All vectors are kept and every new one is
orthogonalised against them twice, so that nothing is found twice; how far a value is from one of A is known from the
residual. When there is no room for more, the best half of what was found is kept (thick restart: Baglama & Reichel,
*Augmented implicitly restarted Lanczos bidiagonalization methods*, 2005).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Shaped

from minicnn.jax_internals import Tracer
from minicnn.linalg.frames import back, framed
from minicnn.linalg.magnitudes import length, normalised
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, largest_of, supremum
from minicnn.maps import LinearMap

# Bytes of the vectors that are kept; when they are full, the iteration starts again from the best half.
MEMORY = 2**28
# Vectors at most, since each is orthogonalised against all before it.
VECTORS = 40


class Triplet(NamedTuple):
    """What an iteration has found.

    Attributes:
        u: the left singular vector, of the map's out_shape.
        sigma: the value, a lower bound on the largest.
        v: the right singular vector, of the map's in_shape.
        residual: ‖Aᴴu − σv‖: A has a singular value within it of sigma.
        products: products with the map or its transpose.
    """

    u: Array
    sigma: Array
    v: Array
    residual: Array
    products: Array


class ConvergenceError(ArithmeticError):
    """An iteration ended before its result was as accurate as was asked for; the message says how far it came."""


def _unconverged(A: LinearMap, found: Triplet, rtol: float) -> ConvergenceError:
    sigma, residual = float(found.sigma), float(found.residual)
    return ConvergenceError(
        f"after {int(found.products)} products with {A!r} σ₁ is at least {sigma:.6g} and has a residual of "
        f"{residual:.1e}, not {rtol * sigma:.1e}: take `bracket(A)`, which bounds it from both sides"
    )


class _State(NamedTuple):
    U: Inexact[Array, "steps m"]
    V: Inexact[Array, "steps n"]
    B: Float[Array, "steps steps"]
    step: Int[Array, ""]
    beta: Float[Array, ""]
    v: Inexact[Array, " n"]
    ritz: tuple[Array, Array, Array]
    products: Int[Array, ""]


def refusal(A: LinearMap) -> str:
    """Why no products can be iterated, or nothing: any map will do, for its largest values."""
    return "it has no entries" if 0 in A.shape else ""


def room(A: LinearMap) -> int:
    """The number of vectors that are kept."""
    kept = MEMORY // (sum(A.shape) * np.dtype(A.dtype).itemsize)
    return int(max(min(kept, VECTORS, min(A.shape) + 1), 2))


def largest(
    A: LinearMap,
    start: Shaped[Array, "..."],
    steps: int,
    rtol: float,
    most: int,
    found: tuple[Inexact[Array, "k m"], Inexact[Array, "k n"]] | None = None,
) -> Triplet:
    """Iterate until ‖Aᴴu − σv‖ ≤ rtol·σ, or `most` products.

    Args:
        A: the map.
        start: vectors (k, *in_shape), of whose combinations v begins with the one that A lengthens most.
        steps: vectors to keep before starting again.
        rtol: of the residual.
        most: products at most.
        found: left and right singular vectors that are already known, which the iteration avoids.
    """
    dtype = jnp.result_type(A.dtype)
    if found is None:
        found = jnp.zeros((0, A.shape[0]), dtype), jnp.zeros((0, A.shape[1]), dtype)
    return _largest(A, start.astype(dtype).reshape(len(start), -1), found, rtol, most, steps)


@partial(jax.jit, static_argnames=("steps",))
def _largest(A: LinearMap, start: Array, found: tuple[Array, Array], rtol: Array, most: Array, steps: int) -> Triplet:
    H, (P, Q) = A.H, found
    m, n = A.shape
    real = jnp.finfo(start.dtype).dtype

    def orthogonal(x: Array, *bases: Array) -> Array:
        for _ in range(2):
            for basis in bases:
                x = x - (basis.conj() @ x) @ basis
        return x

    def step(state: _State) -> _State:
        U, V, B, j, products = state.U, state.V, state.B, state.step, state.products
        V = V.at[j].set(state.v)
        u = orthogonal(A(state.v.reshape(A.in_shape)).ravel(), P, U)
        alpha = length(u)
        U = U.at[j].set(normalised(u))
        v = orthogonal(H(U[j].reshape(A.out_shape)).ravel(), Q, V)
        beta = length(v)
        B = B.at[j, j].set(alpha)
        left, s, right = jnp.linalg.svd(B)
        ritz = s[0], beta * jnp.abs(left[j, 0]), right[0]
        return _State(U, V, B.at[j, j + 1].set(beta, mode="drop"), j + 1, beta, normalised(v), ritz, products + 2)

    def restart(state: _State) -> _State:
        left, s, right = jnp.linalg.svd(state.B)
        kept = jnp.arange(steps) < steps // 2
        U, V = (jnp.where(kept[:, None], R.astype(X.dtype) @ X, 0) for R, X in ((left.T, state.U), (right, state.V)))
        B = jnp.diag(jnp.where(kept, s, 0)).at[:, steps // 2].set(jnp.where(kept, state.beta * left[-1], 0))
        return state._replace(U=U, V=V, B=B, step=jnp.asarray(steps // 2))

    def unfinished(state: _State) -> Array:
        sigma, residual, _ = state.ritz
        return (residual > rtol * sigma) & (state.products < most)

    def fill(state: _State) -> _State:
        state = jax.lax.while_loop(lambda s: unfinished(s) & (s.step < steps), step, state)
        return jax.lax.cond(unfinished(state), restart, lambda s: s, state)

    v, products = start[0], 0
    if len(start) > 1:
        basis = jnp.linalg.qr(start.T)[0].T
        longest = jnp.linalg.svd(A(basis.reshape(-1, *A.in_shape)).reshape(len(basis), m).T, full_matrices=False)[2][0]
        v, products = longest.conj() @ basis, len(basis)
    zero, none = jnp.zeros((), real), jnp.zeros((), int)
    U, V, B = (jnp.zeros((steps, size), dtype) for size, dtype in ((m, start.dtype), (n, start.dtype), (steps, real)))
    ritz = zero, zero + jnp.inf, jnp.zeros(steps, real)
    begin = _State(U, V, B, none, zero, normalised(orthogonal(v, Q)), ritz, none + products)
    end = jax.lax.while_loop(unfinished, fill, begin)
    sigma, residual, right = end.ritz
    v = right.astype(end.V.dtype) @ end.V
    u = normalised(orthogonal(A(v.reshape(A.in_shape)).ravel(), P))
    return Triplet(u.reshape(A.out_shape), sigma, v.reshape(A.in_shape), residual, end.products + 1)


def accuracy(dtype: jnp.dtype) -> float:
    """The residual, relative to σ₁, at which a triplet is taken: half the digits, as the value's error is squared."""
    return 4 * float(jnp.finfo(dtype).eps) ** 0.5


# Products at most for one value.
PRODUCTS = 2000


def top(A: LinearMap) -> tuple[Array, Array, Array]:
    """A left singular vector of the largest value, the value, and the right one.

    Raises:
        ConvergenceError: if `PRODUCTS` products were not enough; under jit, where nothing can be raised, the value is
        NaN.
    """
    rtol = accuracy(A.dtype)
    found = largest(A, start_of(A), room(A), rtol, PRODUCTS)
    converged = found.residual <= rtol * found.sigma
    if not isinstance(converged, Tracer) and not converged:
        raise _unconverged(A, found, rtol)
    return found.u, jnp.where(converged, found.sigma, jnp.nan), found.v


def several(A: LinearMap, k: int) -> tuple[Inexact[Array, "m k"], Float[Array, " k"], Inexact[Array, "k n"]]:
    """The k largest values and their vectors, one after the other, each run avoiding all that was found.

    A value that comes several times is found as often, since every run starts anew. The search ends when what is left
    has nothing larger than the least of the k; values that differ by less than the accuracy may change places.

    Raises:
        ConvergenceError: if one of them took more than `PRODUCTS` products.
    """
    rtol, most = accuracy(A.dtype), min(A.shape)
    P, Q = jnp.zeros((k + 1, A.shape[0]), A.dtype), jnp.zeros((k + 1, A.shape[1]), A.dtype)
    sigma = np.zeros(k + 1)
    start = start_of(A)
    for n in range(most):
        place = n if n <= k else int(sigma.argmin())
        P, Q = P.at[place].set(0), Q.at[place].set(0)
        scale = sigma.max()
        found = largest(A, start, room(A), rtol, PRODUCTS, (P, Q))
        if found.residual > rtol * max(scale, float(found.sigma)):
            raise _unconverged(A, found, rtol)
        P, Q = P.at[place].set(found.u.ravel()), Q.at[place].set(found.v.ravel())
        sigma[place] = found.sigma
        start = jax.random.normal(jax.random.key(n + 1), (1, *A.in_shape), jnp.finfo(A.dtype).dtype)
        if n >= k and sigma[place] <= np.sort(sigma)[1]:
            break
    order = np.argsort(-sigma, kind="stable")[:k]
    return P[order].T, jnp.asarray(sigma[order], jnp.finfo(A.dtype).dtype), Q[order].conj()


def start_of(A: LinearMap) -> Array:
    """Where to begin: for a convolution with waves at its symbol's peak, damped towards the border, and a little noise.

    The vectors of the largest values are such waves, and the random part keeps the start from being orthogonal to a
    better one.
    """
    noise = normalised(jax.random.normal(jax.random.key(0), (1, *A.in_shape), jnp.finfo(A.dtype).dtype)).astype(A.dtype)
    frame = framed(A)
    C, transposed = oriented(frame.core)
    if C is None:
        return noise
    waves = jnp.asarray(_waves(C.in_float64() if C.concrete else C), A.dtype)
    waves = frame.core.T(waves).conj() if transposed else waves
    return jax.vmap(normalised)(back(frame.right, waves)) + NOISE * noise


# The share of noise in the first vector: with a hundredth, ten products find σ₁ of 8 → 8 channels of 112 × 112 to 1e-5,
# with a tenth they take thirty.
NOISE = 0.01
# Under jit, where the peak cannot be enclosed: frequencies on each axis among which it is sought, times the taps, and
# how often the grid around the best is halved: the phase is then right to a tenth of a radian over 112 positions.
GRID = 6
REFINEMENTS = 9


def _waves(C: Stencil) -> Any:
    """The plane wave at the symbol's peak, times half a sine over each axis; on several axes also times a whole one.

    The second derivative of the symbol couples axes, which tilts the best wave: it is a combination of both.
    """
    symbol = Symbol.of(C)
    xp: Any = symbol.xp
    omega = xp.asarray(supremum(symbol).omega) if C.concrete else _peak(symbol)
    _, s, Vh = xp.linalg.svd(symbol.at(omega), full_matrices=False)
    strides = [axis.stride for axis in C.axes]
    of_best = (xp.arange(C.groups) == xp.argmax(s[:, 0]))[:, None] * Vh[:, 0].conj()  # group, phases and channels
    waves = xp.moveaxis(of_best.reshape(C.groups, *strides, -1), 0, -2).reshape(1, *strides, -1)
    halves = np.arange(1, 2 if C.rank == 1 else 3)[:, None]
    for n, axis in enumerate(C.axes):
        i, along = np.arange(axis.in_size), (-1, *(1,) * (C.rank - n))
        envelopes = np.sin(np.pi * halves * (i + 1) / (axis.in_size + 1))
        factors = xp.exp(1j * omega[n] * (i // axis.stride)) * envelopes
        waves = xp.take(waves, i % axis.stride, axis=n + 1) * factors.reshape(len(halves), *(1,) * n, *along)
    return waves if xp.iscomplexobj(C.w) else waves.real + waves.imag * (xp.linalg.norm(waves[0].real) == 0)


def _peak(symbol: Symbol) -> Array:
    """The frequency of the largest value on a grid that is refined around it."""
    sizes = [GRID * len(powers) for powers in symbol.offsets]

    def mesh(*axes: Any) -> Array:
        return jnp.stack([axis.ravel() for axis in jnp.meshgrid(*axes, indexing="ij")], -1)

    grid = mesh(*(2 * jnp.pi * jnp.arange(n) / n for n in sizes))
    around = mesh(*[jnp.arange(-2, 3)] * len(sizes)) * (2 * jnp.pi / jnp.asarray(sizes, grid.dtype))

    def closer(n: Array, omega: Array) -> Array:
        near = omega + around / 2.0 ** (n + 1)
        return near[jnp.argmax(largest_of(symbol.at(near)))]

    return jax.lax.fori_loop(0, REFINEMENTS, closer, grid[jnp.argmax(largest_of(symbol.at(grid)))])
