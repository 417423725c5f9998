"""Where the ink of a picture is: its paper, its light, its frame, its strokes and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float

# Its annotations say that what it returns may be None.
ndimage: Any = scipy.ndimage

Grey = Float[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]

# Shares of the strongest ink: what is fainter than the first is paper; a stroke is as strong as the second somewhere.
FAINT = 0.3
_STRONG = 0.5
# A border is of one paper if four fifths of it differ by no more than this, from 0 to 1: JPEG and sensors stay below.
_EVEN = 0.1
# Grains of the brightest and of the darkest say nothing about the light.
_RARE = (0.001, 0.999)
# What differs from the paper by more than this share of the greatest difference is ink: shadows are seldom so dark.
_CLEAR = 0.75
# The paper is looked for in a picture of this many pixels a side.
_PAPER_SIDE = 64
# Where light is measured by shares, paper is taken to be this bright at least: below it there is only noise.
_DARKEST = 0.05
# A rectangle turned by 4° fills this share of its box, a disc π/4.
_RECTANGLE = 0.87
# What is lower than this share of the picture, beside a frame, is dirt: then the frame is the figure.
_LEFT = 0.05
# A figure is at least this share as high as the highest; what is smaller belongs to the one beside it, or is dirt.
_FIGURE = 0.5
# Between the pieces of one figure there is no more than this share of its height, between two as a rule more.
_GAP = 0.05
# What is not a figure belongs to the nearest if it is this share of the figure's height or width away, or less.
_REACH = 0.35
# A piece of this share of the figure's area is dust.
_DUST = 0.03


@dataclass(frozen=True)
class Sheet:
    """The ink of a picture.

    Attributes:
        ink: (height, width), from 0 for paper to 1 for the strongest ink.
        figures: a mask each, from left to right, and from top to bottom where they are above each other.
        done: what was done to find them, one phrase each.
    """

    ink: Grey
    figures: tuple[Mask, ...]
    done: tuple[str, ...]


def find_ink(grey: Grey) -> Sheet:
    """Separate ink from paper in a grey picture, and figures from each other.

    Args:
        grey: from black, 0, to white, 1; ink may be darker or brighter than its paper.

    >>> picture = np.ones((20, 40))
    >>> picture[5:15, 5:8] = picture[5:15, 25:28] = 0.2
    >>> sheet = find_ink(picture)
    >>> len(sheet.figures), sheet.done
    (2, ('inverted, for its paper is bright', 'stretched to full contrast'))
    """
    grey, cut = _page(grey)
    ink, done = _from_paper(grey)
    ink, framed = _without_frames(ink)
    strokes = _strokes(ink)
    if not strokes.any():
        return Sheet(ink, (), (*cut, *done))
    figures = _figures(strokes)
    contrast = ink[np.any(figures, axis=0)].max()
    done += framed + (["stretched to full contrast"] if contrast < 0.9 else [])
    return Sheet(np.clip(ink / contrast, 0, 1), figures, (*cut, *done))


def plain_ink(grey: Grey) -> tuple[Grey, list[str]]:
    """The ink of a picture whose paper is as its border is: nothing is taken away.

    >>> plain_ink(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1.0]]))[0][1]
    array([0., 1., 0.])
    """
    paper = np.median(_border(grey))
    ink, done = _difference(grey, paper, paper)
    contrast = ink.max()
    return (ink, done) if contrast >= 0.9 else (ink / contrast, [*done, "stretched to full contrast"])


def stroke_width(strokes: Mask) -> float:
    """The width of strokes in pixels: of a strip, four times the mean distance of its points from its border.

    >>> strip = np.zeros((30, 30), bool)
    >>> strip[2:28, 10:18] = True
    >>> 6 < stroke_width(strip) < 8
    True
    """
    # Distances are to the middle of the nearest pixel outside, half a pixel beyond the border.
    return float(4 * (ndimage.distance_transform_edt(np.pad(strokes, 1))[1:-1, 1:-1][strokes] - 0.5).mean())


def thickened(ink: Grey, strokes: Mask, reach: float) -> Grey:
    """Ink that spreads by `reach` pixels in all directions, with an edge one pixel wide.

    >>> line = np.zeros((1, 7))
    >>> line[0, 3] = 1
    >>> thickened(line, line > 0, 0.5)
    array([[0. , 0. , 0.5, 1. , 0.5, 0. , 0. ]])
    """
    distance = ndimage.distance_transform_edt(~strokes)
    return np.maximum(ink, np.clip(reach + 1 - distance, 0, 1))


def box(mask: Mask) -> tuple[slice, slice]:
    """Where a mask begins and ends, row-wise and column-wise.

    >>> box(np.array([[False, False], [False, True]]))
    (slice(1, 2, None), slice(1, 2, None))
    """
    lines = [np.flatnonzero(mask.any(axis)) for axis in (1, 0)]
    rows, columns = (slice(int(line[0]), int(line[-1]) + 1) if len(line) else slice(0, 0) for line in lines)
    return rows, columns


def _border(grey: Grey) -> Float[np.ndarray, " n"]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _page(grey: Grey) -> tuple[Grey, list[str]]:
    """Cut the picture to its page, if all around it another colour shows, such as that of a scanner's lid."""
    strokes = _strokes(_from_paper(grey)[0])
    labels, count = ndimage.label(strokes, np.ones((3, 3)))
    if not count:
        return grey, []
    page = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    whole = ndimage.binary_fill_holes(page)
    where = box(whole)
    marks = whole & ~page
    # A page fills most of the picture and of its box, and something is written on it.
    if not (page.mean() > 0.5 and whole[where].mean() > _RECTANGLE and marks.any()):
        return grey, []
    inside = ndimage.minimum_filter(whole, 2 * max(1, min(grey.shape) // 100) + 1, mode="constant")
    return np.where(inside, grey, np.median(grey[page]))[where], ["cut to its page"]


def _from_paper(grey: Grey) -> tuple[Grey, list[str]]:
    """Measure how far each pixel is from the paper, towards the ink."""
    middle = np.median(_border(grey))
    if _is_even(grey - middle):
        return _difference(grey, middle, middle)
    strokes = _strokes(_difference(grey, *_paper(grey, 2))[0])
    ink, done = _difference(grey, *_paper(grey, 6, without=strokes))
    return ink, ["freed of uneven light", *done]


def _is_even(change: Grey) -> bool:
    """Tell from the difference to the border whether that shows one paper, and the ink is on one side of it."""
    low, high = np.quantile(change, _RARE)
    if min(-low, high) > _EVEN:
        return False
    # Ink, and what is near it, may touch the border.
    ink = ndimage.maximum_filter(np.abs(change) > _CLEAR * max(-low, high), 2 * (max(change.shape) // 20) + 1)
    paper = _border(change)[~_border(ink)]
    return not len(paper) or np.ptp(np.quantile(paper, (0.1, 0.9))) <= _EVEN


def _difference(grey: Grey, dark: Grey | np.floating, bright: Grey | np.floating) -> tuple[Grey, list[str]]:
    """Take the side of the paper, darker or brighter, on which the ink is: it has the stronger pixels."""
    below, above = np.clip(dark - grey, 0, None), np.clip(grey - bright, 0, None)
    if (below**3).sum() > (above**3).sum():
        # Where the light is halved, ink differs half as much from its paper: what counts is the share.
        return below / np.clip(dark, _DARKEST, None), ["inverted, for its paper is bright"]
    return above, []


def _paper(grey: Grey, parts: int, without: Mask | None = None) -> tuple[Grey, Grey]:
    """The paper in its light, of each place the median of its surroundings: the darkest nearby, and the brightest.

    Args:
        grey: the picture.
        parts: how many surroundings are as wide as the picture. While the ink is not known, a figure must fill less
            than half of them; once it is, the smaller they are the better they follow the light.
        without: ink, in whose place the nearest paper is taken.
    """
    factor = max(max(grey.shape) / _PAPER_SIDE, 1)
    shape = [max(round(n / factor), 1) for n in grey.shape]
    small = _scaled(grey, shape)
    if without is not None:
        ink = _scaled(ndimage.binary_dilation(without, iterations=round(factor)).astype(float), shape) > 0
        small = small[tuple(ndimage.distance_transform_edt(ink, return_distances=False, return_indices=True))]
    reach = max(min(small.shape) // (2 * parts), 1)
    paper = ndimage.median_filter(small, 2 * reach + 1, mode="reflect")
    # At the edge of a shadow the paper is as dark as it is one step further.
    dark, bright = (
        _scaled(extreme(paper, 3), grey.shape) for extreme in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    return dark, bright


def _scaled(grey: Grey, shape: Sequence[int]) -> Grey:
    scale = [n / m for n, m in zip(shape, grey.shape, strict=True)]
    return ndimage.zoom(grey, scale, order=1, grid_mode=True, mode="nearest")


def _strokes(ink: Grey) -> Mask:
    """Find the strokes: connected pixels that are not faint, with a strong one among them."""
    # One bright pixel is dust, not the measure of ink.
    top = ndimage.uniform_filter(ink, 3).max() if min(ink.shape) > 9 else ink.max()
    labels, count = ndimage.label(ink > FAINT * top, np.ones((3, 3)))
    kept = np.zeros(count + 1, bool)
    kept[labels[ink >= _STRONG * top]] = True
    kept[0] = False  # what belongs to no stroke
    return kept[labels]


def _without_frames(ink: Grey) -> tuple[Grey, list[str]]:
    """Remove boxes around the ink, rules across it and shadows along an edge, as long as something else remains."""
    done: list[str] = []
    while True:
        labels, count = ndimage.label(_strokes(ink), np.ones((3, 3)))
        boxes = ndimage.find_objects(labels)
        frames = [n for n in range(1, count + 1) if _is_frame(labels[boxes[n - 1]] == n, boxes[n - 1], ink.shape)]
        rest = (labels > 0) & ~np.isin(labels, frames)
        height = box(rest)[0].stop - box(rest)[0].start
        if not frames or height < _LEFT * ink.shape[0]:
            return ink, done
        # With its faint edges.
        ink = np.where(ndimage.binary_dilation(np.isin(labels, frames), iterations=3) & ~rest, 0, ink)
        done = ["freed of a frame"]


def _is_frame(mask: Mask, where: Sequence[slice], shape: Sequence[int]) -> bool:
    whole = ndimage.binary_fill_holes(mask)
    sizes = [part.stop - part.start for part in where]
    hollow = mask.mean() < 0.5 and whole.mean() > _RECTANGLE
    across = any(n >= 0.9 * all_ and m <= 0.05 * all_ for n, m, all_ in zip(sizes, sizes[::-1], shape, strict=True))
    edges = [
        line.sum() >= 0.5 * n
        for line, n, touches in (
            (mask[0], shape[1], where[0].start == 0),
            (mask[-1], shape[1], where[0].stop == shape[0]),
            (mask[:, 0], shape[0], where[1].start == 0),
            (mask[:, -1], shape[0], where[1].stop == shape[1]),
        )
        if touches
    ]
    return bool(hollow or across or any(edges))


def _figures(strokes: Mask) -> tuple[Mask, ...]:
    """Gather strokes to figures: pieces close together, or small beside something high, are one."""
    # All figures together may be higher than the highest: by that, more of them are one at first.
    whole = box(strokes)[0]
    _, boxes = _pieces(strokes, _GAP * (whole.stop - whole.start))
    high = max(rows.stop - rows.start for rows, _ in boxes)
    labels, boxes = _pieces(strokes, _GAP * high)
    heights = [rows.stop - rows.start for rows, _ in boxes]
    count, high = len(boxes), max(heights)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    figures = [n for n in range(count) if heights[n] >= _FIGURE * high]
    parts = {n: [n + 1] for n in figures}
    for n in set(range(count)) - set(figures):
        nearest = min(figures, key=lambda figure: _gap(boxes[n], boxes[figure]))
        extent = max(part.stop - part.start for part in boxes[nearest])
        if areas[n] >= _DUST * areas[nearest] and _gap(boxes[n], boxes[nearest]) <= _REACH * extent:
            parts[nearest].append(n + 1)
    return tuple(np.isin(labels, parts[n]) for n in _in_reading_order(figures, boxes))


def _pieces(strokes: Mask, gap: float) -> tuple[np.ndarray, list[tuple[slice, slice]]]:
    """Number strokes from 1, those within a gap of each other alike, and return the boxes of the numbers."""
    labels, count = ndimage.label(ndimage.distance_transform_edt(~strokes) <= gap / 2)
    labels = labels * strokes
    return labels, [(rows, columns) for rows, columns in ndimage.find_objects(labels, count)]


def _gap(one: Sequence[slice], other: Sequence[slice]) -> float:
    """Return the distance of two boxes."""
    gaps = [max(a.start - b.stop, b.start - a.stop, 0) for a, b in zip(one, other, strict=True)]
    return float(np.hypot(*gaps))


def _in_reading_order(figures: Sequence[int], boxes: Sequence[Sequence[slice]]) -> list[int]:
    """Order figures by lines, each from left to right; below the middle of a line's first, another starts."""
    lines: list[list[int]] = []
    for n in sorted(figures, key=lambda n: boxes[n][0].start):
        first = boxes[lines[-1][0]][0] if lines else slice(0, 0)
        if 2 * boxes[n][0].start < first.start + first.stop:
            lines[-1].append(n)
        else:
            lines.append([n])
    return [n for line in lines for n in sorted(line, key=lambda n: boxes[n][1].start)]
