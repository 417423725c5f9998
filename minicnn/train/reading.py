"""Any picture as an image like those a network has learnt from, with an account of what was done to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32

from minicnn.data import Dataset

if TYPE_CHECKING:
    from PIL.Image import Image

_INK = 0.3
_SAMPLE = 200
_MARGIN = 4
_FLAT = 8 / 255
_FULL = 0.9

Grey = Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class Reading:
    """A picture made ready for a network.

    Attributes:
        image: (height, width, channels), in the data set's scale.
        done: what was done to the picture, one phrase each.
    """

    image: Float32[np.ndarray, "h w c"]
    done: tuple[str, ...] = field(default_factory=tuple)


def read_picture(path: Path, data: Dataset) -> Reading:
    """A picture file as an image like those of a data set.

    A picture for a data set of one channel is made grey, inverted if its border is bright, stretched to full contrast,
    and scaled and placed so that its ink is as large, and has its centre of mass, where the data set's has them. One
    for a data set in colour is cut to its middle square and scaled.

    Args:
        path: of the file, in any format that Pillow reads.
        data: what the network has learnt from.

    Raises:
        ValueError: if the file is no picture, or a blank one.
        FileNotFoundError: if there is no such file.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            paper, done = _on_paper(picture)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is no picture that Pillow can read") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise ValueError(f"{path} is damaged: {error}") from error
    if data.in_shape[-1] == 1:
        pixels, more = _grey(paper, data, path)
    else:
        pixels, more = _colour(paper, data.in_shape[:2])
    low, high = data.pixels
    return Reading((low + (high - low) * pixels).astype(np.float32), (*done, *more))


def _on_paper(picture: "Image") -> tuple["Image", list[str]]:
    """The picture in grey or RGB: 16-bit greys become 8-bit, what is transparent becomes white."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, np.float64)
        top = 65535 if values.max(initial=0) > 255 else 255
        return Image.fromarray(np.uint8(np.clip(values / top, 0, 1) * 255)), []
    if "A" in picture.getbands() or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB"), ["laid on white paper"]
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode == "1" else "RGB"), []


def _colour(picture: "Image", size: tuple[int, ...]) -> tuple[Float[np.ndarray, "h w 3"], list[str]]:
    from PIL import Image

    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    square = picture.convert("RGB").crop((left, top, left + side, top + side))
    scaled = square.resize((size[1], size[0]), Image.Resampling.LANCZOS)
    done = [] if square.size == picture.size else [f"cut to its middle {side}×{side}"]
    done += [] if side == size[0] else [f"scaled to {size[0]}×{size[1]}"]
    return np.asarray(scaled, np.float64) / 255, done


def _grey(picture: "Image", data: Dataset, path: Path) -> tuple[Float[np.ndarray, "h w 1"], list[str]]:
    done = ["made grey"] if picture.mode != "L" and _has_colour(picture) else []
    grey = np.asarray(picture.convert("L"), np.float64) / 255
    if min(grey.shape) == 0 or np.ptp(grey) < _FLAT:
        raise ValueError(f"{path} is blank: there is nothing to read")
    border = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    if border > (grey.min() + grey.max()) / 2:
        grey, border = 1 - grey, 1 - border
        done.append("inverted, for its border is bright")
    ink, contrast = grey, grey.max() - border
    if contrast < _FULL:
        ink = np.clip(grey - border, 0, None) / contrast
        done.append("stretched to full contrast")
    height, width = data.in_shape[:2]
    if all(size - _MARGIN <= own <= size for own, size in zip(ink.shape, (height, width), strict=True)):
        placed, how = _padded(ink, (height, width))
    else:
        placed, how = _placed(ink, _style(data))
    return placed[..., None], [*done, *how]


def _has_colour(picture: "Image") -> bool:
    return bool(np.ptp(np.asarray(picture.convert("RGB"), np.int16), axis=-1).max() > 0)


def _padded(ink: Grey, size: tuple[int, int]) -> tuple[Grey, list[str]]:
    margins = [((whole - own) // 2, (whole - own + 1) // 2) for own, whole in zip(ink.shape, size, strict=True)]
    return np.pad(ink, margins), [] if ink.shape == size else [f"centred in {size[0]}×{size[1]}"]


@dataclass(frozen=True)
class _Style:
    """How large the ink of a data set's images is, and where its centre of mass lies."""

    size: tuple[int, ...]
    extent: float
    centre: np.ndarray


def _style(data: Dataset) -> _Style:
    low, high = data.pixels
    inks = (data.train.images[:_SAMPLE, ..., 0] - low) / (high - low)
    extents = [max(stop - start for start, stop in _box(ink)) for ink in inks]
    return _Style(data.in_shape[:2], float(np.median(extents)), np.mean([_centre(ink) for ink in inks], axis=0))


def _box(ink: Grey) -> list[tuple[int, int]]:
    """Where the ink begins and ends, row-wise and column-wise."""
    dark = ink > min(_INK, ink.max() / 2)
    lines = [np.flatnonzero(dark.any(axis)) for axis in (1, 0)]
    return [(int(line[0]), int(line[-1]) + 1) if len(line) else (0, len(dark)) for line in lines]


def _centre(ink: Grey) -> np.ndarray:
    """The centre of mass; the middle where there is no mass."""
    mass = np.clip(ink, 0, None)
    if not mass.sum():
        return (np.array(ink.shape) - 1) / 2
    return np.array([(np.arange(n) * mass.sum(1 - axis)).sum() for axis, n in enumerate(ink.shape)]) / mass.sum()


def _placed(ink: Grey, style: _Style) -> tuple[Grey, list[str]]:
    """The box of the ink, scaled to the data set's extent and put with its centre of mass where theirs is."""
    from PIL import Image

    (top, bottom), (left, right) = _box(ink)
    cut = ink[top:bottom, left:right]
    factor = style.extent / max(cut.shape)
    shape = [min(max(round(n * factor), 1), whole) for n, whole in zip(cut.shape, style.size, strict=True)]
    resized: Any = Image.fromarray(cut.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC, reducing_gap=3)
    small = np.clip(np.asarray(resized, np.float64), 0, 1)
    corner = np.round(style.centre - _centre(small)).astype(int)
    corner = np.clip(corner, 0, np.array(style.size) - small.shape)
    canvas = np.zeros(style.size)
    canvas[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]] = small
    return canvas, [
        f"its ink, {cut.shape[0]}×{cut.shape[1]} of {ink.shape[0]}×{ink.shape[1]}, scaled to {shape[0]}×{shape[1]} "
        f"and placed in {style.size[0]}×{style.size[1]} by its centre of mass"
    ]
