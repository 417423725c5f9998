"""A model of any library is a function of its parameters and inputs, and the same function of the inputs alone."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn.lift.models import made, read_model

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 1)), jnp.float32)


def linen():
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.BatchNorm(use_running_average=False)(nn.Conv(2, (3, 3))(x))
            return nn.Dropout(0.5, deterministic=False)(x)

    return Net, X


def nnx():
    nnx = pytest.importorskip("flax.nnx")
    return partial(nnx.BatchNorm, 1), X


def equinox():
    eqx = pytest.importorskip("equinox")
    return partial(eqx.nn.Conv2d, 4, 2, (3, 1)), X[0]


def haiku():
    hk = pytest.importorskip("haiku")
    return hk.transform(lambda x: hk.Conv2D(2, 3)(x)), X


def haiku_with_state():
    hk = pytest.importorskip("haiku")
    return hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True)), X


def minicnn():
    from minicnn import nn

    return partial(nn.Conv, 2, (3, 3)), X[0]


@pytest.mark.parametrize("library", [linen, nnx, equinox, haiku, haiku_with_state, minicnn])
def test_a_model(library):
    maker, x = library()
    model = read_model(made(maker, KEY), x, key=KEY)
    floats = [leaf for leaf in jax.tree.leaves(model.params) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]
    assert sum(leaf.size for leaf in floats) > 0
    y = model.f(model.params, x)
    assert y.size > 0
    np.testing.assert_array_equal(model.of_inputs(x), y)


def test_a_function_has_no_parameters():
    model = read_model(jnp.tanh, X, key=KEY)
    assert jax.tree.leaves(model.params) == []
    np.testing.assert_array_equal(model.f(model.params, X), jnp.tanh(X))
