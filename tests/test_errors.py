"""Bad input gets one clear line that names the argument, the value and the fix."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from minicnn import (
    Axis,
    adaptive_max_pool,
    avg_pool,
    certify,
    conv,
    conv_map,
    conv_matrix,
    conv_transpose,
    explain_form,
    fold,
    lift,
    linalg,
    lp_pool,
    max_pool,
    max_unpool,
    nn,
    ops,
    patch_map,
    unfold,
)
from minicnn.forms import Tiles
from minicnn.functional.pooling import avg_pool_map


def a(*shape: int) -> Any:
    return jnp.ones(shape)


def loosely(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for callers whose mistakes a type checker would catch."""
    return function


axis, axis_of, convolve, transpose, pool, average, windows, folded, C, X, adapt = map(
    loosely,
    (Axis, Axis.of, conv, conv_transpose, max_pool, avg_pool, unfold, fold, conv_map, patch_map, adaptive_max_pool),
)
w = a(3, 1, 1)

ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "channels": (
        lambda: conv(a(5, 2), w),
        ValueError,
        r"`x` has 2 channels and w\(3, 1, 1\) with `groups`=1 needs 1: channels are the last axis",
    ),
    "channels of groups": (
        lambda: conv(a(5, 2), a(3, 2, 4), groups=2),
        ValueError,
        r"`x` has 2 channels and w\(3, 2, 4\) with `groups`=2 needs 4",
    ),
    "channels of y": (lambda: conv_transpose(a(5, 2), w), ValueError, r"`y` has 2 channels and w\(3, 1, 1\) needs 1"),
    "channels of x in patch_map": (
        lambda: patch_map(a(5, 2), (3, 1, 1)),
        ValueError,
        r"`x` has 2 channels and `w_shape`=\(3, 1, 1\) with `groups`=1 needs 1",
    ),
    "groups": (lambda: conv(a(5, 2), a(3, 1, 3), groups=2), ValueError, "`groups`=2 must divide c_out=3"),
    "no groups": (lambda: conv(a(5, 1), w, groups=0), ValueError, "`groups`=0 must be at least 1"),
    "groups of a map": (lambda: conv_map(a(3, 1, 3), (5,), groups=2), ValueError, "`groups`=2 must divide c_out=3"),
    "kernel larger than input": (
        lambda: conv(a(2, 1), w),
        ValueError,
        "the kernel spans 3 on axis 0 and the padded input only 2: pad by 1 more or use a smaller kernel",
    ),
    "dilated kernel larger than input": (
        lambda: conv(a(9, 5, 1), a(2, 3, 1, 1), dilation=(1, 4), padding=1),
        ValueError,
        "the kernel spans 9 on axis 1 and the padded input only 7: pad by 2 more",
    ),
    "kernel larger than cropped input": (
        lambda: conv(a(5, 1), w, padding=((-2, -1),)),
        ValueError,
        "the kernel spans 3 on axis 0 and the padded input only 2",
    ),
    "kernel of a map larger than input": (lambda: conv_matrix(w, (2,)), ValueError, "the kernel spans 3 on axis 0"),
    "patches larger than input": (lambda: patch_map(a(2, 1), (3, 1, 1)), ValueError, "the kernel spans 3 on axis 0"),
    "window larger than input": (lambda: max_pool(a(2, 1), (3,)), ValueError, "the kernel spans 3 on axis 0"),
    "unfold larger than input": (lambda: unfold(a(2, 1), (3,)), ValueError, "the kernel spans 3 on axis 0"),
    "padding word": (
        lambda: convolve(a(5, 1), w, padding="same"),
        ValueError,
        "`padding`='same' is not a padding word: use one of VALID, SAME, SAME_LOWER, FULL, CAUSAL",
    ),
    "padding word of a pool": (
        lambda: pool(a(5, 1), (2,), padding="HALF"),
        ValueError,
        "`padding`='HALF' is not a padding word",
    ),
    "padding word of an axis": (lambda: axis_of(5, 3, padding="same"), ValueError, "`padding`='same' is not a padding"),
    "padding type": (
        lambda: convolve(a(5, 1), w, padding=1.5),
        TypeError,
        r"`padding`=1\.5 on one axis must be a word, an int or a pair \(low, high\)",
    ),
    "padding of another rank": (
        lambda: conv(a(5, 1), w, padding=(1, 2)),
        ValueError,
        r"`padding`=\(1, 2\) has 2 entries and the kernel 1 spatial axes: give one per axis",
    ),
    "padding triple": (
        lambda: convolve(a(5, 1), w, padding=((1, 2, 3),)),
        TypeError,
        r"`padding`=\(1, 2, 3\) on one axis must be a word, an int or a pair",
    ),
    "rank of x": (
        lambda: conv(a(5, 1), a(3, 3, 1, 1)),
        ValueError,
        r"`x` has shape \(5, 1\): with 2 spatial axes it must be \(\*batch, \*spatial, channels\), at least 3 axes",
    ),
    "rank of w": (
        lambda: conv(a(5, 1), a(3, 1)),
        ValueError,
        r"`w` has shape \(3, 1\): it must be \(\*kernel, c_in / groups, c_out\) with at least one axis",
    ),
    "rank of y": (lambda: conv_transpose(a(5), w), ValueError, r"`y` has shape \(5,\): with 1 spatial axes"),
    "rank of p": (lambda: fold(a(5), (5,), (1,)), ValueError, r"`p` has shape \(5,\): with 1 spatial axes"),
    "rank of a pooled x": (lambda: avg_pool(a(5, 1), (2, 2)), ValueError, r"`x` has shape \(5, 1\): with 2 spatial"),
    "rank of an unfolded x": (lambda: unfold(a(5, 1), (2, 2)), ValueError, r"`x` has shape \(5, 1\): with 2 spatial"),
    "rank of w_shape": (lambda: patch_map(a(5, 1), (3, 1)), ValueError, r"has shape \(3, 1\): it must be \(\*kernel"),
    "rank of in_size": (
        lambda: conv_map(w, (5, 5)),
        ValueError,
        r"`in_size`=\(5, 5\) has 2 axes and the kernel 1: give one size per spatial axis",
    ),
    "in_size": (
        lambda: C(w, 5),
        TypeError,
        r"`in_size`=5 must be a tuple with one int per spatial axis, for example \(2, 2\)",
    ),
    "window": (lambda: pool(a(5, 1), 2), TypeError, "`window`=2 must be a tuple with one int per spatial axis"),
    "window of an average": (lambda: average(a(5, 1), 2), TypeError, "`window`=2 must be a tuple with one int"),
    "kernel_size": (lambda: windows(a(5, 1), 2), TypeError, "`kernel_size`=2 must be a tuple with one int"),
    "kernel_size of fold": (lambda: folded(a(5, 1), (5,), 1), TypeError, "`kernel_size`=1 must be a tuple"),
    "in_size of fold": (lambda: folded(a(5, 1), 5, (1,)), TypeError, "`in_size`=5 must be a tuple"),
    "output_size": (lambda: transpose(a(5, 1), w, output_size=7), TypeError, "`output_size`=7 must be a tuple"),
    "no window": (
        lambda: max_pool(a(5, 1), ()),
        ValueError,
        r"`window`=\(\) has no spatial axis: give one size for each, for example \(2, 2\)",
    ),
    "no output_size": (
        lambda: max_unpool(a(2, 1), jnp.zeros((2, 1), int), ()),
        ValueError,
        r"`output_size`=\(\) has no spatial axis",
    ),
    "empty window": (lambda: max_pool(a(5, 5, 1), (0, 2)), ValueError, "`window`=0 must be at least 1"),
    "empty window of an average": (lambda: avg_pool(a(5, 5, 1), (0, 2)), ValueError, "`window`=0 must be at least 1"),
    "empty kernel_size": (lambda: unfold(a(5, 5, 1), (0, 2)), ValueError, "`kernel_size`=0 must be at least 1"),
    "no kernel_size": (lambda: fold(a(5, 1), (), ()), ValueError, r"`kernel_size`=\(\) has no spatial axis"),
    "huge p": (lambda: lp_pool(a(5, 1), (2,), p=10**400), ValueError, "`p`=1000.* is larger than any float: give math"),
    **{
        f"arrays after sizes, {name}": (
            call,
            TypeError,
            rf"`{name}` is an array of shape \([\d, ]+\) and must be a tuple of ints, .*: arrays come before sizes",
        )
        for name, call in {
            "in_size": lambda: C((28, 28), a(5, 5, 1, 6)),
            "w_shape": lambda: X((5, 5, 1, 6), a(28, 28, 1)),
            "window": lambda: pool((2, 2), a(28, 28, 1)),
            "kernel_size": lambda: windows((2, 2), a(28, 28, 1)),
            "output_size": lambda: adapt((2, 2), a(28, 28, 1)),
        }.items()
    },
    "in_size after p": (lambda: folded((4, 4), a(3, 3, 4), (2, 2)), TypeError, "`in_size` is an array of shape"),
    "shapes of arrays": (
        lambda: loosely(explain_form)(a(5, 5, 1, 6), a(28, 28, 1)),
        TypeError,
        "`w_shape` is an array",
    ),
    "kernel_size before in_size": (
        lambda: fold(a(3, 3, 4), (2, 2), (4, 4)),
        ValueError,
        r"`in_size`=\(2, 2\) and `kernel_size`=\(4, 4\) would fit the other way round",
    ),
    "no taps": (
        lambda: conv(a(5, 1), a(0, 1, 1)),
        ValueError,
        "the kernel has no taps on axis 0: give it at least one",
    ),
    "stride": (lambda: conv(a(5, 1), w, stride=0), ValueError, "`stride`=0 must be at least 1"),
    "stride of another rank": (
        lambda: conv(a(5, 1), w, stride=(1, 2)),
        ValueError,
        r"`stride`=\(1, 2\) has 2 entries and the kernel 1 spatial axes",
    ),
    "stride type": (lambda: convolve(a(5, 1), w, stride=1.5), TypeError, r"`stride`=1\.5 must be an int, not float"),
    "stride bool": (lambda: conv(a(5, 1), w, stride=True), TypeError, "`stride`=True must be an int, not bool"),
    "dilation": (lambda: conv(a(5, 1), w, dilation=-1), ValueError, "`dilation`=-1 must be at least 1"),
    "stretch": (lambda: conv(a(5, 1), w, stretch=0), ValueError, "`stretch`=0 must be at least 1"),
    "cropping": (
        lambda: conv(a(2, 3, 1), a(2, 2, 1, 1), padding=((5, 16), (-5, 1))),
        ValueError,
        r"padding \(-5, 1\) of axis 1, which has 3 positions, crops more than there is: crop by less",
    ),
    "cropping of a pool": (lambda: max_pool(a(3, 1), (2,), padding=-2), ValueError, "crops more than there is"),
    "shapes in the wrong order": (
        lambda: explain_form((28, 28, 1), (5, 5, 1, 6)),
        ValueError,
        r"`w_shape`=\(28, 28, 1\) does not fit `in_shape`=\(5, 5, 1, 6\), but would the other way round",
    ),
    "shapes of a batch in the wrong order": (
        lambda: explain_form((1, 28, 28, 1), (5, 5, 1, 6)),
        ValueError,
        "but would the other way round: the kernel comes first",
    ),
    "kernel with its output channels in front": (
        lambda: conv(a(8, 8, 1), a(6, 1, 5, 5)),
        ValueError,
        r"channels are the last axis; if `w` is \(c_out, c_in / groups, \*kernel\), use w.transpose\(2, 3, 1, 0\)",
    ),
    "kernel in front, taller than the image": (
        lambda: conv(a(8, 8, 3), a(64, 3, 3, 3)),
        ValueError,
        r"spans 64 on axis 0 .*; if `w` is \(c_out, c_in / groups, \*kernel\), use w\.transpose\(2, 3, 1, 0\)",
    ),
    "depthwise kernel in front": (
        lambda: conv(a(9, 9, 8), a(8, 1, 3, 3), groups=8),
        ValueError,
        r"`groups`=8 must divide c_out=3; if `w` is .*use w\.transpose\(2, 3, 1, 0\)",
    ),
    "shape of a kernel in front": (
        lambda: patch_map(a(8, 8, 1), (6, 1, 5, 5)),
        ValueError,
        r"; if `w_shape` is \(c_out, c_in / groups, \*kernel\), use \(5, 5, 1, 6\)",
    ),
    "shape to explain with its channels in front": (
        lambda: explain_form((64, 3, 3, 3), (8, 8, 3)),
        ValueError,
        r"spans 64 on axis 0 .*; if `w_shape` is .*, use \(3, 3, 3, 64\)",
    ),
    "transposed kernel in front": (
        lambda: conv_transpose(a(8, 8, 6), a(6, 1, 5, 5)),
        ValueError,
        r"`y` has 6 channels .*use w\.transpose\(2, 3, 1, 0\)",
    ),
    "integer x": (
        lambda: conv(jnp.ones((5, 1), int), w),
        TypeError,
        r"`x` is int32 and `w` is float32: convert one of them, for example x\.astype\(float\)",
    ),
    "integer w": (
        lambda: conv(a(5, 1), jnp.ones((3, 1, 1), int)),
        TypeError,
        r"`x` is float32 and `w` is int32: convert one of them, for example w\.astype\(float\)",
    ),
    "integer y": (lambda: conv_transpose(jnp.ones((5, 1), int), w), TypeError, "`y` is int32 and `w` is float32"),
    "integer average": (lambda: avg_pool(jnp.ones((5, 1), int), (2,)), TypeError, "`x` is int32 and an average"),
    "form": (
        lambda: conv(a(5, 1), w, form="sparse"),
        ValueError,
        "`form`='sparse' is not a form: use one of auto, dense, tiles, diagonals",
    ),
    "tile": (
        lambda: conv(a(5, 1), w, form=Tiles((2, 2))),
        ValueError,
        r"`tile`=\(2, 2\) must give one size, or one for each of 1 axes",
    ),
    "tile size": (lambda: conv(a(5, 1), w, form=Tiles(0)), ValueError, "`tile`=0 must be at least 1"),
    "unknown option": (
        lambda: C(w, (5,), strides=2),
        TypeError,
        r"unknown argument strides: did you mean stride\? a convolution has dilation, .*stride",
    ),
    "a neighbour's word": (lambda: conv(a(5, 1), w, strides=2), TypeError, r"strides: did you mean stride\? conv has"),
    "another library's word": (lambda: max_pool(a(5, 1), pool_size=(2,)), TypeError, r"did you mean window\?"),
    "a layer's word": (lambda: nn.Conv(2, (3,), use_bias=False), TypeError, r"did you mean bias\? Conv has"),
    "unknown option of a patch map": (lambda: X(a(5, 1), (3, 1, 1), pad=2), TypeError, "unknown argument pad"),
    "folded shape": (
        lambda: fold(a(2, 2), (4,), (2,)),
        ValueError,
        r"`p` has shape \(2, 2\): unfolding \(4,\) gives \(3,\) and a multiple of 2 channels",
    ),
    "folded channels": (lambda: fold(a(3, 3), (4,), (2,)), ValueError, "and a multiple of 2 channels"),
    "window in the padding": (
        lambda: max_pool(a(3, 1), (2,), stride=1, padding=2),
        ValueError,
        "window 0 on axis 0 lies wholly in the padding: pad by less than the window, or use a smaller dilation",
    ),
    "window in the high padding": (
        lambda: avg_pool(a(5, 3, 1), (1, 2), stride=1, padding=((0, 0), (0, 2))),
        ValueError,
        "window 3 on axis 1 lies wholly in the padding",
    ),
    "window between the pixels": (
        lambda: max_pool(a(1, 1), (2,), dilation=2, padding=1, stride=1),
        ValueError,
        "window 0 on axis 0 lies wholly in the padding",
    ),
    "ceil_mode over a cropped end": (
        lambda: max_pool(a(6, 1), (2,), padding=((0, -1),), ceil_mode=True),
        ValueError,
        r"`padding`=\(0, -1\) crops what the last window of `ceil_mode` overhangs: crop x beforehand",
    ),
    "axis size": (lambda: Axis(-1, 1, 1), ValueError, "`in_size`=-1 must be at least 0"),
    "axis size type": (lambda: axis(1.0, 1, 1), TypeError, r"`in_size`=1\.0 must be an int, not float"),
    "axis stride": (lambda: Axis(1, 1, 1, stride=0), ValueError, "`stride`=0 must be at least 1"),
    "axis stretch": (lambda: Axis(1, 1, 1, stretch=0), ValueError, "`stretch`=0 must be at least 1"),
    "axis dilation": (
        lambda: Axis(1, 1, 1, dilation=0),
        ValueError,
        "`dilation`=0 puts all taps in one place: use 1 for a kernel without gaps",
    ),
    "axis of a negative size": (lambda: Axis.of(-1, 1), ValueError, "`in_size`=-1 must be at least 0"),
}


