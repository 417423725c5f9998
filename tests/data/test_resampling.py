"""Resampling is a matrix: four non-zeros a row, and what SciPy makes of the same map."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from minicnn.data import resampling

A = jnp.array([[1.1, 0.2], [-0.3, 0.9]])
SHIFT = jnp.array([0.7, -1.3])


def test_resampling_is_scipys_affine_transformation():
    image = np.random.default_rng(0).normal(size=(7, 6))
    middle = np.array([3.0, 2.5])
    offset = middle + np.asarray(SHIFT) - np.asarray(A) @ middle
    expected = scipy.ndimage.affine_transform(image, np.asarray(A), offset, order=1, mode="grid-constant")
    R = resampling(A, SHIFT, (7, 6))
    np.testing.assert_allclose(R(jnp.asarray(image[..., None], jnp.float32))[..., 0], expected, atol=1e-5)


def test_every_row_has_four_entries_that_sum_to_one_inside():
    R = resampling(A, SHIFT, (9, 9))
    rows, _, values = R.entries()
    assert np.bincount(rows).max() == 4
    sums = np.asarray(R.matrix().sum(1)).reshape(9, 9)
    np.testing.assert_allclose(sums[4, 4], 1, atol=1e-6)
    assert (values > -1e-6).all()


def test_the_transpose_is_the_adjoint_and_channels_are_alike():
    R = resampling(A, SHIFT, (5, 4), channels=2)
    x, y = jax.random.normal(jax.random.key(0), (2, 5, 4, 2))
    np.testing.assert_allclose(jnp.vdot(R(x), y), jnp.vdot(x, R.T(y)), rtol=1e-4)
    np.testing.assert_allclose(R(x)[..., 1:], resampling(A, SHIFT, (5, 4))(x[..., 1:]), atol=1e-6)


def test_an_integer_shift_moves_pixels():
    x = jnp.arange(12.0).reshape(3, 4, 1)
    y = resampling(jnp.eye(2), jnp.array([1.0, 0.0]), (3, 4))(x)
    np.testing.assert_array_equal(y[..., 0], [[4, 5, 6, 7], [8, 9, 10, 11], [0, 0, 0, 0]])
