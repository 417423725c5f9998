"""A still and an animation can be read back; what cannot be written is said before anything is."""

import math
import re
from urllib.parse import parse_qs

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from minicnn.draw import saving
from minicnn.draw.saving import save_animation, save_still
from minicnn.draw.worked_example import worked_conv
from minicnn.draw.worked_figure import WorkedFigure


@pytest.fixture(scope="module")
def small():
    return WorkedFigure(worked_conv((3, 2), (2, 2)))


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
    """It is the explorer's page: what it shows of a map is tested there."""
    page = save_animation(small, tmp_path / "small.html", rate=3).read_text()
    state = parse_qs(re.findall('"state":"(.*?)"', page)[0])
    assert (state["input"], state["kernel"], state["w"]) == (["3x2"], ["2"], ["1,2,3,4"])
    assert state["x"] == [",".join(f"{value:g}" for value in np.ravel(small.example.x))]
    assert (state["rate"], state["theme"]) == (["3"], ["light"])


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
    monkeypatch.setattr(saving, "_MOST", 1)
    with pytest.raises(ValueError, match="would step through 2 outputs"):
        save_animation(small, tmp_path / "small.gif")
