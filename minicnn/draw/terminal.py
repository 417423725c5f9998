"""A walk in the terminal: the size formula, the facts about C, and C in colour."""

import string
import textwrap
from typing import Any

import numpy as np
from jaxtyping import Float

from minicnn.draw.style import readable_on
from minicnn.draw.taps import counted, sum_colors
from minicnn.draw.walk import Walk

_MARKS = string.digits + string.ascii_lowercase + string.ascii_uppercase
_MOST_ROWS = 100
_RANKED = 4_000_000  # entries of the largest matrix whose rank is worth the wait
_UNREAD = 12  # pixels that are listed


def explain(walk: Walk, width: int) -> Any:
    """What `rich.print` shows: the title, the formula, the facts, and C as wide as the terminal allows."""
    from rich.console import Group
    from rich.text import Text

    facts = Text()
    for name, value in [*_sizes(walk), *_facts(walk)]:
        facts.append(f"{name:<10}", style="bold").append(f"{value}\n")
    return Group(Text(walk.title, style="bold"), facts, _matrix(walk, width))


def _sizes(walk: Walk) -> list[tuple[str, str]]:
    return [("size" if not n else "", formula) for n, formula in enumerate(walk.formula)]


def _facts(walk: Walk) -> list[tuple[str, str]]:
    rows, columns = walk.C.shape
    nnz = walk.A.nnz
    in_shape, out_shape = (_shape(shape) for shape in (walk.A.in_shape, walk.A.out_shape))
    rank = f"{np.linalg.matrix_rank(walk.C)}" if walk.C.size <= _RANKED else "not computed, the matrix is large"
    return [
        ("shape", f"{walk.name} is {rows}×{columns}, from {in_shape} to {out_shape}"),
        ("non-zeros", f"{nnz:,} of {rows * columns:,}, {100 * nnz / max(rows * columns, 1):.1f} %"),
        ("distinct", f"{len(np.unique(walk.C[walk.table >= 0]))} values, of {_told(walk)}"),
        ("rank", rank + ("" if walk.C.size > _RANKED else f" of at most {min(rows, columns)}")),
        ("unread", _pixels(walk.unread)),
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


def _matrix(walk: Walk, width: int) -> Any:
    """C with the names of its taps, with one mark for each, or what to do where it is too large."""
    from rich.console import Group
    from rich.text import Text

    rows, columns = walk.table.shape
    colors = sum_colors(walk.sums)
    names = np.where(walk.table >= 0, walk.names, "·")
    wide = max((len(name) for name in names.ravel()), default=1)
    if rows <= _MOST_ROWS and columns * (wide + 2) - 1 <= width:
        return _colored(walk, names, colors, wide + 2)
    if rows <= _MOST_ROWS and columns <= width and len(walk.sums) <= len(_MARKS):
        marks = np.array(list("·" + _MARKS))[walk.table + 1]
        return Group(Text(_legend(walk, width)), _colored(walk, marks, colors, 2 if 2 * columns <= width else 1))
    return Text(f"{walk.name} is too large for this terminal: draw it with --still FILE.png", style="italic")


def _taps(walk: Walk) -> dict[int, str]:
    """The taps that are somewhere in C, by their numbers."""
    there = walk.table >= 0
    return dict(sorted(zip(walk.table[there].tolist(), walk.names[there].tolist(), strict=True)))


def _legend(walk: Walk, width: int) -> str:
    """What the marks stand for; a line breaks between two of them."""
    marked = "  ".join(f"{_MARKS[tap]}\0{name}" for tap, name in _taps(walk).items())
    return textwrap.fill(marked, width, break_long_words=False).replace("\0", " ")


def _told(walk: Walk) -> str:
    return counted([walk.sums[tap] for tap in _taps(walk)])


def _colored(walk: Walk, entries: np.ndarray, colors: Float[np.ndarray, "k 4"], wide: int) -> Any:
    from matplotlib.colors import to_hex
    from rich.text import Text

    styles = [f"{readable_on(color)} on {to_hex(color)}" for color in colors]
    text = Text(no_wrap=True)
    for row, taps in zip(entries, walk.table, strict=True):
        for entry, tap in zip(row, taps, strict=True):
            text.append(f"{entry:^{wide}}", style=styles[tap] if tap >= 0 else "dim")
        text.append("\n")
    return text
