"""The transformations: pytrees in and out, argnums, auxiliary results, and what they refuse."""

import copy
import math
import operator
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, ops
from minicnn.autodiff import grad, hessian, hvp, jacfwd, jacrev, jvp, linear_transpose, linearize, value_and_grad, vjp
from minicnn.primitive import Primitive, Traced

V = jnp.arange(1.0, 4.0)


def assigning(x: Any) -> Any:
    x[0] = 1
    return x


def loss(params: Any, x: Any) -> Any:
    return (ops.tanh(x @ params["w"] + params["b"][0]) ** 2).sum()


PARAMS = {"w": jnp.linspace(-1, 1, 12).reshape(3, 4), "b": [jnp.linspace(0, 1, 4)]}


def same(a: Any, b: Any, rtol: float = 1e-6) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol), a, b)


@pytest.mark.parametrize("argnums", [0, 1, -1, (0, 1), (1, 0), (1,)])
def test_argnums_choose_arguments_as_in_jax(argnums: Any) -> None:
    same(grad(loss, argnums)(PARAMS, V), jax.grad(loss, argnums)(PARAMS, V))


@pytest.mark.parametrize("argnums", [5, 2, -3, (0, 2)])
def test_an_argument_that_was_not_passed_is_refused(argnums: Any) -> None:
    for transform in (grad, value_and_grad, jacfwd, jacrev, hessian):
        with pytest.raises(TypeError, match=r"`argnums`=.* asks for positional argument .* was called with 2"):
            transform(loss, argnums)(PARAMS, V)


def test_a_call_without_positional_arguments_says_what_is_missing() -> None:
    with pytest.raises(TypeError, match="was called with 0: pass what is differentiated by position"):
        grad(lambda x=1.0: x)()


@pytest.mark.parametrize("argnums", [(0, 0), (1, -1), (0, -2)])
def test_an_argument_named_twice_is_refused(argnums: Any) -> None:
    with pytest.raises(ValueError, match="names an argument twice"):
        grad(loss, argnums)(PARAMS, V)


@pytest.mark.parametrize("argnums", [True, 0.0, "x", (0, 1.0), None])
def test_argnums_of_another_kind_are_refused(argnums: Any) -> None:
    with pytest.raises(TypeError, match=r"`argnums`=.* must be an int or a tuple of ints"):
        grad(loss, argnums)(PARAMS, V)


def test_argnums_may_be_numpys() -> None:
    same(grad(loss, np.int64(1))(PARAMS, V), jax.grad(loss, 1)(PARAMS, V))


def test_hessians_are_jaxs() -> None:
    f = lambda x, y: (x**3 * y).sum() + (y**4).sum() + ops.logsumexp(x)
    g = lambda x, y: (x**3 * y).sum() + (y**4).sum() + jax.nn.logsumexp(x)
    x, y = V, V / 2
    for argnums in (0, 1, (0, 1)):
        same(jax.jit(hessian(f, argnums))(x, y), jax.jit(jax.hessian(g, argnums))(x, y))


def test_keyword_arguments_and_integer_arguments_pass_through() -> None:
    f = lambda x, n, *, scale: (x**n).sum() * scale
    same(grad(f)(V, 3, scale=2.0), jax.grad(f)(V, 3, scale=2.0))


@pytest.mark.parametrize("engine", [autodiff, jax])
def test_auxiliary_results_come_out_untraced(engine: Any) -> None:
    f = lambda x: ((x * x).sum(), {"double": 2 * x, "count": 3})
    gradient, aux = engine.grad(f, has_aux=True)(V)
    (value, also), also_gradient = engine.value_and_grad(f, has_aux=True)(V)
    y, pullback, vjp_aux = engine.vjp(f, V, has_aux=True)
    assert value == y == 14
    for a in (aux, also, vjp_aux):
        assert a["count"] == 3
        np.testing.assert_array_equal(jnp.sin(a["double"]), jnp.sin(2 * V))
    for g in (gradient, also_gradient, pullback(jnp.ones(()))[0]):
        np.testing.assert_array_equal(g, 2 * V)


