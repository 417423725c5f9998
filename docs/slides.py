"""Figures at the size of slides, one for each idea of the course: a PDF of wide pages, and each page as a picture.

The build of the site writes them, and so does `python docs/slides.py FOLDER`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

import minicnn
from minicnn import autodiff, draw, ops
from minicnn.maps import LinearMap

PAGE = (40 / 3, 7.5)  # inches, what programs for slides call wide
DPI = 144  # 1920×1080 points
_STYLE: Any = {"font.size": 15, "axes.titlesize": 17, "figure.constrained_layout.use": True, "pdf.fonttype": 42}
_TOP, _BOTTOM = 0.12, 0.1  # of the page, for its title and its sentence
_LETTER, _LARGEST = 0.33, 22  # of an entry's side, so that three letters fit, and in points
_EDGES = jnp.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]).reshape(3, 3, 1, 1)
_TAPS = jnp.array([1.0, 2, -1]).reshape(3, 1, 1)


def write(folder: Path) -> Path:
    """Write all pages as one PDF, and each as a picture beside it; return the PDF."""
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    file = folder / "slides.pdf"
    with PdfPages(
        file, metadata={"Title": "Every layer is a matrix", "Author": "minicnn", "CreationDate": None}
    ) as pdf:
        for n, title in enumerate(SLIDES, 1):
            figure = slide(title)
            pdf.savefig(figure)
            figure.savefig(folder / "slides" / f"{n:02}.png", dpi=DPI)
    return file


def slide(title: str) -> Figure:
    """One page: its title, what it draws, and a sentence below."""
    sentence, content = SLIDES[title]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=PAGE)
        figure.get_layout_engine().set(rect=(0.02, _BOTTOM, 0.96, 1 - _TOP - _BOTTOM))  # pyright: ignore
        figure.text(0.03, 0.93, title, size=30, weight="bold", color="#1a5276")
        figure.text(0.03, 0.035, sentence, size=19)
        content(figure)
        figure.draw_without_rendering()  # only then is it known how large an entry is
        for axes in figure.axes:
            _enlarge(axes)
    return figure


def _enlarge(axes: Axes) -> None:
    """Names and numbers in a matrix as large as its entries allow, and no ticks beside it."""
    if axes.get_aspect() == 1:
        axes.set(xticks=[], yticks=[])
        side = 72 * axes.get_window_extent().width / axes.figure.dpi / abs(np.diff(axes.get_xlim())[0])
        for text in axes.texts:
            text.set_fontsize(min(_LETTER * side, _LARGEST))


def _maps(maps: dict[str, LinearMap]) -> Callable[[Figure], None]:
    """Maps side by side, as wide as they have columns, each tap in its colour."""

    def content(figure: Figure) -> None:
        widths = [max(A.shape[1], 4) for A in maps.values()]
        for axes, (name, A) in zip(
            figure.subplots(1, len(maps), width_ratios=widths, squeeze=False)[0], maps.items(), strict=True
        ):
            draw.taps(A, axes)
            axes.set(title=f"{name}, {A.shape[0]}×{A.shape[1]}", xlabel="", ylabel="")

    return content


def _images(figure: Figure) -> None:
    """An image, a kernel and their convolution."""
    x = jnp.asarray(np.add.outer(np.arange(8) > 3, np.zeros(8)), jnp.float32)[..., None]
    y = minicnn.conv(x, _EDGES)
    for axes, (name, values) in zip(
        figure.subplots(1, 3), {"image x": x, "kernel w": _EDGES, "y = C(w)·x": y}.items(), strict=True
    ):
        numbers = np.asarray(values).reshape(values.shape[:2])
        axes.imshow(numbers, cmap="cividis")
        axes.set(title=name, xticks=[], yticks=[])
        for (row, column), number in np.ndenumerate(numbers):
            light = number > (numbers.max() + numbers.min()) / 2
            axes.text(column, row, f"{number:.0f}", ha="center", va="center", color="black" if light else "white")


def _faces(figure: Figure) -> None:
    """C(w) and X(x) of one convolution."""
    x = jnp.arange(1.0, 7).reshape(6, 1)
    C, X = minicnn.conv_map(_TAPS, (6,)), minicnn.patch_map(x, (3, 1, 1))
    left, right = figure.subplots(1, 2, width_ratios=(6, 3))
    draw.taps(C, left)
    draw.matrix(X, right)
    left.set(title="C(w), 4×6: taps", xlabel="", ylabel="")
    right.set(title="X(x), 4×3: windows", xlabel="", ylabel="")


def _program(figure: Figure) -> None:
    """A derivative as a program of matrices, and its transpose."""
    A = jnp.ones((3, 4))
    f = lambda x: ops.sum(ops.tanh(A @ x) * ops.relu(A @ x))
    program = autodiff.make_program(f, jnp.arange(1.0, 5))
    for axes, P in zip(figure.subplots(1, 2), (program, program.T), strict=True):
        axes.axis("off")
        axes.text(0, 0.95, str(P), family="monospace", size=22, va="top")


def _selection(figure: Figure) -> None:
    """The matrix of a max pool at a point, and its transpose."""
    x = jnp.array([3.0, 1, 4, 1, 5, 9, 2, 6])[:, None]
    S = minicnn.max_pool_map_at(x, (2,))
    for axes, (name, A) in zip(figure.subplots(1, 2, width_ratios=(8, 4)), {"S": S, "Sᵀ": S.T}.items(), strict=True):
        draw.matrix(A, axes)
        axes.set(title=f"{name} at x = (3, 1, 4, 1, 5, 9, 2, 6)" if name == "S" else name, xlabel="", ylabel="")


def _spectrum(figure: Figure) -> None:
    """The singular values of a blur."""
    blur = jnp.outer(jnp.array([1.0, 2, 1]), jnp.array([1.0, 2, 1])).reshape(3, 3, 1, 1) / 16
    draw.spectrum(minicnn.conv_map(blur, (12, 12), padding="SAME"), figure.subplots())


_STRIDED = minicnn.conv_map(jnp.arange(1.0, 10).reshape(3, 3, 1, 1), (5, 5), stride=2, padding=1)
_PLAIN = minicnn.conv_map(jnp.arange(1.0, 10).reshape(3, 3, 1, 1), (4, 4))
_LINE, _STEPS = minicnn.conv_map(_TAPS, (8,)), minicnn.conv_map(_TAPS, (9,), stride=2)
# Each page's title, the sentence below it and what it shows.
SLIDES: dict[str, tuple[str, Callable[[Figure], None]]] = {
    "A convolution is a weighted sum": (
        "The same nine weights at every place: here they find a horizontal edge.",
        _images,
    ),
    "A convolution is a matrix": (
        "A row for each output, a column for each pixel, 9 weights in 36 places.",
        _maps({"C": _PLAIN}),
    ),
    "Backpropagation is its transpose": (
        "y = C·x sends pixels to outputs; x̄ = Cᵀ·ȳ sends cotangents back, along the same weights.",
        _maps({"C": _LINE, "Cᵀ": _LINE.T}),
    ),
    "Stride leaves out rows, padding columns": (
        "5×5 pixels, stride 2, padding 1: o = ⌊(5 + 2·1 − 3)/2⌋ + 1 = 3 on each axis.",
        _maps({"C": _STRIDED}),
    ),
    "One sum, two matrices": (
        "C(w)·x = X(x)·w, so x̄ = C(w)ᵀ·ȳ and w̄ = X(x)ᵀ·ȳ: three operations train a network.",
        _faces,
    ),
    "A transposed convolution overlaps": (
        "Stride 2: each input sends three weights, two places further; where they overlap they add.",
        _maps({"Cᵀ": _STEPS.T, "C": _STEPS}),
    ),
    "A max pool selects": (
        "At one x it is a matrix of a 1 in each row; the gradient goes back to the winner.",
        _selection,
    ),
    "Reverse mode is the transposed program": (
        "Arrows are matrices. Reverse the arrows, transpose each matrix: backpropagation.",
        _program,
    ),
    "What the matrix knows": (
        "Singular values: the largest bounds how much a layer amplifies, the smallest what it hides.",
        _spectrum,
    ),
}

if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
