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
    "stretched, flipped conv": (nn.Conv(3, (2, 3), stretch=2, flip=True, precision="highest"), (4, 5, 2)),
    "conv without bias": (nn.Conv(3, (2,), dilation=2, bias=False), (7, 2)),
    "conv transpose": (nn.ConvTranspose(2, (3, 3), stride=2, padding=1, output_padding=1), (3, 4, 3)),
    "masked, flipped, circular conv transpose": (
        nn.ConvTranspose(2, (3,), padding=1, mask=((1, 0, 1), (0, 1, 1)), flip=True, padding_mode="circular"),
        (4, 3),
    ),
    "stretched conv transpose": (nn.ConvTranspose(2, (3,), padding="SAME", stretch=2, stride=3), (4, 1)),
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


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("layer", "in_shape"), LAYERS.values(), ids=LAYERS)
def test_the_jacobian_at_a_point_is_map_at(layer, in_shape):
    params = layer.init(KEY, in_shape)
    x = jax.random.normal(jax.random.key(1), in_shape)
    jacobian = jax.jit(jax.jacrev(lambda x: layer.apply(params, x)))(x)
    A = layer.map_at(params, x)
    np.testing.assert_allclose(jacobian.reshape(A.shape), A.matrix(), rtol=1e-5, atol=1e-6)
    assert A.in_shape == in_shape
    assert A.out_shape == layer.out_shape(in_shape)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("layer", "in_shape"), LAYERS.values(), ids=LAYERS)
def test_batch_axes_lead(layer, in_shape):
    params = layer.init(KEY, in_shape)
    x = jax.random.normal(jax.random.key(1), (2, 3, *in_shape))
    assert layer.apply(params, x).shape == (2, 3, *layer.out_shape(in_shape))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", [name for name in LAYERS if "conv" in name] + ["subsample", "dense"])
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


@pytest.mark.parametrize("name", [name for name in LAYERS if "circular" not in name])
def test_the_axes_say_which_inputs_an_output_reads(name):
    layer, in_shape = LAYERS[name]
    axes = layer.axes(in_shape)
    assert tuple(axis.out_size for axis in axes) == layer.out_shape(in_shape)[: len(axes)]
    if axes:
        x = jnp.arange(1.0, 1 + np.prod(in_shape)).reshape(in_shape)
        entries = layer.map_at(layer.init(KEY, in_shape), x).matrix() != 0
        read = np.zeros((*layer.out_shape(in_shape)[:-1], *in_shape[:-1]), bool)
        for output in np.ndindex(*(axis.out_size for axis in axes)):
            read[(*output, *np.ix_(*(axis.reads(o) for axis, o in zip(axes, output, strict=True))))] = True
        found = np.asarray(entries).reshape(*layer.out_shape(in_shape), *in_shape).any((len(axes), -1))
        assert np.all(found <= read) if isinstance(layer, nn.MaxPool) else np.array_equal(found, read)


