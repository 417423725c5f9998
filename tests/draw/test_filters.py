"""Kernels are drawn with their own numbers."""

import numpy as np
import pytest

from minicnn import draw
from minicnn.draw.mosaics import mosaic


def test_every_kernel_is_drawn():
    w = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5) - 50
    picture = np.asarray(draw.filters({"w": w, "b": np.zeros(5)}).images[0].get_array())
    for c in range(4):
        for d in range(5):
            np.testing.assert_array_equal(picture[3 * c : 3 * c + 2, 4 * d : 4 * d + 3], w[..., c, d])


def test_the_first_kernels_of_a_network():
    rng = np.random.default_rng(0)
    params = ({"b": np.zeros(6), "w": rng.normal(size=(5, 5, 1, 6))}, {}, {"w": np.ones((6, 2))})
    axes = draw.filters(params)
    assert axes.get_title() == "6 kernels of 5×5"
    drawn = np.ma.filled(axes.images[0].get_array(), np.nan)
    first = params[0]["w"].reshape(5, 5, 2, 3)
    np.testing.assert_array_equal(drawn, mosaic(first))


def test_a_masked_kernel_and_a_signal():
    assert draw.filters({"w": np.ones((5, 5, 60))}).get_title() == "60 kernels of 5×5"
    assert draw.filters(np.ones((7, 1, 3)), ndim=1).get_title() == "3 kernels of 7"


def test_without_kernels_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="holds no kernels"):
        draw.filters({"w": np.ones((3, 4))})
