"""Lp pooling: the norms of windows, their scaled rows, and a derivative of 0 at 0."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.functional.norms import lp_pool_map_at
from tests import oracles


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"stride": (1, 2), "padding": ((1, 0), (0, 1))},
    {"dilation": (2, 1), "stride": 2, "ceil_mode": True},
    {"padding": "SAME", "stride": 2},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("p", [1, 2, 2.5, 4])
def test_lp_pool_is_the_norm_of_each_window_and_its_matrix_the_jacobian(options: dict[str, Any], p: float) -> None:
    x, window = image(5, 6, 2), (2, 3)
    each = {name: (v, v) if isinstance(v, int) else v for name, v in options.items()}
    stride, dilation = each.get("stride", window), each.get("dilation", (1, 1))
    padding = options.get("padding", "VALID")
    words = (padding, padding) if isinstance(padding, str) else padding
    pads = [oracles.widths(*row) for row in zip(words, (5, 6), window, stride, dilation, (1, 1), strict=True)]
    seen = oracles.windows((5, 6), window, stride, pads, dilation, ceil_mode=options.get("ceil_mode", False))
    norms = np.empty((*seen.shape[:2], 2))
    J = np.zeros((*seen.shape[:2], 2, 30, 2))
    for o in np.ndindex(*norms.shape):
        read = seen[o[:2]][seen[o[:2]] >= 0]
        values = x.reshape(30, 2)[read, o[2]]
        norms[o] = np.linalg.norm(values, p)
        J[(*o, read, o[2])] = np.sign(values) * (np.abs(values) / norms[o]) ** (p - 1)
    y, jacobian = jax.jit(
        lambda x: (minicnn.lp_pool(x, window, p=p, **options), jax.jacrev(minicnn.lp_pool)(x, window, p=p, **options))
    )(x)
    A = lp_pool_map_at(jnp.asarray(x), window, p=p, **options)
    np.testing.assert_allclose(y, norms, rtol=2e-5)
    np.testing.assert_allclose(A.matrix(), J.reshape(A.shape), atol=2e-5)
    np.testing.assert_allclose(jacobian.reshape(A.shape), J.reshape(A.shape), atol=2e-5)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_the_gradient_at_zero_is_zero(p: float) -> None:
    x = jnp.zeros((4, 1)).at[3].set(2.0)
    y, pull = jax.vjp(lambda x: minicnn.lp_pool(x, (2,), p=p), x)
    np.testing.assert_array_equal(y.ravel(), [0, 2])
    np.testing.assert_allclose(pull(jnp.ones_like(y))[0].ravel(), [0, 0, 0, 1], rtol=1e-6, atol=0)
    hessian = jax.hessian(lambda x: minicnn.lp_pool(x, (2,), p=p).sum())(x)
    assert bool(jnp.isfinite(hessian).all())


def test_the_hessian_is_that_of_the_norm() -> None:
    x = jnp.array([3.0, 0.0, 4.0])
    ours = jax.hessian(lambda x: minicnn.lp_pool(x.reshape(3, 1), (3,)).sum())(x)
    np.testing.assert_allclose(ours, np.eye(3) / 5 - np.outer(x, x) / 125, atol=1e-6)


def test_nan_propagates_within_its_window() -> None:
    y = minicnn.lp_pool(jnp.array([1.0, jnp.nan, 3.0, 4.0]).reshape(4, 1), (2,))
    np.testing.assert_array_equal(y.ravel(), [np.nan, 5])


@pytest.mark.parametrize(
    ("x", "p", "error", "message"),
    [
        (jnp.ones((4, 1)), 0.5, ValueError, "`p`=0.5 gives no norm"),
        (jnp.ones((4, 1), int), 2, TypeError, "average is not an integer"),
        (jnp.ones((4, 1), complex), 2, TypeError, "no order"),
        (jnp.ones((1, 1)), 2, ValueError, "the kernel spans 2"),
    ],
)
def test_refused(x: Any, p: float, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        minicnn.lp_pool(x, (2,), p=p)