@pytest.mark.parametrize(("layer", "in_shape"), LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("wrong", [None, "digits"])
def test_what_holds_no_numbers_is_refused_as_an_input(layer, in_shape, wrong):
    params = layer.init(KEY, in_shape)
    with pytest.raises(TypeError, match=r"`x`=.* is not an array of numbers|is neither an array nor a number"):
        layer.apply(params, wrong)


def test_a_non_linear_layer_has_no_map():
    with pytest.raises(TypeError, match="Activation is not linear: use map_at"):
        LAYERS["sequential"][0].map(LAYERS["sequential"][0].init(KEY, (8, 8, 1)), (8, 8, 1))


def test_dense_asks_for_flatten():
    with pytest.raises(ValueError, match="put Flatten before it"):
        nn.Dense(3).init(KEY, (4, 4, 1))


def test_an_unknown_activation_lists_those_there_are():
    with pytest.raises(ValueError, match="`name`='swish' is not an activation: use one of relu"):
        nn.Activation("swish")


def test_lecun_tanh_maps_plus_and_minus_one_to_themselves():
    y = nn.Activation("lecun_tanh").apply({}, jnp.array([-1.0, 1.0]))
    np.testing.assert_allclose(y, [-1, 1], atol=1e-4)


def test_the_same_key_gives_the_same_parameters_and_layers_do_not_share_theirs():
    model = nn.Sequential((nn.Dense(4), nn.Dense(4)))
    first, second = model.init(KEY, (4,)), model.init(KEY, (4,))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert not np.array_equal(first[0]["w"], first[1]["w"])


def test_lists_and_arrays_make_the_same_layer_as_tuples():
    listed = nn.Sequential([nn.Conv(np.int64(3), [3], padding=[(1, 2)], mask=np.eye(3, dtype=int))])
    assert listed == nn.Sequential((nn.Conv(3, (3,), padding=((1, 2),), mask=((1, 0, 0), (0, 1, 0), (0, 0, 1))),))
    assert hash(listed) == hash(nn.Sequential(listed.layers))
    assert listed.init(KEY, [5, 3])[0]["w"].shape == (3, 3)


SLIPS = {
    "channels first": (
        lambda: nn.Conv(1, 6, 5),
        r"`kernel_size`=6 must be a tuple .* such as \(6, 6\).*input channels",
    ),
    "channels first, transposed": (lambda: nn.ConvTranspose(1, 6, 5), "`kernel_size`=6 must be a tuple"),
    "channels first, local": (lambda: nn.LocalConv(1, 6, (5, 5)), "`kernel_size`=6 must be a tuple"),
    "channels first, then a kernel": (lambda: nn.Conv(1, 6, (5, 5)), "`kernel_size`=6 must be a tuple"),
    "a kernel alone": (lambda: nn.Conv((5, 5), 6), r"`channels`=\(5, 5\) must be an int"),
    "no taps": (lambda: nn.Conv(1, (3, 0)), r"`kernel_size\[1\]`=0 must be at least 1"),
    "no axes": (lambda: nn.Conv(1, ()), "at least one spatial axis"),
    "a stride too many": (lambda: nn.Conv(1, (3,), stride=(1, 1)), r"`stride`=\(1, 1\) has 2 entries"),
    "padding as in other libraries": (lambda: nn.Conv(1, (3,), padding="same"), "`padding`='same'"),
    "an unknown form": (lambda: nn.Conv(1, (3,), form="fast"), "`form`='fast'"),
    "an unknown padding mode": (lambda: nn.Conv(1, (3,), padding_mode="wrap"), "`padding_mode`='wrap'"),
    "groups that do not divide": (lambda: nn.Conv(3, (3,), groups=2), "`groups`=2 must divide c_out=3"),
    "groups of the input": (lambda: nn.Conv(4, (3,), groups=2).init(KEY, (5, 3)), "`groups`=2 must divide c_in=3"),
    "a mask of other channels": (
        lambda: nn.Conv(3, (3,), mask=((1, 1, 0),)).init(KEY, (5, 2)),
        r"`mask` has shape \(1, 3\) and the kernel's channels are \(2, 3\)",
    ),
    "bias as a number": (lambda: nn.Conv(6, (3,), bias=0), "`bias`=0 must be True or False"),
    "window as an int": (lambda: nn.MaxPool(2), r"`window`=2 must be a tuple .* such as \(2, 2\) for images"),
    "window and stride": (lambda: nn.AvgPool(2, 2), "`window`=2 must be a tuple"),
    "window of sub-sampling": (lambda: nn.Subsample(2), "`window`=2 must be a tuple"),
    "tile of another rank": (
        lambda: nn.TiledConv(2, (3, 3), tile=(2,)),
        r"`tile`=\(2,\) must have one int for each of 2",
    ),
    "two sizes for Dense": (lambda: nn.Dense(120, 84), "`bias`=84 must be True or False: a layer is given the size of"),
    "features as a float": (lambda: nn.Dense(120.0), r"`features`=120\.0 must be an int"),
    "a function for a name": (lambda: nn.Activation(jnp.tanh), "is not an activation: use one of relu"),
    "layers side by side": (lambda: nn.Sequential(nn.Dense(3), nn.Dense(2)), "must be one tuple of layers"),
    "a layer that is no layer": (lambda: nn.Sequential((nn.Dense(3), jnp.tanh)), "must be one tuple of layers"),
}


@pytest.mark.parametrize(("slip", "message"), SLIPS.values(), ids=SLIPS)
def test_a_slip_in_a_constructor_is_named_where_it_is_made(slip, message):
    with pytest.raises((TypeError, ValueError), match=message):
        slip()


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


# Every layer of this package, for images of 8×8; Dense and Rbf take one axis.
CHECKED: dict[str, tuple[nn.Layer, tuple[int, ...]]] = {
    "conv": (nn.Conv(2, (3, 3)), (8, 8, 1)),
    "masked conv": (nn.Conv(2, (3, 3), mask=((1, 0),)), (8, 8, 1)),
    "conv transpose": (nn.ConvTranspose(2, (3, 3)), (8, 8, 1)),
    "local conv": (nn.LocalConv(2, (3, 3)), (8, 8, 1)),
    "tiled conv": (nn.TiledConv(2, (3, 3), tile=(2, 2)), (8, 8, 1)),
    "max pool": (nn.MaxPool((2, 2)), (8, 8, 1)),
    "average pool": (nn.AvgPool((2, 2)), (8, 8, 1)),
    "Lp pool": (nn.LpPool((2, 2)), (8, 8, 1)),
    "subsample": (nn.Subsample((2, 2)), (8, 8, 1)),
    "flatten": (nn.Flatten(), (8, 8, 1)),
    "activation": (nn.Activation("relu"), (8, 8, 1)),
    "dense": (nn.Dense(3), (4,)),
    "rbf": (nn.Rbf(((1, 1), (1, -1))), (2,)),
    "sequential": (nn.Sequential((nn.Conv(2, (3, 3)), nn.Flatten(), nn.Dense(2))), (8, 8, 1)),
}


def test_every_layer_of_this_package_is_checked():
    assert {type(layer) for layer, _ in CHECKED.values()} == {
        kind for kind in vars(nn).values() if isinstance(kind, type) and issubclass(kind, nn.Layer)
    } - {nn.Layer}


@pytest.mark.parametrize(("layer", "in_shape"), CHECKED.values(), ids=CHECKED)
@pytest.mark.parametrize(
    "key", [3, None, "a", 1.5, np.ones(2), np.uint32(3), np.ones(3, np.uint32), jax.random.split(KEY)], ids=str
)
def test_what_is_not_one_key_is_refused(layer, in_shape, key):
    with pytest.raises(TypeError, match=r"(?s)`key`=.* must be one key, such as jax.random.key\(0\)"):
        layer.init(key, in_shape)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("layer", "in_shape"), CHECKED.values(), ids=CHECKED)
