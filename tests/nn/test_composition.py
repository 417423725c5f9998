"""Every layer goes through jit, vmap and derivatives of derivatives with both engines, and is traced once."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff, ops
from tests.nn.test_layers import KEY, LAYERS

ROUNDINGS = 500  # more than these small layers make, each of one unit in the last place of the largest number


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_composes_with_jit_vmap_and_derivatives_of_derivatives(name):
    layer, in_shape = LAYERS[name]
    params = layer.init(KEY, in_shape)
    x, x_dot = jax.random.normal(jax.random.key(1), (2, 3, *in_shape))

    def loss(params, x):
        return ops.sum(ops.square(layer.apply(params, x)))

    def derivatives(engine):
        """The gradient, and its derivative along the parameters and x_dot."""
        return engine.jvp(engine.grad(loss, (0, 1)), (params, x), (params, x_dot))

    @jax.jit
    def compiled(params, x):
        mapped = jax.vmap(layer.apply, (None, 0))(params, x)
        return layer.apply(params, x), mapped, derivatives(autodiff), derivatives(jax)

    batched, mapped, ours, theirs = compiled(params, x)
    plain = layer.apply(params, x)
    chex.assert_trees_all_close(batched, plain, rtol=1e-5, atol=1e-5)
    chex.assert_trees_all_close(mapped, plain, rtol=1e-5, atol=1e-5)
    chex.assert_trees_all_equal_shapes_and_dtypes(ours, theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        largest = max(1, float(jnp.abs(b).max()))
        np.testing.assert_allclose(a, b, rtol=0, atol=ROUNDINGS * np.finfo(np.float32).eps * largest)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_traced_once_for_all_data_and_for_equal_layers(name):
    layer, in_shape = LAYERS[name]

    chex.clear_trace_counter()

    @chex.assert_max_traces(n=1)
    def apply(layer, params, x):
        return layer.apply(params, x)

    compiled = jax.jit(apply, static_argnums=0)
    for seed, same in enumerate((layer, replace(layer), layer)):
        params = layer.init(jax.random.key(seed), in_shape)
        compiled(same, params, jax.random.normal(jax.random.key(seed), (2, *in_shape)))