@pytest.mark.parametrize(("call", "error", "message"), ERRORS.values(), ids=ERRORS)
def test_the_error_names_argument_value_and_fix(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("call", "error", "message"), ERRORS.values(), ids=ERRORS)
def test_the_error_is_the_same_under_jit(call, error, message):
    with pytest.raises(error, match=message):
        jax.jit(call)()


HUGE = 200_000  # a picture of this side has a matrix of 5 ZiB; nothing of it may ever be allocated
TOO_LARGE = r'the dense matrix is \d+×\d+ float32, .*[KMGTPE]iB, and this machine has .*iB: multiply with form="tiles"'


def huge() -> Any:
    return jax.ShapeDtypeStruct((HUGE, HUGE, 1), jnp.float32)


MATRICES: dict[str, Callable[[], Any]] = {
    "conv_matrix": lambda: conv_matrix(a(3, 3, 1, 1), (HUGE, HUGE)),
    "conv_map": lambda: conv_map(a(3, 3, 1, 1), (HUGE, HUGE)).matrix(),
    "the transpose": lambda: conv_map(a(3, 3, 1, 1), (HUGE, HUGE)).T.matrix(),
    "a multiple": lambda: (2.0 * conv_map(a(3, 3, 1, 1), (HUGE, HUGE))).matrix(),
    "a sum": lambda: (conv_map(a(3, 3, 1, 1), (HUGE, HUGE)) + conv_map(a(3, 3, 1, 1), (HUGE, HUGE))).matrix(),
    "avg_pool": lambda: avg_pool_map((HUGE, HUGE, 1), (2, 2)).matrix(),
    "patch_map": lambda: jax.eval_shape(lambda x: patch_map(x, (300, 300, 1, 1)).matrix(), huge()),
    "conv": lambda: jax.eval_shape(lambda x: conv(x, a(3, 3, 1, 1), form="dense"), huge()),
    "conv_transpose": lambda: jax.eval_shape(lambda x: conv_transpose(x, a(3, 3, 1, 1), form="dense"), huge()),
    "the map's product": lambda: jax.eval_shape(conv_map(a(3, 3, 1, 1), (HUGE, HUGE), form="dense"), huge()),
    "conv under jit": lambda: jax.jit(lambda x: conv(x, a(3, 3, 1, 1), form="dense")).lower(huge()),
}


