"""Where files come from: the folder given, the variable, the cache, a mirror; else one line says what to do."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading
from dataclasses import replace

import pytest

from minicnn.data.registry import DATASETS, load_data
from minicnn.data.sources import Source, locate

CONTENT = b"some numbers"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# Nothing listens on the discard port, so the mirror fails at once, with or without a network.
DEAD = "http://127.0.0.1:9/"
SET = Source("tiny", (("a.bin", "b.bin"), ("c.bin",)), (DEAD,), {"a.bin": SHA256, "c.bin": SHA256})


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A user without any data: three empty folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "variable"))
    folders = {"given": tmp_path / "given", "variable": tmp_path / "variable", "cache": tmp_path / "caches" / "minicnn"}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return folders


@pytest.fixture
def mirror(tmp_path):
    """A web server on the loopback address, and the folder it shows."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


def put(folder, *names):
    (folder / "tiny").mkdir(exist_ok=True)
    for name in names:
        (folder / "tiny" / name).write_bytes(CONTENT)


def found_in(places):
    (first, *_), _ = locate(SET, places["given"])
    return next(name for name, folder in places.items() if first.is_relative_to(folder))


def test_the_folder_given_comes_before_the_variable_before_the_cache(places):
    for name in ("cache", "variable", "given"):
        put(places[name], "a.bin", "c.bin")
        assert found_in(places) == name


def test_a_folder_without_all_parts_is_passed_over(places):
    put(places["given"], "a.bin")
    put(places["variable"], "b.bin", "c.bin")
    assert found_in(places) == "variable"


def test_a_part_may_have_several_files(places):
    put(places["given"], "b.bin", "c.bin", "a.bin")
    assert [[path.name for path in part] for part in locate(SET, places["given"])] == [["a.bin", "b.bin"], ["c.bin"]]


def test_a_folder_that_is_none_is_named(places):
    with pytest.raises(FileNotFoundError, match=r"`data_dir`='nowhere' is not a folder"):
        locate(SET, "nowhere")


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_given_as_a_folder_is_one_also_where_the_set_has_no_files(name, places):
    (places["given"].parent / "file").touch()
    with pytest.raises(FileNotFoundError, match=r"^`data_dir`='\S+file' is not a folder$"):
        load_data(name, places["given"].parent / "file")


def test_without_files_and_network_one_line_lists_the_three_ways(places):
    with pytest.raises(FileNotFoundError) as caught:
        locate(SET, places["given"])
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "--data-dir FOLDER with a.bin, c.bin in FOLDER or FOLDER/tiny",
        "$MINICNN_DATA",
        "a network",
        DEAD + "a.bin",
    ):
        assert part in message


def test_a_download_comes_from_the_first_mirror_that_gives_it(places, mirror, capsys):
    address, folder = mirror
    for name in ("a.bin", "c.bin"):
        (folder / name).write_bytes(CONTENT)
    (first, *_), _ = locate(replace(SET, mirrors=(DEAD, address + "empty/", address)))
    assert first.read_bytes() == CONTENT
    assert first.is_relative_to(places["cache"])
    assert "a.bin" in capsys.readouterr().out


def test_a_download_that_is_not_the_file_is_refused(places, mirror):
    address, folder = mirror
    (folder / "a.bin").write_bytes(b"other numbers")
    with pytest.raises(FileNotFoundError, match=r"a\.bin: not the file with the known SHA-256"):
        locate(replace(SET, mirrors=(address,)))
    assert not list(places["cache"].rglob("*.bin"))


def test_an_archive_is_unpacked_without_its_folders(places, mirror):
    address, folder = mirror
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("batches/a.bin", "../../c.bin", "batches/readme.html"):
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            tar.addfile(member, io.BytesIO(CONTENT))
    (folder / "tiny.tar.gz").write_bytes(packed.getvalue())
    sha256 = hashlib.sha256(packed.getvalue()).hexdigest()
    locate(replace(SET, mirrors=(address,), downloads={"tiny.tar.gz": sha256}))
    assert sorted(path.name for path in (places["cache"] / "tiny").iterdir()) == ["a.bin", "c.bin"]
