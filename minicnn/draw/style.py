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
NAN = "#d55e00"  # vermilion, which no map of values has


def signed() -> Any:
    """The colours of signed values, with one of its own for NaN."""
    from matplotlib import colormaps

    return colormaps[SIGNED].with_extremes(bad=NAN)


def sheet(rows: int, columns: int) -> tuple[float, float]:
    """The size of a figure for a matrix, in inches: as high as it is wide, within reason.

    >>> sheet(100, 100), sheet(4, 16), sheet(4000, 1000)
    ((6.4, 6.4), (7.2, 2.6), (4.0, 6.4))
    """
    longest = max(rows, columns, 1)
    long = min(max(0.45 * longest, 6.4), 14) if longest <= 32 else 6.4
    width, height = (long * size / longest + 0.8 for size in (columns, rows))
    return round(min(max(width, 4.0), long), 1), round(min(max(height, 2.0), long), 1)


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
    return lightness(ground[:3]) < 0.5


def readable_on(color: Any) -> str:
    """Black or white, whichever can be read on a colour.

    >>> readable_on("navy"), readable_on("yellow")
    ('white', 'black')
    """
    return "black" if lightness(color) > 0.45 else "white"


def sequential(axes: "Axes") -> str:
    """A map from nothing to much that starts near the ground of the axes."""
    return "cividis" if is_dark(axes) else "Blues"


def tap_colors(number: int, dark: bool = False) -> Float[np.ndarray, "n 4"]:
    """One colour for each tap, apart from the ground and from their neighbours in lightness too."""
    from matplotlib import colormaps

    ends = (0.3, 1.0) if dark else (0.0, 0.88)
    return colormaps["viridis"](np.linspace(*ends, max(number, 1)))[:number]
