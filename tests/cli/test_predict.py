"""`minicnn predict`: a line for each figure, a line for what cannot be read, and the images that the network saw."""

import errno
import io
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from minicnn.cli.app import Terminal
from minicnn.train import Run
from tests.train.tiny import CONFIG, MODEL, tiny_data


@pytest.fixture
def trained(tiny, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    run.save_params(MODEL.init(jax.random.key(0), tiny_data().in_shape))
    return run.folder


def drawn(path, *columns):
    """Bars of 20×8, dark on bright."""
    sheet = Image.new("L", (100, 60), 250)
    for column in columns:
        sheet.paste(10, (column, 20, column + 8, 40))
    sheet.save(path)
    return path


def test_every_figure_has_a_line(run, trained, tmp_path):
    result = run("predict", trained, drawn(tmp_path / "one.png", 40), drawn(tmp_path / "two.png", 20, 60))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(": ")[0].rsplit("/", 1)[1] for line in lines] == [
        "one.png",
        "two.png, figure 1 of 2",
        "two.png, figure 2 of 2",
    ]
    assert all("inverted, for its paper is bright" in line for line in lines)


def test_one_bad_picture_does_not_lose_the_others(run, trained, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("L", (50, 50)).save(tmp_path / "blank.png")
    bad = [tmp_path / name for name in ("bad.png", "text.jpg", "blank.png", "nowhere.png")]
    result = run("predict", trained, *bad[:2], drawn(tmp_path / "good.png", 40), *bad[2:], tmp_path)
    assert result.exit_code == 2
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == [str(tmp_path / "good.png")]
    errors = result.stderr.splitlines()
    missing, *others = errors  # what is not there is said before anything is loaded
    assert missing == f"error: {bad[3]} cannot be read: No such file or directory"
    assert all(line.startswith(f"error: {path}") for line, path in zip(others, [*bad[:3], tmp_path], strict=True))
    assert "Errno" not in result.stderr


def test_paths_that_cannot_be_looked_at_have_a_line_too(run, trained, tmp_path):
    good = drawn(tmp_path / "good.png", 40)
    result = run("predict", trained, tmp_path / f"{'a' * 300}.png", good / "inside.png", good)
    assert result.exit_code == 2
    assert "File name too long" in result.output
    assert "Not a directory" in result.output
    assert "good.png: " in result.output


@pytest.mark.parametrize("command", [("evaluate",), ("train", "--resume"), ("predict",), ("certify",)])
def test_a_folder_that_the_data_of_a_run_does_not_use_is_refused(run, trained, command, tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.data.registry._WITHOUT_FILES", ("tiny",))
    pictures = [drawn(tmp_path / "one.png", 40)] if command == ("predict",) else []
    result = run(*command, trained, *pictures, "--data-dir", tmp_path, width=400)
    assert result.exit_code == 2
    assert f"error: `data_dir`='{tmp_path}' is not used: tiny come with" in result.output


def test_without_a_single_picture_that_is_read_the_status_is_2(run, trained, tmp_path):
    result = run("predict", trained, tmp_path / "nowhere.png", "--picture", tmp_path / "seen.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "seen.png").exists()


def test_what_the_network_saw_is_saved(run, trained, tmp_path):
    whole = np.random.default_rng(0).integers(0, 256, (4, 4)).astype(np.uint8)
    whole[0, 0], whole[0, 1], whole[1:3, 1:3] = 0, 255, 9
    Image.fromarray(whole).save(tmp_path / "as it is.png")
    result = run(
        "predict", trained, tmp_path / "as it is.png", drawn(tmp_path / "x.png", 40), "--picture", tmp_path / "s.png"
    )
    assert result.exit_code == 0, result.output
    seen = np.asarray(Image.open(tmp_path / "s.png"))
    assert seen.shape == (32, 72)
    assert (seen[:, 32:40] == 128).all()
    assert np.ptp(seen[:8, :8]) == np.ptp(seen[:8, 8:16]) == 0
    assert seen[0, 0] != seen[0, 8]


def test_only_png_is_written(run, trained, tmp_path):
    result = run("predict", trained, drawn(tmp_path / "x.png", 40), "--picture", tmp_path / "seen.jpg")
    assert result.exit_code == 2
    assert f"`picture`='{tmp_path / 'seen.jpg'}' must end in .png" in result.stderr
    assert not (tmp_path / "seen.jpg").exists()


def test_a_home_folder_that_is_none_does_not_lose_the_other_pictures(run, trained, tmp_path):
    result = run("predict", trained, "~nobody-there/x.png", drawn(tmp_path / "good.png", 40))
    assert result.exit_code == 2
    assert result.stderr == "error: ~nobody-there/x.png cannot be read: No such file or directory\n"
    assert result.stdout.startswith(f"{tmp_path}/good.png: ")


class Full(io.StringIO):
    """Standard error on a disk without room."""

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_errors_that_cannot_be_written_do_not_lose_what_can(run, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["minicnn.cli.app"], "errors", Terminal(file=Full()))
    result = run("predict", trained, tmp_path / "nowhere.png", drawn(tmp_path / "good.png", 40))
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{tmp_path}/good.png: ")


def test_the_older_spelling_of_picture_is_refused_beside_it(run, tmp_path):
    result = run("predict", tmp_path, "x.png", "--picture", "a.png", "--save", "b.png")
    assert (
        result.output == "error: --save would do nothing beside --picture, its newer spelling: leave one of them out\n"
    )
