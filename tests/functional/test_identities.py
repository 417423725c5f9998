"""The identities of convolution, each by its name, on small integers and with tolerance zero.

Expected matrices are those of a window slid over a padded image of position numbers, which knows no transposition.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from minicnn import conv, conv_map, conv_matrix, conv_transpose, patch_map
from tests import oracles
from tests.strategies import CORNERS, Case, cases, seeds

equal = np.testing.assert_array_equal


def lax(case: Case, x: Any, w: Any) -> jax.Array:
    images = x.reshape(int(np.prod(case.batch)), *x.shape[len(case.batch) :])
    y = oracles.lax_conv(images, w, case.stride, case.pads, case.dilation, case.stretch, case.groups, case.flip)
    return y.reshape(case.y_shape)


@given(cases(), seeds)
def test_c_times_x_is_the_convolution(case, seed):
    x, w, _ = case.data(seed)
    y, C, y_map = jax.jit(
        lambda x, w: (
            conv(x, w, **case.options),
            conv_matrix(w, case.in_size, **case.options),
            conv_map(w, case.in_size, **case.options)(x),
        )
    )(x, w)
    equal(y, case.times(np.asarray(C), x, case.y_shape))
    equal(y_map, y)


@given(cases(), seeds)
def test_the_convolution_is_laxs(case, seed):
    x, w, _ = case.data(seed)
    ours, theirs = jax.jit(lambda x, w: (conv(x, w, **case.options), lax(case, x, w)))(x, w)
    equal(ours, theirs)
    equal(ours, case.times(case.matrix(w), x, case.y_shape))


@given(cases(), seeds)
def test_the_vjp_in_x_is_c_transposed(case, seed):
    x, w, y_bar = case.data(seed)
    x_bar = jax.jit(lambda x, w, y_bar: jax.vjp(lambda x: conv(x, w, **case.options), x)[1](y_bar)[0])(x, w, y_bar)
    equal(x_bar, case.times(case.matrix(w).T, y_bar, case.x_shape))


@given(cases(ranks=(1, 2)), seeds)
def test_the_vjp_in_w_is_x_transposed(case, seed):
    x, w, y_bar = case.data(seed)

    def cotangents(x, w, y_bar):
        _, vjp = jax.vjp(lambda w: conv(x, w, **case.options), w)
        return vjp(y_bar)[0], patch_map(x, case.w_shape, **case.options).T(y_bar)

    w_bar, transposed = jax.jit(cotangents)(x, w, y_bar)
    equal(w_bar, (case.patches(x).T @ y_bar.ravel()).reshape(case.w_shape))
    equal(transposed, w_bar)


@given(cases(ranks=(1, 2)), seeds)
def test_both_vjps_are_those_of_lax(case, seed):
    x, w, y_bar = case.data(seed)

    def cotangents(x, w, y_bar):
        _, ours = jax.vjp(lambda x, w: conv(x, w, **case.options), x, w)
        _, theirs = jax.vjp(lambda x, w: lax(case, x, w), x, w)
        return ours(y_bar), theirs(y_bar)

    ours, theirs = jax.jit(cotangents)(x, w, y_bar)
    for bar, expected in zip(ours, theirs, strict=True):
        equal(bar, expected)


@given(cases(), seeds)
def test_c_times_x_is_x_times_w(case, seed):
    x, w, _ = case.data(seed)

    def products(x, w):
        C, X = conv_map(w, case.in_size, **case.options), patch_map(x, case.w_shape, **case.options)
        return C(x), X(w)

    Cx, Xw = jax.jit(products)(x, w)
    equal(Cx, Xw)
    equal(Xw, case.times(case.matrix(w), x, case.y_shape))


@given(cases(), seeds)
def test_conv_transpose_is_c_transposed(case, seed):
    _, w, y = case.data(seed)
    x = jax.jit(lambda y, w: conv_transpose(y, w, output_size=case.in_size, **case.options))(y, w)
    equal(x, case.times(case.matrix(w).T, y, case.x_shape))


@given(cases(), seeds)
def test_the_vjp_of_conv_transpose_is_c(case, seed):
    x_bar, w, y = case.data(seed)

    def cotangent(y, w, x_bar):
        _, vjp = jax.vjp(lambda y: conv_transpose(y, w, output_size=case.in_size, **case.options), y)
        return vjp(x_bar)[0]

    equal(jax.jit(cotangent)(y, w, x_bar), case.times(case.matrix(w), x_bar, case.y_shape))


@given(cases(ranks=(1, 2)), seeds)
def test_the_vjp_of_conv_transpose_in_w_is_that_of_conv_with_x_and_y_exchanged(case, seed):
    x, w, y = case.data(seed)

    def cotangents(x, w, y):
        _, transposed = jax.vjp(lambda w: conv_transpose(y, w, output_size=case.in_size, **case.options), w)
        return transposed(x)[0]

    equal(jax.jit(cotangents)(x, w, y), (case.patches(x).T @ y.ravel()).reshape(case.w_shape))


@given(cases(), seeds)
def test_jaxs_linear_transpose_in_x_is_c_transposed(case, seed):
    x, w, y = case.data(seed)
    x_bar = jax.jit(lambda w, y: jax.linear_transpose(lambda x: conv(x, w, **case.options), x)(y)[0])(w, y)
    equal(x_bar, case.times(case.matrix(w).T, y, case.x_shape))


@given(cases(ranks=(1, 2)), seeds)
def test_jaxs_linear_transpose_in_w_is_x_transposed(case, seed):
    x, w, y = case.data(seed)
    w_bar = jax.jit(lambda x, y: jax.linear_transpose(lambda w: conv(x, w, **case.options), w)(y)[0])(x, y)
    equal(w_bar, (case.patches(x).T @ y.ravel()).reshape(case.w_shape))


@given(cases(ranks=(1, 2), one_image=True), seeds)
def test_jacfwd_is_jacrev_is_c(case, seed):
    x, w, _ = case.data(seed)

    def jacobians(x, w):
        return [jacobian(lambda x: conv(x, w, **case.options))(x) for jacobian in (jax.jacfwd, jax.jacrev)]

    forward, reverse = jax.jit(jacobians)(x, w)
    C = case.matrix(w)
    equal(np.reshape(forward, C.shape), C)
    equal(np.reshape(reverse, C.shape), C)


@given(cases(ranks=(1, 2), one_image=True), seeds)
def test_the_jacobian_in_w_is_the_patch_matrix(case, seed):
    x, w, _ = case.data(seed)

    def jacobians(x, w):
        return [jacobian(lambda w: conv(x, w, **case.options))(w) for jacobian in (jax.jacfwd, jax.jacrev)]

    forward, reverse = jax.jit(jacobians)(x, w)
    X = case.patches(x)
    equal(np.reshape(forward, X.shape), X)
    equal(np.reshape(reverse, X.shape), X)


@given(cases(ranks=(1, 2)), seeds)
def test_the_jvp_is_the_sum_of_both_products(case, seed):
    x, w, _ = case.data(seed)
    x_dot, w_dot, _ = case.data(seed + 1)
    y_dot = jax.jit(lambda *args: jax.jvp(lambda x, w: conv(x, w, **case.options), args[:2], args[2:])[1])(
        x, w, x_dot, w_dot
    )
    expected = case.times(case.matrix(w), x_dot, case.y_shape) + case.times(case.matrix(w_dot), x, case.y_shape)
    equal(y_dot, expected)


@given(cases(ranks=(1, 2), one_image=True), seeds)
def test_the_second_derivative_is_the_trilinear_form(case, seed):
    """The mixed derivative of ⟨y, C(w)x⟩ in w and x along both directions is τ itself."""
    x, w, y = case.data(seed)

    def tau(x, w, y):
        return jnp.vdot(y, conv(x, w, **case.options))

    def mixed(x, w, y):
        return jax.jvp(lambda w: jax.jvp(lambda x: tau(x, w, y), (x,), (x,))[1], (w,), (w,))[1]

    assert jax.jit(mixed)(x, w, y) == np.vdot(y, case.times(case.matrix(w), x, case.y_shape))


def check_every_identity(case: Case, seed: int) -> None:
    x, w, y = case.data(seed)
    C, X = case.matrix(w), case.patches(x)

    def everything(x, w, y):
        out, vjp = jax.vjp(lambda x, w: conv(x, w, **case.options), x, w)
        back, vjp_back = jax.vjp(lambda y: conv_transpose(y, w, output_size=case.in_size, **case.options), y)
        transposed = jax.linear_transpose(lambda x: conv(x, w, **case.options), x)(y)[0]
        return out, vjp(y), back, vjp_back(x)[0], transposed, patch_map(x, case.w_shape, **case.options)(w)

    out, (x_bar, w_bar), back, back_bar, transposed, Xw = jax.jit(everything)(x, w, y)
    for value in (out, Xw, back_bar):
        equal(value, case.times(C, x, case.y_shape))
    for value in (x_bar, back, transposed):
        equal(value, case.times(C.T, y, case.x_shape))
    equal(w_bar, (X.T @ y.ravel()).reshape(w.shape))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CORNERS.values(), ids=CORNERS)
def test_every_identity_in_the_corners(case):
    check_every_identity(case, 0)


@pytest.mark.long
@given(cases(), seeds)
def test_every_identity_everywhere(case, seed):
    check_every_identity(case, seed)


@pytest.mark.parametrize("padding", ["VALID", "SAME", "SAME_LOWER"])
def test_padding_words_are_laxs(padding):
    case = Case((7, 6), (4, 3), stride=(2, 3), dilation=(1, 2), padding=padding, channels=(2, 3))
    x, w, _ = case.data(0)
    equal(
        conv(x, w, **case.options),
        oracles.lax_conv(x, w, case.stride, padding, case.dilation, case.stretch),
    )


def test_flipping_is_scipys_convolution():
    from scipy.signal import convolve2d

    x, w, _ = Case((5, 4), (3, 2), batch=()).data(0)
    for y, mode in ((conv(x, w, flip=True), "valid"), (conv(x, w, flip=True, padding="FULL"), "full")):
        equal(y[..., 0], convolve2d(x[..., 0], w[..., 0, 0], mode))


def test_vmap_over_images_and_kernels_is_a_loop():
    case = CORNERS["grouped"]
    x, w, _ = case.data(0)
    w = np.stack([w, 2 * w])
    together = jax.vmap(lambda x, w: conv(x, w, groups=2))(x, w)
    equal(together, np.stack([conv(x[i], w[i], groups=2) for i in range(2)]))


def test_a_network_scans():
    w = np.ones((3, 1, 1), np.float32)
    x, _ = jax.lax.scan(lambda x, w: (conv(x, w, padding="SAME"), None), np.ones((4, 1), np.float32), np.stack([w, w]))
    equal(x.ravel(), [5, 8, 8, 5])
