"""IDX files: what is read is what was written; what is damaged is refused with the file and the reason."""

import gzip
import os
import struct
import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.data import read_idx
from tests.data.files import CODES, idx

ARRAYS = st.tuples(
    st.sampled_from(sorted(CODES)), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 99)
)


def draw(dtype, shape, seed):
    return np.random.default_rng(seed).integers(-100, 100, shape).astype(dtype)


VALID = idx(np.arange(12, dtype="u1").reshape(3, 2, 2))
compress = partial(gzip.compress, mtime=0)  # the same bytes at any time
GZIP = compress(VALID)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "images-idx3-ubyte"


@given(ARRAYS, st.booleans())
def test_what_is_read_is_what_was_written(path, drawn, compressed):
    array = draw(*drawn)
    path.write_bytes(gzip.compress(idx(array)) if compressed else idx(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1)
LARGE = bytes([0, 0, 8, 1]) + struct.pack(">I", 2**29)


def swapped(content, width):
    """Every so many bytes in reverse order, as a program writes them that takes the machine's order."""
    return b"".join(content[start : start + width][::-1] for start in range(0, len(content), width))


SIZES_SWAPPED = VALID[:4] + swapped(VALID[4:16], 4) + VALID[16:]


DAMAGED = {
    "empty": (b"", "is not an IDX file: it begins with nothing"),
    "a picture": (b"\x89PNG\r\n", "is not an IDX file: it begins with 89 50 4e 47"),
    "an unknown type": (b"\0\0\x07\1" + VALID[4:], "is not an IDX file: it begins with 00 00 07 01"),
    "no axes": (b"\0\0\x08\0", "announces 0 axes"),
    "too many axes": (b"\0\0\x08\xff" + bytes(1020), "announces 255 axes"),
    "half a header": (VALID[:10], "is cut short: 3 sizes should follow"),
    "half a body": (VALID[:-5], "is cut short: it announces 3×2×2 entries, 12 bytes"),
    "half a body, compressed": (compress(VALID[:-5]), "is cut short: it announces 3×2×2 entries, 12 bytes"),
    "something behind it": (VALID + b"\0", "has bytes after the 3×2×2 entries it announces"),
    "something behind it, compressed": (compress(VALID + b"\0"), "has bytes after the 3×2×2 entries"),
    "larger than is read": (HUGE, "announces 4294967295×4294967295×4294967295 entries"),
    "larger than the file": (LARGE, "is cut short: it announces 536870912 entries"),
    "larger than the file, compressed": (compress(LARGE), "is cut short: it announces 536870912 entries"),
    "no entries of an axis too long": (
        bytes([0, 0, 8, 3]) + struct.pack(">3I", 0, 2**32 - 1, 2**32 - 1),
        "announces 0×4294967295×4294967295 entries",
    ),
    "four bytes swapped": (swapped(VALID, 4), "is byte-swapped: it begins with 03 08 00 00, IDX with every four bytes"),
    "two bytes swapped": (swapped(VALID, 2), "is byte-swapped: it begins with 00 00 03 08, IDX with every two bytes"),
    "sizes swapped": (SIZES_SWAPPED, "is byte-swapped: its sizes, 50331648×33554432×33554432, fit if they are read"),
    "sizes swapped, compressed": (compress(SIZES_SWAPPED), "is byte-swapped: its sizes, 50331648×33554432×33554432"),
    "half of a gzip file": (GZIP[:-9], "is damaged gzip: Compressed file ended"),
    "a wrong checksum": (GZIP[:-8] + b"\1\2\3\4" + GZIP[-4:], "is damaged gzip: CRC check failed"),
    "rubbish behind gzip": (GZIP + b"rubbish", "is damaged gzip: Not a gzipped file"),
    "no deflate inside": (GZIP[:10] + b"\xff" * 20, "is damaged gzip: Error"),
}


@pytest.mark.parametrize(("content", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused_with_its_name_and_the_reason(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_a_byte_swapped_file_of_the_largest_size_is_still_called_that(path):
    path.write_bytes(SIZES_SWAPPED)
    with pytest.raises(ValueError, match="byte-swapped"):
        read_idx(path, len(SIZES_SWAPPED) - 16)


@pytest.mark.parametrize("content", [LARGE, compress(LARGE), HUGE], ids=["plain", "compressed", "huge"])
def test_nothing_large_is_allocated_for_what_is_only_announced(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match="announces"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()


def is_read_or_refused(path, content):
    path.write_bytes(content)
    try:
        assert isinstance(read_idx(path), np.ndarray)
    except ValueError as error:
        assert str(path) in str(error)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0", b"\0\0\x08\1", b"\x1f\x8b", b"\x1f\x8b\x08\0"]))
def test_any_bytes_are_read_or_refused(path, content, start):
    is_read_or_refused(path, start + content)


@given(
    st.sampled_from([VALID, GZIP]),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4),
    st.integers(0, 60),
)
def test_any_damage_is_read_or_refused(path, content, changes, length):
    damaged = bytearray(content)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    is_read_or_refused(path, bytes(damaged[:length]) if length < len(damaged) else bytes(damaged) * (1 + length % 2))


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "labels").write_bytes(VALID)
    assert read_idx("~/labels").shape == (3, 2, 2)


def test_what_is_no_file_is_said_and_waits_for_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(ValueError, match=f"{path} is not a plain file"):
            read_idx(path)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere")


def test_no_more_than_what_is_known_beforehand_is_read(path):
    path.write_bytes(VALID)
    assert read_idx(path, 12).shape == (3, 2, 2)
    with pytest.raises(ValueError, match=r"announces 3×2×2 entries, 12 bytes: more than 11 are not read"):
        read_idx(path, 11)
