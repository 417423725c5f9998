"""Any picture as images like those a network has learnt from, with an account of what was done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Float32

from minicnn.data.dataset import Dataset
from minicnn.data.ink import FAINT, Grey, Mask, box, find_ink, ndimage, plain_ink, stroke_width, thickened
from minicnn.data.picture_files import Picture, open_picture

# Images of the data set that are looked at: their medians no longer move by a tenth of a pixel.
_SAMPLE = 200
# MNIST's images are 28×28 and stand in 32×32: a picture of either size is one already.
_MARGIN = 4
# What differs by less than this from black to white is blank: noise and the ripples of JPEG.
_FLAT = 8 / 255
# What is thinner than all but this share of the data set's images is thickened to their median.
_THIN = 0.05
# Where the edge of a stroke is, between paper and ink.
_EDGE = 0.5
# A round figure may be drawn a little flat, even where none was learnt.
_FLATTENED = 1.2
# Images are drawings, not things, if their strokes are at most this share of their extent: MNIST's are 0.14 of it.
_DRAWN = 0.3


@dataclass(frozen=True)
class Reading:
    """A picture, or a figure in it, made ready for a network.

    Attributes:
        image: (height, width, channels), in the data set's scale.
        done: what was done to the picture, one phrase each.
    """

    image: Float32[np.ndarray, "h w c"]
    done: tuple[str, ...] = ()


@dataclass(frozen=True)
class Style:
    """What the images of a data set have in common.

    Attributes:
        in_shape: height, width and channels of an image.
        pixels: what black and white, or paper and ink, are.
        extent: how high or wide the ink is, in pixels.
        centre: where its centre of mass lies.
        stroke: how wide its strokes are.
        thin: how wide they are in an image that has thinner ones than nearly all others.
        widest: the largest ratio of width to height.
    """

    in_shape: tuple[int, ...]
    pixels: tuple[float, float]
    extent: float
    centre: Float[np.ndarray, " 2"]
    stroke: float
    thin: float
    widest: float

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Measure the style of a data set on some of its training images."""
        if data.in_shape[-1] > 1:
            return cls(data.in_shape, data.pixels, 0, np.zeros(2), 0, 0, 0)
        low, high = data.pixels
        inks = (data.train.images[:_SAMPLE, ..., 0] - low) / (high - low)
        strokes = [_strokes(ink) for ink in inks]
        widths = [_width(ink) for ink in inks]
        sizes = [_size(mask) for mask in strokes]
        return cls(
            data.in_shape,
            data.pixels,
            float(np.median([max(size) for size in sizes])),
            np.mean([_centre(ink) for ink in inks], axis=0),
            float(np.median(widths)),
            float(np.quantile(widths, _THIN)),
            max(_FLATTENED, *(width / height for height, width in sizes)),
        )

    @property
    def is_drawn(self) -> bool:
        """Tell whether the images are of strokes, and not of things with a surface."""
        return self.stroke <= _DRAWN * self.extent


def read_picture(path: Path | str, style: Style) -> tuple[Reading, ...]:
    """A picture file as images like those of a data set, one for each figure that is found in it.

    A picture for a data set of one channel is made grey. If the data set holds drawings, its paper, its light and its
    frames are taken away, its figures are separated, and strokes thinner than the data set's are thickened; else the
    paper is what its border is. The ink is made bright, stretched to full contrast, and scaled and placed so that it
    is as large, and has its centre of mass, where the data set's has them. A picture that is as large as an image is
    taken as it is. One for a data set in colour is cut to its middle square and scaled.

    Args:
        path: of the file, as `open_picture` reads it.
        style: of what the network has learnt from.

    Returns:
        The readings, from left to right, and from top to bottom.

    Raises:
        ValueError: if the file is not a picture that is read, or a blank one.
        OSError: if there is no such file, or it cannot be read.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from minicnn.data import digits
    >>> path = pathlib.Path(tempfile.mkdtemp(), "one.png")
    >>> picture = Image.new("L", (200, 300), 255)
    >>> picture.paste(0, (90, 60, 110, 240))
    >>> picture.save(path)
    >>> (reading,) = read_picture(path, Style.of(digits()))
    >>> reading.image.shape, reading.done[0]
    ((32, 32, 1), 'inverted, for its paper is bright')
    """
    picture = open_picture(path)
    read = _coloured if style.in_shape[-1] > 1 else _grey
    try:
        found = read(picture, style)
    except _BlankError as error:
        raise ValueError(f"{path} is blank: there is nothing to read") from error
    low, high = style.pixels
    return tuple(
        Reading((low + (high - low) * pixels).astype(np.float32), (*picture.done, *done)) for pixels, done in found
    )


