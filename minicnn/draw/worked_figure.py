"""The figure of a worked example: input, kernel and output; the gradient below them; C and Cᵀ beside."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from minicnn.draw.arrays import Arrangement, Grid, Ruler, shown
from minicnn.draw.taps import draw_table, sum_colors, write_names
from minicnn.draw.worked_example import WorkedExample, transposed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Faces = Float[np.ndarray, "n 4"]
# The page, in inches: arrays on the left, matrices on the right, two lines above both and one below.
_WIDTH, _HEIGHT = 12.8, 6.4  # 1280×640 pixels at matplotlib's 100 dpi
_INDENT = 0.35  # of all lines from the left
_TITLE, _FORMULA, _CAPTION = 0.3, 0.65, 0.52  # from the top to the middles of the two lines; the height of the last
_LEFT = (_INDENT, 0.55, 5.2, 4.9)  # left, bottom, width and height of the pictures of arrays
_RIGHT = (6.05, 0.55, 6.4, 4.9)  # and of the matrices
_BETWEEN = 0.35  # from C to its transpose
_SIDE = 0.5  # of a cell or an entry at the most: larger ones would look like another kind
_HEAD = 0.32  # above a picture, for its title of 10 points
_LINE = 1250  # points to which the heights of all letters of the formula add up: 920 of width, at 0.7 of height each
_GAP = 1.6  # cells between two arrays: more than the one between channels
_ACCENT = "#d55e00"  # vermilion, which differs from all taps, as its thick frame does
_FAINT = 0.35  # of a tap's colour where it meets nothing, or loses: it can still be told from its neighbours
_LETTERS = 110  # of the sum that an output is: with what stands around it, it fills the line below the picture
_VEIL = 0.7  # of the ground over the rows that are not framed: their colours can still be seen


class WorkedFigure:
    """The picture of a worked example, at rest or at one of its outputs.

    Colours follow matplotlib's style when it is made.

    Attributes:
        example: what is drawn.
        figure: where.
    """

    def __init__(self, example: WorkedExample) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        example.check_drawable()
        self.example, self.table = example, example.table.dense
        self.figure = Figure(figsize=(_WIDTH, _HEIGHT))
        self.canvas = FigureCanvasAgg(self.figure)
        self.colors = sum_colors(example.table.sums)
        self._headings()
        self._arrays()
        self._matrices()
        self.show(None)

    def show(self, n: int | None) -> None:
        """Go to output n: its window, its row of C and column of Cᵀ, and the gradient so far; None for the end."""
        self._values(len(self.example.C) if n is None else n + 1, n)
        for frame in self.frames_of_matrices:
            frame.at(n)
        self.caption.set_text(self._said(n))

    def frames(self, outputs: Iterable[int] | None = None) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw the pictures of outputs, one after the other; all of them if None.

        Letters take longest to draw, so only the cells that change are drawn again: those with new values onto the
        ground, which stays, and those that are marked onto a copy of it.
        """
        self._values(0, None)
        self.canvas.restore_region(self._static)
        for grid in self.grids:
            grid.draw()
        ground = self.canvas.copy_from_bbox(self.figure.bbox)
        for n in range(len(self.example.C)) if outputs is None else outputs:
            before = [grid.look for grid in self.grids]
            self.canvas.restore_region(ground)
            self._values(n + 1, None)
            self._redraw(before)
            ground = self.canvas.copy_from_bbox(self.figure.bbox)
            resting = [grid.look for grid in self.grids]
            self.show(n)
            self._redraw(resting)
            for artist in [*(a for frame in self.frames_of_matrices for a in frame.artists), self.caption]:
                artist.axes.draw_artist(artist)
            yield np.asarray(self.canvas.buffer_rgba())[..., :3].copy()
            self._values(n + 1, None)

    @cached_property
    def _static(self) -> Any:
        """The ground that never changes, drawn once."""
        self.canvas.draw()
        return self.canvas.copy_from_bbox(self.figure.bbox)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The arrays that change from output to output."""
        return self.x, self.y, self.x_bar, self.y_bar

    def _redraw(self, before: list[Any]) -> None:
        for grid, look in zip(self.grids, before, strict=True):
            grid.draw(look)

    def _values(self, done: int, marked: int | None) -> None:
        """Show the arrays once so many outputs are done, one of them marked."""
        example = self.example
        y = np.where(np.arange(example.y.size) < done, example.y.ravel(), np.nan).reshape(example.y.shape)
        for grid, values, color in (
            (self.x, np.asarray(example.x), self._color_window),
            (self.x_bar, example.x_bars[done], self._color_row),
            (self.y, y, self._color_output),
            (self.y_bar, np.asarray(example.y_bar), self._color_output),
        ):
            faces, edges = grid.neutral(values)
            if marked is not None:
                color(grid, faces, marked)
            grid.paint(values, faces, edges)

    def _headings(self) -> None:
        example = self.example
        self.figure.text(_INDENT / _WIDTH, 1 - _TITLE / _HEIGHT, example.title, fontsize=14, weight="bold", va="center")
        lines = "    ".join(example.formula)
        self.figure.text(
            _INDENT / _WIDTH, 1 - _FORMULA / _HEIGHT, lines, fontsize=min(11, _LINE / len(lines)), va="center"
        )
        axes = self._axes(0, 0, _WIDTH, _CAPTION)
        axes.set_axis_off()
        self.caption = axes.text(_INDENT / _WIDTH, 0.5, "", fontsize=11, va="center", animated=True)

    def _arrays(self) -> None:
        example = self.example
        x_bar = Arrangement(tuple(map(Ruler.under, example.axes)), example.A.in_shape[-1])
        x = x_bar if example.transposed else replace(x_bar, pads=example.pads)
        y = Arrangement.plain(example.A.out_shape)
        w = (
            None
            if example.w is None
            else Arrangement.plain((*example.w.shape[:-2], example.w.shape[-2] * example.w.shape[-1]))
        )
        widths = [arrangement.size[1] if arrangement else 1 for arrangement in (x, w, y)]
        high = max(arrangement.size[0] for arrangement in (x, w, y) if arrangement)
        left, bottom, width, height = _LEFT
        side = min(width / (sum(widths) + 2 * _GAP), (height / 2 - _HEAD) / high, _SIDE)
        starts = np.cumsum([0.0, *(size + _GAP for size in widths)]) * side + left
        top, middle = bottom + height - _HEAD, bottom + height / 2 - _HEAD
        name = example.name
        self.x = self._grid(x, "input x", starts[0], top, side, example.x)
        self.y = self._grid(y, f"output y = {name}·x", starts[2], top, side, example.y)
        self.x_bar = self._grid(x_bar, f"gradient x̄ = {transposed(name)}·ȳ", starts[0], middle, side, example.x_bars)
        self.y_bar = self._grid(y, "cotangent ȳ", starts[2], middle, side, example.y_bar)
        if w is not None:
            places = np.arange(example.w.size).reshape(example.w.shape)  # pyright: ignore
            flat = places.reshape(*example.w.shape[:-2], -1)  # pyright: ignore
            values = np.asarray(example.w).reshape(flat.shape)
            kernel = self._grid(w, "kernel w", starts[1], top, side, values)
            _, edges = kernel.neutral(values)
            kernel.paint(values, self.colors[[flat[index] for index in kernel.cells]], edges)
            for artist in kernel.artists:
                artist.set_animated(False)

    def _grid(self, arrangement: Arrangement, title: str, left: float, top: float, side: float, values: Any) -> Grid:
        rows, columns = arrangement.size
        axes = self._axes(left, top - side * rows, side * columns, side * rows)
        return Grid(axes, arrangement, title, 72 * side, np.asarray(values))

    def _axes(self, left: float, bottom: float, width: float, height: float) -> "Axes":
        return self.figure.add_axes((left / _WIDTH, bottom / _HEIGHT, width / _WIDTH, height / _HEIGHT))

    def _matrices(self) -> None:
        example = self.example
        rows, columns = example.C.shape
        left, bottom, width, height = _RIGHT
        side = min((width - _BETWEEN) / (rows + columns), (height - _HEAD) / max(rows, columns), _SIDE)
        top = bottom + height - _HEAD
        name, table, names = example.name, example.table, example.names
        self.frames_of_matrices = []
        for title, start, entries, by_row in (
            (name, left, table, True),
            (transposed(name), left + side * columns + _BETWEEN, table.T, False),
        ):
            high, wide = entries.shape
            axes = self._axes(start, top - side * high, side * wide, side * high)
            draw_table(axes, entries, self.colors).axes.set_aspect("equal")
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{title}, {high}×{wide}", fontsize=10, pad=5)
            write_names(axes, entries, names, self.colors, 72 * side)
            self.frames_of_matrices.append(_Frame(axes, high, wide, by_row))

    def _color_window(self, grid: Grid, faces: Faces, n: int) -> None:
        """Colour the window of output n on its input: in full what its row reads, the rest faintly."""
        touched: dict[int, list[int]] = {}
        for channel, place, tap in self.example.window(n):
            touched.setdefault(grid.position[channel, place], []).append(tap)
        for cell, taps in touched.items():
            index = grid.cells[cell]
            read = index is not None and self.table[n, np.ravel_multi_index(index, self.example.A.in_shape)] >= 0
            share = 1 if read else _FAINT
            ground = faces[cell] if faces[cell, 3] else np.array(grid.paper)
            faces[cell] = share * self.colors[taps].mean(0) + (1 - share) * ground

    def _color_row(self, grid: Grid, faces: Faces, n: int) -> None:
        """Colour the inputs that get a share of output n's cotangent."""
        row = self.table[n]
        for entry in np.flatnonzero(row >= 0):
            faces[grid.own[np.unravel_index(entry, self.example.A.in_shape)]] = self.colors[row[entry]]  # pyright: ignore

    def _color_output(self, grid: Grid, faces: Faces, n: int) -> None:
        faces[grid.own[np.unravel_index(n, self.example.A.out_shape)]] = self._accent  # pyright: ignore

    @property
    def _accent(self) -> tuple[float, ...]:
        from matplotlib.colors import to_rgba

        return to_rgba(_ACCENT)

    def _said(self, n: int | None) -> str:
        example = self.example
        name, back = example.name, transposed(example.name)
        if n is None:
            return f"{name} has {len(example.table.numbers):,} non-zeros; vjp(ȳ) = {back}·ȳ"
        y, y_bar = (shown(float(np.ravel(array)[n])) for array in (example.y, example.y_bar))
        at = _position(n, example.A.out_shape)
        forward = f"y{at} = row {n} of {name} · x = {_sum(example.C[n], np.ravel(example.x))} = {y}"
        return f"{forward}\nx̄ grows by column {n} of {back} · ȳ{at}, where ȳ{at} = {y_bar}"


