"""Many small pictures of values in one: kernels of a layer, or the maps that it makes."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from minicnn.draw.arguments import one_axes
from minicnn.draw.bars import BAR, color_bar, limit_of
from minicnn.draw.style import ground_of, signed
from minicnn.draw.titles import write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONG = 6.4  # inches of the longer side, as matplotlib's own figures
_SHORT = 1.6  # inches, at the least, of the other: a bar can be read beside it
_TITLE = 0.4  # inches above the pictures
_FRAME = 0.2  # the share of ink in what is between pictures, so that their zeros, which have none, differ from it


def draw_mosaic(pictures: Float[np.ndarray, "h w rows columns"], axes: Any, title: str, label: str) -> "Axes":
    """Draw pictures of values in rows and columns, into the axes or into a new figure if None."""
    whole = mosaic(pictures)
    height, width = (max(size / max(whole.shape) * _LONG, _SHORT) for size in whole.shape)
    axes = one_axes(axes, (max(width, 2 * _SHORT) + BAR, height + _TITLE))
    limit = limit_of(whole)
    colors = signed(axes).with_extremes(bad=between(axes))
    image = axes.imshow(whole, cmap=colors, vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    write_title(axes, title, fontsize="medium")
    color_bar(image, axes, label)
    return axes


def between(axes: "Axes") -> tuple[float, ...]:
    """The colour between pictures: a little ink on the ground."""
    from matplotlib.colors import to_rgb

    ground, ink = ground_of(axes), to_rgb(axes.title.get_color())
    return tuple((1 - _FRAME) * a + _FRAME * b for a, b in zip(ground, ink, strict=True))


def mosaic(pictures: Float[np.ndarray, "h w rows columns"]) -> Float[np.ndarray, "m n"]:
    """The pictures side by side with a gap of NaN between them.

    >>> mosaic(np.ones((2, 2, 1, 2)))
    array([[ 1.,  1., nan,  1.,  1.],
           [ 1.,  1., nan,  1.,  1.]])
    """
    framed = np.pad(pictures.astype(float), ((0, 1), (0, 1), (0, 0), (0, 0)), constant_values=np.nan)
    height, width, rows, columns = framed.shape
    return framed.transpose(2, 0, 3, 1).reshape(rows * height, columns * width)[:-1, :-1]


def rectangle(pictures: Float[np.ndarray, "h w n"]) -> Float[np.ndarray, "h w rows columns"]:
    """A row of pictures broken into rows, wider than high and as full as can be; missing ones are NaN."""
    number = pictures.shape[-1]
    root = max(math.ceil(math.sqrt(number)), 1)
    columns = min(range(root, 2 * root), key=lambda columns: -number % columns)
    rest = np.full((*pictures.shape[:2], -number % columns), np.nan)
    return np.concatenate([pictures, rest], axis=-1).reshape(*pictures.shape[:2], -1, columns)
