"""Norms of the matrix and their derivatives in the kernel: jvp, vjp, vmap, jit, and minicnn's own autodiff."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff, linalg, maps, ops
from tests.linalg.examples import MAPS, TAPS, conv, dense, kernel

ORDERS = (2, "fro", "nuc", 1, math.inf)
BORDERS: dict[str, dict[str, Any]] = {
    "zeros": {"padding": "SAME"},
    "circular": {"padding": "SAME", "padding_mode": "circular"},
    "symmetric, stride": {"padding": "SAME", "padding_mode": "symmetric", "stride": 2},
}


def norms_of(options: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda w: jnp.stack([linalg.norm(conv(w, (5, 4), **options), order) for order in ORDERS])


@pytest.mark.parametrize("border", ["zeros", "circular", pytest.param("symmetric, stride", marks=pytest.mark.long)])
def test_every_norm_has_the_derivative_of_finite_differences(border: str) -> None:
    """σ₁ of the circular kernel comes in pairs of waves."""
    f, w, w_dot = norms_of(BORDERS[border]), kernel(3, 3, 2, 2), kernel(3, 3, 2, 2, seed=1)
    h = 1e-6

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # it is compiled for one call
    def at(w: Any, w_dot: Any) -> Any:
        y, y_dot = jax.jvp(f, (w,), (w_dot,))
        return y, y_dot, jax.jacrev(f)(w), jax.vmap(f)(jnp.stack([w + h * w_dot, w - h * w_dot]))

    y, y_dot, jacobian, (above, below) = map(np.asarray, at(w, w_dot))
    M = dense(conv(w, (5, 4), **BORDERS[border]))
    np.testing.assert_allclose(y, [np.linalg.norm(M, order) for order in ORDERS], rtol=1e-13)
    np.testing.assert_allclose(y_dot, (above - below) / (2 * h), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(jacobian.reshape(len(ORDERS), -1) @ np.asarray(w_dot).ravel(), y_dot, rtol=1e-12)
    np.testing.assert_allclose(autodiff.grad(lambda w: linalg.norm(conv(w, (5, 4), **BORDERS[border])))(w), jacobian[0])


def test_the_gradient_of_sigma_is_a_patch_matrix_times_a_singular_vector() -> None:
    from minicnn import patch_map

    w = kernel(3, 3, 2, 2)
    U, _, Vh = linalg.svd(conv(w, (5, 4)), 1)
    X = patch_map(Vh.reshape(5, 4, 2), w.shape)
    np.testing.assert_allclose(
        jax.grad(lambda w: linalg.norm(conv(w, (5, 4))))(w), X.T(U.reshape(3, 2, 2)), rtol=0, atol=1e-13
    )


def test_second_derivatives_are_right_or_an_error() -> None:
    w = jnp.asarray(TAPS)
    with pytest.raises(NotImplementedError, match="second derivative"):
        jax.hessian(lambda w: linalg.norm(conv(w, (4, 4))))(w)
    with pytest.raises(NotImplementedError, match="not differentiated again"):
        autodiff.grad(lambda w: ops.sum(autodiff.grad(lambda w: linalg.norm(conv(w, (4, 4))))(w)))(w)

    def square(w: Any) -> Any:
        return linalg.norm(conv(w, (4, 4)), "fro") ** 2

    np.testing.assert_allclose(np.diag(jax.hessian(square)(w).reshape(9, 9)), np.full(9, 2 * 4), rtol=1e-12)


def test_lanczos_has_the_same_gradient() -> None:
    def f(w: Any, method: str) -> Any:
        return linalg.norm(conv(w, (5, 4)), method=method)

    w = kernel(3, 3, 2, 2)
    exact, iterated = (jax.value_and_grad(f)(w, method) for method in ("dense", "lanczos"))
    np.testing.assert_allclose(iterated[0], exact[0], rtol=1e-13)
    np.testing.assert_allclose(iterated[1], exact[1], rtol=0, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["average pool", "composed", "blocks", "wide by tall"])
def test_norms_of_the_entries_of_other_maps(name: str) -> None:
    A = MAPS[name][1]()
    M = dense(A)
    for order in ("fro", 1, math.inf):
        np.testing.assert_allclose(linalg.norm(A, order), np.linalg.norm(M, order), rtol=1e-13)


def test_a_complex_kernel() -> None:
    A = conv(kernel(3, 2, 2, 2) * (1 + 2j), (4, 3), padding="SAME")
    for order in ORDERS:
        np.testing.assert_allclose(linalg.norm(A, order), np.linalg.norm(dense(A), order), rtol=1e-13)


def test_norms_of_what_has_integers_among_its_arrays() -> None:
    A = maps.Gather(jnp.array([0, 0, 1]), (2,), (3,), jnp.dtype("float64"))
    np.testing.assert_allclose(linalg.norm(A), math.sqrt(2), rtol=1e-15)


def lower(A: maps.LinearMap) -> float:
    return linalg.bracket(A).lower


@pytest.mark.parametrize("c", [1e-25, 1e25])
def test_norms_of_kernels_whose_squares_overflow_or_vanish(c: float) -> None:
    w = kernel(3, 1, 2, 2).astype(jnp.float32)
    for options, method in ((BORDERS["circular"], "fourier"), (BORDERS["zeros"], "lanczos")):
        A, B = conv(w, (5, 4), **options), conv(jnp.float32(c) * w, (5, 4), **options)
        assert linalg.explain(B).refusals == linalg.explain(A).refusals
        for found in (partial(linalg.norm, method=method), partial(linalg.norm, ord="fro"), lower):
            assert float(found(B)) / c == pytest.approx(float(found(A)), rel=1e-5)
