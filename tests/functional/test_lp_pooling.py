"""Lp pooling: the norms of windows, their scaled rows, and a derivative of 0 at 0."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, ops
from minicnn.functional.lp_pooling import lp_pool_map_at
from tests import oracles


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"stride": (1, 2), "padding": ((1, 0), (0, 1))},
    {"dilation": (2, 1), "stride": 2, "ceil_mode": True},
    {"padding": "SAME", "stride": 2},
]


@pytest.mark.sampled(2)
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


@pytest.mark.sampled(2)
@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_the_gradient_at_zero_is_zero(p: float) -> None:
    x = jnp.zeros((4, 1)).at[3].set(2.0)
    y, pull = jax.vjp(lambda x: minicnn.lp_pool(x, (2,), p=p), x)
    np.testing.assert_array_equal(y.ravel(), [0, 2])
    np.testing.assert_allclose(pull(jnp.ones_like(y))[0].ravel(), [0, 0, 0, 1], rtol=1e-6, atol=0)
    hessian = jax.hessian(lambda x: minicnn.lp_pool(x, (2,), p=p).sum())(x)
    np.testing.assert_array_equal(hessian.reshape(4, 4)[:2], 0)
    assert bool(jnp.isfinite(hessian).all())


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", [jax, autodiff])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_both_derivatives_at_a_window_of_zeros_are_zero(p: float, dtype: Any, engine: Any) -> None:
    """The middle of three windows holds zeros, two of which another window has, too."""
    with jax.enable_x64(dtype == jnp.float64):
        x, v = jnp.array([[3.0], [0.0], [0.0], [0.0], [4.0]], dtype), jnp.arange(1, 6, dtype=dtype)[:, None]
        middle = jnp.array([0, 1, 0], dtype)[:, None]
        f = lambda x: ops.sum(ops.mul(minicnn.lp_pool(x, (3,), stride=1, p=p), middle))
        both = lambda x: (engine.grad(f)(x), engine.grad(lambda x: ops.sum(ops.mul(engine.grad(f)(x), v)))(x))
        for found in (both(x), jax.jit(both)(x)):
            np.testing.assert_array_equal(found[0], 0)
            np.testing.assert_array_equal(found[1], 0)


def test_the_second_derivative_of_a_zero_beside_others_is_not_lost() -> None:
    x = jnp.array([[0.0], [0.0], [4.0]])
    f = lambda x: minicnn.lp_pool(x, (2,), stride=1).sum()
    np.testing.assert_allclose(jax.hessian(f)(x).reshape(3, 3), np.diag([0, 0.25, 0]), atol=1e-7)


def test_the_hessian_is_that_of_the_norm() -> None:
    x = jnp.array([3.0, 0.0, 4.0])
    ours = jax.hessian(lambda x: minicnn.lp_pool(x.reshape(3, 1), (3,)).sum())(x)
    np.testing.assert_allclose(ours, np.eye(3) / 5 - np.outer(x, x) / 125, atol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("p", [1, 2, 3, 40, np.inf])
@pytest.mark.parametrize("scale", [1e-30, 1e-25, 1.0, 1e20, 1e30, 1e37])
def test_only_the_norm_itself_can_overflow(scale: float, p: float) -> None:
    """Windows of very different sizes lie side by side, and each has the norm and the gradient of its own numbers."""
    numbers = np.array([3, 4, 0, -5, 10, 10], np.float64)
    x = jnp.asarray(np.concatenate([numbers * scale, numbers, numbers / scale]), jnp.float32).reshape(-1, 1)
    pairs = np.asarray(x, np.float64).reshape(-1, 2)
    norms = np.abs(pairs).max(1) * np.linalg.norm(pairs / np.abs(pairs).max(1, keepdims=True), p, axis=1)
    J = np.sign(pairs) * (np.abs(pairs) / norms[:, None]) ** (p - 1)
    if p == np.inf:  # the first largest
        J = np.sign(pairs) * (np.arange(2) == np.abs(pairs).argmax(1)[:, None])
    y, x_bar = minicnn.lp_pool(x, (2,), p=p), jax.grad(lambda x: minicnn.lp_pool(x, (2,), p=p).sum())(x)
    np.testing.assert_allclose(y.ravel(), norms, rtol=1e-5)
    np.testing.assert_allclose(x_bar.reshape(-1, 2), J, rtol=1e-4, atol=1e-6)
    A = lp_pool_map_at(x, (2,), p=p)
    np.testing.assert_allclose(A.matrix().sum(0), x_bar.ravel(), rtol=1e-5)


@pytest.mark.parametrize("p", [1.5, 3, 4])
@pytest.mark.parametrize("decades", [0, 5, 20])
@pytest.mark.parametrize(("size", "stride"), [(7, 2), (9, 1)])
def test_overlapping_windows_of_many_taps_add_powers_of_any_size(
    size: int, stride: int, decades: float, p: float
) -> None:
    """One window is empty; where they slide by one, classes of numbers meet at many places, and windows hold both."""
    drawn = np.random.default_rng(0)
    x = (drawn.normal(size=(30, 30)) * 10 ** drawn.uniform(-decades, decades, (30, 30))).astype(np.float32)
    x[:9, :9] = 0
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(x).astype(np.float64), (size, size))[::stride, ::stride]
    largest = np.maximum(windows.max((2, 3)), 1e-30)
    norms = largest * ((windows / largest[..., None, None]) ** p).sum((2, 3)) ** (1 / p)
    y = minicnn.lp_pool(jnp.asarray(x)[..., None], (size, size), stride=stride, p=p)
    np.testing.assert_allclose(y[..., 0], norms, rtol=size**2 * 2.0**-24)  # each term is rounded once as it is added


@pytest.mark.sampled(3)
@pytest.mark.parametrize("p", [1.5, 2.5, 3])
@pytest.mark.parametrize("decades", [0, 5, 20])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_gradient_of_long_windows_adds_powers_of_any_size(stride: int, decades: float, p: float) -> None:
    """Norms and cotangents of very different sizes meet at one input; one window is empty."""
    drawn = np.random.default_rng(0)
    x = (drawn.normal(size=(25, 25)) * 10 ** drawn.uniform(-decades, decades, (25, 25))).astype(np.float32)
    x[:9, :9] = 0
    pool = lambda x: minicnn.lp_pool(x[..., None], (9, 9), stride=stride, p=p)[..., 0]
    size = (25 - 9) // stride + 1
    y_bar = drawn.uniform(1, 2, (size, size)) * 10 ** drawn.uniform(-decades, decades, (size, size))
    y_bar = y_bar.astype(np.float32)
    expected = np.zeros((25, 25))
    for o in np.ndindex(*y_bar.shape):
        at = tuple(slice(stride * n, stride * n + 9) for n in o)
        lengths = np.abs(x[at]).astype(np.float64)
        largest = max(lengths.max(), 1e-30)
        norm = largest * ((lengths / largest) ** p).sum() ** (1 / p)
        expected[at] += y_bar[o] * np.sign(x[at]) * (lengths / max(norm, 1e-30)) ** (p - 1)
    x_bar = jax.jit(jax.grad(lambda x: (pool(x) * y_bar).sum()))(x)
    bound = (81 + p * 81) * 2.0**-24  # of the windows that are added, and of the norms, each of as many terms
    np.testing.assert_allclose(x_bar, expected, rtol=bound, atol=1e-30)


@pytest.mark.parametrize("stride", [1, 2])
def test_what_is_not_finite_reaches_the_gradient_of_its_own_long_windows(stride: int) -> None:
    x = jnp.ones((40, 1)).at[3].set(jnp.nan).at[36].set(jnp.inf)
    x_bar = jax.jit(jax.grad(lambda x: minicnn.lp_pool(x, (9,), stride=stride, p=3).sum()))(x).ravel()
    at = np.arange(40)
    np.testing.assert_array_equal(np.isnan(x_bar), (at < 13 - stride) | (at == 36))
    assert bool((x_bar[12:28] > 0).all())


def test_the_published_corners_of_the_norm() -> None:
    of = lambda *values, p=2.0: float(minicnn.lp_pool(jnp.array(values).reshape(-1, 1), (len(values),), p=p)[0, 0])
    assert (of(5.0, 12.0), of(3.0, 4.0, 12.0), of(0.0, 0.0), of(-7.0)) == (13, 13, 0, 7)
    assert of(10.0, 10.0, p=40) == pytest.approx(10 * 2 ** (1 / 40))
    assert of(1e-19, 1e-19) == pytest.approx(np.sqrt(2) * 1e-19)  # between the classes of squares
    assert (of(np.inf, 1.0), of(-np.inf, np.inf), of(np.inf, 1.0, p=3)) == (np.inf,) * 3
    assert minicnn.lp_pool(jnp.full((256, 1), 20, jnp.bfloat16), (256,)) == 320


@pytest.mark.sampled(2)
@pytest.mark.parametrize("p", [1, 2, 2.5, 3, np.inf])
def test_both_engines_agree_to_the_second_derivative(p: float) -> None:
    x, v = jnp.array([[1.0], [-2.0], [3.0], [0.5], [4.0], [-1.0]]), jnp.arange(6.0).reshape(6, 1)
    f = lambda x: ops.sum(ops.power(minicnn.lp_pool(x, (3,), stride=1, p=p), 2))

    def by(engine: Any) -> Any:
        return engine.grad(lambda x: ops.sum(ops.mul(engine.grad(f)(x), v)))(x)

    h = 1e-2
    ours, jaxs = by(autodiff), by(jax)
    np.testing.assert_allclose(ours, jaxs, atol=1e-4)
    difference = (jax.grad(f)(x + h * v) - jax.grad(f)(x - h * v)) / (2 * h)
    np.testing.assert_allclose(jaxs, difference, atol=2e-2)


def test_nan_propagates_within_its_window() -> None:
    y = minicnn.lp_pool(jnp.array([1.0, jnp.nan, 3.0, 4.0]).reshape(4, 1), (2,))
    np.testing.assert_array_equal(y.ravel(), [np.nan, 5])


@pytest.mark.parametrize(
    ("x", "p", "error", "message"),
    [
        (jnp.ones((4, 1)), 0.5, ValueError, "`p`=0.5 gives no norm"),
        (jnp.ones((4, 1)), float("nan"), ValueError, "`p`=nan must be a number"),
        (jnp.ones((4, 1)), -np.inf, ValueError, "`p`=-inf gives no norm"),
        (jnp.ones((4, 1)), "2", TypeError, "`p`='2' must be a number, not str"),
        (jnp.ones((4, 1)), True, TypeError, "`p`=True must be a number, not bool"),
        (jnp.ones((4, 1), int), 2, TypeError, "average is not an integer"),
        (jnp.ones((4, 1), complex), 2, TypeError, "no order"),
        (jnp.ones((1, 1)), 2, ValueError, "the kernel spans 2"),
    ],
)
def test_refused(x: Any, p: float, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        minicnn.lp_pool(x, (2,), p=p)


@pytest.mark.parametrize("p", [2, 2.3, 3, 7])
def test_an_infinity_leaves_the_gradients_of_its_neighbours_alone(p):
    gradient = jax.grad(lambda x: minicnn.lp_pool(x[:, None], (2,), p=p, stride=1).sum())
    found, without = gradient(jnp.array([jnp.inf, 1, 2, 3])), gradient(jnp.array([0.0, 1, 2, 3]))
    assert jnp.isnan(found[0])
    np.testing.assert_allclose(found[2:], without[2:], rtol=1e-6)
    np.testing.assert_allclose(found[1], gradient(jnp.array([1.0, 2, 3]))[0], rtol=1e-6)