def test_jvp_vjp_and_linearize_take_and_return_pytrees() -> None:
    f = lambda params, x: {"a": loss(params, x), "b": (x, params["b"])}
    tangents = (jax.tree.map(jnp.ones_like, PARAMS), jnp.ones(3))
    same(jvp(f, (PARAMS, V), tangents), jax.jvp(f, (PARAMS, V), tangents))
    y, P = linearize(f, PARAMS, V)
    same(P(*tangents), jax.linearize(f, PARAMS, V)[1](*tangents))
    y_bar = jax.tree.map(jnp.ones_like, y)
    same(vjp(f, PARAMS, V)[1](y_bar), jax.vjp(f, PARAMS, V)[1](y_bar))


def test_jacobians_have_jaxs_structure() -> None:
    f = lambda params, x: {"h": ops.tanh(x @ params["w"]), "s": x.sum()}
    ways = [way(f, argnums) for argnums in (0, (0, 1)) for way in (jax.jacfwd, jacfwd, jacrev)]
    for argnums in (0, 3):
        expected, *ours = jax.jit(lambda *args, n=argnums: [way(*args) for way in ways[n : n + 3]])(PARAMS, V)
        for jacobian in ours:
            same(jacobian, expected)


def test_hvp_is_the_hessian_times_a_vector() -> None:
    f = lambda x, y: (x**3 * y).sum() + (y**4).sum()
    x, y, u, v = (jnp.linspace(n, n + 1, 3) for n in range(4))
    expected = jax.jvp(jax.grad(f, (0, 1)), (x, y), (u, v))[1]
    same(hvp(f, (x, y), (u, v)), expected)
    H = jax.hessian(f)(x, y)
    same(hvp(lambda x: f(x, y), (x,), (u,)), H @ u)


def test_linear_transpose_is_jaxs_and_needs_only_shapes() -> None:
    w = jnp.linspace(0, 1, 6).reshape(3, 1, 2)
    f = lambda x: minicnn.conv(x, w, stride=2) * 3 - ops.where(jnp.arange(2) > 0, 0.0, minicnn.conv(x, w, stride=2))
    like = jax.ShapeDtypeStruct((7, 1), jnp.float32)
    y_bar = jnp.arange(6.0).reshape(3, 2)
    same(linear_transpose(f, like)(y_bar), jax.linear_transpose(f, like)(y_bar))
    same(jax.jit(lambda y: linear_transpose(f, like)(y))(y_bar), jax.linear_transpose(f, like)(y_bar))


def test_the_pullback_and_the_transpose_pass_through_jit() -> None:
    pullback = vjp(loss, PARAMS, V)[1]
    same(jax.jit(lambda pullback, y: pullback(y))(pullback, 2.0), pullback(2.0))


@pytest.mark.parametrize("value", [3, True, np.int64(3), jnp.arange(3), np.array([True])])
@pytest.mark.parametrize(
    "transform",
    [
        lambda f, x: grad(f)(x),
        lambda f, x: value_and_grad(f)(x),
        lambda f, x: jvp(f, (x,), (x,)),
        lambda f, x: vjp(f, x),
        lambda f, x: linearize(f, x),
        lambda f, x: jacfwd(f)(x),
        lambda f, x: jacrev(f)(x),
    ],
)
def test_integers_and_booleans_are_refused(transform: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=r"`weights` is (int|bool).*floats"):
        transform(lambda weights: weights * 2.0, value)


def test_an_integer_output_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"int32.*astype\(float\)"):
        jvp(lambda x: x.astype(jnp.int32), (V,), (V,))


@pytest.mark.parametrize("bad", [lambda x: x * 2, lambda x: (x.sum(), x.sum()), lambda x: {}])
def test_the_gradient_of_what_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match="a gradient needs one number"):
        grad(bad)(V)


def test_the_gradient_of_a_complex_number_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        grad(lambda x: x.sum())(V * 1j)


