"""Titles that are seen whole: a line breaks where it would leave the room above its picture."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE = 0.9  # of the room of a picture: labels on one side and a bar on the other move its middle by a tenth at most


def write_title(axes: "Axes", text: str, **style: Any) -> None:
    """Set the title of axes in as many lines as it needs; letters become smaller only where one word is too long."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    title = axes.set_title(text, **style)
    size: Any = title.get_fontsize()
    font = FontProperties(family=title.get_fontfamily(), weight=title.get_fontweight(), size=size)

    def length(line: str) -> float:
        return text_to_path.get_text_width_height_descent(line.replace("$", "S"), font, ismath=False)[0]

    room = 72 * _SHARE * _room(axes)
    lines = [line for whole in text.split("\n") for line in _broken(whole, lambda line: length(line) <= room)]
    title.set_text("\n".join(lines))
    title.set_fontsize(size * min(1, room / max(*map(length, lines), 1)))


def _broken(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Break a text into lines: after commas, or between words where that is not enough.

    >>> list(_broken("4×16, 36 non-zeros", lambda line: len(line) < 14))
    ['4×16,', '36 non-zeros']
    """
    parts = re.split("(?<=,) ", text)
    parts = parts if all(map(fits, parts)) else text.split(" ")
    line = parts[0]
    for part in parts[1:]:
        if fits(f"{line} {part}"):
            line = f"{line} {part}"
        else:
            yield line
            line = part
    yield line


def _room(axes: "Axes") -> float:
    """The width that is the axes' own, in inches: a share of their figure's, by the grid in which they stand."""
    width = axes.get_figure(root=False).bbox.width / axes.figure.dpi  # pyright: ignore
    place = axes.get_subplotspec()
    if place is None:
        return axes.get_position().width * width
    place = place.get_topmost_subplotspec()
    widths: Any = place.get_gridspec().get_width_ratios()
    return width * sum(widths[place.colspan.start : place.colspan.stop]) / sum(widths)
