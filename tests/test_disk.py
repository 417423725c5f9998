"""A file that is written is there whole, or what was there before is."""

import errno
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import minicnn
from minicnn import disk
from minicnn.draw import gallery
from minicnn.draw.saving import save_animation, save_still
from minicnn.draw.worked_example import worked_conv
from minicnn.draw.worked_figure import WorkedFigure
from minicnn.explore import write_page
from tests.cli.conftest import run

__all__ = ["run"]


def drawn():
    return WorkedFigure(worked_conv((3,), (2,)))


WRITERS = {
    "a still": ("worked.png", lambda path: save_still(drawn(), path)),
    "an animation": (
        "worked.gif",
        lambda path: save_animation(drawn(), path),
    ),
    "a page of the explorer": ("page.html", lambda path: write_page(path, network=False)),
    "the index of a gallery": ("index.html", lambda path: gallery.write_index([], path.parent)),
}
COMMANDS = {
    "spectrum": ("--json", "found.json", ("--input", 4, "--dims", 1, "--kernel", 2)),
    "spectrum, drawn": ("--picture", "found.svg", ("--input", 4, "--dims", 1, "--kernel", 2)),
    "certify": ("--json", "found.json", ("--input", 4, "--kernel", 2, "--dims", 1)),
    "lift": ("--json", "found.json", ("minicnn.ops:exp", "--shape", 3)),
    "show": ("--picture", "found.pdf", ("--input", 4, "--kernel", 2, "--dims", 1)),
    "explore": ("--out", "found.html", ()),
}


@pytest.fixture
def full(monkeypatch):
    """A disk that has room for three bytes more."""

    def write(descriptor, content):
        os.write(descriptor, content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    names = {name: getattr(os, name) for name in dir(os)}
    monkeypatch.setattr(disk, "os", SimpleNamespace(**names | {"write": write}))


@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk_leaves_what_was_there(what, tmp_path, full):
    name, write = WRITERS[what]
    (tmp_path / name).write_text("before")
    with pytest.raises(OSError, match=f"cannot write .*{name}: No space left"):
        write(tmp_path / name)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "before")]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_a_full_disk_says_so_and_leaves_what_was_there(command, tmp_path, full, run):
    option, name, words = COMMANDS[command]
    (tmp_path / name).write_text("before")
    result = run(command.split(",")[0], *words, option, tmp_path / name)
    assert result.exit_code == 2
    assert re.search(f"cannot write .*{name}: No space left", result.output), result.output
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "before")]


def test_only_one_room_writes_files():
    """Every other way leaves half a file where the disk is full."""
    direct = re.compile(r"\.write_(text|bytes)\(|savefig\((path|file|json_file|picture_file)")
    own = {"disk.py": "it is the room", "peak_memory.py": "no file: /proc"}
    package = Path(minicnn.__file__).parent
    code = ((file, re.sub(r"^ *>>>.*", "", file.read_text(), flags=re.M)) for file in package.rglob("*.py"))
    assert [file.name for file, text in code if file.name not in own and direct.search(text)] == []


def test_a_private_file_stays_private(tmp_path):
    (file := tmp_path / "file").touch(0o600)
    disk.write_whole(file, "after")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_loop_of_links_is_refused_as_the_system_does(tmp_path):
    (one := tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(one)
    with pytest.raises(OSError, match=r"cannot write .*one: Too many levels"):
        disk.write_whole(one, "after")


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)
    disk.write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_what_is_no_file_is_written_and_not_replaced(tmp_path):
    reader, writer = os.pipe()
    disk.write_whole(Path(f"/dev/fd/{writer}"), "told")
    os.close(writer)
    with os.fdopen(reader) as stream:
        assert stream.read() == "told"


def test_two_who_write_one_file_at_once_both_succeed_and_the_last_wins_whole(tmp_path, monkeypatch):
    first, file = [True], tmp_path / "file"

    def write(descriptor, content):
        if first and first.pop():
            disk.write_whole(file, "of the other")
        return os.write(descriptor, content[:3])

    names = {name: getattr(os, name) for name in dir(os)}
    monkeypatch.setattr(disk, "os", SimpleNamespace(**names | {"write": write}))
    disk.write_whole(file, "of the one")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "of the one")]


@pytest.mark.parametrize("name", ["file", "f[1]*", "n" * 255])
def test_what_a_kill_left_of_a_file_goes_when_it_is_written_a_day_later(name, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt  # as little is cleaned up

    names = {name: getattr(os, name) for name in dir(os)}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(disk, "os", SimpleNamespace(**names | {"replace": killed}))
        disk.write_whole(tmp_path / name, "half")
    (left,) = tmp_path.iterdir()
    others = [
        left.with_name(other) for other in (".other.0123456789abcdef.partial", ".file.txt", f"{name[:9]}.partial")
    ]
    young = left.with_name(f"{left.name[:-24]}{'0' * 16}.partial")
    for path in (*others, young):
        path.write_text("not to be deleted")
    for path in (left, *others):
        os.utime(path, (0, 0))
    disk.write_whole(tmp_path / name, "whole")
    assert {*tmp_path.iterdir()} == {*others, young, tmp_path / name}


def test_what_cannot_be_cleared_does_not_keep_a_file_from_being_written(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    names = {name: getattr(os, name) for name in dir(os)}
    monkeypatch.setattr(disk, "os", SimpleNamespace(**names | {"scandir": refuse}))
    disk.write_whole(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"


@pytest.mark.parametrize("name", ["n" * 247, "n" * 255, "é" * 127, "日" * 85])
def test_a_name_as_long_as_names_can_be_is_written(name, tmp_path):
    disk.write_whole(tmp_path / name, "whole")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "whole")]


def test_a_folder_that_cannot_be_written_is_said_to_be_needed(tmp_path, monkeypatch):
    (file := tmp_path / "file").write_text("before")

    def refuse(path, flags, mode=0):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    names = {name: getattr(os, name) for name in dir(os)}
    monkeypatch.setattr(disk, "os", SimpleNamespace(**names | {"open": refuse}))
    with pytest.raises(OSError, match=r"cannot write .*file: Permission denied: .* its folder must be writable$"):
        disk.write_whole(file, "after")
    assert file.read_text() == "before"
