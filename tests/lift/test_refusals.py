"""What cannot be read as a matrix is refused in one line: the primitive, the line of code, and what to do."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback
from jax.extend.core import Primitive
from jax.interpreters import ad

import minicnn
from minicnn.forms import memory
from minicnn.lift import LiftError, unrolling

X = jnp.array([1.0, 2.0])
HERE = Path(__file__).name


def refusal(f, *args, **options) -> str:
    """What lift says, which names a line of this file."""
    with pytest.raises(LiftError) as caught:
        minicnn.lift(f, *(args or (X,)), **options)
    message = str(caught.value)
    assert "\n" not in message
    assert re.match(rf"(`[\w-]+`|the code) at \S*{HERE}:\d+ ", message)
    return message


def test_a_callback_is_refused():
    out = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert "`pure_callback`" in refusal(lambda x: jax.pure_callback(np.sin, out, x * x))
    assert "give it a derivative with jax.custom_jvp" in refusal(lambda x: io_callback(np.sin, out, x))


def test_a_callback_of_constants_is_a_constant():
    out = jax.ShapeDtypeStruct((2,), jnp.float32)
    P = minicnn.lift(lambda x: x * jax.pure_callback(lambda: np.float32([2, 3]), out), X)
    np.testing.assert_array_equal(P.matrix(), np.diag([2, 3]))


def test_a_debugging_print_is_no_obstacle(capfd):
    np.testing.assert_array_equal(
        minicnn.lift(lambda x: (jax.debug.print("{}", x), 2 * x)[1], X).matrix(), 2 * np.eye(2)
    )


unknown_p = Primitive("unknown")
unknown_p.def_impl(lambda x: 3 * x[::-1])
unknown_p.def_abstract_eval(lambda x: x)
ad.deflinear2(unknown_p, lambda y_bar, _: [unknown_p.bind(y_bar)])


def test_an_unknown_primitive_is_refused():
    f = lambda x: unknown_p.bind(jnp.sin(x))
    assert 'fallback="columns"' in refusal(f)


def test_its_matrix_is_built_column_by_column_where_that_is_asked_for():
    P = minicnn.lift(lambda x: unknown_p.bind(2 * x), X, fallback="columns")
    np.testing.assert_array_equal(P.matrix(), [[0, 6], [6, 0]])
    np.testing.assert_array_equal(P.T.matrix(), P.matrix().T)


def test_one_that_is_not_linear_has_no_matrix():
    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, y_bar: (jnp.maximum(y_bar, 0),))
    assert "`max`" in refusal(clipped)
    assert "is not linear" in refusal(clipped, fallback="columns")


def test_a_large_one_is_not_built():
    assert "columns" in refusal(lambda x: unknown_p.bind(x), jnp.zeros(5000), fallback="columns")


def test_an_iterative_solver_is_no_list_of_linear_equations_and_is_built_by_columns():
    A = jnp.array([[2.0, 1.0], [1.0, 3.0]])
    f = lambda b: jax.scipy.sparse.linalg.cg(lambda x: A @ x, b)[0]
    assert "`custom_linear_solve`" in refusal(f)
    P = minicnn.lift(f, X, fallback="columns")
    np.testing.assert_allclose(P.matrix(), jnp.linalg.inv(A), rtol=1e-4)


def test_a_scan_that_is_too_long_is_refused_before_it_runs(monkeypatch):
    monkeypatch.setattr(unrolling, "LIMIT", 100)
    message = refusal(lambda x: jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, length=10**9)[0])
    assert "`scan`" in message
    assert "100 equations: lift fewer steps" in message


def test_a_while_loop_that_does_not_end_is_left_at_the_limit(monkeypatch):
    monkeypatch.setattr(unrolling, "LIMIT", 100)
    message = refusal(lambda x: jax.lax.while_loop(lambda c: c[0] > 0, lambda c: c * 0.5 + 1, x))
    assert "`while`" in message
    assert "more than 100 equations" in message
    assert "`while`" in refusal(lambda x: jax.lax.while_loop(lambda c: True, lambda c: c, x))


def test_what_jax_cannot_differentiate_is_refused_where_it_stands():
    message = refusal(lambda x: jnp.linalg.eig(jnp.outer(x, x))[1])
    assert "`eig`" in message
    assert "give it one with jax.custom_jvp" in message


def test_where_jax_keeps_no_line_it_is_that_of_the_call():
    assert "`schur`" in refusal(lambda x: jax.scipy.linalg.schur(jnp.outer(x, x))[0])
    mesh = jax.sharding.Mesh(jax.devices()[:1], "d")
    spec = jax.sharding.PartitionSpec("d")
    assert "`shard_map`" in refusal(jax.shard_map(jnp.sin, mesh=mesh, in_specs=spec, out_specs=spec))


@pytest.mark.parametrize("take_out", [lambda x: np.sin(x), lambda x: x * float(x[0])])
def test_a_number_taken_out_of_what_varies_hides_its_derivative(take_out):
    assert "jax.lax.stop_gradient" in refusal(take_out)


def test_outputs_that_are_no_floats_are_refused():
    with pytest.raises(TypeError, match=r"the result \['class'\] is int32: only floats have derivatives; leave it out"):
        minicnn.lift(lambda x: {"class": jnp.argmax(x), "y": x}, X)


@pytest.mark.parametrize("y, found", [(None, "None"), ({}, "{}")])
def test_a_function_without_results_is_refused(y, found):
    with pytest.raises(TypeError, match=f"the result is {found}, which holds no array: return what varies"):
        minicnn.lift(lambda x: y, X)


def test_a_point_without_numbers_is_refused_where_they_decide():
    x = jnp.ones((1, 4, 1))
    with pytest.raises(TypeError, match="`args` is traced and has no numbers yet: lift at numbers"):
        jax.jit(lambda x: minicnn.lift(lambda x: minicnn.max_pool(x, (2,)), x).matrix())(x)


def test_results_that_are_no_arrays_are_refused():
    with pytest.raises(TypeError, match=r"the result \['name'\] is str: only floats have derivatives"):
        minicnn.lift(lambda x: {"name": "y", "y": x}, X)


def test_an_unknown_fallback_is_refused():
    with pytest.raises(ValueError, match=r"`fallback`='rows' must be \"columns\", or None"):
        minicnn.lift(lambda x: x, X, fallback="rows")  # pyright: ignore[reportArgumentType]


def test_arguments_without_floats_are_refused():
    with pytest.raises(TypeError, match="`argnums`=1 chooses no floats"):
        minicnn.lift(lambda x, n: x * n, X, 3, argnums=1)


def test_a_matrix_that_would_not_fit_says_its_size(monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: 2**34)
    P = minicnn.lift(lambda x: 2 * x, jnp.ones(100_000))
    with pytest.raises(MemoryError, match=r"100000×100000 float32, 37\.3 GiB, and this machine has 16\.0 GiB"):
        P.matrix()
    assert P.nnz == 100_000


def test_a_function_that_is_not_of_python_has_no_line_and_none_of_ours_is_given_for_it():
    with pytest.raises(LiftError, match=r"^the function makes numbers of Python or NumPy of what varies"):
        minicnn.lift(np.sin, jnp.ones(3))
