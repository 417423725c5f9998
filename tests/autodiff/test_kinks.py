"""At kinks, ties, infinities and NaN, where there is no derivative or no finite one, ours is what JAX answers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff, ops

POINTS = jnp.array([0.0, -0.0, 1.0, -1.0, 2.0, 2.0, 100.0, -100.0, jnp.inf, -jnp.inf, jnp.nan])
OTHERS = jnp.array([0.0, 1.0, 1.0, jnp.nan, 2.0, jnp.inf, -100.0, 1.0, jnp.inf, 0.0, 1.0])
UNARY = {
    **{name: (getattr(ops, name), getattr(jnp, name)) for name in ("abs", "sqrt", "log", "log1p", "exp", "expm1")},
    **{name: (getattr(ops, name), getattr(jnp, name)) for name in ("square", "reciprocal", "sign", "floor", "arctan")},
    **{name: (getattr(ops, name), getattr(jax.nn, name)) for name in ("relu", "softplus", "silu", "sigmoid")},
    **{name: (getattr(ops, name), getattr(jax.nn, name)) for name in ("elu", "leaky_relu")},
    "clip": (lambda x: ops.clip(x, 0, 2), lambda x: jnp.clip(x, 0, 2)),
    "erf": (ops.erf, jax.lax.erf),
    "x³": (lambda x: x**3, lambda x: x**3),
    "x²·⁵": (lambda x: ops.power(x, 2.5), lambda x: jnp.power(x, 2.5)),
    "x¹ as a float": (lambda x: ops.power(x, 1.0), lambda x: jnp.power(x, 1.0)),
}
BINARY = {name: (getattr(ops, name), getattr(jnp, name)) for name in ("maximum", "minimum", "arctan2")}
REDUCTIONS = {
    name: (getattr(ops, name), getattr(jnp, name)) for name in ("max", "min", "prod", "cumsum", "cumprod", "sort")
}
ROWS = {
    "a tie": [2.0, 1.0, 2.0, 1.0],
    "NaN": [1.0, jnp.nan, 2.0, 0.5],
    "zeros": [0.0, 3.0, 0.0, 2.0],
    "one zero": [4.0, 3.0, 0.0, 2.0],
    "infinity": [jnp.inf, 1.0, -jnp.inf, 2.0],
}


def same(ours: Any, theirs: Any, order: int = 1) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-5 * order, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", UNARY)
def test_elementwise_functions_have_jaxs_derivatives_at_their_kinks(name: str) -> None:
    ours, theirs = UNARY[name]
    same(autodiff.grad(lambda x: ops.sum(ours(x)))(POINTS), jax.grad(lambda x: jnp.sum(theirs(x)))(POINTS))


@pytest.mark.parametrize("name", BINARY)
def test_ties_are_shared_and_nan_is_treated_as_jax_does(name: str) -> None:
    ours, theirs = BINARY[name]
    expected = jax.grad(lambda x, y: jnp.sum(theirs(x, y)), (0, 1))(POINTS, OTHERS)
    jax.tree.map(same, autodiff.grad(lambda x, y: ops.sum(ours(x, y)), (0, 1))(POINTS, OTHERS), expected)


def test_hypot_has_jaxs_derivatives_and_at_the_origin_those_of_a_tie() -> None:
    """At the origin and at infinity those of JAX differ from release to release."""
    regular = jnp.isfinite(POINTS) & jnp.isfinite(OTHERS) & ((POINTS != 0) | (OTHERS != 0))
    x, y = POINTS[regular], OTHERS[regular]
    expected = jax.grad(lambda x, y: jnp.sum(jnp.hypot(x, y)), (0, 1))(x, y)
    jax.tree.map(same, autodiff.grad(lambda x, y: ops.sum(ops.hypot(x, y)), (0, 1))(x, y), expected)
    assert autodiff.grad(ops.hypot, (0, 1))(0.0, 0.0) == (0.5, 0.5)


@pytest.mark.parametrize("engine", [autodiff, jax])
def test_what_hypot_is_scaled_by_has_no_part_in_higher_derivatives(engine: Any) -> None:
    """At a tie the larger of the two changes."""
    ours, theirs = lambda x: ops.hypot(x, 1.0), lambda x: jnp.sqrt(x * x + 1)
    for _ in range(3):
        ours, theirs = engine.grad(ours), jax.grad(theirs)
        same(ours(1.0), theirs(1.0))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_have_jaxs_derivatives_at_ties_zeros_and_nan(name: str, row: str) -> None:
    ours, theirs = REDUCTIONS[name]
    x = jnp.array(ROWS[row])
    same(autodiff.grad(lambda x: ops.sum(ours(x)))(x), jax.grad(lambda x: jnp.sum(theirs(x)))(x))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("x", [[1000.0, 999.0, -1000.0], [0.0, -jnp.inf, 1.0]])
def test_normalised_exponentials_keep_their_derivatives_at_the_ends_of_the_range(name: str, x: list[float]) -> None:
    ours, theirs = getattr(ops, name), getattr(jax.nn, name)
    y_bar = jnp.arange(jnp.size(theirs(jnp.array(x)))).reshape(theirs(jnp.array(x)).shape) + 1.0
    same(autodiff.vjp(ours, jnp.array(x))[1](y_bar)[0], jax.vjp(theirs, jnp.array(x))[1](y_bar)[0])


@pytest.mark.parametrize("x", [[jnp.inf, 1.0], [-jnp.inf, -jnp.inf], [jnp.nan, 1.0], [jnp.inf, jnp.inf]])
def test_logsumexp_has_jaxs_derivatives_beyond_the_range(x: list[float]) -> None:
    """What is finite has no part in an infinite sum; an infinite one has no share of its own."""
    for engine in (autodiff, jax):
        same(engine.grad(ops.logsumexp)(jnp.array(x)), jax.grad(jax.nn.logsumexp)(jnp.array(x)))


@pytest.mark.parametrize("exponent", [2, np.int64(2), np.uint8(2), 2.0, np.float32(2), jnp.array([2.0])])
def test_derivatives_of_a_power_end_at_zero_whatever_the_exponent_is(exponent: Any) -> None:
    f: Any = lambda x: (x**exponent).sum()
    for expected in (0, 2, 0, 0):
        f = autodiff.grad(f)
        assert f(0.0) == expected


def test_the_slope_of_a_power_at_exponent_zero_still_depends_on_the_exponent() -> None:
    """Of n·x^(n−1) the derivative in n is x^(n−1)·(1 + n·log x), here 1/3."""
    np.testing.assert_allclose(autodiff.grad(autodiff.grad(ops.power), 1)(3.0, 0.0), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("exponents", [np.array([2, 0, 1, 3]), np.array([2, 0, 1, 3], np.uint8)])
def test_whole_exponents_in_an_array_have_the_derivatives_of_whole_numbers(exponents: Any) -> None:
    x = jnp.array([-2.0, 0.0, 3.0, 0.0])
    for engine in (autodiff, jax):
        slopes = engine.grad(lambda x: ops.sum(ops.power(x, exponents)))
        np.testing.assert_array_equal(slopes(x), [-4, 0, 1, 0])
    slopes = autodiff.grad(lambda x: ops.sum(ops.power(x, exponents)))
    np.testing.assert_array_equal(autodiff.grad(lambda x: ops.sum(slopes(x)))(x), [2, 0, 0, 0])


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_nothing_has_an_empty_derivative(name: str) -> None:
    assert autodiff.grad(lambda x: ops.sum(getattr(ops, name)(x, axis=1)))(jnp.zeros((0, 3))).shape == (0, 3)
    assert autodiff.grad(lambda x: ops.sum(getattr(ops, name)(x, axis=1)))(jnp.zeros((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("name", ["conj", "real", "imag"])
def test_parts_of_complex_numbers_are_differentiated_as_in_jax(name: str) -> None:
    z = jnp.array([1 + 2j, -3j, 4])
    ours, theirs = getattr(ops, name), getattr(jnp, name)
    y, pullback = autodiff.vjp(ours, z)
    expected, jax_pullback = jax.vjp(theirs, z)
    y_bar = jnp.array([1.0, 2.0, 3.0], expected.dtype) * (1 if name != "conj" else 1 + 1j)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pullback(y_bar)[0], jax_pullback(y_bar)[0])
    np.testing.assert_array_equal(autodiff.jvp(ours, (z,), (1j * z,))[1], jax.jvp(theirs, (z,), (1j * z,))[1])
    loss = lambda m: lambda z: m.sum(m.square(m.real(z * m.conj(z))))
    same(autodiff.grad(loss(ops))(z), jax.grad(loss(jnp))(z))
