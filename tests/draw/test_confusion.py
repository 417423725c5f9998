"""A confusion is drawn with its own counts."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from minicnn import draw
from minicnn.draw.style import readable_on

STYLES = ("default", "dark_background")


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
