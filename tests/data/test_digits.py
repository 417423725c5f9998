"""The embedded digits and the matrix that enlarges them."""

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.data import Split, digits, upsampling


def test_the_split_is_fixed_and_stratified():
    data = digits()
    assert (len(data.train), len(data.test)) == (1437, 360)
    assert data.in_shape == (32, 32, 1)
    counts = np.bincount(data.test.labels)
    assert counts.min() >= 35
    np.testing.assert_array_equal(data.test.labels, digits().test.labels)


def test_pixels_run_from_paper_to_ink():
    images = digits().train.images
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.min(), -0.1, atol=1e-6)
    assert 1.0 < images.max() <= 1.1751


def test_upsampling_interpolates_a_ramp_linearly():
    U = upsampling((8,), 4)
    ramp = U(jnp.arange(8.0)[:, None])[:, 0]
    inside = np.asarray(ramp)[2:-2]
    np.testing.assert_allclose(np.diff(inside), 0.25, atol=1e-6)
    np.testing.assert_allclose(U.matrix().sum(1), 1, atol=1e-6)


def test_batches_are_full_shuffled_and_a_permutation():
    data = digits().train
    numbered = Split(data.images, np.arange(len(data), dtype=np.int32))
    batches = list(numbered.batches(100, jax.random.key(0)))
    assert [len(batch) for batch in batches] == [100] * 14
    numbers = np.concatenate([batch.labels for batch in batches])
    assert len(np.unique(numbers)) == 1400
    assert not np.array_equal(numbers, np.sort(numbers))
    np.testing.assert_array_equal(batches[3].images, data.images[batches[3].labels])
    assert [len(batch) for batch in data.batches(1000)] == [1000, 437]