@pytest.mark.parametrize(
    "used", [lambda x: x.sum(), lambda x: (2 * x).sum(), lambda x: x[0], lambda x: x.reshape(3, 1)]
)
def test_a_leaked_value_is_refused_wherever_it_turns_up(used: Any) -> None:
    leaked: list[Any] = []

    def store(x: Any) -> Any:
        leaked.append(x * 1)
        return x.sum()

    grad(store)(V)
    for after in (
        lambda: used(leaked[0]),
        lambda: grad(lambda x: (x * used(leaked[0])).sum())(V),
        lambda: jvp(lambda x: leaked[0], (V,), (V,)),
        lambda: grad(lambda x: x.sum())(leaked[0]),
    ):
        with pytest.raises(RuntimeError, match="leaked"):
            after()


@pytest.mark.parametrize("y_bar", [jnp.ones(2), jnp.ones((3, 1)), jnp.ones(()), jnp.ones((2, 4))])
def test_a_cotangent_of_the_wrong_shape_is_refused(y_bar: Any) -> None:
    with pytest.raises(ValueError, match=r"cotangent of `v₁` has shape .* must be \(3,\)"):
        vjp(lambda x: 2 * x, V)[1](y_bar)


def test_a_tangent_of_the_wrong_structure_shape_or_dtype_is_refused() -> None:
    f = lambda params, x: loss(params, x)
    with pytest.raises(ValueError, match="structure"):
        jvp(f, (PARAMS, V), (PARAMS["w"], V))
    with pytest.raises(ValueError, match=r"tangent of `x` has shape \(2,\)"):
        jvp(f, (PARAMS, V), (PARAMS, V[:2]))
    with pytest.raises(TypeError, match=r"tangent of `x` is int32"):
        jvp(f, (PARAMS, V), (PARAMS, V.astype(int)))


