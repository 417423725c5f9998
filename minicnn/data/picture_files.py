"""What is opened as a picture, and how it becomes numbers: nothing in the file is believed before it is checked."""

import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from jaxtyping import Float, Shaped

from minicnn.data.paths import at_home, said
from minicnn.data.preparation import has_countless_comments, without_damaged_extras

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

# Raster formats whose decoders only decode. Pillow knows more: EPS, for one, it hands to Ghostscript, a program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# The largest pictures that phones take are of 50 million pixels, 200 million in a special mode; four bytes for each of
# 2²⁶ pixels are 256 MB. The pixels of some compressed formats take a thousandth of a byte each: the header must say.
MAX_PIXELS = 2**26
# MAX_PIXELS pixels of four bytes, not compressed.
MAX_BYTES = 2**28
# The longest side that is worked on: a 2-pixel line on a page of 4,000 is still a quarter as dark as its ink.
WORKING_SIDE = 1024
# How often a file is read until its header is, and until its pixels are. Headers take hundreds of reads, but Pillow
# skips comments byte by byte; a GIF of MAX_PIXELS takes half a million, in blocks of 255 bytes, if it was not squeezed.
_MOST_OF_HEADER, _MOST_READS = 2**17, 2**21
_SMALL = "is made of too many small parts, such as comments or their letters: it is not read further"
# The tags of TIFF and EXIF that are looked at.
_BITS, _ORIENTATION, _SAMPLE = 258, 274, 339
# What TIFF calls its numbers, by its own number for them.
_KINDS = {1: "uint", 2: "int", 3: "float", 5: "complex int", 6: "complex float"}
# The types of numbers whose bits Pillow takes for another's: by the mode that it names, bits and kind of each.
_TAKEN_FOR = {("L", 8, 2): np.int8, ("I", 32, 1): np.uint32}
# Characters of a decoder's reason that are repeated.
_LONGEST = 200
# The largest values of the scales in use for whole and for real numbers: 0…1, one byte, two bytes.
_SCALES = (1, 255, 65535)
# How far real numbers may lie above the end of their scale, as they do where a picture was resized.
_OVERSHOOT = 1.25


@dataclass(frozen=True)
class Picture:
    """The content of a picture file.

    Attributes:
        colours: (height, width, 1 or 3), from 0 to 1, the right way up, at most `WORKING_SIDE` high and wide.
        opacity: (height, width), from 0 to 1; None if all of the picture is opaque.
        size: height and width of what the file holds, the right way up.
        done: what was done to it, one phrase each.
    """

    colours: Float[np.ndarray, "h w c"]
    opacity: Float[np.ndarray, "h w"] | None
    size: tuple[int, int]
    done: tuple[str, ...]


def open_picture(path: Path | str) -> Picture:
    """Read a raster picture, the first if the file holds several.

    Args:
        path: of the file, in one of `FORMATS`, whatever its name ends in; `~` is the home folder.

    Raises:
        ValueError: if it is in none of the formats, larger than `MAX_PIXELS` or `MAX_BYTES`, or damaged.
        OSError: if there is no such file, or it cannot be read. Every message is one line with the name of the file.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> path = pathlib.Path(tempfile.mkdtemp(), "grey.png")
    >>> Image.new("L", (3, 2), 51).save(path)
    >>> open_picture(path).colours[..., 0]
    array([[0.2, 0.2, 0.2],
           [0.2, 0.2, 0.2]], dtype=float32)
    """
    given, path = path, at_home(path)
    try:
        # Not a pipe, which would wait for ever, nor a device, which would never end.
        if not stat.S_ISREG((status := path.stat()).st_mode):
            raise ValueError(f"{given} is {'a folder' if path.is_dir() else 'a device'}, not a picture file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{given} has {status.st_size:,} bytes: more than {MAX_BYTES:,} are not read")
        with path.open("rb") as file:
            return _decoded(file, str(given))
    except OSError as error:
        raise type(error)(f"{given} cannot be read: {said(error)}") from error


def _decoded(file: BinaryIO, name: str) -> Picture:
    """Decode the picture in an open file."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings(record=True) as warned, _standard_error_kept() as printed:
        # Sizes are checked here, and damage that a decoder only warns of is reported.
        warnings.simplefilter("always")
        try:
            if has_countless_comments(file):
                raise _RefusedError(_SMALL)
            whole, left_out = without_damaged_extras(file)
            counted: Any = _Counted(whole)
            with Image.open(counted, formats=FORMATS) as picture:
                counted.left = _MOST_READS
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise _RefusedError(f"is {height:,}×{width:,}: more than {MAX_PIXELS:,} pixels are not read")
                if not width * height:
                    raise _RefusedError("has no pixels")
                read = _read(picture)
        except _RefusedError as error:
            raise ValueError(f"{name} {error}") from error
        except UnidentifiedImageError as error:
            what = _said_of_tiff(file) or f"is not a picture in a format that is read ({', '.join(FORMATS)})"
            raise ValueError(f"{name} {what}") from error
        except Image.DecompressionBombError as error:
            raise ValueError(f"{name} is too large: more than {MAX_PIXELS:,} pixels are not read") from error
        except Exception as error:
            # Decoders raise whatever their code meets in a damaged file: struct.error, KeyError, MemoryError, …
            raise ValueError(f"{name} cannot be decoded: {(printed() or [_reason(error)])[0]}") from error
        damage = [*left_out, *printed()]
    damage += [_reason(warning.message) for warning in warned if warning.category is UserWarning]
    suspected = tuple(f"read in spite of: {why}" for why in dict.fromkeys(damage))
    return Picture(read.colours, read.opacity, read.size, (*read.done, *suspected))


@contextmanager
def _standard_error_kept() -> Iterator[Callable[[], list[str]]]:
    """Keep what a decoder in C prints past Python: libtiff tells its reasons in no other way.

    Yields:
        A function that returns the lines printed so far.
    """
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)

        def printed() -> list[str]:
            kept.seek(0)
            return [_line(line) for line in kept.read().decode(errors="replace").splitlines()]

        try:
            yield printed
        finally:
            os.dup2(before, 2)
            os.close(before)


class _RefusedError(Exception):
    """This error says why a picture is not decoded, or its values are not taken."""


class _Counted:
    """A file that may be read `left` times more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.left = file, _MOST_OF_HEADER

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or all that are left."""
        self.left -= 1
        if self.left < 0:
            raise _RefusedError(_SMALL)
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _said_of_tiff(file: BinaryIO) -> str:
    """Say what numbers a TIFF holds that Pillow does not know, and what to do; nothing if it is no TIFF."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        file.seek(0)
        header = file.read(8)
        header += file.read(8) if 43 in header[2:4] else b""  # BigTIFF, whose offsets are longer
        tags = ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        bits, kinds = tags[_BITS], tags.get(_SAMPLE, (1,))
        numbers = f"{_KINDS[kinds[0]]}{bits[0]}"
    except Exception:  # whatever the code for a damaged file raises: nothing is known of it
        return ""
    return (
        f"is a TIFF of {len(bits)} × {numbers} for each pixel, which is not read: save it as PNG, or as TIFF of 8 or "
        "16 bits in grey or RGB, or of one float32"
    )


