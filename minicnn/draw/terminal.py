"""A worked example in the terminal: the size formula, the facts about C, and C in colour."""

import string
import textwrap
from typing import Any

import numpy as np
from jaxtyping import Float

from minicnn.draw.style import readable_on
from minicnn.draw.taps import counted, sum_colors
from minicnn.draw.worked_example import WorkedExample

_MARKS = string.digits + string.ascii_lowercase + string.ascii_uppercase
_MOST_ROWS = 100
_RANKED = 4_000_000  # entries of the largest matrix whose rank is worth the wait
_UNREAD = 12  # pixels that are listed


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
    rows, columns = example.C.shape
    nnz = example.A.nnz
    in_shape, out_shape = (_shape(shape) for shape in (example.A.in_shape, example.A.out_shape))
    rank = f"{np.linalg.matrix_rank(example.C)}" if example.C.size <= _RANKED else "not computed, the matrix is large"
    return [
        ("shape", f"{example.name} is {rows}×{columns}, from {in_shape} to {out_shape}"),
        ("non-zeros", f"{nnz:,} of {rows * columns:,}, {100 * nnz / max(rows * columns, 1):.1f} %"),
        ("distinct", f"{len(np.unique(example.C[example.table >= 0]))} values, of {_told(example)}"),
        ("rank", rank + ("" if example.C.size > _RANKED else f" of at most {min(rows, columns)}")),
        ("unread", _pixels(example.unread)),
    ]


def _shape(shape: tuple[int, ...]) -> str:
    *size, channels = shape
    return "×".join(map(str, size)) + (f" with {channels} channels" if channels > 1 else "")


def _pixels(pixels: list[tuple[int, ...]]) -> str:
    if not pixels:
        return "every input pixel is read"
    listed = ", ".join(str(pixel) if len(pixel) > 1 else f"{min(pixel)}" for pixel in pixels[:_UNREAD])
    more = ", …" if len(pixels) > _UNREAD else ""
    return f"{len(pixels)} input pixel{'s' if len(pixels) > 1 else ''} no output reads: {listed}{more}"


def _matrix(example: WorkedExample, width: int) -> Any:
    """C with the names of its taps, with one mark for each, or what to do where it is too large."""
    from rich.console import Group
    from rich.text import Text

    rows, columns = example.table.shape
    colors = sum_colors(example.sums)
    names = np.where(example.table >= 0, example.names, "·")
    wide = max((len(name) for name in names.ravel()), default=1)
    if rows <= _MOST_ROWS and columns * (wide + 2) - 1 <= width:
        return _colored(example, names, colors, wide + 2)
    if rows <= _MOST_ROWS and columns <= width and len(example.sums) <= len(_MARKS):
        marks = np.array(list("·" + _MARKS))[example.table + 1]
        return Group(Text(_legend(example, width)), _colored(example, marks, colors, 2 if 2 * columns <= width else 1))
    return Text(f"{example.name} is too large for this terminal: draw it with --still FILE.png", style="italic")


def _taps(example: WorkedExample) -> dict[int, str]:
    """The taps that are somewhere in C, by their numbers."""
    there = example.table >= 0
    return dict(sorted(zip(example.table[there].tolist(), example.names[there].tolist(), strict=True)))


def _legend(example: WorkedExample, width: int) -> str:
    """What the marks stand for; a line breaks between two of them."""
    marked = "  ".join(f"{_MARKS[tap]}\0{name}" for tap, name in _taps(example).items())
    return textwrap.fill(marked, width, break_long_words=False).replace("\0", " ")


def _told(example: WorkedExample) -> str:
    return counted([example.sums[tap] for tap in _taps(example)])


def _colored(example: WorkedExample, entries: np.ndarray, colors: Float[np.ndarray, "k 4"], wide: int) -> Any:
    from matplotlib.colors import to_hex
    from rich.text import Text

    styles = [f"{readable_on(color)} on {to_hex(color)}" for color in colors]
    text = Text(no_wrap=True)
    for row, taps in zip(entries, example.table, strict=True):
        for entry, tap in zip(row, taps, strict=True):
            text.append(f"{entry:^{wide}}", style=styles[tap] if tap >= 0 else "dim")
        text.append("\n")
    return text
