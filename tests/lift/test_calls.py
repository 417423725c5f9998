"""Calls, loops, branches and rules of one's own are gone from a lifted program; what they did at the point is left."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.forms.fence import apart
from minicnn.jax_internals import ad
from minicnn.lift import LiftError
from minicnn.lift.recording import _ENTERED
from minicnn.lift.rules import table

close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
X = jnp.array([0.5, -1.0, 2.0])
W = jnp.array([[1.0, 2.0, -1.0], [0.5, 1.0, 3.0], [2.0, -2.0, 1.0]])


def check(f, x=X):
    """The program is the Jacobian that JAX finds, and its transpose is the transposed one."""
    P = minicnn.lift(f, x)
    J = jax.jacfwd(f)(x).reshape(-1, x.size)
    close(P.matrix(), J)
    close(P.T.matrix(), J.T)
    return P


def test_a_jitted_function_is_entered():
    check(jax.jit(lambda x: jnp.sin(jax.jit(jnp.cos)(x))))


def test_a_rematerialised_function_is_entered():
    check(jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)) * jnp.exp(x)))


def test_a_scan_is_unrolled():
    P = check(lambda x: jax.lax.scan(lambda c, row: (jnp.tanh(row * c), c @ c), x, W)[1])
    assert {arrow.label for arrow in P.arrows} >= {"diag(W)"}


def test_a_reversed_scan_is_unrolled():
    check(lambda x: jax.lax.scan(lambda c, a: (c * a, c + a), 1.0, x, reverse=True)[1])


def test_a_scan_of_no_steps_passes_its_carry_on():
    check(lambda x: jax.lax.scan(lambda c, a: (c * a, c), x, jnp.zeros((0,)))[0])


def test_a_while_loop_is_unrolled_and_transposed_where_jax_does_not():
    check(lambda x: jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1]) * c[1]), (0, x))[1])


def test_a_loop_that_ends_by_the_values_is_unrolled():
    check(lambda x: jax.lax.while_loop(lambda c: jnp.sum(c**2) > 1, lambda c: c * jnp.cos(c), x))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_branch_taken_is_entered(sign):
    check(lambda x: jax.lax.cond(sign * x.sum() > 0, jnp.exp, lambda x: x[::-1] * 2, x))
    check(lambda x: jax.lax.switch(1 + sign, [jnp.sin, jnp.cos, jnp.exp], x))


def test_a_function_may_look_at_its_values():
    check(lambda x: x * x if x.sum() > 0 else x)
    check(lambda x: jnp.sin(x[x > 0]))


def test_a_mapped_function_is_read_as_what_it_does_to_all():
    check(jax.vmap(lambda row: jnp.sort(row) @ W), W)
    check(lambda x: jax.lax.map(jnp.sin, x))


def test_a_custom_jvp_vanishes():
    @jax.custom_jvp
    def f(x):
        return jnp.round(x)

    f.defjvp(lambda primals, tangents: (f(*primals), 3 * tangents[0]))
    np.testing.assert_array_equal(minicnn.lift(f, X).matrix(), 3 * np.eye(3))


@jax.custom_vjp
def scaled(x, w):
    return w @ x, x.sum()


def _backward(kept, y_bars):
    x, w = kept
    return 5 * (w.T @ y_bars[0]) + y_bars[1], jnp.outer(y_bars[0], x)


scaled.defvjp(lambda x, w: (scaled(x, w), (x, w)), _backward)


def test_the_backward_function_of_a_custom_vjp_is_transposed():
    P = minicnn.lift(scaled, X, W)
    np.testing.assert_array_equal(P.matrix(), np.vstack([5 * W, np.ones((1, 3))]))
    np.testing.assert_array_equal(P.T.matrix(), P.matrix().T)
    both = minicnn.lift(scaled, X, W, argnums=(0, 1))
    np.testing.assert_array_equal(both.matrix()[:3, 3:], np.kron(np.eye(3), X))
    np.testing.assert_array_equal(minicnn.lift(scaled, X, W, argnums=1).matrix(), both.matrix()[:, 3:])


def test_a_function_with_a_derivative_of_its_own_may_be_called_by_the_derivative_of_another():
    total = jax.custom_jvp(lambda x: x + x[::-1])
    total.defjvp(lambda primals, tangents: (total(*primals), total(*tangents)))
    f = jax.custom_jvp(lambda x: x)
    f.defjvp(lambda primals, tangents: (f(*primals), total(*tangents)))
    np.testing.assert_array_equal(minicnn.lift(f, X).matrix(), np.eye(3) + np.eye(3)[::-1])


def test_a_polynomial_is_linear_in_its_coefficients():
    A = minicnn.lift(lambda c: jnp.polyval(c, jnp.array([2.0, -3.0])), X).matrix()
    np.testing.assert_array_equal(A, [[4, 2, 1], [9, -3, 1]])


def test_a_custom_vjp_may_take_integers():
    @jax.custom_vjp
    def picked(x, places):
        return x[places]

    picked.defvjp(lambda x, p: (picked(x, p), p), lambda p, y_bar: (jnp.zeros(3).at[p].add(2 * y_bar), None))
    np.testing.assert_array_equal(minicnn.lift(picked, X, jnp.array([2, 2])).matrix(), [[0, 0, 2], [0, 0, 2]])


def test_a_barrier_passes_constants_on_as_well():
    def f(x):
        x, w = jax.lax.optimization_barrier((x, W))
        return w @ x

    np.testing.assert_array_equal(minicnn.lift(f, X).matrix(), W)


OWN_POOLS = {
    "a fence behind the norms": lambda x: minicnn.lp_pool(x[:, None], (2,), stride=1),
    "numbers that are kept": lambda x: minicnn.max_pool(x[:, None] ** 2, (2,), stride=1),
    "a sum apart": lambda x: apart(lambda y: 2 * y + y[::-1], x, (3,)),
}


@pytest.mark.parametrize("f", OWN_POOLS.values(), ids=OWN_POOLS)
def test_what_only_tells_xla_how_to_compile_is_read_in_gradients_too(f):
    gradient = jax.grad(lambda x: (f(x) ** 3).sum())
    P, J = minicnn.lift(gradient, X), jax.jacfwd(gradient)(X)
    close(P.matrix(), J)
    close(P.T.matrix(), J.T)


def test_every_linear_primitive_of_ours_is_known_to_lift():
    rules = {p.name: (rule, *getattr(rule, "args", ())) for p, rule in ad.primitive_transposes.items()}
    home = lambda f: getattr(getattr(f, "func", f), "__module__", None) or ""
    ours = {name for name, functions in rules.items() if any(home(f).startswith("minicnn.") for f in functions)}
    assert ours >= {"convolve", "fence", "kept", "apart"}
    assert ours <= {*table, *_ENTERED}


def test_a_backward_function_that_is_not_linear_is_refused():
    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, y_bar: (y_bar * jnp.abs(y_bar),))
    with pytest.raises(LiftError, match=r"`\w+` at .*test_calls.py:\d+"):
        minicnn.lift(clipped, X)


def test_a_backward_function_that_looks_at_values_is_refused_and_left_out_if_one_says_so():
    doubled = jax.custom_vjp(lambda x: 2 * x)
    doubled.defvjp(lambda x: (2 * x, None), lambda _, y_bar: (2 * y_bar if y_bar.sum() > -1 else y_bar,))
    with pytest.raises(LiftError, match="own_rules=False"):
        minicnn.lift(doubled, X)
    np.testing.assert_array_equal(minicnn.lift(doubled, X, own_rules=False).matrix(), 2 * np.eye(3))


def test_a_function_with_a_transpose_of_its_own_is_entered_and_transposed_by_us():
    wrong = lambda w, y_bar: 7 * y_bar
    f = lambda x: jax.custom_derivatives.linear_call(lambda w, x: w @ x, wrong, W, 2 * x)
    P = minicnn.lift(f, X)
    np.testing.assert_array_equal(P.matrix(), 2 * W)
    np.testing.assert_array_equal(P.T.matrix(), 2 * W.T)


def test_a_solve_by_factors_is_linear_in_its_right_hand_side():
    check(lambda x: jnp.linalg.solve(W + 0 * x, x))


def test_random_bits_are_constants():
    check(lambda x: x * jax.random.bernoulli(jax.random.key(3), 0.5, x.shape))


def test_integer_arguments_are_constants():
    f = lambda x, tokens: x[tokens] * 2
    tokens = jnp.array([2, 0])
    P = minicnn.lift(f, X, tokens, argnums=(0, 1))
    np.testing.assert_array_equal(P.matrix(), [[0, 0, 2], [2, 0, 0]])
    np.testing.assert_array_equal(P(X, None), f(X, tokens))
    for program in (P, P.T):
        assert str(program).splitlines()[0].endswith(", with tokens constant")


def test_arguments_are_pytrees():
    f = lambda p, x: {"y": p["w"] @ x, "z": (p["b"] + x,)}
    p = {"w": W, "b": X}
    P = minicnn.lift(f, p, X, argnums=(0, 1))
    ours, theirs = P(p, X), jax.jvp(f, (p, X), (p, X))[1]
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    assert "p.w" in str(P)


def test_an_output_that_does_not_depend_on_the_inputs_is_zero():
    P = minicnn.lift(lambda x: (x, jnp.ones(2), x), X)
    np.testing.assert_array_equal(P.matrix(), np.vstack([np.eye(3), np.zeros((2, 3)), np.eye(3)]))
    np.testing.assert_array_equal(P.T.matrix(), P.matrix().T)