@pytest.mark.parametrize("build", MATRICES.values(), ids=MATRICES)
def test_a_matrix_that_would_not_fit_is_refused_before_anything_is_allocated(build):
    start = time.perf_counter()
    with pytest.raises(MemoryError, match=TOO_LARGE):
        build()
    assert time.perf_counter() - start < 10


def test_the_size_of_a_matrix_that_would_not_fit_is_known():
    A = conv_map(a(3, 3, 1, 1), (HUGE, HUGE))
    assert A.nbytes == 4 * (HUGE - 2) ** 2 * HUGE**2
    assert A.nnz == 9 * (HUGE - 2) ** 2


def test_the_tiles_of_a_matrix_that_would_not_fit_do():
    x = jax.ShapeDtypeStruct((1000, 1000, 1), jnp.float32)
    assert jax.eval_shape(lambda x: conv(x, a(3, 3, 1, 1)), x).shape == (998, 998, 1)
    with pytest.raises(MemoryError, match=TOO_LARGE):
        jax.eval_shape(lambda x: conv(x, a(3, 3, 1, 1), form="dense"), x)


@pytest.mark.parametrize("call", [partial(conv, a(9, 9, 3)), partial(conv_map, in_size=(9, 9))])
def test_a_kernel_that_fits_with_its_channels_in_front_too_is_warned_of(call):
    message = r"of 8×3 taps from 3 channels to 3; if `w` is .*transpose\(2, 3, 1, 0\)"
    with pytest.warns(UserWarning, match=message) as seen:
        call(a(8, 3, 3, 3))
    assert seen[0].filename == __file__


