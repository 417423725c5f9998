"""Radial basis units and the loss that they are trained with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn.autodiff as ours
from minicnn import nn
from minicnn.nn import losses

LAYER = nn.Rbf(((1, -1, 1), (0, 2, 1)))


def test_outputs_are_squared_distances_and_the_jacobian_is_twice_the_way():
    x = jnp.array([[3.0, 1.0, 1.0], [0.0, 2.0, 1.0]])
    np.testing.assert_array_equal(LAYER.apply({}, x), [[8, 10], [10, 0]])
    A = LAYER.map_at({}, x[0])
    np.testing.assert_array_equal(jax.jacrev(lambda x: LAYER.apply({}, x))(x[0]), A.matrix())
    assert A.nnz == 6
    assert LAYER.out_shape((3,)) == (2,)


def test_nothing_of_it_is_trained():
    assert LAYER.init(jax.random.key(0), (3,)) == {}


def test_the_loss_is_equation_9():
    y, labels, j = np.array([[4.0, 0.5, 9.0], [1.0, 2.0, 3.0]]), np.array([1, 2]), 0.7
    expected = np.mean([y[p, d] + np.log(np.exp(-j) + np.exp(-y[p]).sum()) for p, d in enumerate(labels)])
    np.testing.assert_allclose(losses.competitive(jnp.asarray(y), labels, j), expected, rtol=1e-6)


def test_the_loss_leaves_alone_what_is_far_beyond_the_rubbish_class():
    slope = jax.grad(losses.competitive)(jnp.array([0.0, 2.0, 60.0]), jnp.array(0), 1.0)
    assert slope[1] < -0.05
    assert abs(slope[2]) < 1e-20


def test_the_loss_survives_huge_distances():
    assert jnp.isfinite(losses.competitive(jnp.array([1e30, 1e30]), jnp.array(0)))


def test_both_engines_differentiate_layer_and_loss():
    x, labels = jax.random.normal(jax.random.key(0), (4, 3)), jnp.array([0, 1, 1, 0])
    loss = lambda x: losses.competitive(LAYER.apply({}, x), labels)
    np.testing.assert_allclose(ours.grad(loss)(x), jax.grad(loss)(x), rtol=1e-5, atol=1e-6)


def test_the_rubbish_class_needs_a_positive_distance():
    with pytest.raises(ValueError, match="`rubbish`=0 must be greater than 0"):
        losses.competitive(jnp.zeros(2), jnp.array(0), 0)
