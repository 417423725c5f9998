"""Pictures of arrays as squares that can be repainted: pixels, the padding around them and the gaps between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from minicnn.axis import Axis
from minicnn.draw.style import readable_on
from minicnn.forms.tables import PadAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[int, ...]
_WRITTEN = 9  # points that a cell must measure before its value is written into it: letters then measure 3.8
_LETTER, _LARGEST = 0.42, 11  # of a cell's side, so that three letters fit in; and points at the most
_EDGE, _THINNEST = 1 / 22, 0.3  # of a cell's side, a line that sets cells apart; and points at the least
_REST, _RANGE = 0.12, 0.7  # shares of ink in the smallest entry, and added to them in the largest
_OUTLINE = 0.25  # the share of ink in the outlines of padding and gaps


@dataclass(frozen=True)
class Ruler:
    """One axis of a grid: positions `step` apart, from `low` on, `size` places in all."""

    positions: int
    step: int = 1
    low: int = 0
    size: int = 0

    @staticmethod
    def under(axis: Axis) -> "Ruler":
        """The places that the windows of an axis reach, with its inputs among them.

        >>> Ruler.under(Axis.of(in_size=5, kernel_size=3, stride=2, padding=1))
        Ruler(positions=5, step=1, low=-1, size=7)
        """
        first, last = axis.span(max(axis.out_size, 1))
        low, end = min(first, 0), max(last + 1, axis.stretched)
        return Ruler(axis.in_size, axis.stretch, low, end - low)

    @staticmethod
    def plain(positions: int) -> "Ruler":
        """A ruler with positions and nothing else."""
        return Ruler(positions, size=positions)


@dataclass(frozen=True)
class Arrangement:
    """Where the places of an array (*spatial, c) lie on paper: channels side by side, a cell apart.

    A signal lies in one row, with its channels below each other.

    Attributes:
        rulers: the axes.
        channels: how many.
        pads: what the places before the first and after the last position copy; nothing if there are none.
    """

    rulers: tuple[Ruler, ...]
    channels: int
    pads: tuple[PadAxis, ...] = ()

    @staticmethod
    def plain(shape: Sequence[int]) -> "Arrangement":
        """The arrangement of an array without padding or gaps."""
        return Arrangement(tuple(map(Ruler.plain, shape[:-1])), shape[-1])

    @property
    def block(self) -> tuple[int, int]:
        """The rows and columns of one channel."""
        *first, last = (ruler.size for ruler in self.rulers)
        return math.prod(first), last

    @property
    def across(self) -> int:
        """The number of channels that lie side by side."""
        return 1 if len(self.rulers) == 1 else max(math.ceil(math.sqrt(self.channels)), 1)

    @property
    def size(self) -> tuple[int, int]:
        """The rows and columns of the whole arrangement."""
        rows, columns = self.block
        down = -(-self.channels // self.across)
        return down * (rows + 1) - 1, min(self.across, max(self.channels, 1)) * (columns + 1) - 1

    def cell(self, channel: int, place: Place) -> tuple[int, int]:
        """The row and column of a place, which is counted as the windows count: input i is at place step·i."""
        inner = [n - ruler.low for n, ruler in zip(place, self.rulers, strict=True)]
        row, column = inner if len(inner) == 2 else (0, inner[0])
        down, right = divmod(channel, self.across)
        return down * (self.block[0] + 1) + row, right * (self.block[1] + 1) + column

    def places(self) -> list[tuple[int, Place]]:
        """All channels and places, in the order in which they are drawn."""
        sizes = tuple(ruler.size for ruler in self.rulers)
        lows = tuple(ruler.low for ruler in self.rulers)
        return [
            (channel, tuple(n + low for n, low in zip(inner, lows, strict=True)))
            for channel in range(self.channels)
            for inner in np.ndindex(*sizes)
        ]

    def index(self, channel: int, place: Place) -> tuple[int, ...] | None:
        """The index of the entry of the array that lies there; None for padding and gaps."""
        found = []
        for n, ruler in zip(place, self.rulers, strict=True):
            i, rest = divmod(n, ruler.step)
            if rest or not 0 <= i < ruler.positions:
                return None
            found.append(i)
        return (*found, channel)

    def copied(self, channel: int, place: Place) -> tuple[int, ...] | None:
        """The index of the entry that is seen there: the one that lies there or that the padding copies."""
        own = self.index(channel, place)
        if own is not None or not self.pads:
            return own
        return (*(int(pad.table()[n + pad.low]) for n, pad in zip(place, self.pads, strict=True)), channel)


class Grid:
    """A drawn array, whose colours and numbers can be changed.

    Attributes:
        cells: the entry of the array that is seen in each cell, None for gaps and padding with zeros.
        own: the cell in which each entry lies.
    """

    def __init__(
        self, axes: "Axes", arrangement: Arrangement, title: str, side: float, values: Float[np.ndarray, "..."]
    ) -> None:
        from matplotlib import rcParams
        from matplotlib.collections import PatchCollection
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Rectangle

        self.ink, self.paper = to_rgba(rcParams["text.color"]), to_rgba(rcParams["figure.facecolor"])
        places = arrangement.places()
        self.cells = [arrangement.copied(*place) for place in places]
        self.own = {index: n for n, place in enumerate(places) if (index := arrangement.index(*place)) is not None}
        self.position = {place: n for n, place in enumerate(places)}
        corners = [arrangement.cell(*place) for place in places]
        rows, columns = arrangement.size
        axes.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal")
        axes.set_axis_off()
        axes.set_title(title, fontsize=10, pad=5)
        squares = [Rectangle((column, row), 1, 1) for row, column in corners]
        width = max(side * _EDGE, _THINNEST)
        self.squares = PatchCollection(squares, animated=True, linewidths=width)
        axes.add_collection(self.squares)
        self.axes, self.corners = axes, corners
        unpainted = np.full((len(places), 4), np.nan)
        self.look = Look(unpainted, unpainted, ("",) * len(places))
        self.one = axes.add_patch(Rectangle((0, 0), 1, 1, linewidth=width, visible=False, animated=True))
        size = max(min(side * _LETTER, _LARGEST), 1)
        style = {"ha": "center", "va": "center", "fontsize": size, "animated": True}
        written = side >= _WRITTEN
        self.low, self.high = float(np.min(values, initial=0)), float(np.max(values, initial=0))
        self.texts = [
            axes.text(column + 0.5, row + 0.53, "", **style) if written and index is not None else None
            for index, (row, column) in zip(self.cells, corners, strict=True)
        ]

    @property
    def artists(self) -> list[Any]:
        """The parts that change, in the order in which they are drawn."""
        return [self.squares, *(text for text in self.texts if text is not None)]

    def neutral(self, values: Float[np.ndarray, "..."]) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n 4"]]:
        """The colours of cells and edges at rest: entries in a pale grey, padding and gaps as outlines.

        Where there is no room for numbers, the grey says how large they are.
        """
        ink, paper = np.array(self.ink), np.array(self.paper)
        entry = np.zeros((len(self.cells), 1), bool)
        entry[[*self.own.values()]] = True
        share = np.full((len(self.cells), 1), _REST)
        if not any(self.texts):
            found = np.array([0.0 if index is None else values[index] for index in self.cells])
            share[:, 0] += _RANGE * (np.nan_to_num(found, nan=self.low) - self.low) / max(self.high - self.low, 1e-30)
        faces = np.where(entry, (1 - share) * paper + share * ink, np.zeros(4))
        edges = np.where(entry, paper, (1 - _OUTLINE) * paper + _OUTLINE * ink)
        return faces, edges

    def paint(
        self, values: Float[np.ndarray, "..."], faces: Float[np.ndarray, "n 4"], edges: Float[np.ndarray, "n 4"]
    ) -> None:
        """Set the value and the colours of every cell; a NaN is not written."""
        self.squares.set_facecolor([tuple(face) for face in faces])
        self.squares.set_edgecolor([tuple(edge) for edge in edges])
        words = tuple("" if index is None else shown(float(values[index])) for index in self.cells)
        before = self.look
        self.look = Look(faces, edges, words)
        for n in self.look.differing(before):
            text = self.texts[n]
            if text is not None:
                text.set_text(words[n])
                text.set_color(readable_on(faces[n][:3] if faces[n][3] else self.paper[:3]))

    def draw(self, before: "Look | None" = None) -> None:
        """Draw all cells, or those that look different from before, onto the canvas as it is."""
        if before is None:
            for artist in self.artists:
                self.axes.draw_artist(artist)
            return
        self.one.set_visible(True)
        for n in self.look.differing(before):
            self.one.set(x=self.corners[n][1], y=self.corners[n][0])
            self.one.set(facecolor=self.look.faces[n], edgecolor=self.look.edges[n])
            self.axes.draw_artist(self.one)
            text = self.texts[n]
            if text is not None:
                self.axes.draw_artist(text)
        self.one.set_visible(False)


class Look(NamedTuple):
    """How the cells of a grid look: their colours, their edges and what is written into them."""

    faces: Float[np.ndarray, "n 4"]
    edges: Float[np.ndarray, "n 4"]
    words: tuple[str, ...]

    def differing(self, other: "Look") -> list[int]:
        """The numbers of the cells that look different."""
        colors = (self.faces != other.faces).any(1)
        return [
            n for n, words in enumerate(zip(self.words, other.words, strict=True)) if colors[n] or len({*words}) > 1
        ]


def shown(value: float) -> str:
    """A value written in as few letters as tell it apart from others; nothing for NaN.

    >>> [shown(v) for v in (3.0, 1.6667, -0.25, float("nan"))]
    ['3', '1.7', '−0.2', '']
    """
    if math.isnan(value):
        return ""
    text = f"{value:.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.1f}"
    return text.replace("-", "−")