@pytest.mark.parametrize("call", [partial(patch_map, a(9, 9, 3)), partial(explain_form, in_shape=(9, 9, 3))])
def test_the_shape_of_such_a_kernel_is_warned_of(call):
    message = r"`w_shape` of shape \(8, 3, 3, 3\) is taken as .* 3 channels to 3; if .*, use \(3, 3, 3, 8\)"
    with pytest.warns(UserWarning, match=message) as seen:
        call((8, 3, 3, 3))
    assert seen[0].filename == __file__


@pytest.mark.parametrize("shape", [(3, 3, 3, 3), (8, 1, 1, 1), (8, 3, 3, 4), (8, 4, 4, 4)])
@pytest.mark.filterwarnings("error")
def test_kernels_that_are_probably_meant_as_they_are_get_no_warning(shape):
    conv(a(9, 9, shape[-2]), a(*shape))


STATIC: dict[str, Callable[[Any], Any]] = {
    "stride": lambda n: convolve(a(5, 5, 1), a(3, 3, 1, 1), stride=n),
    "padding": lambda n: convolve(a(5, 5, 1), a(3, 3, 1, 1), padding=n),
    "groups": lambda n: convolve(a(5, 5, 1), a(3, 3, 1, 1), groups=n),
    "mask": lambda n: convolve(a(5, 5, 1), a(3, 3, 1, 1), mask=n.reshape(1, 1)),
    "flip": lambda n: convolve(a(5, 5, 1), a(3, 3, 1, 1), flip=n > 0),
    "tile": lambda n: Tiles(n),
    "in_size": lambda n: C(a(3, 3, 1, 1), (n, n)),
    "w_shape": lambda n: X(a(5, 5, 1), (n, n, 1, 1)),
    "window": lambda n: pool(a(5, 5, 1), (n, n)),
    "kernel_size": lambda n: windows(a(5, 5, 1), (n, n)),
    "p": lambda n: lp_pool(a(5, 5, 1), (2, 2), p=n),
    "shape": lambda n: ops.reshape(a(5, 5), (n, 25)),
    "axis": lambda n: ops.sum(a(5, 5), axis=n),
    "channels": lambda n: nn.Conv(n, (3, 3)),
}


