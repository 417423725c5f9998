"""Ink is found on paper of any colour in any light, without frames, and figure by figure."""

import numpy as np
import pytest

from minicnn.data.ink import box, find_ink, plain_ink, stroke_width, thickened

HEIGHT, WIDTH = 120, 160
ROWS, COLUMNS = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]


def ring(row, column, radius=20, width=6):
    """A figure like a 0: where its ink is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.abs(np.hypot(y - row, x - column) - radius) < width / 2


RING = ring(60, 80)
PAGE = np.where(RING, 0.1, 0.95)


def found(picture, expected=RING):
    """The one figure, which must be the expected one but for its rim."""
    sheet = find_ink(picture)
    (figure,) = sheet.figures
    overlap = (figure & expected).sum() / (figure | expected).sum()
    assert overlap > 0.85, overlap
    assert sheet.ink.min() >= 0
    assert sheet.ink.max() <= 1
    return sheet


def framed(picture, top, right, bottom, left, grey=0.05):
    dark = picture.copy()
    dark[:top], dark[HEIGHT - bottom :], dark[:, :left], dark[:, WIDTH - right :] = (grey,) * 4
    return dark


LIGHTS = {
    "a gradient": 0.65 + 0.3 * COLUMNS,
    "a gradient across": 0.6 + 0.2 * COLUMNS - 0.2 * ROWS,
    "dark corners": 1 - 0.45 * (ROWS**2 + COLUMNS**2),
    "a spotlight": 0.4 + 0.6 * np.exp(-2 * (ROWS**2 + (COLUMNS - 0.5) ** 2)),
    "a shadow beside it": np.where(COLUMNS > 0.5, 0.5, 1),
    "a shadow across it": np.where(COLUMNS > 0, 0.5, 1),
    "a shadow on most of it": np.where(COLUMNS > -0.6, 0.5, 1),
    "a shadow aslant": np.where(COLUMNS + ROWS > 0.2, 0.5, 1),
}


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_uneven_light_leaves_the_ink(light):
    sheet = found(PAGE * light)
    assert sheet.done[:2] == ("freed of uneven light", "inverted, for its paper is bright")


def test_a_large_figure_of_grey_ink_is_not_taken_for_paper():
    figure = ring(60, 80, 45, 14)
    found(np.where(figure, 0.5, 0.95) * (1 - 0.4 * (ROWS**2 + COLUMNS**2)), figure)


def test_even_light_is_not_touched():
    assert found(PAGE).done == ("inverted, for its paper is bright", "stretched to full contrast")
    assert found(np.where(RING, 1.0, 0.0)).done == ()


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.06])
@pytest.mark.parametrize(("ink", "paper"), [(0.1, 0.95), (0.65, 0.9), (0.9, 0.05), (0.4, 0.2), (0.0, 0.06)])
def test_ink_is_darker_or_brighter_than_its_paper(ink, paper, noise):
    if noise > abs(ink - paper) / 4:
        pytest.skip("the noise is as strong as the ink")
    drawn = np.where(RING, ink, paper) + noise * np.random.default_rng(0).normal(size=PAGE.shape)
    sheet = found(np.clip(drawn, 0, 1))
    assert ("inverted, for its paper is bright" in sheet.done) == (ink < paper)


FRAMES = {
    "a scanner's lid": framed(PAGE, 10, 14, 6, 9),
    "a lid of one pixel": framed(PAGE, 1, 1, 1, 1),
    "an edge": framed(PAGE, 0, 0, 0, 12),
    "a corner": framed(PAGE, 9, 13, 0, 0),
    "a box": framed(framed(PAGE, 8, 8, 8, 8), 6, 6, 6, 6, 0.95),
    "a box in a box": framed(
        framed(framed(framed(PAGE, 12, 12, 12, 12), 10, 10, 10, 10, 0.95), 8, 8, 8, 8), 5, 5, 5, 5, 0.95
    ),
    "a rule": np.where(np.arange(HEIGHT)[:, None] == 110, 0.3, PAGE),
}


@pytest.mark.parametrize("picture", FRAMES.values(), ids=FRAMES)
def test_frames_are_not_figures(picture):
    sheet = find_ink(picture)
    (figure,) = sheet.figures
    rows, columns = box(figure)
    assert 40 <= rows.stop - rows.start <= 50
    assert 40 <= columns.stop - columns.start <= 50
    assert {"cut to its page", "freed of a frame", "freed of uneven light"} & set(sheet.done)


def test_what_looks_like_a_frame_is_a_figure_if_it_is_alone():
    bar = np.zeros((HEIGHT, WIDTH), bool)
    bar[:, 70:90] = True
    found(np.where(bar, 0.1, 0.95), bar)
    hollow = np.zeros((HEIGHT, WIDTH), bool)
    hollow[20:100, 30:130] = True
    hollow[26:94, 36:124] = False
    found(np.where(hollow, 0.1, 0.95), hollow)


def test_figures_are_found_in_reading_order():
    places = [(30, 27), (34, 80), (28, 132), (88, 40), (92, 110)]
    picture = np.ones((HEIGHT, WIDTH))
    for place in places:
        picture[ring(*place)] = 0.2
    figures = find_ink(picture).figures
    assert len(figures) == len(places)
    for figure, place in zip(figures, places, strict=True):
        np.testing.assert_allclose([(part.start + part.stop - 1) / 2 for part in box(figure)], place)


def test_pieces_of_a_figure_are_one_and_dust_is_none():
    broken = RING.copy()
    broken[:, 79:81] = False  # into halves
    bar = np.zeros_like(RING)
    bar[26:31, 65:95] = True  # above it, as of a 5
    dust = np.zeros_like(RING)
    dust[10:13, 10:13] = dust[100:103, 150:153] = dust[59:62, 112:115] = True
    figure = found(np.where(broken | bar | dust, 0.1, 0.95), broken | bar).figures[0]
    assert not (figure & dust).any()


def test_a_picture_of_nothing_has_no_figures():
    assert find_ink(np.zeros((20, 20))).figures == ()


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 300), (300, 1), (2, 2), (3, 1000), (1000, 3), (5, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_any_shape_is_read(shape, seed):
    picture = np.random.default_rng(seed).random(shape)
    for figure in find_ink(picture).figures:
        assert figure.any()


@pytest.mark.parametrize("width", [2, 3, 5, 8, 13])
def test_the_width_of_strokes_is_measured(width):
    strip = np.zeros((100, 100), bool)
    strip[10:90, 30 : 30 + width] = True
    assert abs(stroke_width(strip) - width) < 0.5 + 0.05 * width
    np.testing.assert_allclose(stroke_width(ring(60, 80, 35, width)), width, rtol=0.25)


@pytest.mark.parametrize("reach", [0.5, 1.5, 4.0])
def test_strokes_thicken_by_the_reach_on_both_sides(reach):
    line = np.zeros((30, 30))
    line[5:25, 14:16] = 1
    np.testing.assert_allclose(thickened(line, line > 0, reach)[15].sum(), 2 + 2 * reach)


def test_plain_ink_keeps_what_is_there():
    ink, done = plain_ink(framed(PAGE, 8, 8, 8, 8, 0.95))
    np.testing.assert_allclose(ink, np.where(RING, 1, 0), atol=1e-12)
    assert done == ["inverted, for its paper is bright", "stretched to full contrast"]
