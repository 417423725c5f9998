"""Convolution arithmetic: the published configurations, their numbers, and relationships 1 to 15.

Dumoulin & Visin, *A guide to convolution arithmetic for deep learning*, and the animations that go with it.
"""

from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.axis import Sliding

# (i, k, s, p, d), (o, shape of C, non-zeros), (transposed output, (stretched input, p', a))
CONFIGURATIONS = {
    "no_padding_no_strides": ((4, 3, 1, 0, 1), (2, (4, 16), 36), (4, (2, 2, 0))),
    "arbitrary_padding_no_strides": ((5, 4, 1, 2, 1), (6, (36, 25), 324), (5, (6, 1, 0))),
    "same_padding_no_strides": ((5, 3, 1, 1, 1), (5, (25, 25), 169), (5, (5, 1, 0))),
    "full_padding_no_strides": ((5, 3, 1, 2, 1), (7, (49, 25), 225), (5, (7, 0, 0))),
    "no_padding_strides": ((5, 3, 2, 0, 1), (2, (4, 25), 36), (5, (3, 2, 0))),
    "padding_strides": ((5, 3, 2, 1, 1), (3, (9, 25), 49), (5, (5, 1, 0))),
    "padding_strides_odd": ((6, 3, 2, 1, 1), (3, (9, 36), 64), (6, (5, 1, 1))),
    "dilation": ((7, 3, 1, 0, 2), (3, (9, 49), 81), (7, (3, 4, 0))),
    "numerical_no_padding_no_strides": ((5, 3, 1, 0, 1), (3, (9, 25), 81), (5, (3, 2, 0))),
    "numerical_padding_strides": ((5, 3, 2, 1, 1), (3, (9, 25), 49), (5, (5, 1, 0))),
    "numerical_average_pooling": ((5, 3, 1, 0, 1), (3, (9, 25), 81), (5, (3, 2, 0))),
    "numerical_max_pooling": ((5, 3, 1, 0, 1), (3, (9, 25), 81), (5, (3, 2, 0))),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_published_configurations(name: str) -> None:
    (i, k, s, p, d), (o, shape, nnz), (back, (stretched, padding, a)) = CONFIGURATIONS[name]
    w = jnp.asarray(np.arange(1.0, k * k + 1).reshape(k, k, 1, 1), jnp.float32)
    C = minicnn.conv_map(w, (i, i), stride=s, padding=p, dilation=d)
    assert (C.out_shape, C.shape, C.nnz) == ((o, o, 1), shape, nnz)
    assert C.to_scipy().count_nonzero() == nnz
    y = jnp.asarray(np.arange(float(o * o)).reshape(o, o, 1), jnp.float32)
    x_bar = minicnn.conv_transpose(y, w, stride=s, padding=p, dilation=d, output_padding=a)
    assert x_bar.shape == (back, back, 1)
    np.testing.assert_array_equal(x_bar.ravel(), C.matrix().T @ y.ravel())
    assert stretched == s * (o - 1) + 1
    emulated = minicnn.conv(y, w, flip=True, stretch=s, dilation=d, padding=((padding, padding + a),) * 2)
    np.testing.assert_array_equal(x_bar, emulated)


X = jnp.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])[..., None]
W = jnp.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])[..., None, None]


def test_golden_numbers() -> None:
    np.testing.assert_array_equal(minicnn.conv(X, W)[..., 0], [[12, 12, 17], [10, 17, 19], [9, 6, 14]])
    strided = minicnn.conv(X, W, stride=2, padding=1)[..., 0]
    np.testing.assert_array_equal(strided, [[6, 17, 3], [8, 17, 13], [6, 4, 4]])
    average = minicnn.avg_pool(X.astype(float), (3, 3), stride=1)[..., 0]
    published = np.array([[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]])
    np.testing.assert_allclose(np.round(average, 1), published, rtol=1e-6)
    largest = minicnn.max_pool(X, (3, 3), stride=1)[..., 0]
    np.testing.assert_array_equal(largest, [[3, 3, 3], [3, 3, 3], [3, 2, 3]])


def test_golden_data_are_those_of_their_seed() -> None:
    rng = np.random.RandomState(1234)
    np.testing.assert_array_equal(X[..., 0], rng.randint(0, 4, (5, 5)))
    np.testing.assert_array_equal(W[..., 0, 0], rng.randint(0, 3, (3, 3)))


def out_size(i: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    return Sliding(k, s, p, d).out_size(i)


def back_size(i: int, k: int, s: int = 1, p: int = 0, a: int = 0) -> int:
    """The size that a transposed convolution of i positions returns to."""
    return Sliding(k, s, p).in_size(i, extra=a)


@pytest.mark.parametrize("i", range(1, 9))
def test_relationships_1_to_7_and_15(i: int) -> None:
    for k, s, p, d in product(range(1, 9), range(1, 9), range(9), range(1, 9)):
        extent = k + (k - 1) * (d - 1)
        if extent > i + 2 * p:
            assert out_size(i, k, s, p, d) == 0
            continue
        assert out_size(i, k, s, p, d) == (i + 2 * p - extent) // s + 1  # 15
        if d == 1:
            assert out_size(i, k, s, p) == (i + 2 * p - k) // s + 1  # 6
        if d == s == 1:
            assert out_size(i, k, 1, p) == i - k + 2 * p + 1  # 2
        if p == 0 and d == 1:
            assert out_size(i, k, s) == (i - k) // s + 1  # 5 and 7
        if p == 0 and d == s == 1:
            assert out_size(i, k) == i - k + 1  # 1
        if d == s == 1 and k == 2 * p + 1:
            assert out_size(i, k, 1, p) == i  # 3
        if d == s == 1 and p == k - 1:
            assert out_size(i, k, 1, p) == i + (k - 1) == Sliding(k, padding="FULL").out_size(i)  # 4


@pytest.mark.parametrize("i", range(1, 9))
def test_relationships_8_to_14(i: int) -> None:
    for k, s, p in product(range(1, 9), range(1, 9), range(9)):
        for a in range(s):
            expected = s * (i - 1) + a + k - 2 * p
            if expected < 1:
                continue
            assert back_size(i, k, s, p, a) == expected  # 14
            assert (expected + 2 * p - k) % s == a
            if a == 0:
                assert back_size(i, k, s, p) == s * (i - 1) + k - 2 * p  # 13
            if a == p == 0:
                assert back_size(i, k, s) == s * (i - 1) + k  # 12
        if s == 1 and i + k - 1 - 2 * p > 0:
            assert back_size(i, k, 1, p) == i + (k - 1) - 2 * p  # 9
            assert p or back_size(i, k) == i + (k - 1)  # 8
            assert k != 2 * p + 1 or back_size(i, k, 1, p) == i  # 10
            assert p != k - 1 or back_size(i, k, 1, p) == i - (k - 1)  # 11


@pytest.mark.parametrize("k", range(1, 9))
def test_transposed_axes_are_the_emulation_of_dumoulin_and_visin(k: int) -> None:
    """A transposed convolution reads the stretched input with p' = k̂ − p − 1 and a more zeros at the end."""
    for i, s, p, d in product(range(1, 9), range(1, 4), range(4), range(1, 4)):
        sliding = Sliding(k, s, p, d)
        if sliding.room(i) < 0:
            continue
        axis = sliding.over(i)
        low = sliding.extent - p - 1
        emulation = Sliding(k, 1, (low, low + sliding.remainder(i)), d, stretch=s).over(axis.out_size)
        assert emulation.flipped == axis.T, (i, k, s, p, d)
