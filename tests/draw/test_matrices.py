"""The drawn entries are those of the map; reduction keeps every non-zero visible."""

import numpy as np

from minicnn import draw
from minicnn.draw.matrices import reduced
from minicnn.draw.style import lightness


def test_a_map_is_drawn_beside_its_transpose(C):
    left, right = draw.pair(C)
    assert left.get_title().startswith("C: forward, 4×16")
    assert right.get_title().startswith("Cᵀ: backward, 16×4")
    np.testing.assert_array_equal(left.images[0].get_array(), C.matrix())
    np.testing.assert_array_equal(right.images[0].get_array(), C.matrix().T)


def test_the_sign_can_be_seen_in_greyscale(C):
    image = draw.matrix(C).images[0]
    levels = [lightness(image.to_rgba(value)[:3]) for value in np.linspace(-5, 5, 11)]
    assert (np.diff(levels) > 0.02).all()


def test_reduction_keeps_a_single_non_zero():
    entries = np.zeros((1000, 2000))
    entries[777, 1234] = -3
    assert reduced(entries).min() == -3
    assert max(reduced(entries).shape) <= 400