def test_keys_of_both_kinds_traced_ones_and_many_at_once_are_keys(layer, in_shape):
    expected = layer.init(KEY, in_shape)
    for draw in (layer.init, jax.jit(layer.init, static_argnums=1)):
        assert jax.tree.structure(draw(jax.random.PRNGKey(0), in_shape)) == jax.tree.structure(expected)
        assert jax.tree.all(jax.tree.map(jnp.allclose, draw(KEY, in_shape), expected))
    for keys in (jax.random.split(KEY, 3), jax.random.split(jax.random.PRNGKey(0), 3)):
        many = jax.vmap(lambda key: layer.init(key, in_shape), axis_size=3)(keys)
        # what is not drawn, such as a bias, is not mapped over
        assert jax.tree.structure(many) == jax.tree.structure(expected)


@pytest.mark.parametrize("name", [name for name in CHECKED if name not in ("activation", "dense", "rbf")])
@pytest.mark.parametrize("in_shape", [(8, 8), (1, 8, 8, 1), ()], ids=str)
def test_inputs_of_other_spatial_axes_are_refused(name, in_shape):
    layer, _ = CHECKED[name]
    for call in (lambda: layer.init(KEY, in_shape), lambda: layer.out_shape(in_shape)):
        with pytest.raises(ValueError, match=r"`in_shape`=\(.*\) must hold 2 spatial axes and the channels"):
            call()


