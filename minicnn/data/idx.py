"""IDX, the format of MNIST: a magic number, the sizes of the axes, the entries. Compressed by gzip or not."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Shaped

from minicnn.data.paths import at_home

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_RANK = 8
_MAX_BYTES = 2**30
_CHUNK = 2**20
# Deflate stores at least one bit for 129 bytes: a small file cannot hold what a damaged header announces.
_MAX_RATIO = 1032


def read_idx(path: Path | str, most: int = _MAX_BYTES) -> Shaped[np.ndarray, "..."]:
    """Read one array from an IDX file, gzip-compressed if it begins as gzip does, whatever its name ends in.

    Nothing in the file is believed before it is checked: what the header announces must be what the file holds, no
    byte less and none more, and memory grows only with what was really read.

    Args:
        path: the file; `~` is the home folder.
        most: bytes of the largest array that is read: what is known of the file beforehand, or 1 GiB.

    Returns:
        The array, in the machine's byte order.

    Raises:
        ValueError: if it is not a plain file, not an IDX file, byte-swapped, cut short, has something after its last
            entry, is larger than `most` or is damaged gzip; it names the file and the reason.
        OSError: if it cannot be opened.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + bytes([7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = at_home(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not a plain file")
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = path.stat().st_size * (_MAX_RATIO if compressed else 1)
        try:
            if not compressed:
                return _read(file, size, most)
            with gzip.open(file) as stream:
                return _read(stream, size, most)  # pyright: ignore[reportArgumentType]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is damaged gzip: {error}") from error
        except _NoIdxError as error:
            raise ValueError(f"{path} {error}") from error


class _NoIdxError(Exception):
    """This error says why a stream holds no IDX array."""


def _read(stream: BinaryIO, size: int, most: int) -> np.ndarray:
    """Return the array, of at most `most` bytes, of a stream that holds at most `size`."""
    dtype, rank = _magic(stream.read(4))
    header = stream.read(4 * rank)
    if len(header) < 4 * rank:
        raise _NoIdxError(f"is cut short: {rank} sizes should follow the magic number")
    sizes = struct.unpack(f">{rank}I", header)
    shape = "×".join(map(str, sizes))
    # The largest array with these sizes, should some of them be 0: numpy wants even that to be addressable.
    bound = math.prod(max(n, 1) for n in sizes) * dtype.itemsize
    expected = math.prod(sizes) * dtype.itemsize
    if max(bound, expected) > min(size, most):
        backwards = math.prod(struct.unpack(f"<{rank}I", header)) * dtype.itemsize
        if 0 < backwards <= most and len(_take(stream, backwards + 1)) == backwards:
            raise _NoIdxError(f"is byte-swapped: its sizes, {shape}, fit if they are read backwards; IDX is big-endian")
    if bound > most:
        raise _NoIdxError(f"announces {shape} entries, {bound:,} bytes: more than {most:,} are not read")
    if expected > size:
        raise _NoIdxError(f"is cut short: it announces {shape} entries, {expected:,} bytes, and is too small for them")
    data = _take(stream, expected)
    if len(data) < expected:
        raise _NoIdxError(f"is cut short: it announces {shape} entries, {expected:,} bytes, and holds {len(data):,}")
    if stream.read(1):
        raise _NoIdxError(f"has bytes after the {shape} entries it announces")
    return np.frombuffer(data, dtype).reshape(sizes).astype(dtype.newbyteorder("="), copy=False)


def _magic(magic: bytes) -> tuple[np.dtype, int]:
    """Return the dtype and the number of axes that four bytes announce."""
    for backwards, what in ((magic[::-1], "four"), (magic[1::-1] + magic[:1:-1], "two")):
        if not _is_magic(magic) and _is_magic(backwards):
            raise _NoIdxError(f"is byte-swapped: it begins with {magic.hex(' ')}, IDX with every {what} bytes reversed")
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise _NoIdxError(
            f"is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}, not with 00 00, type, axes"
        )
    if not 1 <= magic[3] <= _MAX_RANK:
        raise _NoIdxError(f"is not an IDX file: it announces {magic[3]} axes, not 1 to {_MAX_RANK}")
    return np.dtype(_DTYPES[magic[2]]), magic[3]


def _is_magic(magic: bytes) -> bool:
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _DTYPES and 1 <= magic[3] <= _MAX_RANK


def _take(stream: BinaryIO, size: int) -> bytearray:
    """Read up to `size` bytes, piece by piece."""
    data = bytearray()
    while len(data) < size and (piece := stream.read(min(_CHUNK, size - len(data)))):
        data += piece
    return data
