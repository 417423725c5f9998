"""What a layer makes of one image, as one small picture for each channel."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import ArrayLike, Float

from minicnn.draw.arguments import described
from minicnn.draw.mosaics import draw_mosaic, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def feature_maps(y: Float[ArrayLike, "h w c"], axes: "Axes | None" = None, title: str | None = None) -> "Axes":
    """Draw the channels of an output side by side: blue below zero, vermilion above, the ground at zero.

    Args:
        y: the output of a layer for one image, such as `step.output` of `model.steps(params, image)`.
        axes: where to draw; a new figure if None.
        title: above the pictures; their number and size if None.

    Raises:
        TypeError: for what is not an array or not axes.
        ValueError: for an array with other than two spatial axes, or without entries.

    >>> feature_maps(jnp.ones((28, 28, 6))).get_title()
    '6 maps of 28×28'
    """
    if not hasattr(y, "shape"):
        raise TypeError(f"`y` must be an array, (height, width, channels), not {described(y)}")
    maps = np.real(np.asarray(y)).astype(float)
    if maps.ndim != 3 or not maps.size:
        raise ValueError(f"`y` has shape {maps.shape}: it must be (height, width, channels), the output for one image")
    height, width, number = maps.shape
    return draw_mosaic(rectangle(maps), axes, title or f"{number} maps of {height}×{width}", "value")
