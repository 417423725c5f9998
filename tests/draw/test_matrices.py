"""The drawn entries are those of the map; reduction keeps every non-zero visible."""

import re
from importlib.resources import files

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from minicnn import conv_map, draw
from minicnn.draw import matrices
from minicnn.draw.matrices import reduced, reduced_list
from minicnn.draw.style import VALUES, background, lightness


def test_a_map_is_drawn_beside_its_transpose(C):
    left, right = draw.pair(C)
    assert left.get_title().startswith("C: forward, 4×16")
    assert right.get_title().startswith("Cᵀ: backward, 16×4")
    np.testing.assert_array_equal(left.images[0].get_array(), C.matrix())
    np.testing.assert_array_equal(right.images[0].get_array(), C.matrix().T)


@pytest.mark.parametrize("dark", [False, True])
def test_zero_is_the_ground_and_larger_values_are_farther_from_it(C, dark):
    with background(dark):
        axes = draw.matrix(C)
    color = axes.images[0].to_rgba
    assert color(0)[:3] == to_rgb(axes.get_facecolor())
    for sign in (-1, 1):
        away = [abs(lightness(color(sign * value)[:3]) - lightness(color(0)[:3])) for value in range(6)]
        assert (np.diff(away) > 0.05).all()
    assert lightness(color(5)[:3]) > lightness(color(-5)[:3]) + 0.1  # of the strongest the sign is seen in greyscale


# What a reader without green cones, or without red ones, sees of a colour in linear light: Machado, Oliveira and
# Fernandes, *A physiologically-based model for simulation of color vision deficiency* (2009), severity 1.
BLIND = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("blind", BLIND)
def test_the_sign_is_seen_by_colour_blind_readers(C, dark, blind):
    with background(dark):
        color = draw.matrix(C).images[0].to_rgba
    for value in (1, 3, 5):
        below, above = (np.array(BLIND[blind]) @ np.array(color(v)[:3]) ** 2.2 for v in (-value, value))
        assert below[2] - below[0] > 0.05 * value / 5 > 0 > -0.05 * value / 5 > above[2] - above[0]


def test_a_bar_reaches_over_the_values_that_there_are(C):
    axes = draw.matrix(np.abs(C.matrix()))
    assert axes.images[0].get_clim() == (-5, 5)
    assert axes.figure.axes[-1].get_ylim() == (0, 5)
    left, right = draw.pair(C)
    *both, bar = left.figure.axes
    assert both == [left, right]
    assert bar.get_ylim() == (-3, 5)


def test_small_axes_keep_their_room(C):
    figure, axes = plt.subplots(1, 4, figsize=(10, 3))
    for ax in axes:
        draw.matrix(C, ax, "a title that is longer than the picture below it is wide")
    assert len(figure.axes) == 4
    figure.canvas.draw()
    for ax in axes:
        box = ax.title.get_window_extent()
        assert box.width <= figure.bbox.width / 4


@pytest.mark.parametrize("shape", [(1000, 10), (3, 400), (40, 30)])
def test_thin_matrices_are_stretched_and_others_are_not(shape):
    axes = draw.matrix(np.ones(shape))
    axes.figure.canvas.draw()
    box = axes.get_window_extent()
    ratio = shape[0] / shape[1]
    np.testing.assert_allclose(box.height / box.width, min(max(ratio, 1 / 4), 4), rtol=1e-6)


def test_the_explorer_and_notebooks_have_the_same_colours():
    page = (files("minicnn.explore") / "web" / "style.css").read_text()
    for n, name in enumerate(("negative", "positive")):
        assert re.findall(rf"--{name}: (#\w+);", page) == [VALUES[False][n], VALUES[True][n]]
    html = conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (4,))._repr_html_()
    assert set(re.findall('fill="(#.*?)"', html)) == set(VALUES[False])


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
