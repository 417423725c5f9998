"""A worked example in the terminal: the size formula, the facts about C, and C in colour where there is room."""

import math
import string
import textwrap
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from minicnn.draw.style import readable_on
from minicnn.draw.tap_table import TapTable
from minicnn.draw.taps import sum_colors
from minicnn.draw.worked_example import ENTRIES, WorkedExample
from minicnn.forms.memory import readable
from minicnn.maps.picture import LISTED

_MARKS = string.digits + string.ascii_lowercase + string.ascii_uppercase
_MOST_ROWS = 100  # rows of a matrix that are printed: two screens, which still can be scrolled through
_ROUNDINGS = 8  # units in the last place to which an entry, a sum of few taps, is right
_UNREAD = 12  # pixels that are listed: they fill a line


def explain(example: WorkedExample, width: int) -> Any:
    """What `rich.print` shows: the title, the formula, the facts, and C as wide as the terminal allows."""
    from rich.console import Group
    from rich.text import Text

    facts = Text()
    for name, value in [*_sizes(example), *_facts(example)]:
        facts.append(f"{name:<10}", style="bold").append(f"{value}\n")
    return Group(Text(example.title, style="bold"), facts, _matrix(example, width))


def _sizes(example: WorkedExample) -> list[tuple[str, str]]:
    return [("size" if not n else "", formula) for n, formula in enumerate(example.formula)]


def _facts(example: WorkedExample) -> list[tuple[str, str]]:
    """What is true of C, found without making it whole; what would take long is left out with the reason."""
    rows, columns = example.A.shape
    in_shape, out_shape = (_shape(shape) for shape in (example.A.in_shape, example.A.out_shape))
    return [
        ("shape", f"{example.name} is {rows}×{columns}, from {in_shape} to {out_shape}"),
        ("non-zeros", _non_zeros(example)),
        ("distinct", _distinct(example)),
        ("rank", _rank(example)),
        ("unread", _pixels(example.unread)),
    ]


def _listed(example: WorkedExample) -> bool:
    """Whether the non-zeros are few enough to look at each."""
    return example.core.nnz <= LISTED


def _non_zeros(example: WorkedExample) -> str:
    entries = math.prod(example.A.shape)
    number = len(example.table.numbers) if _listed(example) else example.core.nnz
    most = "at most " if example.pads and not _listed(example) else ""  # copies may meet in one entry
    share = 100 * number / max(entries, 1)
    return f"{most}{number:,} of {entries:,}, {share:.1f} %" if share >= 0.05 else f"{most}{number:,} of {entries:,}"


def _distinct(example: WorkedExample) -> str:
    if not _listed(example):
        return f"not counted, there are more than {LISTED:,} non-zeros"
    table = example.table
    if example.w is None:
        values = example.A.entries()[2]
    else:
        w = np.ravel(np.asarray(example.w))
        values = [w[[*table.sums[number]]].sum() for number in table.present]
    return f"{len(np.unique(values))} values, of {table.said}"


def _rank(example: WorkedExample) -> str:
    if math.prod(example.A.shape) > ENTRIES:
        return f"not computed, the matrix has more than {ENTRIES:,} entries"
    # NumPy's own limit grows with the rows, as if their roundings added up; only the entries are rounded here.
    rounding = _ROUNDINGS * np.finfo(example.C.dtype).eps
    return f"{np.linalg.matrix_rank(example.C.astype(np.float64), rtol=rounding)} of at most {min(example.A.shape)}"


def _shape(shape: tuple[int, ...]) -> str:
    *size, channels = shape
    return "×".join(map(str, size)) + (f" with {channels} channels" if channels > 1 else "")


def _pixels(pixels: Int[np.ndarray, "n axes"]) -> str:
    if not len(pixels):
        return "every input pixel is read"
    shown = [tuple(pixel) if len(pixel) > 1 else pixel[0] for pixel in pixels[:_UNREAD].tolist()]
    more = ", …" if len(pixels) > _UNREAD else ""
    several = "s" if len(pixels) > 1 else ""
    return f"{len(pixels):,} input pixel{several} no output reads: {', '.join(map(str, shown))}{more}"


def _matrix(example: WorkedExample, width: int) -> Any:
    """C with the names of its taps, or with one mark for each, or what to do where it is too large."""
    from rich.console import Group
    from rich.text import Text

    rows, columns = example.A.shape
    if rows <= _MOST_ROWS and columns <= width:
        table, colors = example.table, sum_colors(example.table.sums)
        names = np.full(table.shape, "·", example.names.dtype if len(table.numbers) else "<U1")
        names[table.rows, table.columns] = example.names
        wide = max((len(name) for name in names.ravel()), default=1)
        if columns * (wide + 2) - 1 <= width:
            return _colored(table, names, colors, wide + 2)
        if len(table.sums) <= len(_MARKS):
            marks = np.array(list("·" + _MARKS))[table.dense + 1]
            wide = 2 if 2 * columns <= width else 1
            return Group(Text(_legend(example, width)), _colored(table, marks, colors, wide))
    try:
        example.check_drawable()
        told = "draw it with --picture FILE.png"
    except (ValueError, MemoryError):
        told = "use a smaller input, whose matrix has the same pattern"
    size = f"{rows}×{columns}, {readable(example.A.nbytes)}"
    return Text(f"{example.name} is too large for this terminal ({size}): {told}", style="italic")


def _legend(example: WorkedExample, width: int) -> str:
    """What the marks stand for; a line breaks between two of them."""
    names = dict(zip(example.table.numbers.tolist(), example.names.tolist(), strict=True))
    marked = "  ".join(f"{_MARKS[number]}\0{names[number]}" for number in example.table.present)
    return textwrap.fill(marked, width, break_long_words=False).replace("\0", " ")


def _colored(table: TapTable, entries: np.ndarray, colors: Float[np.ndarray, "k 4"], wide: int) -> Any:
    from matplotlib.colors import to_hex
    from rich.text import Text

    styles = [f"{readable_on(color)} on {to_hex(color)}" for color in colors]
    text = Text(no_wrap=True)
    for row, numbers in zip(entries, table.dense, strict=True):
        for entry, number in zip(row, numbers, strict=True):
            text.append(f"{entry:^{wide}}", style=styles[number] if number >= 0 else "dim")
        text.append("\n")
    return text