class _BlankError(Exception):
    """This error says that there is nothing in a picture."""


_Found = list[tuple[np.ndarray, list[str]]]


def _coloured(picture: Picture, style: Style) -> _Found:
    from PIL import Image

    height, width = style.in_shape[:2]
    laid, done = _laid(picture, np.ones(3, np.float32))
    shown = Image.fromarray(np.uint8(np.broadcast_to(laid, (*laid.shape[:2], 3)) * 255 + 0.5))
    side = min(shown.size)
    left, top = ((length - side) // 2 for length in shown.size)
    scaled = shown.crop((left, top, left + side, top + side)).resize((width, height), Image.Resampling.LANCZOS)
    done += [] if picture.size[0] == picture.size[1] else [f"cut to its middle {min(picture.size)}×{min(picture.size)}"]
    done += [] if min(picture.size) == height else [f"scaled to {height}×{width}"]
    return [(np.asarray(scaled, np.float64) / 255, done)]


def _grey(picture: Picture, style: Style) -> _Found:
    grey, done = _one_channel(picture)
    if min(grey.shape) == 0 or np.ptp(grey) < _FLAT:
        raise _BlankError
    size = style.in_shape[:2]
    if all(whole - _MARGIN <= own <= whole for own, whole in zip(grey.shape, size, strict=True)):
        ink, more = plain_ink(grey)
        placed, how = _padded(ink, size)
        return [(placed[..., None], [*done, *more, *how])]
    if not style.is_drawn:
        ink, more = plain_ink(grey)
        placed, how = _placed(ink, _strokes(ink), style)
        return [(placed[..., None], [*done, *more, *how])]
    sheet = find_ink(grey)
    if not sheet.figures:
        raise _BlankError
    found = [_placed(sheet.ink, figure, style) for figure in sheet.figures]
    return [(placed[..., None], [*done, *sheet.done, *how]) for placed, how in found]


def _one_channel(picture: Picture) -> tuple[Grey, list[str]]:
    """Make the picture grey, on paper."""
    colours, opacity = picture.colours, picture.opacity
    if opacity is not None:
        visible = colours[opacity > 0.5]
        if not len(visible):
            if opacity.max() < _FLAT:
                raise _BlankError
            visible = colours[opacity > opacity.max() / 2]
        # One colour is ink; several are a page with its ink if they fill most of the picture, else a drawing.
        even = np.ptp(np.quantile(visible, (0.002, 0.998), axis=0), axis=0).max() < 0.2
        if even or len(visible) < opacity.size / 2:
            return opacity.astype(np.float64), ["its ink found by its transparency"]
        colours, done = _laid(picture, np.median(visible, axis=0))
        grey, more = _greyed(colours)
        return grey, [*done, *more]
    return _greyed(colours)


def _laid(picture: Picture, paper: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Lay the picture on paper of one colour."""
    if picture.opacity is None:
        return picture.colours, []
    opacity = picture.opacity[..., None]
    return opacity * picture.colours + (1 - opacity) * paper, ["laid on paper"]


def _greyed(colours: Float[np.ndarray, "h w c"]) -> tuple[Grey, list[str]]:
    """Make colours grey along the line on which they differ most: red on green is as plain as black on white."""
    if colours.shape[-1] == 1 or np.ptp(colours, axis=-1).max() == 0:
        return colours[..., 0].astype(np.float64), []
    flat = colours.reshape(-1, 3).astype(np.float64)
    line = np.linalg.eigh(np.cov(flat.T))[1][:, -1]
    grey = (flat @ line * (1 if line.sum() >= 0 else -1)).reshape(colours.shape[:2])
    return grey - min(grey.min(), 0), ["made grey"]


def _padded(ink: Grey, size: Sequence[int]) -> tuple[Grey, list[str]]:
    margins = [((whole - own) // 2, (whole - own + 1) // 2) for own, whole in zip(ink.shape, size, strict=True)]
    return np.pad(ink, margins), [] if ink.shape == tuple(size) else [f"centred in {size[0]}×{size[1]}"]


def _placed(ink: Grey, figure: Mask, style: Style) -> tuple[Grey, list[str]]:
    """Scale a figure to the data set's extent, and put its centre of mass where that of its images is."""
    from PIL import Image

    done: list[str] = []
    height, width = _size(figure)
    factor = style.extent / max(height, width)
    reach = 0.0
    if style.is_drawn:
        if width > style.widest * height:
            done = ["wider than what was learnt: perhaps more than one figure, for those that touch are not separated"]
        # Nothing of the neighbours, but the figure's own faint edge.
        ink = np.where(ndimage.binary_dilation(figure, iterations=2), ink, 0)
        stroke = stroke_width(dark if (dark := figure & (ink > _EDGE)).any() else figure)
        if factor * stroke < style.thin:
            # The figure grows with its strokes: (stroke + 2·reach) / (size + 2·reach) is to be as in the data set.
            size = max(height, width)
            reach = (style.stroke * size - style.extent * stroke) / (2 * (style.extent - style.stroke))
            done += [f"strokes thickened from {factor * stroke:.1f} to {style.stroke:.1f} pixels"]
    margin = int(np.ceil(reach)) + 2
    ink, figure = np.pad(ink, margin), np.pad(figure, margin)
    if reach:
        ink = thickened(ink, figure, reach)
        figure = ink > _EDGE
        factor = style.extent / max(_size(figure))
    cut = ink[box(figure)]
    shape = [min(max(round(n * factor), 1), whole) for n, whole in zip(cut.shape, style.in_shape[:2], strict=True)]
    resized: Any = Image.fromarray(cut.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC, reducing_gap=3)
    small = np.clip(np.asarray(resized, np.float64), 0, 1)
    small = small / small.max() if style.is_drawn else small
    corner = np.round(style.centre - _centre(small)).astype(int)
    corner = np.clip(corner, 0, np.array(style.in_shape[:2]) - small.shape)
    canvas = np.zeros(style.in_shape[:2])
    canvas[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]] = small
    whole = tuple(n - 2 * margin for n in ink.shape)
    return canvas, [
        *done,
        f"its ink, {cut.shape[0]}×{cut.shape[1]} of {whole[0]}×{whole[1]}, scaled to {shape[0]}×{shape[1]} "
        f"and placed in {canvas.shape[0]}×{canvas.shape[1]} by its centre of mass",
    ]


def _strokes(ink: Grey) -> Mask:
    return ink > min(FAINT, ink.max() / 2)


def _size(figure: Mask) -> tuple[int, int]:
    """Return the height and the width of a figure, at least 1."""
    rows, columns = box(figure)
    return max(rows.stop - rows.start, 1), max(columns.stop - columns.start, 1)


def _width(ink: Grey) -> float:
    """Measure the width of an image's strokes at four times its size, for they are few pixels wide."""
    return stroke_width(ndimage.zoom(ink, 4, order=1, grid_mode=True, mode="nearest") > _EDGE) / 4


def _centre(ink: Grey) -> Float[np.ndarray, " 2"]:
    """Return the centre of mass, or the middle if there is no mass."""
    mass = np.clip(ink, 0, None)
    if not mass.sum():
        return (np.array(ink.shape) - 1) / 2
    return np.array([(np.arange(n) * mass.sum(1 - axis)).sum() for axis, n in enumerate(ink.shape)]) / mass.sum()
