"""A walk's numbers are the library's, and the stage shows them: rows, windows, and the gradient as it accumulates."""

import math

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from minicnn.draw import movie
from minicnn.draw.grids import shown
from minicnn.draw.movie import save_animation, save_still
from minicnn.draw.stage import Stage
from minicnn.draw.style import background
from minicnn.draw.walk import conv_walk, pool_walk

mpl.use("agg")

X = np.random.default_rng(0).integers(0, 9, (4, 5, 2))
WALKS = {
    "image": lambda: conv_walk((5, 4), (3, 2), stride=2, padding=((1, 0), (0, 2)), channels=(2, 4), groups=2),
    "flipped signal": lambda: conv_walk((7,), (3,), stride=2, dilation=2, padding=2, flip=True),
    "transposed": lambda: conv_walk((2, 3), (3, 2), stride=2, transpose=True, channels=(2, 1), output_padding=(1, 0)),
    "reflected": lambda: conv_walk(
        (4, 3), (3, 2), stride=(2, 1), padding=(1, (0, 1)), padding_mode="reflect", flip=True
    ),
    "replicated": lambda: conv_walk(
        (3, 2), (3, 3), padding="SAME", padding_mode="replicate", channels=(2, 2), groups=2
    ),
    "circular, transposed": lambda: conv_walk((2,), (3,), stride=2, padding=1, padding_mode="circular", transpose=True),
    "circular, with pixels unread": lambda: conv_walk((5,), (1,), stride=3, padding=1, padding_mode="circular"),
    "replicated, transposed": lambda: conv_walk(
        (3, 2), (3, 2), padding=((1, 1), (2, 0)), padding_mode="replicate", transpose=True, channels=(2, 1)
    ),
    "average": lambda: pool_walk("average", X[..., :1] * 12, (2, 2), stride=1),
    "max": lambda: pool_walk("max", X, (2, 3), stride=(2, 1)),
}


@pytest.fixture(scope="module", params=WALKS)
def walk(request):
    return WALKS[request.param]()


def test_every_number_is_that_of_the_matrix(walk):
    np.testing.assert_array_equal(walk.C @ np.ravel(walk.x), walk.y.ravel())
    y_bar = np.ravel(walk.y_bar)
    for n, x_bar in enumerate(walk.x_bars):
        np.testing.assert_array_equal(x_bar.ravel(), walk.C[:n].T @ y_bar[:n])
    assert len(walk.x_bars) == len(walk.C) + 1


def test_every_entry_belongs_to_its_tap(walk):
    there = walk.table >= 0
    np.testing.assert_array_equal(there, walk.C != 0)
    if walk.w is not None:
        w = np.ravel(walk.w)
        np.testing.assert_array_equal(walk.C[there], [w[[*walk.sums[met]]].sum() for met in walk.table[there]])
        places = {"w" + "".join(map(str, place)): value for place, value in np.ndenumerate(np.asarray(walk.w))}
        low = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
        single = walk.w.shape[-2:] == (1, 1)
        for name, value in zip(walk.names[there], walk.C[there], strict=True):
            taps = name.translate(low).split("+")
            assert sum(places[tap + "00" * single] for tap in taps) == value


@pytest.mark.parametrize("kind", [kind for kind in WALKS if kind not in ("average", "max")])
def test_the_unread_pixels_are_the_zero_columns(kind):
    walk = WALKS[kind]()
    read = walk.C.any(0).reshape(walk.A.in_shape).any(-1)
    assert walk.unread == [tuple(pixel) for pixel in np.argwhere(~read).tolist()]
    assert walk.unread == {"circular, with pixels unread": [(1,), (3,)]}.get(kind, walk.unread)


def test_padding_that_copies_is_seen_with_the_values_it_copies():
    stage = Stage(conv_walk((3, 4), (3, 3), padding=1, padding_mode="circular"))
    padded = np.pad(np.asarray(stage.walk.x)[..., 0], 1, mode="wrap")
    for (_, place), cell in stage.x.position.items():
        text = stage.x.texts[cell]
        assert text is not None
        assert text.get_text() == shown(float(padded[place[0] + 1, place[1] + 1]))
    assert len(stage.x.own) == len([text for text in stage.x_bar.texts if text]) == 12


