"""Each layer is its matrix: apply without the bias = map, the Jacobian at a point = map_at."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import nn
from minicnn.nn import losses
from minicnn.zoo import LeNet5

KEY = jax.random.key(0)
LAYERS = {
    "conv": (nn.Conv(4, (3, 2), stride=2, padding="SAME", groups=2), (6, 5, 2)),
    "masked conv": (nn.Conv(3, (2, 2), mask=((1, 0, 1), (0, 1, 1))), (4, 4, 2)),
    "circular conv": (nn.Conv(2, (3, 3), padding="SAME", padding_mode="circular"), (4, 5, 2)),
    "conv without bias": (nn.Conv(3, (2,), dilation=2, bias=False), (7, 2)),
    "conv transpose": (nn.ConvTranspose(2, (3, 3), stride=2, padding=1, output_padding=1), (3, 4, 3)),
    "average pool": (nn.AvgPool((2, 2)), (4, 6, 3)),
    "max pool": (nn.MaxPool((3, 3), stride=2), (7, 7, 2)),
    "local conv": (nn.LocalConv(2, (3, 2), stride=2), (7, 5, 2)),
    "tiled conv": (nn.TiledConv(2, (2, 2), tile=(2, 3)), (6, 6, 1)),
    "Lp pool": (nn.LpPool((2, 2)), (4, 4, 2)),
    "subsample": (nn.Subsample((2, 2)), (6, 4, 3)),
    "dense": (nn.Dense(5), (7,)),
    "flatten": (nn.Flatten(), (3, 4, 2)),
    "relu": (nn.Activation("relu"), (4, 3)),
    "tanh": (nn.Activation("tanh"), (4, 3)),
    "lecun tanh": (nn.Activation("lecun_tanh"), (4, 3)),
    "sequential": (
        nn.Sequential((nn.Conv(2, (3, 3)), nn.Activation("tanh"), nn.MaxPool((2, 2)), nn.Flatten(), nn.Dense(3))),
        (8, 8, 1),
    ),
}


@pytest.mark.parametrize(("layer", "in_shape"), LAYERS.values(), ids=LAYERS)
def test_the_jacobian_at_a_point_is_map_at(layer, in_shape):
    params = layer.init(KEY, in_shape)
    x = jax.random.normal(jax.random.key(1), in_shape)
    jacobian = jax.jit(jax.jacrev(lambda x: layer.apply(params, x)))(x)
    A = layer.map_at(params, x)
    np.testing.assert_allclose(jacobian.reshape(A.shape), A.matrix(), rtol=1e-5, atol=1e-6)
    assert A.in_shape == in_shape
    assert A.out_shape == layer.out_shape(in_shape)


@pytest.mark.parametrize(("layer", "in_shape"), LAYERS.values(), ids=LAYERS)
def test_batch_axes_lead(layer, in_shape):
    params = layer.init(KEY, in_shape)
    x = jax.random.normal(jax.random.key(1), (2, 3, *in_shape))
    assert layer.apply(params, x).shape == (2, 3, *layer.out_shape(in_shape))


@pytest.mark.parametrize("name", ["conv", "masked conv", "circular conv", "conv without bias", "subsample", "dense"])
def test_the_jacobian_in_the_weights_is_weight_map(name):
    layer, in_shape = LAYERS[name]
    params = layer.init(KEY, in_shape)
    x = jax.random.normal(jax.random.key(1), in_shape)
    jacobian = jax.jit(jax.jacrev(lambda w: layer.apply({"w": w}, x)))(params["w"])
    X = layer.weight_map(params, x)
    np.testing.assert_allclose(jacobian.reshape(X.shape), X.matrix(), rtol=32 * np.finfo(np.float32).eps)


def test_a_masked_convolution_stores_only_the_kept_kernels():
    layer, in_shape = LAYERS["masked conv"]
    assert layer.init(KEY, in_shape)["w"].shape == (2, 2, 4)
    assert layer.map(layer.init(KEY, in_shape), in_shape).nnz == 3 * 3 * 2 * 2 * 4


def test_a_non_linear_layer_has_no_map():
    with pytest.raises(TypeError, match="Activation is not linear: use map_at"):
        LAYERS["sequential"][0].map(LAYERS["sequential"][0].init(KEY, (8, 8, 1)), (8, 8, 1))


def test_dense_asks_for_flatten():
    with pytest.raises(ValueError, match="put Flatten before it"):
        nn.Dense(3).init(KEY, (4, 4, 1))


def test_an_unknown_activation_lists_those_there_are():
    with pytest.raises(ValueError, match="`name`='gelu' is no activation: use one of relu"):
        nn.Activation("gelu")


def test_lecun_tanh_maps_plus_and_minus_one_to_themselves():
    y = nn.Activation("lecun_tanh").apply({}, jnp.array([-1.0, 1.0]))
    np.testing.assert_allclose(y, [-1, 1], atol=1e-4)


def test_the_same_key_gives_the_same_parameters_and_layers_do_not_share_theirs():
    model = nn.Sequential((nn.Dense(4), nn.Dense(4)))
    first, second = model.init(KEY, (4,)), model.init(KEY, (4,))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert not np.array_equal(first[0]["w"], first[1]["w"])


def test_a_layer_that_was_given_a_list_is_drawn_all_the_same():
    model = nn.Sequential((nn.Conv(2, (3,), padding=[(1, 2)]),))
    assert model.init(KEY, [5, 1])[0]["w"].shape == (3, 1, 2)


def test_lenet5_has_the_parameters_of_its_layers():
    params = LeNet5().init(KEY, (32, 32, 1))
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(layer)) for layer in params if layer]
    assert sizes == [156, 2416, 48120, 10164, 850]


def test_cross_entropy_is_the_mean_negative_log_likelihood():
    logits = jax.random.normal(KEY, (5, 4))
    labels = jnp.array([0, 3, 1, 1, 2])
    expected = -np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))[np.arange(5), labels].mean()
    np.testing.assert_allclose(losses.cross_entropy(logits, labels), expected, rtol=1e-6)


def test_cross_entropy_survives_huge_logits():
    assert jnp.isfinite(losses.cross_entropy(jnp.array([[1e30, -1e30]]), jnp.array([0])))


def test_squared_error_is_half_the_mean_square():
    np.testing.assert_allclose(losses.squared_error(jnp.array([1.0, 4.0]), jnp.array([1.0, 1.0])), 2.25)
