"""Programs: printed, transposed, multiplied out, passed about."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, ops
from minicnn.autodiff import beside, linearize, make_program
from tests.equations import equations

X, W = jnp.arange(10.0).reshape(2, 5, 1) - 4, jnp.arange(6.0).reshape(3, 1, 2) - 2


def layer(x: Any, w: Any) -> Any:
    return ops.relu(minicnn.conv(x, w))


def test_a_program_prints_its_equations_and_its_transpose_the_same_reversed() -> None:
    P = make_program(layer, X, W)
    assert str(P).splitlines() == [
        "P(ẋ, ẇ) → v̇₃",
        "  v̇₂ = C(w)·ẋ + X(x)·ẇ",
        "  v̇₃ = diag(v₂ > 0)·v̇₂",
    ]
    assert str(P.T).splitlines() == [
        "Pᵀ(v̄₃) → x̄, w̄",
        "  v̄₂ = diag(v₂ > 0)·v̄₃",
        "  w̄ = X(x)ᵀ·v̄₂",
        "  x̄ = C(w)ᵀ·v̄₂",
    ]
    assert beside(P, P.T).splitlines()[1:] == [
        "  v̇₂ = C(w)·ẋ + X(x)·ẇ      v̄₂ = diag(v₂ > 0)·v̄₃",
        "  v̇₃ = diag(v₂ > 0)·v̇₂      w̄ = X(x)ᵀ·v̄₂",
        "                            x̄ = C(w)ᵀ·v̄₂",
    ]


def test_transposing_twice_gives_the_same_program() -> None:
    P = make_program(lambda x, w: (layer(x, w).sum(), x, x), X, W)
    again = P.T.T
    assert str(again) == str(P)
    assert jax.tree.structure(again) == jax.tree.structure(P)
    jax.tree.map(np.testing.assert_array_equal, again, P)


def test_constants_are_named_by_their_value_or_by_their_part() -> None:
    P = make_program(lambda x: minicnn.conv(x, W) * 3.0, X)
    assert "C(w)·ẋ" in str(P)
    assert "diag(3)·" in str(P)


def test_leaves_of_a_pytree_are_named_by_their_place() -> None:
    P = make_program(lambda params, x: x @ params["layer"][0], {"layer": (jnp.ones((2, 2)),)}, jnp.ones(2))
    assert "= M(params.layer.0)·ẋ + M(x)·params.layeṙ.0" in str(P)


def test_inputs_that_no_output_needs_and_outputs_without_inputs_are_zero_in_both_directions() -> None:
    P = make_program(lambda x, y: (2 * x, jnp.ones(2)), jnp.ones(2), jnp.ones(3))
    assert "= 0" in str(P)
    assert "ȳ = 0" in str(P.T)
    y_bar = P.T((jnp.ones(2), jnp.ones(2)))
    np.testing.assert_array_equal(y_bar[1], np.zeros(3))


def test_what_no_output_needs_is_not_recorded() -> None:
    def f(x: Any) -> Any:
        ops.exp(ops.exp(x))
        return 2 * x

    assert len(make_program(f, 1.0).arrows) == 1


def test_the_matrix_is_the_jacobian() -> None:
    def f(x: Any, w: Any) -> Any:
        return layer(x, w), (x * x).sum()

    P = make_program(f, X, W)
    J = jax.jacfwd(f, (0, 1))(X, W)
    expected = np.block(
        [[np.asarray(b).reshape(-1, n) for b, n in zip(row, (X.size, W.size), strict=True)] for row in J]
    )
    np.testing.assert_array_equal(P.matrix(), expected)
    np.testing.assert_array_equal(P.T.matrix(), expected.T)


def test_a_program_multiplies_batches_of_tangents() -> None:
    P = make_program(layer, X, W)
    rng = np.random.default_rng(0)
    x_dot, w_dot = (jnp.asarray(rng.integers(-3, 4, (2, 3, *a.shape)), jnp.float32) for a in (X, W))
    expected = jax.vmap(jax.vmap(P))(x_dot, w_dot)
    np.testing.assert_array_equal(P(x_dot, w_dot), expected)
    np.testing.assert_array_equal(P.T(expected)[1], jax.vmap(jax.vmap(P.T))(expected)[1])


def test_a_program_is_a_pytree_that_passes_through_jit() -> None:
    P = make_program(layer, X, W)
    np.testing.assert_array_equal(jax.jit(lambda P, x, w: P(x, w))(P, X, W), P(X, W))
    returned = jax.jit(lambda x, w: make_program(layer, x, w))(X, W)
    np.testing.assert_array_equal(returned(X, W), P(X, W))
    doubled = jax.tree.map(lambda leaf: 2 * leaf if leaf.dtype == jnp.float32 else leaf, P)
    np.testing.assert_array_equal(doubled(X, W), 2 * P(X, W))


def test_programs_of_a_batch_are_a_batch_of_programs() -> None:
    programs = jax.vmap(lambda x: make_program(lambda x: ops.sin(x), x))(jnp.arange(3.0))
    np.testing.assert_allclose(jax.vmap(lambda P: P(1.0))(programs), jnp.cos(jnp.arange(3.0)))


def test_a_program_draws_itself_forward_and_transposed() -> None:
    P = make_program(layer, X, W)
    arrows = re.findall(r"n(\d) -> n(\d) \[label=\"(.*)\"\]", P.dot())
    assert arrows == [("0", "2", "C(w)"), ("1", "2", "X(x)"), ("2", "3", "diag(v₂ > 0)")]
    backward = re.findall(r"n(\d) -> n(\d) \[label=\"(.*)\"\]", P.T.dot())
    assert backward == [("0", "1", "diag(v₂ > 0)"), ("1", "2", "X(x)ᵀ"), ("1", "3", "C(w)ᵀ")]


def test_a_wide_program_is_multiplied_out_from_as_many_unit_vectors_as_it_has_rows() -> None:
    _, P = linearize(lambda x: (jnp.ones((2, 512)) @ ops.square(x), ops.sum(x)), jnp.arange(512.0))
    computed = [y.aval.size for equation in equations(jax.make_jaxpr(P.matrix)().jaxpr) for y in equation.outvars]
    assert max(computed) <= 2 * P.shape[0] * P.shape[1]
    np.testing.assert_array_equal(P.matrix(), np.array([[2.0], [2], [0]]) * np.arange(512) + [[0], [0], [1]])


def test_a_matrix_that_would_not_fit_is_refused_before_it_is_built() -> None:
    P = make_program(lambda x: 2 * x, jnp.zeros(10**6))
    with pytest.raises(MemoryError, match="TiB"):
        P.matrix()


def test_the_derivative_of_a_gradient_is_a_program_too() -> None:
    P = make_program(autodiff.grad(lambda w: layer(X, w).sum()), W)
    np.testing.assert_array_equal(P.matrix(), np.zeros((6, 6)))
    _, H = linearize(autodiff.grad(lambda w: (layer(X, w) ** 2).sum()), W)
    np.testing.assert_array_equal(H.matrix(), H.matrix().T)
    assert "X(x)ᵀ" in str(H)