def _position(n: int, shape: Sequence[int]) -> str:
    """Where output n is, without the channel if there is only one.

    >>> _position(3, (2, 2, 1)), _position(3, (2, 2, 2))
    ('(1, 1)', '(0, 1, 1)')
    """
    index = np.unravel_index(n, shape if shape[-1] > 1 else shape[:-1])
    return f"({', '.join(map(str, index))})"


def _sum(row: Float[np.ndarray, " n"], x: Float[np.ndarray, " n"]) -> str:
    """The products that a row adds up, in full where they fit a line."""
    terms = [f"{_factor(row[i])}·{_factor(x[i])}" for i in np.flatnonzero(row)]
    ends = np.cumsum([len(" + ") + len(term) for term in terms])
    if not terms or ends[-1] <= _LETTERS:
        return " + ".join(terms) or "0"
    kept = int(np.searchsorted(ends, _LETTERS - len(" + … + ") - len(terms[-1])))
    return " + ".join([*terms[:kept], "…", terms[-1]])


def _factor(value: float) -> str:
    """A number as it stands in a product."""
    return f"({shown(float(value))})" if value < 0 else shown(float(value))


class _Frame:
    """A frame around one row or column of a matrix, and a veil over the others."""

    def __init__(self, axes: "Axes", rows: int, columns: int, by_row: bool) -> None:
        from matplotlib import rcParams
        from matplotlib.patches import Rectangle

        self.size, self.by_row = (rows, columns), by_row
        veil = {"facecolor": rcParams["figure.facecolor"], "alpha": _VEIL, "linewidth": 0, "animated": True}
        edge = {"fill": False, "edgecolor": _ACCENT, "linewidth": 2, "animated": True, "clip_on": False}
        self.before, self.after = (Rectangle((0, 0), 0, 0, **veil) for _ in range(2))
        self.frame = Rectangle((0, 0), 0, 0, **edge)
        for patch in (self.before, self.after, self.frame):
            axes.add_patch(patch)
        self.borders = list(axes.spines.values())
        for border in self.borders:
            border.set_animated(True)

    @property
    def artists(self) -> list[Any]:
        """The parts that change, and the borders that the veil would cover."""
        return [self.before, self.after, *self.borders, self.frame]

    def at(self, n: int | None) -> None:
        """Frame row or column n; None for neither frame nor veil."""
        rows, columns = self.size
        length, across = (rows, columns) if self.by_row else (columns, rows)
        spans = [(0, n), (n + 1, length), (n, n + 1)] if n is not None else [(0, 0)] * 3
        for patch, (start, stop) in zip((self.before, self.after, self.frame), spans, strict=True):
            box = (0, start, across, stop - start) if self.by_row else (start, 0, stop - start, across)
            patch.set_bounds(*box)
            patch.set_visible(n is not None)
