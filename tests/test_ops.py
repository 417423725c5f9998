"""The operations mean what they mean in `jax.numpy`: values, shapes, promotion. Derivatives are tested in autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import ops

x = jnp.array([[1.0, -2.0, 0.0], [4.0, 0.5, -8.0]])
y = jnp.array([2.0, 4.0, -1.0])
n = jnp.array([[3, -1, 2], [0, 5, 5]])

SAME = {
    "neg": lambda m: m.neg(x) if m is ops else m.negative(x),
    "add": lambda m: m.add(x, y),
    "add scalar": lambda m: m.add(x, 1),
    "add integers": lambda m: m.add(n, 1),
    "integer plus float": lambda m: m.add(n, y),
    "sub": lambda m: m.sub(x, y) if m is ops else m.subtract(x, y),
    "mul": lambda m: m.mul(x[:, :1], y) if m is ops else m.multiply(x[:, :1], y),
    "div": lambda m: m.div(x, y) if m is ops else m.divide(x, y),
    "div integers": lambda m: m.div(n, 2) if m is ops else m.divide(n, 2),
    "exp integers": lambda m: m.exp(n),
    "sqrt scalar": lambda m: m.sqrt(4),
    "tanh": lambda m: m.tanh(x),
    "abs": lambda m: m.abs(x),
    "abs integers": lambda m: m.abs(n),
    "maximum": lambda m: m.maximum(x, y),
    "maximum scalar": lambda m: m.maximum(n, 1),
    "where": lambda m: m.where(x > 0, x, 0.0),
    "where broadcasts": lambda m: m.where(y > 0, x[:, :1], y),
    "sum": lambda m: m.sum(x),
    "sum axis": lambda m: m.sum(x, -1),
    "sum axes": lambda m: m.sum(x, (0, -1)),
    "sum keepdims": lambda m: m.sum(x, 0, keepdims=True),
    "mean": lambda m: m.mean(x, 1),
    "mean integers": lambda m: m.mean(n),
    "max": lambda m: m.max(x, 1),
    "max keepdims": lambda m: m.max(n, -1, keepdims=True),
    "reshape": lambda m: m.reshape(x, (3, -1)),
    "reshape flat": lambda m: m.reshape(x, -1),
    "reshape empty": lambda m: m.reshape(x[:0], (0, 3, 1)),
    "transpose": lambda m: m.transpose(x),
    "transpose axes": lambda m: m.transpose(x[None], (-1, 0, 1)),
    "concatenate": lambda m: m.concatenate([x, x[:1]]),
    "concatenate promotes": lambda m: m.concatenate([x, n], -1),
    "broadcast_to": lambda m: m.broadcast_to(y, (2, 3)),
    "matmul": lambda m: m.matmul(x, x.T),
    "matmul vector": lambda m: m.matmul(x, y),
    "matmul batch": lambda m: m.matmul(jnp.stack([x, x]), x.T),
    "einsum": lambda m: m.einsum("ij,j->i", x, y),
    "einsum spaces": lambda m: m.einsum("ij, kj -> ik", x, x),
}


@pytest.mark.parametrize("call", SAME.values(), ids=SAME)
def test_the_operation_is_jnps(call):
    ours, theirs = call(ops), call(jnp)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_logsumexp_does_not_overflow():
    z = jnp.array([[1000.0, 1000.0], [-1000.0, -jnp.inf]])
    np.testing.assert_allclose(ops.logsumexp(z, -1), jax.nn.logsumexp(z, -1))


def test_relu_and_sigmoid_are_jaxs():
    np.testing.assert_array_equal(ops.relu(x), jax.nn.relu(x))
    np.testing.assert_array_equal(ops.sigmoid(x), jax.nn.sigmoid(x))


def test_the_operations_compose_with_jit_vmap_and_grad():
    def loss(x):
        return ops.sum(ops.mul(x, ops.relu(x)))

    expected = 2 * np.maximum(np.asarray(x), 0)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(loss)))(x), expected)
