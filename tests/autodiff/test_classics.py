"""The programs on which engines of automatic differentiation have gone wrong."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, ops
from minicnn.autodiff import grad, jacfwd, jacrev, jvp, linearize, make_program, value_and_grad, vjp


def derivative(f: Any) -> Any:
    """In forward mode."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


MODES = [derivative, grad]


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_no_perturbation_confusion_in_the_product_with_an_inner_derivative(outer: Any, inner: Any) -> None:
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_no_perturbation_confusion_where_the_inner_function_ignores_its_argument(outer: Any, inner: Any) -> None:
    assert outer(lambda x: x * inner(lambda y: x * x)(2.0) + x)(3.0) == 1


@pytest.mark.parametrize("mode", MODES)
def test_no_perturbation_confusion_through_a_function_that_returns_a_function(mode: Any) -> None:
    """Manzyuk et al.: D applied twice to a curried shift must tell the two shifts apart."""

    def shift(offset: Any) -> Any:
        return lambda f: lambda x: f(x + offset)

    def second(f: Any) -> Any:
        return mode(lambda u: mode(lambda v: shift(u)(lambda z: shift(v)(f)(z))(1.0))(0.0))(0.0)

    assert second(lambda x: x**3) == 6


def test_derivatives_of_five_levels() -> None:
    f: Any = lambda x: x**6
    for level, mode in enumerate([grad, derivative, grad, derivative, grad]):
        f = mode(f)
        np.testing.assert_allclose(f(1.5), np.prod(np.arange(6 - level, 7.0)) * 1.5 ** (5 - level), rtol=1e-6)


def test_fan_out_is_a_sum() -> None:
    def diamond(x: Any) -> Any:
        left, right = x * 2, x * x
        return left * right + left

    assert grad(diamond)(3.0) == jax.grad(diamond)(3.0) == 2 * 3 * 9 + 2


def test_forty_diamonds_are_forty_equations_not_two_to_the_forty_paths() -> None:
    def diamonds(x: Any) -> Any:
        for _ in range(40):
            x = x + x
        return x

    P = make_program(diamonds, 1.0)
    assert len(P.arrows) == 80
    assert P(1.0) == P.T(1.0) == grad(diamonds)(1.0) == 2.0**40


@pytest.mark.parametrize("many", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_as_many_operations_in_a_row_as_nothing_could_nest(many: int) -> None:
    def chain(x: Any) -> Any:
        for _ in range(many):
            x = x * 0.9999
        return x

    y, P = linearize(chain, 1.0)
    np.testing.assert_allclose([P(1.0), P.T(1.0)], y, rtol=1e-2)
    leaves, tree = jax.tree.flatten(P)
    assert str(jax.tree.unflatten(tree, leaves).T.T) == str(P)


def test_the_same_output_twice() -> None:
    def f(x: Any) -> Any:
        y = x * x
        return y, y

    (a, b), pullback = vjp(f, 3.0)
    assert a == b == 9
    assert pullback((1.0, 10.0)) == (6 * 11,)


def test_an_output_that_others_read_and_an_input_that_is_an_output() -> None:
    def f(x: Any) -> Any:
        y = x * x
        return x, y, y * x

    x, y, z = autodiff.jvp(f, (2.0,), (1.0,))[1]
    assert (x, y, z) == (1, 4, 12)
    assert vjp(f, 2.0)[1]((100.0, 10.0, 1.0)) == (100 + 40 + 12,)


def test_unused_inputs_have_zero_gradients_of_their_shape() -> None:
    gradients = grad(lambda x, y: (x * x).sum(), (0, 1))(jnp.ones(2), jnp.ones((3, 1)))
    np.testing.assert_array_equal(gradients[1], np.zeros((3, 1)))


def test_constant_outputs_have_zero_derivatives() -> None:
    (_, constant), tangents = jvp(lambda x: (2 * x, jnp.arange(3.0)), (1.0,), (1.0,))
    assert tangents[0] == 2
    np.testing.assert_array_equal(tangents[1], np.zeros(3))
    np.testing.assert_array_equal(constant, np.arange(3))
    assert grad(lambda x: 3.0)(1.0) == 0


def test_closures_over_outer_tangents() -> None:
    def outer(x: Any) -> Any:
        _, P = linearize(lambda y: x * y * y, 3.0)
        return P(x) * P.T(x)

    assert grad(outer)(2.0) == jax.grad(lambda x: (6 * x * x) ** 2)(2.0)


def test_a_program_recorded_outside_is_applied_inside() -> None:
    P = make_program(lambda y: y**3, 2.0)
    assert grad(lambda x: P(x) * x)(5.0) == 2 * 12 * 5


def f(params: Any, x: Any) -> Any:
    h = ops.tanh(minicnn.conv(x, params["w"]) + params["b"])
    return minicnn.max_pool(h * h, (2,)).sum() + ops.logsumexp(h)


PARAMS = {"w": jnp.linspace(-1, 1, 6).reshape(3, 1, 2), "b": jnp.array([0.1, -0.2])}
X = jnp.sin(jnp.arange(7.0)).reshape(7, 1)


def test_hessians_of_a_layer_by_all_four_orders_of_modes() -> None:
    expected = jax.jit(jax.hessian(f))(PARAMS, X)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            ours = jax.jit(outer(inner(f)))(PARAMS, X)
            assert jax.tree.structure(ours) == jax.tree.structure(expected)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ours, expected)


