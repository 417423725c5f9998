"""The drawn entries are those of the map; reduction keeps every non-zero visible."""

import jax.numpy as jnp
import numpy as np

from minicnn import conv_map, draw
from minicnn.draw import matrices
from minicnn.draw.matrices import reduced, reduced_list
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


def test_a_picture_made_from_the_non_zeros_is_that_of_the_whole_matrix(monkeypatch):
    w = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3, 1, 1))).at[1, 2].set(jnp.nan)
    A = conv_map(w, (30, 31))
    whole = draw.matrix(A).images[0].get_array()
    monkeypatch.setattr(matrices, "_DENSE", 0)
    listed = draw.matrix(A).images[0].get_array()
    np.testing.assert_array_equal(listed, whole)
    assert np.isnan(np.ma.getdata(listed)).sum() > 300


def test_a_matrix_of_billions_of_entries_is_drawn_from_its_non_zeros():
    C = conv_map(jnp.ones((3, 3, 1, 1)), (224, 224))
    picture = np.asarray(draw.matrix(C).images[0].get_array())
    rows, columns = np.nonzero(picture)
    assert C.shape == (49284, 50176)
    assert set(picture[rows, columns]) == {1}
    assert np.abs(rows - columns).max() <= 4  # the band of a convolution, 450 entries wide: blocks have 124


def test_of_several_non_zeros_the_largest_is_kept():
    rows, columns = np.random.default_rng(1).integers(0, 1000, (2, 500))
    values = np.random.default_rng(2).normal(size=500)
    entries = np.zeros((1000, 1000))
    entries[rows, columns] = values
    there = entries[rows, columns] == values
    np.testing.assert_array_equal(
        reduced_list((1000, 1000), rows[there], columns[there], values[there]), reduced(entries)
    )