def _reason(error: Warning | Exception | str) -> str:
    """Return the first line of what was raised, with the class where the words alone would not do."""
    first = (str(error).strip().splitlines() or [""])[0]
    plain = first and isinstance(error, OSError | SyntaxError | Warning)
    return _line(first if plain else f"{type(error).__name__} {first}")


def _line(text: str) -> str:
    """Make words that may hold bytes of the file fit for a terminal."""
    text = text.strip().removeprefix("tempfile.tif: ")[:_LONGEST]
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _read(picture: "Image") -> Picture:
    # A TIFF is turned by Pillow, while it is loaded; the EXIF of others may come after their pixels.
    by_pillow = _turn(picture) if picture.format == "TIFF" else None
    several = picture.format != "MPO" and getattr(picture, "is_animated", False)
    own = _own_type(picture)
    picture.load()
    if (turn := _turn(picture)) is not None:
        picture = picture.transpose(turn)
    done = [] if turn is by_pillow is None else ["turned as its EXIF says"]
    done += ["the first picture of several"] if several else []
    factor = -(-max(picture.size) // WORKING_SIDE)
    if own or picture.mode.startswith("I") or picture.mode == "F":
        numbers = np.asarray(picture).astype(own) if own else np.asarray(picture)
        colours, opacity = _reduced(_unit(numbers), factor)[..., None], None
    else:
        shown = picture.convert(_eight_bits(picture)).reduce(factor)
        values = np.asarray(shown, np.float32).reshape(*shown.size[::-1], -1) / np.float32(255)
        see_through = shown.mode.endswith("A")
        colours, opacity = (values[..., :-1], values[..., -1]) if see_through else (values, None)
    if opacity is not None and opacity.min() == 1:
        opacity = None
    return Picture(colours, opacity, (picture.height, picture.width), tuple(done))


def _turn(picture: "Image") -> "Transpose | None":
    """What brings a picture upright, as its EXIF says; None if it is, or if the EXIF says nothing that is known."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    except Exception as error:  # the pixels are not in the EXIF
        warnings.warn(f"its EXIF is damaged: {_reason(error)}", stacklevel=2)
        return None
    if orientation != 1 and orientation not in turns:
        warnings.warn(f"its EXIF has the orientation {_line(str(orientation))}, which there is not", stacklevel=2)
    return turns.get(orientation)


def _own_type(picture: "Image") -> type[np.integer] | None:
    """The type of a TIFF's numbers, where Pillow takes their bits for another's."""
    tags = getattr(picture, "tag_v2", {})
    bits, kinds = tags.get(_BITS, (1,)), tags.get(_SAMPLE, (1,))
    return _TAKEN_FOR.get((picture.mode, bits[0], kinds[0]))


def _eight_bits(picture: "Image") -> str:
    """Name the mode in which a picture of 8 bits or less keeps its colours and its transparency."""
    see_through = picture.has_transparency_data
    grey = picture.mode in ("1", "L", "LA", "La")
    return ("LA" if see_through else "L") if grey else ("RGBA" if see_through else "RGB")


def _unit(values: Shaped[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Bring numbers to 0 … 1, by the smallest usual scale that holds them, or by their range if none does."""
    if not np.isfinite(values).all():
        raise _RefusedError(f"contains {'NaN' if np.isnan(values).any() else 'infinite values'}")
    low, high = float(values.min()), float(values.max())
    over = _OVERSHOOT if np.issubdtype(values.dtype, np.floating) else 1
    scale = next((max(scale, high) for scale in _SCALES if high <= over * scale), high) if low >= 0 else high - low
    return (values.astype(np.float32) - np.float32(min(low, 0))) / np.float32(scale or 1)


def _reduced(values: Float[np.ndarray, "h w"], factor: int) -> Float[np.ndarray, "h w"]:
    """Average over squares; the last ones are filled up with the pixels of the edge."""
    margins = [(0, -n % factor) for n in values.shape]
    height, width = ((n + more) // factor for n, (_, more) in zip(values.shape, margins, strict=True))
    return np.pad(values, margins, mode="edge").reshape(height, factor, width, factor).mean((1, 3))