def test_third_derivative_of_a_convolution_network() -> None:
    def third(engine: Any) -> Any:
        directional = lambda g, x: engine.jvp(g, (x,), (ops.cos(x),))[1]
        return lambda x: engine.grad(lambda x: directional(lambda x: directional(lambda x: f(PARAMS, x), x), x))(x)

    np.testing.assert_allclose(jax.jit(third(autodiff))(X), jax.jit(third(jax))(X), rtol=1e-4, atol=1e-4)


def test_composes_with_jit_vmap_and_scan_from_outside() -> None:
    xs = jnp.stack([X, 2 * X])
    expected = jax.jit(jax.vmap(jax.value_and_grad(f), (None, 0)))(PARAMS, xs)

    @jax.jit
    def ours(params: Any, xs: Any) -> Any:
        mapped = jax.vmap(value_and_grad(f), (None, 0))(params, xs)
        scanned = jax.lax.scan(lambda carry, x: (carry, value_and_grad(f)(carry, x)), params, xs)[1]
        return mapped, scanned

    for result in ours(PARAMS, xs):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), result, expected)


def test_jax_differentiates_our_derivatives() -> None:
    assert jax.grad(grad(lambda x: x**3))(2.0) == grad(grad(lambda x: x**3))(2.0) == 12


def test_python_control_flow_sees_values() -> None:
    def collatz(x: Any) -> Any:
        steps = 0
        while x > 1.5 and steps < 20:
            x, steps = (x / 2 if x in (2, 4, 8, 16, 6, 10) else 3 * x + 1), steps + 1
        return x * steps if bool(x == 1) else x

    assert grad(collatz)(6.0) == jax.grad(collatz)(6.0)


def test_a_value_of_an_outer_trace_steers_an_inner_one() -> None:
    assert grad(lambda x: grad(lambda y: y * y * x if x > 1 else y)(x))(2.0) == 2 * 2 * 2


def test_abs_relu_maximum_and_max_have_jaxs_kinks() -> None:
    zero = 0.0
    assert grad(ops.relu)(zero) == jax.grad(jax.nn.relu)(zero) == 0
    assert grad(ops.abs)(zero) == jax.grad(jnp.abs)(zero)
    assert grad(ops.maximum, (0, 1))(zero, zero) == jax.grad(jnp.maximum, (0, 1))(zero, zero) == (0.5, 0.5)
    tied = jnp.array([2.0, 1.0, 2.0, 2.0])
    np.testing.assert_array_equal(grad(ops.max)(tied), jax.grad(jnp.max)(tied))
    first = grad(lambda x: minicnn.max_pool(x, (4,)).sum())(tied[:, None])
    np.testing.assert_array_equal(first.ravel(), [1, 0, 0, 0])


def test_what_a_mask_drops_counts_for_nothing() -> None:
    y_bar = jnp.array([jnp.inf, 1.0])
    np.testing.assert_array_equal(vjp(ops.relu, jnp.array([-1.0, 1.0]))[1](y_bar)[0], [0, 1])


def test_complex_linear_maps_are_transposed_without_conjugation() -> None:
    x, w = jnp.array([1 + 2j, 3j]), jnp.array([[1j, 2.0], [3.0, -1j]])
    ours, theirs = (engine.vjp(ops.matmul, x, w)[1](jnp.array([1j, 2 + 1j])) for engine in (autodiff, jax))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
