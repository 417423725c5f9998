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
# Oklab's lightness, chroma and hue of the first and of the last tap: from a light yellow over green and blue to violet,
# as viridis runs, with half its chroma. Black letters can be read on the lighter ones and white ones on the others.
_TAPS = (0.91, 0.5), (0.105, 0.125), (98, 305)
_ONLY = 0.35  # where the one tap of a 1×1 kernel is between them
# The matrices of Ottosson, *A perceptual color space for image processing* (2020).
_OKLAB_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
)
_CONES_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.707614701],
    ]
)
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


def line_colors(number: int, dark: bool = False) -> Float[np.ndarray, "n 4"]:
    """One colour for each line, which differs from the ground and from its neighbours in lightness too."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(*_VIRIDIS[dark], max(number, 1)))[:number]


def tap_colors(number: int) -> Float[np.ndarray, "n 4"]:
    """One colour for each tap, as in the explorer: lightness falls from the first to the last.

    >>> tap_colors(2).round(2)
    array([[0.96, 0.89, 0.56, 1.  ],
           [0.46, 0.31, 0.61, 1.  ]])
    """
    at = np.linspace(0, 1, number) if number > 1 else np.full(number, _ONLY)
    lightness, chroma, hue = (first + (last - first) * at for first, last in _TAPS)
    a, b = chroma * np.cos(np.deg2rad(hue)), chroma * np.sin(np.deg2rad(hue))
    linear = (np.stack([lightness, a, b], 1) @ _OKLAB_TO_CONES.T) ** 3 @ _CONES_TO_LINEAR.T
    inside = np.clip(linear, 0, 1)
    levels = np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055)
    return np.concatenate([levels, np.ones((number, 1))], axis=1)
