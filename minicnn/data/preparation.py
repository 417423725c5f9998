"""What is looked at in a picture file before a decoder is, where Pillow's takes too long or refuses too much."""

import io
import zlib
from typing import BinaryIO

_PLAIN = (b"P1", b"P2", b"P3")
# Comments of a plain PBM, PGM or PPM: Pillow moves what is left of a megabyte for each. People write one or two.
_MOST_COMMENTS = 2**10
_BLOCK = 2**20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks of a PNG before its pixels; there are two dozen kinds, of which few come more than once.
_MOST_CHUNKS = 2**10
# The bit of a chunk's first letter that says that the picture can be shown without it.
_EXTRA = 0x20


def has_countless_comments(file: BinaryIO) -> bool:
    """Whether a PBM, PGM or PPM in plain text has more comments than are taken out of it in a moment."""
    file.seek(0)
    comments = 0
    if file.read(2) in _PLAIN:
        while comments <= _MOST_COMMENTS and (block := file.read(_BLOCK)):
            comments += sum(b"#" in line for line in block.replace(b"\r", b"\n").split(b"\n"))
    file.seek(0)
    return comments > _MOST_COMMENTS


def without_damaged_extras(file: BinaryIO) -> tuple[BinaryIO, list[str]]:
    """Leave out what a PNG can be shown without and has a wrong checksum, as libpng does: Pillow refuses all of it.

    Returns:
        The file, or its content where something is left out, and what that is, one phrase each.
    """
    found, begin, kept = [], 0, []
    file.seek(0)
    if file.read(len(_SIGNATURE)) == _SIGNATURE:
        for _ in range(_MOST_CHUNKS):
            start, head = file.tell(), file.read(8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in (b"", b"IDAT") or len(body := file.read(length + 4)) < length + 4:
                break
            right = zlib.crc32(body[:-4], zlib.crc32(kind)).to_bytes(4, "big") == body[-4:]
            if not right and kind[0] & _EXTRA and kind.isalpha():
                found.append(f"its {kind.decode()} has a wrong checksum, and is left out")
                kept.append((begin, start))
                begin = file.tell()
    file.seek(0)
    if not found:
        return file, []
    content = file.read()
    return io.BytesIO(b"".join(content[i:j] for i, j in [*kept, (begin, len(content))])), found