@pytest.mark.parametrize("name", ["dense", "rbf"])
def test_inputs_of_other_axes_than_one_are_refused(name):
    layer, _ = CHECKED[name]
    for call in (lambda: layer.init(KEY, (8, 8, 1)), lambda: layer.out_shape((8, 8, 1))):
        with pytest.raises(ValueError, match=r"`in_shape`=\(8, 8, 1\): (Dense|Rbf) takes one axis; put Flatten before"):
            call()


@pytest.mark.parametrize(("layer", "in_shape"), CHECKED.values(), ids=CHECKED)
@pytest.mark.parametrize("wrong", [8, "a", (8.0, 8, 1), None, np.ones((8, 8, 1)), ("a", 8, 1)], ids=str)
def test_what_is_no_shape_of_inputs_is_refused(layer, in_shape, wrong):
    for call in (lambda: layer.init(KEY, wrong), lambda: layer.out_shape(wrong)):
        with pytest.raises(TypeError, match="`in_shape`"):
            call()
    with pytest.raises(ValueError, match="`in_shape`=-1 must be at least 0"):
        layer.out_shape((-1,) * len(in_shape))


@pytest.mark.parametrize(("layer", "in_shape"), CHECKED.values(), ids=CHECKED)
def test_what_is_no_dtype_of_parameters_is_refused(layer, in_shape):
    with pytest.raises(TypeError, match="`dtype`='foo' is not a dtype of numbers"):
        layer.init(KEY, in_shape, "foo")


def test_a_key_is_what_it_is_now_whatever_it_was_before():
    dense = nn.Dense(3)
    dense.init(jax.random.PRNGKey(0), (4,))
    with jax.default_prng_impl("rbg"):
        dense.init(jax.random.PRNGKey(0), (4,))


def test_layers_of_other_people_are_asked_for_nothing():
    class Mine(nn.Layer):
        def init(self, in_shape, key=None):  # pyright: ignore[reportIncompatibleMethodOverride]
            return {"n": in_shape}

        def apply(self, params, x, *, key=None):
            return x

        def out_shape(self, in_shape):
            return in_shape

    class Plain(Mine):
        rank = "any"
        window = 3

    assert Mine().init("any") == {"n": "any"}
    assert nn.Layer.init(Plain(), None, (2,)) == {}
    assert Plain().out_shape("any") == "any"


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (({},), ValueError, "`params` has 1 entries for 2 layers: give what `init` returns"),
        ({"w": jnp.ones((6, 2))}, TypeError, "`params` is a dict and must be a tuple, as `init` returns it"),
    ],
)
def test_parameters_of_other_layers_are_refused(params, error, message):
    model = nn.Sequential((nn.Flatten(1), nn.Dense(2)))
    with pytest.raises(error, match=message):
        model.apply(params, jnp.ones((2, 3, 2)))
    with pytest.raises(error, match=message):
        model.map(params, (3, 2))


def has_weights(layer, in_shape):
    return "w" in jax.eval_shape(lambda key: layer.init(key, in_shape), KEY)


WITH_WEIGHTS = [name for name, (layer, in_shape) in LAYERS.items() if has_weights(layer, in_shape)]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("wrong", [{}, {"kernel": 1}, {0: 1}, (), [1], None, 1.5, jnp.ones(3), np.ones(3)], ids=str)
@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_parameters_without_weights_are_told_where_to_come_from(name, wrong):
    layer, in_shape = LAYERS[name]
    for asked in (layer.apply, layer.map_at):
        with pytest.raises(TypeError, match=r"`params` is .*: it must be what `init` of the layer makes, a dict with"):
            asked(wrong, jnp.ones(in_shape))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_other_features_than_those_of_the_weights_are_refused(dtype):
    params = nn.Dense(2).init(KEY, (3,), dtype)
    for shape in ((5, 4), ()):
        with pytest.raises(
            ValueError, match=r"`x` has shape \(.*\) and `w` takes 3 features: they are the last axis of x"
        ):
            nn.Dense(2).apply(params, jnp.ones(shape, dtype))
