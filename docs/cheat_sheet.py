"""Convolution arithmetic on one printable page, a PDF that the build of the site writes.

`python docs/cheat_sheet.py FOLDER` writes it, too. Every size on it is computed by `minicnn.Axis`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minicnn
from minicnn import draw
from minicnn.axis import PaddingWord, Sliding
from minicnn.draw.size_formulas import in_size, out_size

A4 = (8.27, 11.69)  # inches
_STYLE: Any = {"font.size": 7.5, "figure.constrained_layout.use": False, "pdf.fonttype": 42}
_ACCENT = "#1a5276"
_SIZES = (
    ("no padding", Sliding(3), 4),
    ("padding", Sliding(4, padding=2), 5),
    ("half: the size stays", Sliding(3, padding=1), 5),
    ("full", Sliding(3, padding=2), 5),
    ("stride", Sliding(3, stride=2), 5),
    ("padding and stride", Sliding(3, stride=2, padding=1), 6),
    ("dilation", Sliding(3, dilation=2), 7),
)
_WORDS: tuple[PaddingWord, ...] = ("VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL")
_KERNELS = (3, 4)
_STRIDES = (1, 2)
_LENGTH = 8  # positions of the axis in the table of words
_FACTS = (
    (
        "relation of an axis",
        "u·i = s·o + d·k − p:   stride s, dilation d, padding p, stretch u = 1;   k̂ = d(k − 1) + 1",
    ),
    ("transposed", "exchange i with o and s with u, negate d and p: the same code, and its matrix is Cᵀ"),
    ("one form", "τ(x, w, y) = Σ y[o]·w[k]·x[i]·T[o, k, i],   T = 1 where the relation holds, else 0"),
    ("forward, backward", "y = C(w)·x = X(x)·w,   x̄ = C(w)ᵀ·ȳ,   w̄ = X(x)ᵀ·ȳ"),
    ("layouts", "x: (*batch, *spatial, c_in),   w: (*taps, c_in / groups, c_out),   channels fastest"),
    ("the matrix", "a row of C for each o and output channel, a column for each i and input channel"),
    ("parameters", "Π taps · c_in / groups · c_out, and c_out biases"),
    ("multiply-adds", "non-zeros of C = Π over axes (pairs o, k that meet an input) · c_in / groups · c_out"),
    ("receptive field", "of a stack, from r = 1 and j = 1, layer by layer:   r ← r + (k̂ − 1)·j,   then j ← j·s"),
    ("true convolution", "flip=True:   d → −d,   p → p − d(k − 1)"),
    ("pools", "average: diag(1/count)·S;   maximum: one 1 in each row, at the winner;   backward by the transpose"),
)
_MATRICES: tuple[tuple[str, Any], ...] = (
    ("stride 1", {}),
    ("stride 2, padding 1", {"stride": 2, "padding": 1}),
    ("dilation 2, padding 2", {"dilation": 2, "padding": 2}),
)
_ENTRY, _GAP = 0.178, 0.32  # inches of an entry of a matrix, and between two of them
_NAME = 6.5  # points of a tap's name, which fits its entry
_ASCENT = 7  # points of a letter above its line, at the size of the page


def write(folder: Path) -> Path:
    """Write the page into a folder, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cheat_sheet.pdf"
    sheet().savefig(file, metadata={"Title": "Convolution arithmetic", "Author": "minicnn", "CreationDate": None})
    return file


