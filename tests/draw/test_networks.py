"""Kernels and confusions are drawn with their own numbers."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from minicnn import draw
from minicnn.draw.filters import mosaic
from minicnn.draw.style import is_dark, readable_on

mpl.use("agg")
STYLES = ("default", "dark_background")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("style", STYLES)
def test_a_confusion_shows_its_counts(style):
    counts = np.array([[5, 1, 0], [0, 6, 0], [2, 0, 4]])
    with plt.style.context(style):
        axes = draw.confusion(counts, classes=("a", "b", "c"))
    np.testing.assert_array_equal(axes.images[0].get_array(), counts)
    shown = {(text.get_position()[::-1], text.get_text()) for text in axes.texts}
    assert shown == {((r, c), str(counts[r, c])) for r, c in np.argwhere(counts)}
    assert axes.get_title() == "83.33 % right, 3 of 18 wrong"
    for text in axes.texts:
        column, row = text.get_position()
        assert text.get_color() == readable_on(axes.images[0].to_rgba(counts[row, column])[:3])


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


def test_axes_that_are_given_are_used():
    _, (left, right) = plt.subplots(1, 2)
    assert draw.confusion(np.eye(2, dtype=int), left) is left
    assert draw.filters(np.ones((3, 3, 1, 1)), right) is right
    assert not is_dark(left)
