"""A network in equinox, whose weights are its leaves, lifted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from tests.lift.test_models import check

eqx = pytest.importorskip("equinox")


def network():
    keys = jax.random.split(jax.random.key(0), 3)
    layers = [
        eqx.nn.Conv2d(1, 2, 3, key=keys[0]),
        eqx.nn.Lambda(jax.nn.relu),
        eqx.nn.MaxPool2d(2, 2),
        eqx.nn.Lambda(jnp.ravel),
        eqx.nn.Linear(8, 3, key=keys[1]),
    ]
    return eqx.nn.Sequential(layers)


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.long), "float64"])
def test_a_network(dtype):
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 6, 6)), dtype)
        P = check(network(), x)
    assert [row.connections for row in P.table().rows] == [2 * 16 * 9 + 32, 3 * 8 + 3]


def test_the_states_of_an_lstm_depend_on_the_past_alone():
    cell = eqx.nn.LSTMCell(3, 5, key=jax.random.key(0))
    start = jnp.zeros(5), jnp.zeros(5)

    def states(xs):
        step = lambda state, x: (cell(x, state),) * 2
        return jax.lax.scan(step, start, xs)[1][0]

    P = minicnn.lift(states, jax.random.normal(jax.random.key(1), (4, 3)))
    assert P.nnz == P.nnz_at_point == 150
    blocks = P.to_scipy().toarray().reshape(4, 5, 4, 3).any((1, 3))
    np.testing.assert_array_equal(blocks, np.tri(4, dtype=bool))
