"""Colours that hold in light and dark styles and for colour-blind readers; in greyscale, size can be told."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from minicnn.maps.picture import NEGATIVE, POSITIVE, opacity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Below and above zero, on a light and on a dark ground, as in the explorer: blue and vermilion, which colour-blind
# readers tell apart, and of which vermilion is the lighter one.
VALUES = {False: (NEGATIVE, POSITIVE), True: ("#3d8fe0", "#ffa869")}
_LEVELS = 256  # of each sign, as many as a screen has of a colour
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
_THIN = (
    4  # times as long as wide, where a matrix of four rows has entries of a readable size; what is thinner is stretched
)
NAN = "#009e73"  # green, which no value has


def signed(axes: "Axes") -> Any:
    """The colours of values from −limit to limit; NaN has one of its own.

    Zero is the ground of the axes; on it lies blue below zero and vermilion above, the more opaque the larger.
    """
    from matplotlib.colors import ListedColormap, to_rgb

    ground = np.array(ground_of(axes))
    share = opacity(np.linspace(1 / _LEVELS, 1, _LEVELS))[:, None]
    below, above = ((1 - share) * ground + share * to_rgb(color) for color in VALUES[is_dark(axes)])
    return ListedColormap(np.concatenate([below[::-1], ground[None], above])).with_extremes(bad=NAN)


def sequential(axes: "Axes") -> Any:
    """The colours of values from 0 to the largest: those that `signed` has above zero."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(signed(axes).colors[_LEVELS:])


def stretch(rows: int, columns: int) -> float:
    """How high an entry of a matrix is drawn for its width: square, unless the picture would be too thin.

    >>> stretch(4, 16), stretch(10, 80), stretch(400, 4)
    (1.0, 2.0, 0.04)
    """
    return min(max(rows / columns, 1 / _THIN), _THIN) * columns / rows


def sheet(rows: int, columns: int) -> tuple[float, float]:
    """The width and height of a figure for a matrix, in inches: entries are as high as `stretch` says.

    >>> sheet(100, 100), sheet(4, 16), sheet(4000, 10)
    ((6.4, 6.4), (7.2, 2.6), (4.0, 6.4))
    """
    longest = max(rows, columns, 1)
    long = min(max(_ENTRY * longest, _USUAL), _LARGEST) if longest <= _NAMED else _USUAL
    sides = columns, rows * stretch(rows, columns)
    width, height = (long * side / max(sides) + _MARGIN for side in sides)
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


def ground_of(axes: "Axes") -> tuple[float, float, float]:
    """The colour behind the axes: their own, or that of their figure where they have none."""
    from matplotlib.colors import to_rgba

    own, around = to_rgba(axes.get_facecolor()), to_rgba(axes.figure.get_facecolor())
    red, green, blue, _ = own if own[3] else around
    return red, green, blue


def is_dark(axes: "Axes") -> bool:
    """Whether the axes stand on a dark ground."""
    return lightness(ground_of(axes)) < 0.5  # nearer to black than to white


def readable_on(color: Any) -> str:
    """Black or white, whichever can be read on a colour.

    >>> readable_on("navy"), readable_on("yellow")
    ('white', 'black')
    """
    return "black" if lightness(color) > _MIDDLE else "white"


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