@pytest.mark.parametrize("name", STATIC)
def test_what_shapes_depend_on_is_not_traced(name):
    with pytest.raises(TypeError, match=rf"`{name}` is traced and has no numbers yet: make it static, as jax.jit\(f, "):
        jax.jit(lambda n: [STATIC[name](n), 0][1])(jnp.int32(1))


LOOKED_AT: dict[str, Callable[[Any], Any]] = {
    "entries": lambda w: C(w, (5, 5)).T.entries(),
    "nnz": lambda w: (C(w, (5, 5)).T @ C(w, (5, 5))).nnz,
    "lift": lambda w: lift(lambda v: jnp.tanh(w * v), w).to_scipy(),
    "bracket": lambda w: linalg.bracket(C(w, (5, 5))),
    "rank": lambda w: linalg.rank(C(w, (5, 5))),
    "null_space": lambda w: linalg.null_space(C(w, (5, 5))),
    "certify": lambda w: certify(lambda x: conv(x, a(3, 3, 1, 1)), a(5, 5, 1)),
}


@pytest.mark.parametrize("name", LOOKED_AT)
def test_what_looks_at_numbers_says_where_they_are(name):
    with pytest.raises(TypeError, match=r"^`\w+` is traced and has no numbers yet: [^\n]+ outside of jax.jit, "):
        jax.jit(lambda w: [LOOKED_AT[name](w), 0][1])(a(3, 3, 1, 1))
