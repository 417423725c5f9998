"""What comes out for what goes in: integers, halves, doubles, complex numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_dtypes import bfloat16

from minicnn import (
    adaptive_avg_pool_map,
    avg_pool,
    avg_pool_map,
    conv,
    conv_matrix,
    conv_transpose,
    max_pool,
    patch_map,
    unfold,
)
from tests import oracles
from tests.strategies import CORNERS

equal = np.testing.assert_array_equal
CASE = CORNERS["2d"]


@pytest.mark.parametrize("operation", [conv, conv_transpose])
def test_an_integer_array_does_not_meet_a_floating_one(operation):
    message = r"is int32 and `w` is float32: convert one of them, for example \w\.astype\(float\)"
    with pytest.raises(TypeError, match=message):
        operation(jnp.ones((5, 1), int), jnp.ones((3, 1, 1)))
    with pytest.raises(TypeError, match=r"is float32 and `w` is int32: .* w\.astype\(float\)"):
        operation(jnp.ones((5, 1)), jnp.ones((3, 1, 1), int))


@pytest.mark.parametrize(
    ("x", "w", "y"),
    [
        (np.float16, np.float32, np.float32),
        (bfloat16, np.float32, np.float32),
        (bfloat16, bfloat16, bfloat16),
        (bfloat16, np.float16, np.float32),
        (np.float32, np.complex64, np.complex64),
        (np.int8, np.int8, np.int8),
        (np.int8, np.int32, np.int32),
        (np.uint8, np.int8, np.int16),
        (np.float64, np.float32, np.float32),
    ],
)
def test_dtypes_promote_as_jnps_do(x, w, y):
    x, w, _ = (a.astype(dtype) for a, dtype in zip(CASE.data(0), (x, w, y), strict=True))
    assert conv(x, w).dtype == y
    assert jnp.result_type(jnp.asarray(x), jnp.asarray(w)) == y
    assert conv_transpose(np.ones(CASE.y_shape, x.dtype), w).dtype == y


@pytest.mark.parametrize("form", ["auto", "dense", "tiles", "diagonals", "fourier"])
def test_doubles_stay_doubles_with_x64(form):
    with jax.enable_x64(True):
        x, w, y_bar = CASE.data(0, np.float64)
        x, w = x + 2.0**-40, w + 2.0**-40  # what float32 cannot hold
        y, vjp = jax.vjp(partial(conv, form=form), x, w)
        x_bar, w_bar = vjp(y_bar)
        assert {a.dtype for a in (y, x_bar, w_bar, conv_matrix(jnp.asarray(w), CASE.in_size))} == {jnp.dtype("float64")}
        np.testing.assert_allclose(y, oracles.conv(x, w, CASE.seen), rtol=1e-12, atol=1e-12)
        expected = CASE.times(CASE.matrix(w).T, y_bar, CASE.x_shape)
        np.testing.assert_allclose(x_bar, expected, rtol=1e-12, atol=1e-12)
        equal(conv_matrix(jnp.asarray(w), CASE.in_size), CASE.matrix(w))
        assert max_pool(x, (2, 2)).dtype == avg_pool(x, (2, 2)).dtype == unfold(x, (2, 2)).dtype == jnp.float64


@pytest.mark.parametrize("form", ["dense", "tiles", "diagonals"])
def test_complex_numbers_are_not_conjugated(form):
    x, w, y = CASE.data(0)
    x, w = (x + 1j * x[::-1]).astype(np.complex64), (w - 2j * w[::-1]).astype(np.complex64)
    out = conv(x, w, form=form)
    expected = CASE.times(CASE.matrix(w), x, CASE.y_shape)
    equal(out, expected)
    equal(patch_map(jnp.asarray(x), CASE.w_shape)(jnp.asarray(w)), expected)
    back = conv_transpose(y.astype(np.complex64), w, form=form)
    equal(back, CASE.times(CASE.matrix(w).T, y.astype(np.complex64), CASE.x_shape))


@pytest.mark.parametrize("form", ["dense", "tiles", "diagonals"])
def test_narrow_integers_wrap_around_as_in_lax(form):
    x, w = (np.full(shape, 100, np.int8) for shape in (CASE.x_shape, CASE.w_shape))
    with jax.default_device(jax.devices("cpu")[0]):  # cuDNN saturates
        expected = oracles.lax_conv(x, w, CASE.stride, CASE.pads, CASE.dilation, CASE.stretch)
    equal(conv(x, w, form=form), expected)


def test_an_average_is_no_integer():
    with pytest.raises(
        TypeError, match=r"`x` is int32 and an average is not an integer: convert it with x.astype\(float\)"
    ):
        avg_pool(jnp.ones((4, 1), int), (2,))


@pytest.mark.parametrize("map_of", [avg_pool_map, adaptive_avg_pool_map])
@pytest.mark.parametrize("dtype", ["int32", jnp.uint8, bool])
def test_a_share_of_an_average_is_no_integer(map_of, dtype):
    with pytest.raises(TypeError, match="and a share of an average is not an integer: use one such as float32"):
        map_of((4, 1), (2,), dtype=dtype)


def test_complex_numbers_have_no_maximum():
    with pytest.raises(TypeError, match="`x` is complex64 and complex numbers have no order: pool the absolute value"):
        max_pool(jnp.ones((4, 1), complex), (2,))


def test_truth_values_have_no_maximum():
    with pytest.raises(TypeError, match=r"`x` is bool: convert it to numbers with x\.astype\(int\)"):
        max_pool(jnp.ones((4, 1), bool), (2,))


def test_complex_averages():
    x = jnp.array([1 + 1j, 3 - 1j]).reshape(2, 1)
    equal(avg_pool(x, (2,)), [[2 + 0j]])


@pytest.mark.parametrize("dtype", [np.float16, bfloat16])
def test_halves_are_pooled_as_halves(dtype):
    x = np.arange(8.0).reshape(4, 2).astype(dtype)
    assert max_pool(x, (2,)).dtype == avg_pool(x, (2,)).dtype == dtype
    equal(max_pool(x, (2,)), [[2, 3], [6, 7]])
    equal(avg_pool(x, (2,)), [[1, 2], [5, 6]])