def sheet() -> Figure:
    """The page as a figure."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=A4)
        figure.text(0.06, 0.962, "Convolution arithmetic", size=19, weight="bold", color=_ACCENT)
        figure.text(0.94, 0.965, "every layer is a matrix, differentiation is transposition", size=8.5, ha="right")
        _facts(_panel(figure, 0.7, 0.25, "What there is to know"))
        _sizes(_panel(figure, 0.395, 0.285, "Sizes"))
        _words(_panel(figure, 0.24, 0.135, f"Padding words: (low, high) → outputs, of {_LENGTH} positions"))
        _panel(figure, 0.16, 0.06, "Matrices of 6 positions and 3 taps")
        _matrices(figure, 0.165)
        figure.text(
            0.94,
            0.014,
            f"minicnn {minicnn.__version__}, the command minicnn explore shows it in motion",
            size=6,
            ha="right",
        )
    return figure


def _panel(figure: Figure, bottom: float, height: float, title: str) -> Axes:
    axes = figure.add_axes((0.06, bottom, 0.88, height))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    axes.axhline(1, color=_ACCENT, lw=1)
    axes.annotate(title, (0, 1), (0, -4), textcoords="offset points", size=10, weight="bold", color=_ACCENT, va="top")
    return axes


def _facts(axes: Axes) -> None:
    _table(axes, _FACTS, (0, 0.17), top=0.86, bold=(0,))


def _sizes(axes: Axes) -> None:
    rows = [("", "convolution, i → o", "transposed convolution, i′ → o′; a is the remainder")]
    for name, sliding, size in _SIZES:
        there, back = out_size(sliding, size), in_size(sliding, sliding.out_size(size), size)
        (there, extent), (back, _) = (formula.partition(", with ")[::2] for formula in (there, back))
        rows.append((name, there, back))
        if extent:
            rows.append(("", f"with {extent}", ""))
    rows.append(("ceil mode of a pool", "o = ⌈(i + 2p − k)/s⌉ + 1, but no window begins in the high padding", ""))
    rows.append(
        (
            "the remainder",
            "a = (i + 2p − k̂) mod s: s sizes i lead to one o, and output_padding = a says which one it was",
            "",
        )
    )
    _table(axes, rows, (0, 0.17, 0.57), top=0.88, bold=(0,), head=True)


def _words(axes: Axes) -> None:
    settings = [(k, s) for k in _KERNELS for s in _STRIDES]
    rows = [("", *(f"{k} taps, stride {s}" for k, s in settings))]
    for word in _WORDS:
        rows.append((f'"{word}"', *(_padded(word, k, s) for k, s in settings)))
    _table(axes, rows, (0, 0.17, 0.38, 0.59, 0.8), top=0.77, bold=(0,), head=True)


def _padded(word: PaddingWord, kernel_size: int, stride: int) -> str:
    axis = minicnn.Axis.of(_LENGTH, kernel_size, stride=stride, padding=word)
    (low, high) = Sliding(kernel_size, stride=stride, padding=word).widths(_LENGTH)
    return f"({low}, {high}) → {axis.out_size}"


def _table(
    axes: Axes,
    rows: Sequence[Sequence[str]],
    columns: Sequence[float],
    top: float,
    bold: Sequence[int] = (),
    head: bool = False,
) -> None:
    """Rows of words at the same height, the first one as a head."""
    for n, row in enumerate(rows):
        for column, (at, words) in enumerate(zip(columns, row, strict=True)):
            weight = "bold" if (head and n == 0) or column in bold else "normal"
            place = (at, top - n * top / len(rows))
            axes.annotate(words, place, (0, -_ASCENT), textcoords="offset points", weight=weight)


def _matrices(figure: Figure, top: float) -> None:
    """C and Cᵀ of some settings, each tap in its colour, all entries of one size."""
    kernel = jnp.asarray(np.arange(1.0, 4.0)).reshape(3, 1, 1)
    left = 0.06 * A4[0]
    for name, options in _MATRICES:
        C = minicnn.conv_map(kernel, (6,), **options)
        for A, title in ((C, name), (C.T, "")):
            high, wide = (_ENTRY * size for size in A.shape)
            axes = figure.add_axes((left / A4[0], top - high / A4[1], wide / A4[0], high / A4[1]))
            draw.taps(A, axes)
            axes.set(title="", xlabel="", ylabel="", xticks=[], yticks=[])
            for text in axes.texts:
                text.set_fontsize(_NAME)
            figure.text(left / A4[0], top + 0.005, f"C, {title}" if title else "Cᵀ")
            left += wide + _GAP


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
