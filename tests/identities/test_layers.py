"""Layer by layer: whose vjp is not the transpose of its matrix is found, and named with its file and line."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import certify
from minicnn.identities import CertificateError, certify_model
from minicnn.lift.operations import operations_of

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
W = jnp.asarray(np.random.default_rng(1).normal(size=(3, 5)), jnp.float32)


def planted(backward):
    """x ↦ 2x with a backward function of its own."""

    @jax.custom_vjp
    def doubled(x):
        return 2 * x

    doubled.defvjp(lambda x: (2 * x, None), lambda _, y_bar: (backward(y_bar),))
    return doubled


def network(middle):
    """Two dense layers around an operation, whose line is that of the word `middle`."""

    def f(w, x):
        y = jnp.tanh(x @ w)
        y = middle(y)
        return y @ w.T

    return f


LINE = inspect.getsourcelines(network)[1] + 5
FAULTS = {
    "right": (lambda y_bar: 2 * y_bar, None),
    "a factor": (lambda y_bar: 3 * y_bar, "scaled gradient (× 1.5)"),
    "a dropped entry": (lambda y_bar: (2 * y_bar).at[1, 2].set(0), "an entry dropped"),
    "a shift around": (lambda y_bar: 2 * jnp.roll(y_bar, 1, 1), "shifted by one on axis 1"),
    "a shift": (lambda y_bar: jnp.pad(2 * y_bar, ((0, 1), (0, 0)))[1:], "shifted by one on axis 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named_with_its_line(fault):
    backward, cause = FAULTS[fault]
    certificate = certify(network(planted(backward)), W, X, kind="layers")
    assert (certificate.kind, certificate.shape) == ("layers", (12, 27))
    assert {"dot_general: vjp = Cᵀ", "tanh: vjp = Cᵀ"} <= {c.identity for c in certificate.comparisons}
    wrong = [comparison for comparison in certificate.comparisons if not comparison.ok]
    assert certificate.ok is (cause is None)
    if cause:
        (comparison,) = wrong
        assert comparison.identity == f"doubled: vjp = Cᵀ of `doubled` at {__file__}:{LINE}"
        assert comparison.causes == (cause,)
        assert "pixel" in str(comparison.worst)


def test_a_fault_in_a_loop_and_in_a_branch_is_found():
    doubled = planted(lambda y_bar: y_bar)

    def f(x):
        c, _ = jax.lax.scan(lambda c, row: (jnp.sin(c + row), None), x[0], x)
        return jax.lax.cond(x[0, 0] < 9, lambda c: doubled(jnp.exp(c)), lambda c: c, c)

    certificate = certify(f, X, kind="layers")
    assert [c.identity.partition(":")[0] for c in certificate.comparisons if not c.ok] == ["doubled"]
    assert len(certificate.comparisons) > 3


def test_a_function_that_wants_one_dtype_is_certified_in_its_own():
    def f(x):
        return jax.lax.mul(jnp.sin(x), 2 * X)

    with pytest.raises(TypeError), jax.enable_x64(True):
        f(np.asarray(X, float))
    certificate = certify(f, X, kind="layers")
    assert certificate.ok, certificate
    assert len(certificate.comparisons) == 2


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("wants", ["an array", "a dtype"])
def test_a_backward_function_that_wants_one_dtype_is_certified_in_its_own(wants, factor):
    of_arrays = {
        "an array": lambda y_bar: factor * jax.vjp(lambda x: x, X)[1](y_bar)[0],
        "a dtype": lambda y_bar: (factor * y_bar).astype(jnp.float32),
    }
    assert certify(planted(of_arrays[wants]), X, kind="layers").ok is (factor == 2)


def test_operations_on_nothing_are_no_layers():
    certificate = certify(lambda x: (jnp.tanh(x), jnp.sin(x[:0])), X, kind="layers")
    assert certificate.ok and [c.identity for c in certificate.comparisons] == ["tanh: vjp = Cᵀ"]
    assert certify(jnp.tanh, X[:0], kind="layers").comparisons == ()


def test_integers_and_what_is_constant_are_no_layers():
    tokens = jnp.array([0, 2, 1])
    certificate = certify(lambda w, tokens: w[tokens].argmax(-1) * w[tokens].sum(-1), W, tokens, kind="layers")
    assert certificate.ok, certificate
    assert not any("argmax" in comparison.identity for comparison in certificate.comparisons)


def test_a_function_that_looks_at_values_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"the function looks at values.*use jax\.lax\.cond"):
        operations_of(lambda x: x * x if x.sum() > 0 else x, (X,))


def test_what_is_lifted_is_what_a_function_computes_and_not_its_own_rule():
    certificate = certify(planted(lambda y_bar: 3 * y_bar), X, ways=["lifted", "lifted transposed", "vjp"])
    verdicts = {comparison.identity: comparison.ok for comparison in certificate.comparisons}
    assert verdicts["lifted = C"] and verdicts["lifted transposed = Cᵀ"]
    assert verdicts["vjp = Cᵀ"] is False


def test_at_a_point_without_a_jvp_what_is_lifted_is_what_the_vjp_is_held_to():
    @jax.custom_vjp
    def f(x):
        return jnp.sin(x)

    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, y_bar: (jnp.cos(2 * x) * y_bar,))
    certificate = certify(f, X, reference="float64")
    assert [c.identity for c in certificate.comparisons if c.ok is False] == ["vjp = Cᵀ"]


def test_of_a_whole_flax_network_the_layer_is_named():
    nn = pytest.importorskip("flax.linen")

    def network(backward):
        class Scale(nn.Module):
            @nn.compact
            def __call__(self, x):
                return planted(backward)(x)

        class Net(nn.Module):
            @nn.compact
            def __call__(self, x):
                x = nn.relu(nn.Conv(2, (3, 3), name="first")(x))
                x = Scale(name="scale")(x)
                return nn.Dense(3, name="last")(x.reshape(x.shape[0], -1))

        return Net()

    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 4, 1)), jnp.float32)
    right = certify_model(network(lambda y_bar: 2 * y_bar), x)
    assert all(certificate.ok for certificate in right)
    whole, layers = certify_model(network(lambda y_bar: 3 * y_bar), x)
    assert not whole.ok
    assert [c.identity.partition(":")[0] for c in layers.comparisons] == ["first", "relu", "scale", "reshape", "last"]
    (wrong,) = [c for c in layers.comparisons if not c.ok]
    assert wrong.identity.startswith(f"scale: vjp = Cᵀ of `doubled` at {__file__}:")


def test_a_fixture_certifies_a_model_or_a_function(certified):
    whole, layers = certified(lambda x: jnp.tanh(x @ W), X)
    assert (whole.kind, layers.kind) == ("function", "layers")
    assert certified(lambda x: x @ W, X, kind="linear").kind == "linear"
    with pytest.raises(CertificateError, match="scaled gradient"):
        certified(planted(lambda y_bar: 3 * y_bar), X)


def test_functions_among_the_leaves_of_a_model_are_constants():
    certificate = certify(
        lambda model, x: model["activation"](x @ model["w"]), {"w": W, "activation": jnp.tanh}, X, kind="layers"
    )
    assert certificate.ok, certificate
    assert certificate.shape == (20, 27)
