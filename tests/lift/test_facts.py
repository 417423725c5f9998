"""Known derivatives of known networks, from their lifted programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn


def test_softmax_at_zero():
    P = minicnn.lift(jax.nn.softmax, jnp.zeros(4))
    np.testing.assert_array_equal(P.matrix(), np.eye(4) / 4 - 1 / 16)
    assert P.matrix()[0, 0] == 3 / 16


def test_causal_attention_with_its_residual_is_lower_triangular_in_blocks_at_a_point():
    w = jax.random.normal(jax.random.key(0), (4, 8, 8))

    def attention(x):
        q, k, v = x @ w[0], x @ w[1], x @ w[2]
        scores = jnp.where(jnp.tril(jnp.ones((5, 5), bool)), q @ k.T, -jnp.inf)
        return x + jax.nn.softmax(scores) @ v @ w[3]

    P = minicnn.lift(attention, jax.random.normal(jax.random.key(1), (5, 8)))
    assert (P.nnz_at_point, P.nnz) == (960, 1600)
    blocks = P.to_scipy().toarray().reshape(5, 8, 5, 8).any((1, 3))
    np.testing.assert_array_equal(blocks, np.tri(5, dtype=bool))


def test_the_first_dense_layer_of_vgg16_is_counted_and_not_listed():
    w = np.broadcast_to(np.float32(1), (25_088, 4096))  # an array that takes no memory
    (row,) = minicnn.lift(lambda x, w: x @ w, jnp.ones(25_088), jnp.asarray(w)).table().rows
    assert (row.nnz, row.connections, row.parameters) == (102_760_448,) * 3


def test_a_lifted_network_prints_like_our_own():
    from minicnn import autodiff, nn

    model = nn.Sequential((nn.Conv(2, (3, 3)), nn.Activation("tanh"), nn.AvgPool((2, 2)), nn.Flatten(), nn.Dense(3)))
    params = model.init(jax.random.key(0), (6, 6, 1))
    f, x = lambda x: model.apply(params, x), jnp.ones((6, 6, 1))
    lifted, ours = minicnn.lift(f, x).simplify(), autodiff.make_program(f, x).simplify()
    kinds = lambda P: [type(arrow.map).__name__ for arrow in P.arrows]
    assert kinds(lifted)[:3] == kinds(ours)[:3] == ["Reshape", "Batched", "Diagonal"]
    assert kinds(lifted)[-1] == kinds(ours)[-1] == "Contraction"
    assert [row.connections for row in lifted.table().rows] == [2 * 16 * 9 + 32, 8 * 3 + 3]
    np.testing.assert_allclose(lifted.matrix(), ours.matrix(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_weights_of_numpy_are_the_layers_that_weights_of_jax_are(dtype):
    """JAX copies them wherever they are used: float64 into float32."""
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(3, 1, 2)).astype(jnp.dtype(dtype)), draw.normal(size=(8, 3)).astype("float32")
    x = jnp.ones((6, 1), jnp.float32)

    def table(w, v):
        return minicnn.lift(lambda x: jnp.tanh(minicnn.conv(x, w)).reshape(-1) @ v, x).table()

    assert repr(table(*weights)) == repr(table(*map(jnp.asarray, weights)))
    assert [row.parameters for row in table(*weights).rows] == [6, 24]
