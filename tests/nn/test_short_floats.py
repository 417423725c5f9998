"""Layers of 16-bit floats: product and bias are one sum, which is taken in float32 and rounded once."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import add_bias, autodiff, nn
from tests.equations import equations

LAYERS: dict[str, tuple[nn.Layer, tuple[int, ...]]] = {
    "conv": (nn.Conv(4, (3, 3), stride=2, padding="SAME", groups=2), (9, 8, 16)),
    "masked conv": (nn.Conv(3, (5, 5), mask=((1, 0, 1), (0, 1, 1))), (9, 9, 2)),
    "circular conv": (nn.Conv(2, (3, 3), padding="SAME", padding_mode="circular"), (8, 8, 5)),
    "conv transpose": (nn.ConvTranspose(2, (3, 3), stride=2, padding=1, output_padding=1), (6, 6, 20)),
    "circular conv transpose": (nn.ConvTranspose(2, (3,), padding=1, padding_mode="circular"), (40, 20)),
    "local conv": (nn.LocalConv(2, (3, 3), stride=2), (9, 9, 6)),
    "tiled conv": (nn.TiledConv(2, (3, 3), tile=(2, 3)), (8, 8, 6)),
    "dense": (nn.Dense(5), (60,)),
    "subsample": (nn.Subsample((4, 4)), (16, 16, 3)),
}
SHORT = [jnp.bfloat16, jnp.float16]
every_layer = pytest.mark.parametrize("name", LAYERS)
every_dtype = pytest.mark.parametrize("dtype", SHORT)
equal = np.testing.assert_array_equal


def drawn(like: Any, seed: int, most: int, dtype: Any) -> Any:
    """Integers in place of every number, so that float32 sums them exactly and what is rounded is known."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.integers(-most, most + 1, leaf.shape), dtype), like)


def at_work(name: str, dtype: Any) -> tuple[nn.Layer, Any, Any]:
    """A layer, its parameters and a batch: products of some hundreds, which its biases nearly cancel."""
    layer, in_shape = LAYERS[name]
    params = drawn(jax.eval_shape(lambda: layer.init(jax.random.key(0), in_shape)), 0, 8, dtype)
    params["b"] = drawn(params["b"], 1, 250, dtype)
    return layer, params, drawn(jnp.zeros((6, *in_shape)), 2, 8, dtype)


def widened(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)


@pytest.mark.sampled(2)
@every_dtype
@every_layer
def test_product_and_bias_are_rounded_once(name, dtype):
    layer, params, x = at_work(name, dtype)
    exact = layer.apply(widened(params), widened(x))
    for apply in (layer.apply, jax.jit(layer.apply)):
        y = apply(params, x)
        assert y.dtype == dtype
        equal(y, exact.astype(dtype))


@pytest.mark.sampled(2)
@every_dtype
@every_layer
@pytest.mark.parametrize("vjp", [jax.vjp, autodiff.vjp])
def test_gradients_are_rounded_once_that_of_the_bias_too(name, dtype, vjp):
    layer, params, x = at_work(name, dtype)
    y, pull_back = vjp(layer.apply, params, x)
    y_bar = drawn(y, 3, 4, dtype)
    exact = jax.vjp(layer.apply, widened(params), widened(x))[1](widened(y_bar))
    jax.tree.map(lambda found, wanted: equal(found, wanted.astype(dtype)), pull_back(y_bar), exact)


@every_dtype
@pytest.mark.parametrize("name", ["conv", "conv transpose", "subsample"])
def test_the_products_of_gradients_are_of_short_floats_still(name, dtype):
    layer, params, x = at_work(name, dtype)
    back = jax.make_jaxpr(jax.grad(lambda params, x: layer.apply(params, x).sum(), (0, 1)))(params, x)
    products = [equation for equation in equations(back) if equation.primitive.name in ("convolve", "correlate")]
    assert len(products) == 3
    assert {operand.aval.dtype for equation in products for operand in equation.invars} == {jnp.dtype(dtype)}


@every_layer
def test_float32_is_what_it_was_to_the_bit(name):
    layer, params, x = at_work(name, jnp.float32)
    params, x = jax.tree.map(lambda leaf: leaf / 3, (params, x))
    equal(layer.apply(params, x), add_bias(layer.apply({"w": params["w"]}, x), params["b"]))


def test_what_is_asked_for_and_a_longer_bias_stay_as_long_as_they_are():
    _, params, x = at_work("conv", jnp.bfloat16)
    asked = nn.Conv(4, (3, 3), stride=2, padding="SAME", groups=2, preferred_element_type="float32")
    equal(asked.apply(params, x), asked.apply(widened(params), widened(x)))
    longer = {"w": params["w"], "b": params["b"].astype(jnp.float32)}
    equal(LAYERS["conv"][0].apply(longer, x), asked.apply(longer, x))


@every_dtype
def test_a_distance_is_rounded_once(dtype):
    layer = nn.Rbf(((300.0, 1.0), (-1.0, 2.0)))
    x = jnp.array([[299, 3], [20, 5]], dtype)
    equal(layer.apply({}, x), layer.apply({}, widened(x)).astype(dtype))


@pytest.mark.parametrize("layer", [nn.Conv, nn.ConvTranspose])
@pytest.mark.parametrize("dtype", SHORT)
def test_integers_are_summed_in_the_short_floats_that_are_asked_for(layer, dtype):
    x, w = jnp.full((5, 5, 4), 20, jnp.int8), jnp.full((3, 3, 4, 2), 20, jnp.int8)
    w = w if layer is nn.Conv else w.swapaxes(-1, -2)
    made = layer(2, (3, 3), preferred_element_type=dtype)
    y = made.apply({"w": w, "b": jnp.ones(2, dtype)}, x)
    assert y.dtype == dtype
    equal(y[2, 2], jnp.full(2, 14_401, dtype))
    with pytest.raises(TypeError, match="int8"):
        made.apply({"w": w, "b": jnp.ones(2, jnp.int8)}, x)
