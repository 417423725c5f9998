"""Sums of 16-bit floats are taken in float32 and rounded once, and so are those in the derivatives, of both engines."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff, ops
from tests.ops.test_ops import Theirs

SHORT = (jnp.bfloat16, jnp.float16)
N = 3000
REDUCTIONS = {
    name: lambda m, x, name=name: getattr(m, name)(x, axis=-1)
    for name in ("sum", "mean", "var", "std", "cumsum", "logsumexp", "softmax", "log_softmax")
}
REDUCTIONS["prod"] = lambda m, x: m.prod(1 + x / 4096, axis=-1)
PRODUCTS = {
    "matmul": lambda m, x: m.matmul(x, x.T),
    "matrix times vector": lambda m, x: m.matmul(x, x[0]),
    "einsum": lambda m, x: m.einsum("bi,bi->b", x, x),
}


def data(dtype, shape=(2, N)):
    return jnp.asarray(np.random.default_rng(0).uniform(0.5, 1.5, shape), dtype)


def rounded_once(ours, exact, dtype):
    """Half a unit in the last place for the rounding, and a few roundings of float32."""
    exact = np.asarray(exact, np.float64)
    assert ours.dtype == dtype
    bound = (0.51 * float(jnp.finfo(dtype).eps) + 16 * N**0.5 * np.finfo(np.float32).eps) * np.maximum(abs(exact), 1e-6)
    np.testing.assert_array_less(abs(np.asarray(ours, np.float64) - exact), bound)


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("name", [name for name in REDUCTIONS if name != "prod"] + list(PRODUCTS))
def test_the_value_is_rounded_once(name, dtype):
    call, x = (REDUCTIONS | PRODUCTS)[name], data(dtype)
    with jax.enable_x64(True):
        exact = np.asarray(call(Theirs(), jnp.asarray(x, jnp.float64)))
    rounded_once(jax.jit(lambda x: call(ops, x))(x), exact, dtype)


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_asks_for_sums_in_float32_on_every_platform(name, dtype):
    program = str(jax.make_jaxpr(lambda x: PRODUCTS[name](ops, x))(data(dtype)))
    assert program.count("dot_general") == program.count("preferred_element_type=float32") == 1


@pytest.mark.parametrize("dtype", SHORT)
def test_a_product_is_rounded_once(dtype):
    x = 1 + (data(dtype) - 1) / 16
    rounded_once(ops.prod(x, axis=-1), np.prod(np.asarray(x, np.float64), axis=-1), dtype)


@pytest.mark.parametrize("dtype", SHORT)
def test_sums_beyond_the_range_of_float16_come_back(dtype):
    x = jnp.full(65536, 2, dtype)
    assert ops.mean(x) == 2
    assert ops.var(x) == 0
    assert ops.logsumexp(jnp.zeros(2**17, dtype)) == jnp.asarray(17 * np.log(2), dtype)


@pytest.mark.parametrize("dtype", SHORT)
def test_what_an_array_alone_sums_is_not_rounded_before_it_is_multiplied(dtype):
    large = 256 if dtype == jnp.bfloat16 else 30_000
    x = jnp.asarray([[large] * 400, [-large] * 399 + [3]], dtype)
    assert ops.einsum("ij,ik->k", x, jnp.ones((2, 1), dtype)) == jnp.asarray(large + 3, dtype)
    gradient = jax.grad(lambda w: ops.sum(ops.einsum("ij,kl->ik", x, w)))(jnp.ones((1, 1), dtype))
    assert gradient == jnp.asarray(large + 3, dtype)


GRADIENTS = {
    "what is broadcast": lambda m, x: m.sum(
        m.mul(m.broadcast_to(x[:1], (N,)), 1 + jnp.arange(N, dtype=x.dtype) / 4096)
    ),
    "what is broadcast, all roundings one way": lambda m, x: m.sum(
        m.mul(m.broadcast_to(x[:1], (N,)), jnp.full(N, 1.01, x.dtype))
    ),
    "what is added by broadcasting": lambda m, x: m.sum(m.mul(m.add(x[:1], x), jnp.full(N, 1.01, x.dtype))),
    "what is picked": lambda m, x: m.sum((ops.getitem if m is ops else operator.getitem)(x, np.zeros(N, int))),
    "what is averaged": lambda m, x: m.sum(m.square(m.mean(x))),
    "a variance": lambda m, x: m.sum(m.var(x)),
    "softmax": lambda m, x: m.sum(m.mul(m.softmax(x), jnp.arange(N, dtype=x.dtype) / 1024)),
    "logsumexp": lambda m, x: m.logsumexp(x),
    "cumsum": lambda m, x: m.sum(m.mul(m.cumsum(x), 1 / 1024)),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("engine", [autodiff, jax])
@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("name", GRADIENTS)
def test_the_gradient_is_rounded_once(name, dtype, engine):
    f, x = GRADIENTS[name], data(dtype, (N,))
    with jax.enable_x64(True):
        exact = jax.grad(lambda x: f(Theirs(), x))(jnp.asarray(x, jnp.float64))
    steps = 3 if name in ("softmax", "a variance", "what is averaged") else 1
    gradient = engine.grad(lambda x: f(ops, x))
    for way in (gradient, jax.jit(gradient)):
        error = abs(np.asarray(way(x), np.float64) - np.asarray(exact))
        assert np.all(error <= (steps * float(jnp.finfo(dtype).eps)) * np.maximum(abs(np.asarray(exact)), 1e-4))


@pytest.mark.parametrize("dtype", SHORT)
def test_many_arrows_into_one_node_are_added_in_float32(dtype):
    def f(x):
        y = x
        for _ in range(600):
            y = y + x * 1
        return y

    assert autodiff.grad(f)(jnp.asarray(1, dtype)) == jnp.asarray(601, dtype)