def test_the_window_covers_the_row(walk):
    stage = Stage(walk)
    for n in range(len(walk.C)):
        touched = {}
        for channel, place, tap in walk.window(n):
            index = stage.x.cells[stage.x.position[channel, place]]
            if index is not None:
                touched.setdefault(int(np.ravel_multi_index(index, walk.A.in_shape)), []).append(tap)
        row = {int(i): [*walk.sums[walk.table[n, i]]] for i in np.flatnonzero(walk.C[n])}
        if walk.name == "P(x)":
            assert row.items() <= touched.items()
        else:
            assert row == {i: sorted(taps) for i, taps in touched.items()}


def test_the_stage_shows_each_output(walk):
    with background(dark=True):
        stage = Stage(walk)
    for n in (0, len(walk.C) - 1, None):
        stage.show(n)
        done = len(walk.C) if n is None else n + 1
        written(stage.x_bar, walk.x_bars[done])
        written(stage.y, np.where(np.arange(walk.y.size) < done, walk.y.ravel(), np.nan).reshape(walk.y.shape))
        colored = {
            int(np.ravel_multi_index(index, walk.A.in_shape))
            for index, face in zip(stage.x_bar.cells, stage.x_bar.squares.get_facecolor(), strict=True)
            if index is not None and any(np.array_equal(face, color) for color in stage.colors)
        }
        assert colored == (set() if n is None else set(np.flatnonzero(walk.C[n])))
        row, column = stage.frames_of_matrices
        assert row.frame.get_visible() == column.frame.get_visible() == (n is not None)
        if n is not None:
            columns = walk.C.shape[1]
            assert row.frame.get_bbox().bounds == (0, n, columns, 1)
            assert column.frame.get_bbox().bounds == (n, 0, 1, columns)
            assert f"row {n} of {walk.name}" in stage.caption.get_text()


def written(grid, values):
    texts = [(index, text) for index, text in zip(grid.cells, grid.texts, strict=True) if text is not None]
    assert {index: text.get_text() for index, text in texts} == {i: shown(float(v)) for i, v in np.ndenumerate(values)}


@pytest.fixture(scope="module")
def small():
    return Stage(conv_walk((3, 2), (2, 2)))


def test_an_animation_has_a_picture_for_each_output(small, tmp_path):
    path = save_animation(small, tmp_path / "small.gif")
    with Image.open(path) as animation:
        assert animation.n_frames == 2
        pictures = []
        for n in range(2):
            animation.seek(n)
            pictures.append(np.asarray(animation.convert("RGB"), int))
    for picture, frame in zip(pictures, small.frames(), strict=True):
        assert np.abs(picture - frame).mean() < 0.5  # the palette has 256 colours
        assert (picture[0] == 255).all()
    assert math.dist(pictures[0].ravel(), pictures[1].ravel()) > 0


def test_an_animation_for_the_browser(small, tmp_path):
    page = save_animation(small, tmp_path / "small.html").read_text()
    assert page.count("data:image/png;base64") == 2
    assert "http" not in page  # it needs no network
    assert "<title>Convolution: input 3×2, kernel 2×2</title>" in page


def test_a_still(small, tmp_path):
    with Image.open(save_still(small, tmp_path / "small.png", dpi=50)) as picture:
        assert picture.size == (640, 320)


def test_what_cannot_be_written_is_said(small, tmp_path, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "animation.ffmpeg_path", "no-such-ffmpeg")
    with pytest.raises(FileNotFoundError, match="needs ffmpeg"):
        save_animation(small, tmp_path / "small.mp4")
    with pytest.raises(ValueError, match=r"an animation is one of \.gif, \.mp4, \.html"):
        save_animation(small, tmp_path / "small.mov")
    with pytest.raises(ValueError, match="a still is one of"):
        save_still(small, tmp_path / "small.doc")
    assert not any(tmp_path.iterdir())
    monkeypatch.setattr(movie, "_MOST", 1)
    with pytest.raises(ValueError, match="would step through 2 outputs"):
        save_animation(small, tmp_path / "small.gif")


def test_more_than_two_axes_are_not_drawn():
    with pytest.raises(ValueError, match="3 spatial axes: at most 2"):
        Stage(conv_walk((2, 2, 2), (1, 1, 1)))
