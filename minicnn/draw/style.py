"""Colours that hold in light and dark styles, in greyscale and for colour-blind readers."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lightness grows with the value, so that the sign survives in greyscale; zero is a neutral grey.
SIGNED = "cividis"
DASHES = ("-", "--", "-.", ":")  # of lines that are told apart without colours
_MIDDLE = 0.45  # where black and white letters have the same contrast: luminance 0.18, which is 0.46 in sRGB
_VIRIDIS = {False: (0.0, 0.88), True: (0.3, 1.0)}  # the part of viridis that can be seen on a light or a dark ground
_ENTRY = 0.45  # inches of an entry in which a tap's name of four letters can be read
_NAMED = 32  # rows or columns up to which entries are given room for names: 32 of them fill the largest figure
_USUAL, _LARGEST = 6.4, 14  # inches of the longer side: matplotlib's own, and what a screen still shows whole
_NARROWEST, _LOWEST, _MARGIN = 4.0, 2.0, 0.8  # inches that a title, two ticks, and the labels of both axes take
NAN = "#d55e00"  # vermilion, which no map of values has


def signed() -> Any:
    """The colours of signed values; NaN has a colour of its own."""
    from matplotlib import colormaps

    return colormaps[SIGNED].with_extremes(bad=NAN)


def sheet(rows: int, columns: int) -> tuple[float, float]:
    """The width and height of a figure for a matrix, in inches: entries are square, within reason.

    >>> sheet(100, 100), sheet(4, 16), sheet(4000, 1000)
    ((6.4, 6.4), (7.2, 2.6), (4.0, 6.4))
    """
    longest = max(rows, columns, 1)
    long = min(max(_ENTRY * longest, _USUAL), _LARGEST) if longest <= _NAMED else _USUAL
    width, height = (long * size / longest + _MARGIN for size in (columns, rows))
    return round(min(max(width, _NARROWEST), long), 1), round(min(max(height, _LOWEST), long), 1)


def background(dark: bool) -> AbstractContextManager[Any]:
    """Matplotlib's dark style, or the one that is set."""
    from matplotlib import style

    return style.context("dark_background") if dark else nullcontext()


def lightness(color: Any) -> float:
    """How light a colour looks, from 0 to 1.

    >>> lightness("black"), lightness("white")
    (0.0, 1.0)
    """
    from matplotlib.colors import to_rgb

    return round(float(np.dot((0.2126, 0.7152, 0.0722), to_rgb(color))), 9)


def is_dark(axes: "Axes") -> bool:
    """Whether the axes stand on a dark ground."""
    from matplotlib.colors import to_rgba

    ground = to_rgba(axes.get_facecolor())
    if not ground[3]:
        ground = to_rgba(axes.figure.get_facecolor())
    return lightness(ground[:3]) < 0.5  # nearer to black than to white


def readable_on(color: Any) -> str:
    """Black or white, whichever can be read on a colour.

    >>> readable_on("navy"), readable_on("yellow")
    ('white', 'black')
    """
    return "black" if lightness(color) > _MIDDLE else "white"


def sequential(axes: "Axes") -> str:
    """The name of a colour map from nothing to much that starts near the ground of the axes."""
    return "cividis" if is_dark(axes) else "Blues"


def tap_colors(number: int, dark: bool = False) -> Float[np.ndarray, "n 4"]:
    """One colour for each tap, which differs from the ground and from its neighbours in lightness too."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(*_VIRIDIS[dark], max(number, 1)))[:number]
