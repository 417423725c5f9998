"""The drop-ins against jax.lax, argument for argument, and inside flax."""

from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.sharding import AxisType, PartitionSpec
from scipy.signal import convolve2d

from minicnn import accelerate, autodiff, compat
from tests.processors import oracles_on_a_cpu
from tests.strategies import seeds


def numbers(seed: int, *shapes: tuple[int, ...], dtype: Any = np.float32) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(dtype) for shape in shapes]


def spec(draw: Any, letters: str) -> str:
    return "".join(draw(st.sampled_from(list(permutations(letters)))))


@st.composite
def lax_arguments(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Shapes of lhs and rhs and the other arguments: any dimension numbers, dilations, groups and padding."""
    rank = draw(st.integers(1, 2))

    def each(low: int, high: int) -> list[int]:
        return [draw(st.integers(low, high)) for _ in range(rank)]

    def crop(size: int) -> tuple[int, int]:
        """Padding that crops at most all, as lax wants it."""
        low = draw(st.integers(-1, 3))
        return low, draw(st.integers(max(-1, -size - low), 3))

    spatial = "HW"[:rank]
    names = spec(draw, "NC" + spatial), spec(draw, "IO" + spatial), spec(draw, "NC" + spatial)
    feature, batch = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2)]))
    in_size, kernel, c, d = each(1, 6), each(1, 3), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    sizes = {"N": draw(st.integers(0, 2)) * batch, "C": c * feature, **dict(zip(spatial, in_size, strict=True))}
    taps = {"I": c, "O": d * feature * batch, **dict(zip(spatial, kernel, strict=True))}
    word = draw(st.sampled_from(["VALID", "SAME", "SAME_LOWER", None]))
    options: dict[str, Any] = {
        "window_strides": each(1, 3),
        "padding": word or [crop(sizes[axis]) for axis in names[1] if axis in spatial],  # in the kernel's order
        "lhs_dilation": None if word else each(1, 3),
        "rhs_dilation": each(1, 2),
        "dimension_numbers": names,
        "feature_group_count": feature,
        "batch_group_count": batch,
    }
    return tuple(sizes[a] for a in names[0]), tuple(taps[a] for a in names[1]), options


def check(arguments: Any, form: str, seed: int) -> None:
    """The result of lax and its two gradients."""
    lhs_shape, rhs_shape, options = arguments
    lhs, rhs = numbers(seed, lhs_shape, rhs_shape)

    @jax.jit
    def both(lhs: Any, rhs: Any) -> Any:
        y, pull = jax.vjp(lambda lhs, rhs: compat.conv_general_dilated(lhs, rhs, **options, form=form), lhs, rhs)
        z, pull_lax = jax.vjp(lambda lhs, rhs: lax.conv_general_dilated(lhs, rhs, **options), lhs, rhs)
        g = jnp.arange(z.size, dtype=z.dtype).reshape(z.shape) % 5
        return (y, *pull(g)), (z, *pull_lax(g))

    ours, theirs = both(lhs, rhs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


forms = st.sampled_from(["auto", "dense", "diagonals"])


@given(lax_arguments(), forms, seeds)
def test_conv_general_dilated_is_lax(arguments: Any, form: str, seed: int) -> None:
    check(arguments, form, seed)


@pytest.mark.long
@given(lax_arguments(), forms, seeds)
def test_conv_general_dilated_is_lax_everywhere(arguments: Any, form: str, seed: int) -> None:
    check(arguments, form, seed)


@pytest.mark.parametrize(("feature", "batch"), [(2, 1), (1, 2), (1, 4)])
def test_groups_of_features_and_of_images(feature: int, batch: int) -> None:
    options: dict[str, Any] = {"window_strides": (2,), "padding": "SAME", "dimension_numbers": ("HCN", "IOH", "NHC")}
    groups = {"feature_group_count": feature, "batch_group_count": batch}
    check(((5, 2 * feature, 8), (2, 8, 3), options | groups), "auto", seed=0)


@pytest.mark.parametrize("transpose_kernel", [False, True])
@pytest.mark.parametrize("consistent", [False, True])
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 0), (2, 1))])
def test_conv_transpose_is_lax(padding: Any, consistent: bool, transpose_kernel: bool) -> None:
    rhs_shape = (3, 2, 3, 2) if transpose_kernel else (3, 2, 2, 3)
    lhs, rhs = numbers(0, (2, 4, 3, 2), rhs_shape)
    options: dict[str, Any] = {
        "rhs_dilation": (1, 2),
        "transpose_kernel": transpose_kernel,
        "use_consistent_padding": consistent,
    }
    ours, theirs = jax.jit(
        lambda x, w: tuple(f(x, w, (2, 3), padding, **options) for f in (compat.conv_transpose, lax.conv_transpose))
    )(lhs, rhs)
    np.testing.assert_array_equal(ours, theirs)


def test_transposed_dimension_numbers_and_strides_larger_than_the_kernel() -> None:
    lhs, rhs = numbers(0, (2, 3, 5), (4, 3, 1))
    numbers_1d = ("NCH", "OIH", "NCH")
    for padding in ("SAME", "VALID"):
        ours = compat.conv_transpose(lhs, rhs, (3,), padding, dimension_numbers=numbers_1d)
        np.testing.assert_array_equal(ours, lax.conv_transpose(lhs, rhs, (3,), padding, dimension_numbers=numbers_1d))


@pytest.mark.parametrize(("lhs_shape", "rhs_shape"), [((2, 3), (4, 3)), ((1, 1, 2), (1, 1, 5)), ((0, 1, 2), (1, 1, 1))])
def test_no_spatial_axes_and_empty_results(lhs_shape: tuple[int, ...], rhs_shape: tuple[int, ...]) -> None:
    lhs, rhs = numbers(0, lhs_shape, rhs_shape)
    rest: Any = (1,) * (len(lhs_shape) - 2), [(0, 0)] * (len(lhs_shape) - 2)
    ours, theirs = compat.conv_general_dilated(lhs, rhs, *rest), lax.conv_general_dilated(lhs, rhs, *rest)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("dtype", "preferred"),
    [("int8", None), ("int8", "int32"), ("float16", "float32"), ("bfloat16", None), ("complex64", None)],
)
def test_dtypes_are_those_of_lax(dtype: str, preferred: str | None) -> None:
    lhs, rhs = (jnp.asarray(a, dtype) for a in numbers(0, (1, 2, 5, 5), (3, 2, 3, 3)))
    ours = compat.conv_general_dilated(lhs, rhs, (1, 1), "SAME", preferred_element_type=preferred)
    with oracles_on_a_cpu():
        theirs = lax.conv_general_dilated(lhs, rhs, (1, 1), "SAME", preferred_element_type=preferred)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


ONES = jnp.ones((2, 2, 4, 4)), jnp.ones((2, 2, 3, 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lhs_dilation": (2, 2), "padding": "SAME"}, ValueError, "no meaning with `lhs_dilation`"),
        ({"feature_group_count": 2, "batch_group_count": 2}, ValueError, "only one may exceed 1"),
        ({"batch_group_count": 3}, ValueError, "must divide 2 images"),
        ({"feature_group_count": 2}, ValueError, "do not fit 2 groups"),
        ({"window_strides": (1,)}, ValueError, "`window_strides`"),
        ({"padding": (1, 1)}, ValueError, "must be a word or"),
        ({"padding": ((1, 1),)}, ValueError, "1 pairs for 2 spatial axes"),
        ({"padding": "FULL"}, ValueError, "`padding`='FULL' is not known"),
        (
            {"lhs": jnp.ones(3), "rhs": jnp.ones(3)},
            ValueError,
            r"`lhs` has shape \(3,\) and `rhs` \(3,\): both must have",
        ),
        ({"rhs": jnp.ones((2, 2, 3))}, ValueError, r"`rhs` \(2, 2, 3\): both must have two axes more"),
        ({"out_sharding": "x"}, NotImplementedError, "constrain"),
        ({"rhs": jnp.ones((2, 2, 3, 3), jnp.bfloat16)}, TypeError, "one dtype"),
    ],
)
def test_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {"lhs": ONES[0], "rhs": ONES[1], "window_strides": (1, 1), "padding": "VALID"} | options
    with pytest.raises(error, match=message):
        compat.conv_general_dilated(**arguments)


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="the derivative of lax's own groups is refused there")
@pytest.mark.parametrize("ours", [compat.conv_general_dilated, accelerate(lax.conv_general_dilated)])
def test_a_result_lies_across_an_explicit_mesh_as_it_is_asked_to(ours: Any) -> None:
    """Where the output channels of a kernel lie across it, lax does not guess how the result should."""
    mesh = jax.make_mesh((1,), ("i",), axis_types=(AxisType.Explicit,), devices=jax.devices()[:1])
    options: dict[str, Any] = {"feature_group_count": 2, "out_sharding": PartitionSpec(None, "i")}
    with jax.set_mesh(mesh):
        x = jax.reshard(jnp.arange(64.0).reshape(2, 2, 4, 4), PartitionSpec())
        w = jax.reshard(jnp.arange(36.0).reshape(4, 1, 3, 3), PartitionSpec("i"))
        found, expected = (
            jax.vjp(lambda x, w, f=f: f(x, w, (1, 1), "SAME", **options), x, w)
            for f in (ours, lax.conv_general_dilated)
        )
        for one, other in zip((found[0], *found[1](found[0])), (expected[0], *expected[1](found[0])), strict=True):
            assert jax.typeof(one).sharding.spec == jax.typeof(other).sharding.spec
            np.testing.assert_allclose(one, other, rtol=1e-6)
    with pytest.raises(NotImplementedError, match=r"none to minicnn\.autodiff"):
        autodiff.grad(lambda x: compat.conv_general_dilated(x, ONES[1], (1, 1), "SAME", out_sharding=PartitionSpec()))(
            ONES[0]
        )


@pytest.mark.parametrize("consistent", [False, True])
@pytest.mark.parametrize(
    ("padding", "message"),
    [
        ("FULL", "`padding`='FULL' is not known"),
        ("SAME_LOWER", "`padding`='SAME_LOWER' is not known"),
        (None, "`padding`=None must be a word or"),
        (1, "`padding`=1 must be a word or"),
        ([(1, 1)], "has 1 pairs for 2 spatial axes"),
        ([(1, 1, 1), (0, 0, 0)], "must be a word or"),
        ([(1.5, 1), (0, 0)], r"`padding`=1\.5 must be an int"),
    ],
)
def test_conv_transpose_refuses_unknown_padding(padding: Any, message: str, consistent: bool) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        compat.conv_transpose(*ONES, (2, 1), padding, use_consistent_padding=consistent)


def test_conv_transpose_refuses_arrays_without_axes() -> None:
    with pytest.raises(ValueError, match=r"`lhs` has shape \(3,\) and `rhs` \(3,\): both must have two axes more"):
        compat.conv_transpose(jnp.ones(3), jnp.ones(3), (), "SAME")


@pytest.mark.parametrize("consistent", [False, True])
def test_pairs_of_a_padding_may_be_an_array(consistent: bool) -> None:
    lhs, rhs = numbers(0, (2, 4, 3, 2), (3, 2, 2, 3))
    pairs: Any = np.array([[1, 0], [2, 1]])
    ours = compat.conv_transpose(lhs, rhs, (2, 3), pairs, use_consistent_padding=consistent)
    rows = list(map(tuple, pairs.tolist()))
    theirs = lax.conv_transpose(lhs, rhs, (2, 3), rows, use_consistent_padding=consistent)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("padding", ["SAME", "VALID", "CIRCULAR", "REFLECT", 1, ((1, 2), (0, 1))])
def test_flax_conv_with_our_convolution(padding: Any) -> None:
    nnx = pytest.importorskip("flax.nnx")
    options: dict[str, Any] = {"kernel_size": (3, 2), "strides": (2, 1), "padding": padding, "feature_group_count": 2}
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 5, 4)), jnp.float32)
    layers = [
        nnx.Conv(4, 6, rngs=nnx.Rngs(0), **options, **extra)
        for extra in ({}, {"conv_general_dilated": compat.conv_general_dilated})
    ]

    def loss(layer: Any, x: Any) -> Any:
        y = layer(x)
        return (y**2).sum(), y

    (theirs, theirs_bar), (ours, ours_bar) = (
        nnx.jit(nnx.value_and_grad(loss, argnums=(0, 1), has_aux=True))(layer, x) for layer in layers
    )
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)
    for a, b in zip(jax.tree.leaves(ours_bar), jax.tree.leaves(theirs_bar), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_flax_causal_convolution() -> None:
    nnx = pytest.importorskip("flax.nnx")
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7, 3)), jnp.float32)
    theirs, ours = (
        nnx.Conv(3, 4, kernel_size=(3,), padding="CAUSAL", kernel_dilation=2, rngs=nnx.Rngs(0), **extra)(x)
        for extra in ({}, {"conv_general_dilated": compat.conv_general_dilated})
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


BORDERS: list[Any] = ["valid", "full", "half", 1, (2, 0), ((0, 2), (1, 3))]


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_theano_conv2d_is_a_true_convolution_padded_and_subsampled(border: Any) -> None:
    x, w = numbers(0, (2, 3, 6, 7), (4, 3, 3, 2))
    words = {"valid": (0, 0), "full": (2, 1), "half": (1, 1)}
    widths = words[border] if isinstance(border, str) else (border, border) if isinstance(border, int) else border
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) if isinstance(p, int) else p for p in widths)))
    whole = [[sum(convolve2d(i[c], f[c], mode="valid") for c in range(3)) for f in w] for i in padded]
    y = compat.theano_conv2d(x, w, (2, 3, 6, None), (4, 3, 3, 2), border_mode=border, subsample=(2, 1))
    np.testing.assert_array_equal(y, np.asarray(whole)[:, :, ::2])


def test_theano_conv2d_without_flip_is_lax() -> None:
    x, w = numbers(0, (2, 3, 6, 7), (4, 3, 3, 2))
    y = compat.theano_conv2d(x, w, border_mode=(1, 2), subsample=(1, 2), filter_flip=False)
    np.testing.assert_array_equal(y, lax.conv(np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2))), w, (1, 2), "VALID"))


@given(st.integers(1, 7), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_theano_conv2d_has_the_size_of_the_guide(i: int, k: int, p: int, s: int) -> None:
    k = min(k, i)
    x, w = np.ones((1, 1, i, i), np.float32), np.ones((1, 1, k, k), np.float32)
    shape = jax.eval_shape(lambda x, w: compat.theano_conv2d(x, w, border_mode=(p, 0), subsample=(s, 1)), x, w).shape
    assert shape == (1, 1, (i + 2 * p - k) // s + 1, i - k + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"border_mode": "same"}, "`border_mode`='same' is unknown: use one of valid, half, full, or the padding"),
        ({"border_mode": (1, 2, 3)}, "has 3 entries"),
        ({"border_mode": ((1, 2, 3), 0)}, "a pair has two entries"),
        ({"border_mode": -1}, "`border_mode`=-1 must be at least 0"),
        ({"input_shape": (1, 2, 4, 4)}, "`input_shape`=\\(1, 2, 4, 4\\)"),
        ({"filter_shape": (1, 1, 3)}, "they must agree"),
        ({"input": np.ones((4, 4), np.float32)}, "four axes"),
    ],
)
def test_theano_conv2d_refuses(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"input": ONES[0], "filters": ONES[1]} | options
    with pytest.raises(ValueError, match=message):
        compat.theano_conv2d(**arguments)


NUMBERS = ("int8", "uint8", "int32", "uint32", "float16", "bfloat16", "float32")


@pytest.mark.parametrize("dtype", NUMBERS)
def test_sums_may_be_asked_for_in_the_types_that_lax_allows(dtype):
    number = 100 if "int" in dtype else 4  # 4 is exact in every float on the way
    x, w = jnp.full((1, 4, 1), number, dtype), jnp.full((3, 1, 1), number, dtype)
    for preferred in NUMBERS:

        def call(module, preferred=preferred):
            layout = ("NHC", "HIO", "NHC")
            try:
                return module.conv_general_dilated(
                    x, w, (1,), "VALID", dimension_numbers=layout, preferred_element_type=preferred
                )
            except TypeError:
                return None

        ours, theirs = call(compat), call(lax)
        assert (ours is None) == (theirs is None), preferred
        if theirs is not None:
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("pair", [(-5, -5), (-5, 0), (-2, -4), (-4, -1), (-5, 1), (-3, -2)])
@pytest.mark.parametrize("stretch", [1, 2])
def test_what_lax_does_not_crop_is_not_cropped(pair, stretch):
    x, w = jnp.ones((1, 1, 3)), jnp.ones((1, 1, 1))
    call = lambda convolve: convolve(x, w, (1,), [pair], lhs_dilation=(stretch,)).shape
    if sum(pair) + 2 * stretch + 1 >= 0:
        assert call(compat.conv_general_dilated) == call(jax.lax.conv_general_dilated)
        return
    with pytest.raises(ValueError, match="Negative padding"):
        call(jax.lax.conv_general_dilated)
    with pytest.raises(ValueError, match=r"`padding`=\(.*\) crops more than the \d positions of spatial axis 0"):
        call(compat.conv_general_dilated)
