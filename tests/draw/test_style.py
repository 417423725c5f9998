"""Where pictures go, and the ground they stand on."""

import numpy as np
from matplotlib import pyplot as plt

from minicnn import draw
from minicnn.draw.style import is_dark


def test_axes_that_are_given_are_used():
    _, (left, right) = plt.subplots(1, 2)
    assert draw.confusion(np.eye(2, dtype=int), left) is left
    assert draw.filters(np.ones((3, 3, 1, 1)), right) is right
    assert not is_dark(left)
