"""Maps are drawn with their own numbers."""

import numpy as np
import pytest

from minicnn import draw


def test_every_channel_is_drawn():
    y = np.arange(4 * 5 * 6.0).reshape(4, 5, 6) - 50
    axes = draw.feature_maps(y)
    picture = np.asarray(axes.images[0].get_array())
    for c in range(6):
        down, right = divmod(c, 3)
        np.testing.assert_array_equal(picture[5 * down : 5 * down + 4, 6 * right : 6 * right + 5], y[..., c])
    assert axes.get_title() == "6 maps of 4×5"


def test_what_is_no_output_for_one_image_is_refused():
    with pytest.raises(ValueError, match=r"`y` has shape \(2, 4, 4, 1\): it must be \(height, width, channels\)"):
        draw.feature_maps(np.ones((2, 4, 4, 1)))
    with pytest.raises(TypeError, match=r"`y` must be an array, .* not 3"):
        draw.feature_maps(3)