NONLINEAR = {
    "tanh": ops.tanh,
    "mul": lambda x: x * x,
    "convolve": lambda x: minicnn.conv(x[:, None], x[:2, None, None]),
    "div": lambda x: 1 / x,
    "max_pool": lambda x: minicnn.max_pool(x[:, None], (2,)),
    "add": lambda x: x + 1,
    "sub": lambda x: 2 - x,
    "where": lambda x: ops.where(jnp.array([True, False, True]), x, 1.0),
    "concatenate": lambda x: ops.concatenate([x, jnp.ones(1)]),
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_a_function_that_is_not_linear_is_refused_naming_the_primitive(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` (is not linear|adds a constant)"):
        linear_transpose(NONLINEAR[name], V)


def test_a_constant_output_is_not_linear() -> None:
    with pytest.raises(ValueError, match="constant other than zero"):
        linear_transpose(lambda x: (x, jnp.ones(2)), V)
    linear_transpose(lambda x: (x, jnp.zeros(2)), V)


@pytest.mark.parametrize(
    ("foreign", "use"),
    [
        (lambda x: jnp.sin(x), "minicnn.ops.sin"),
        (lambda x: np.tanh(x), "minicnn.ops.tanh"),
        (lambda x: np.concatenate([x, x]), "minicnn.ops.concatenate"),
        (lambda x: jax.numpy.where(x > 1, x, 0), "minicnn.ops.where"),
        (lambda x: jax.nn.relu(x), "minicnn.ops.relu"),
        (lambda x: jnp.fft.fft(x), "functions of minicnn"),
        (lambda x: jax.jit(lambda y: y)(x), "around the derivative"),
        (lambda x: np.sum(x), "minicnn.ops.sum"),
        (lambda x: np.where(x > 0, x, 0), "minicnn.ops.where"),
        (lambda x: np.linalg.norm(x), "functions of minicnn"),
        (lambda x: math.sin(x[0]), "minicnn.ops.sin"),
        (lambda x: x * float(x[0]), "functions of minicnn"),
        (lambda x: x * int(x[0]), "functions of minicnn"),
        (lambda x: x * complex(x[0]), "functions of minicnn"),
        (lambda x: x * x[0].item(), "functions of minicnn"),
        (lambda x: math.floor(x[0]), "minicnn.ops.floor"),
        (lambda x: np.tensordot(x, x), "minicnn.ops.tensordot"),
        (lambda x: np.arange(4)[x[0]], "functions of minicnn"),
        (lambda x: x.at[0].set(1), "functions of minicnn"),
        (lambda x: x.argsort(), "functions of minicnn"),
        (assigning, "functions of minicnn"),
    ],
)
def test_foreign_functions_are_refused_with_a_note_naming_ours(foreign: Any, use: str) -> None:
    with pytest.raises((TypeError, AttributeError)) as caught:
        grad(lambda x: grad(lambda y: foreign(y * x).sum())(x).sum())(V)
    assert len(str(caught.value)) < 500
    notes = [note for note in caught.value.__notes__ if note.startswith("minicnn")]
    assert len(notes) == 1
    assert use in notes[0]


def test_the_message_of_a_foreign_function_does_not_print_the_numbers() -> None:
    for foreign in (
        jnp.sin,
        jnp.sum,
        jnp.asarray,
        lambda x: jnp.where(x > 1, x, 0),
        lambda x: jnp.zeros((50, 50)) + x[0],
    ):
        with pytest.raises(TypeError) as caught:
            grad(lambda x, foreign=foreign: jnp.sin(foreign(x)).sum())(jnp.ones((50, 50)))
        assert len(str(caught.value)) < 600
    seen = []
    grad(lambda x: seen.append(repr(x)) or x.sum())(jnp.ones((50, 50)))
    assert seen[0].startswith("Traced(float32[50, 50], level=")


@pytest.mark.parametrize(
    "convert", [float, int, complex, math.sin, math.trunc, math.floor, math.ceil, operator.index, lambda x: x.item()]
)
def test_a_traced_value_does_not_become_a_number_of_python(convert: Any) -> None:
    with pytest.raises(TypeError, match=r"of a traced value would lose its derivative.*take x\.value"):
        grad(lambda x: convert(x) * x)(2.0)
    assert grad(lambda x: float(x.value) * x)(2.0) == 2


def test_a_type_error_of_the_users_own_gets_no_note() -> None:
    with pytest.raises(TypeError) as caught:
        grad(lambda x: x + "1")(1.0)
    assert not any(note.startswith("minicnn") for note in getattr(caught.value, "__notes__", ()))


def test_nothing_is_left_behind_by_an_exception() -> None:
    def broken(x: Any) -> Any:
        grad(lambda y: (y * x).sum())(V)
        raise KeyError("deliberate")

    for _ in range(3):
        with pytest.raises(KeyError):
            grad(broken)(V)
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1


def test_a_primitive_without_an_entry_is_refused_by_name() -> None:
    cube = Primitive("cube", lambda x: x**3)
    with pytest.raises(NotImplementedError, match="`cube` has no derivative"):
        grad(cube)(1.0)


def test_abs_of_complex_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match="not holomorphic"):
        vjp(ops.abs, V * 1j)


def test_traced_values_are_arrays_in_all_but_name() -> None:
    seen = []

    def f(x: Any) -> Any:
        assert isinstance(x, Traced)
        seen.append((x.shape, x.ndim, x.size, x.dtype, len(x), repr(x)[:6]))
        rows = sum(row * 2 for row in x)
        y = (3 - x) / 2 + x**2 @ jnp.ones((2, 2)) + np.ones((3, 1)) * x - abs(-x)
        z = 2.0**x + y.T.swapaxes(0, 1) + x.transpose(1, 0).transpose((1, 0)) + rows
        w = x.flatten().reshape(3, 2) + x.ravel().reshape((3, -1))[:, None].squeeze(1) + x.mean() * x.max(0)
        return (z * w).astype(jnp.float32).sum() + x.mT[0, 1] + jnp.arange(2.0) @ x[0]

    x = jnp.linspace(0.5, 2, 6).reshape(3, 2)
    same(grad(f)(x), jax.grad(lambda x: g(x))(x), 1e-5)
    assert seen == [((3, 2), 2, 6, jnp.float32, 3, "Traced")]


def g(x: Any) -> Any:
    """The same function as a jax.numpy user writes it."""
    rows = 2 * x.sum(0)
    y = (3 - x) / 2 + x**2 @ jnp.ones((2, 2)) + x - jnp.abs(x)
    w = x + x + x.mean() * x.max(0)
    return ((2.0**x + y + x + rows) * w).sum() + x[1, 0] + jnp.arange(2.0) @ x[0]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_keeps_its_derivative(copied):
    assert autodiff.grad(lambda x: copied(x) * x)(3.0) == 6
    assert autodiff.grad(lambda x: copied([x])[0] * x)(3.0) == 6


def test_a_traced_value_is_not_pickled():
    with pytest.raises(TypeError, match="a traced value cannot be pickled"):
        autodiff.grad(lambda x: pickle.loads(pickle.dumps(x)) * x)(3.0)


SQUARES = lambda x: (x * x).sum()
SLIPS: dict[str, tuple[Any, str]] = {
    "a word": (lambda: grad(SQUARES)("a"), "`x`='a' is not an array of numbers"),
    "an object in a tree": (
        lambda: autodiff.jacfwd(lambda p: p["w"])({"w": object()}),
        r"`p\.w`=<object",
    ),
    "a word to push": (lambda: autodiff.jvp(SQUARES, (1.0,), ("a",)), "`tangent`='a' is not an array of numbers"),
    "a word to pull": (lambda: autodiff.vjp(SQUARES, 1.0)[1]("a"), "`cotangent`='a' is not an array of numbers"),
    "one primal": (lambda: autodiff.jvp(SQUARES, 2.0, 1.0), r"`primals`=2\.0 must be a tuple with one entry for each"),
    "one tangent": (lambda: autodiff.jvp(SQUARES, (2.0,), 1.0), r"`tangents`=1\.0 must be a tuple"),
    "one primal of hvp": (lambda: autodiff.hvp(SQUARES, 2.0, 1.0), r"`primals`=2\.0 must be a tuple"),
    "an array of primals": (lambda: autodiff.jvp(SQUARES, V, V), "`primals`=Array.* must be a tuple"),
    "no primals": (lambda: autodiff.hvp(SQUARES, (), ()), r"`argnums`=\(\) names no argument"),
    "no arguments": (lambda: grad(SQUARES, argnums=())(1.0), r"`argnums`=\(\) names no argument"),
    "no columns of one": (
        lambda: autodiff.jacrev(SQUARES, argnums=())(1.0),
        r"`argnums`=\(\) names no argument",
    ),
    "no result": (
        lambda: grad(lambda x: None)(1.0),
        r"number, and the function returns nothing: has it a return\?",
    ),
    "no rows": (lambda: autodiff.jacfwd(lambda x: None)(1.0), r"the function returns nothing: has it a return\?"),
    "no columns": (lambda: autodiff.jacrev(lambda x: 1.0)({}), r"a Jacobian needs numbers to differentiate"),
    "a word as result": (lambda: grad(lambda x: "a")(1.0), r"`f\(\.\.\.\)`='a' is not an array of numbers"),
    "two to pull": (lambda: autodiff.vjp(SQUARES, 1.0)[1](1.0, 1.0), "2 cotangents were given: give one, with the"),
    "a word for has_aux": (lambda: grad(lambda x: (x, x), has_aux="no")(1.0), "`has_aux`='no' must be True or False"),
    "no pair": (lambda: grad(SQUARES, has_aux=True)(1.0), r"`has_aux`=True needs a pair .* returns an array"),
    "no pair of vjp": (lambda: autodiff.vjp(lambda x: None, 1.0, has_aux=True), "`has_aux`=True .* returns nothing"),
}


@pytest.mark.parametrize(("call", "message"), SLIPS.values(), ids=SLIPS)
def test_slips_are_named_in_one_line(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
