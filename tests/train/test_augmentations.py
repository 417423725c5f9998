"""What a random distortion of training images does to ink and to paper."""

import jax
import numpy as np
import pytest

from minicnn.train.augmentations import distorted


@pytest.mark.parametrize("name", ["reach", "scale", "squeeze", "shear"])
def test_each_distortion_alone_moves_ink_and_keeps_the_paper(name):
    image = np.full((3, 32, 32, 1), -0.1, np.float32)
    image[:, 8:12, 20:24] = 1.175
    none = {"reach": 0.0, "scale": 0.0, "squeeze": 0.0, "shear": 0.0}
    key = jax.random.key(1)
    np.testing.assert_allclose(distorted(key, image, **none), image, atol=1e-5)
    moved = np.asarray(distorted(key, image, **none | {name: 0.3 if name != "reach" else 2.0}))
    assert abs(moved - image).max() > 0.1
    np.testing.assert_allclose(moved[:, 0], -0.1, atol=1e-5)
    assert not np.allclose(moved[0], moved[1])
    assert -0.1001 < moved.min() <= moved.max() < 1.1751
