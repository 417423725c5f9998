"""The images that were taken for something else, each with what it is and what it was taken for."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from minicnn.draw.arguments import one_axes
from minicnn.draw.style import is_dark
from minicnn.draw.titles import write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS, _DOWN = 8, 5  # images that are drawn: more of them would be smaller than their captions
_SIDE, _CAPTION, _TITLE = 0.9, 0.25, 0.5  # inches of an image, of the line below it, and of the title
_GAP = 0.1  # of an image's side, between two of them


def misread(
    images: Float[ArrayLike, "n h w c"],
    labels: Int[ArrayLike, " n"],
    said: Int[ArrayLike, " n"],
    axes: "Axes | None" = None,
    classes: Sequence[str] = (),
) -> "Axes":
    """Draw the images that are taken for another class: "4 → 9" is a four that is taken for a nine.

    At most 40 are drawn, the first ones. Of a single channel the ground is the smallest value, and ink the largest.

    Args:
        images: the images, rightly read ones among them.
        labels: what each is.
        said: what each is taken for, such as `minicnn.train.Trained.labels` gives.
        axes: where to draw; a new figure if None.
        classes: the names of the classes; numbers if empty.

    Raises:
        TypeError: for what is not axes.
        ValueError: for images that are not (n, height, width, channels), and for more or fewer labels than images.

    >>> misread(jnp.ones((3, 8, 8, 1)), [4, 7, 1], [9, 7, 1]).get_title()
    '1 of 3 misread'
    """
    images, labels, said = np.asarray(images), np.asarray(labels, int), np.asarray(said, int)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"`images` has shape {images.shape}: it must be (n, height, width, 1), or 3 for colours")
    if not labels.shape == said.shape == images.shape[:1]:
        raise ValueError(
            f"`labels` has shape {labels.shape} and `said` {said.shape}: give one of each for the {len(images)} images"
        )
    wrong = np.flatnonzero(labels != said)
    shown = wrong[: _ACROSS * _DOWN]
    across, down = min(max(len(shown), 4), _ACROSS), max(math.ceil(len(shown) / _ACROSS), 1)
    axes = one_axes(axes, (across * _SIDE, down * (_SIDE + _CAPTION) + _TITLE))
    low, high = float(images.min(initial=0)), float(images.max(initial=0))
    scale = 1 / ((high - low) or 1)
    line = (_SIDE + _CAPTION) / _SIDE
    for place, n in enumerate(shown):
        top, left = line * (place // across), place % across
        box = (left + _GAP / 2, left + 1 - _GAP / 2, top + 1 - _GAP, top)
        pixels = (images[n] - low) * scale
        axes.imshow(pixels, cmap="gray" if is_dark(axes) else "gray_r", vmin=0, vmax=1, extent=box)
        names = [str(classes[int(k)]) if len(classes) else str(k) for k in (labels[n], said[n])]
        axes.text(left + 0.5, top + 1, " → ".join(names), ha="center", va="top", fontsize="small")
    axes.set(xlim=(0, across), ylim=(line * down, 0), aspect="equal")
    axes.set_axis_off()
    more = f", the first {len(shown)} of them" if len(shown) < len(wrong) else ""
    write_title(axes, f"{len(wrong):,} of {len(images):,} misread{more}", fontsize="medium")
    return axes
