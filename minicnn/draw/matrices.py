"""Pictures of matrices: large ones are reduced block by block, so that their structure stays visible."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from minicnn.draw.arguments import as_map, check_listed, one_axes, two_axes
from minicnn.draw.bars import BAR, color_bar, limit_of
from minicnn.draw.style import NAN, readable_on, sheet, signed, stretch
from minicnn.draw.titles import write_title
from minicnn.maps import Dense, LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WRITTEN = 16  # rows or columns up to which numbers are written: more of them would touch in a figure of 14 inches
BLOCKS = 400  # rows or columns up to which entries are drawn one by one: beyond, one is less than a pixel of a figure
_DENSE = 50_000_000  # entries up to which the dense matrix is made: 200 MB, in less time than its non-zeros are listed


def matrix(A: LinearMap | ArrayLike, axes: "Axes | None" = None, title: str | None = None) -> "Axes":
    """Draw the entries of a matrix: blue below zero, vermilion above, the ground at zero; written out if it is small.

    A matrix of more than 400 rows or columns is reduced: every block shows its entry of largest magnitude. Entries are
    square, unless the matrix would be more than four times as long as wide. Of a complex one the real part is drawn.
    NaN is green. A bar says which colour is which value, in a figure of its own, and in axes of at least 3×1 inches
    of one with `layout="constrained"`.

    Args:
        A: the map, or a matrix as a 2-D array.
        axes: where to draw; a new figure if None.
        title: above the picture; the shape and the non-zeros if None.

    Raises:
        TypeError: for what is not a map or not axes.
        ValueError: for a matrix without entries.
        MemoryError: if the matrix has too many non-zeros to draw, before any of them is computed.
    """
    A = as_map(A)
    width, height = sheet(*A.shape)
    axes = one_axes(axes, (width + BAR, height))
    image = _draw(A, axes)
    write_title(axes, title or f"{A.shape[0]}×{A.shape[1]}, {_non_zeros(A):,} non-zeros")
    color_bar(image, axes, "entry")
    return axes


def pair(A: LinearMap | ArrayLike, axes: "tuple[Axes, Axes] | None" = None, name: str = "C") -> "tuple[Axes, Axes]":
    """Draw a matrix beside its transpose, as `matrix` draws them: what goes forward, and what comes back.

    Args:
        A: the map, or a matrix as a 2-D array.
        axes: where to draw; a new figure if None.
        name: of the matrix, for the titles.

    Raises:
        TypeError: for what is not a map or not two axes.
        ValueError: for a matrix without entries.
        MemoryError: as `matrix`.
    """
    A = as_map(A)
    axes = two_axes(axes, (11 + BAR, 5.5))
    image, _ = _draw(A, axes[0]), _draw(A.T, axes[1])
    for ax, B, what in zip(axes, (A, A.T), (f"{name}: forward", f"{name}ᵀ: backward"), strict=True):
        write_title(ax, f"{what}, {B.shape[0]}×{B.shape[1]}\n{_non_zeros(B):,} non-zeros")
    color_bar(image, axes, "entry")
    return axes


def _draw(A: LinearMap, axes: "Axes") -> Any:
    """Draw the entries into axes and return their image."""
    rows, columns = A.shape
    entries = _drawn(A)
    limit = limit_of(entries)
    image = axes.imshow(
        entries,
        cmap=signed(axes),
        vmin=-limit,
        vmax=limit,
        extent=(0, columns, rows, 0),
        aspect=stretch(rows, columns),
        interpolation="nearest",
    )
    if max(rows, columns) <= _WRITTEN:
        for row, column in np.argwhere(entries):
            value = entries[row, column]
            color = readable_on(NAN if np.isnan(value) else image.to_rgba(value)[:3])
            axes.text(
                column + 0.5, row + 0.5, f"{value:.2g}", ha="center", va="center", fontsize="x-small", color=color
            )
    axes.set(xlabel="input entry", ylabel="output entry")
    return image


def _non_zeros(A: LinearMap) -> int:
    """How many entries are not zero: of a stored matrix those that are, of other maps those that can be."""
    return int(np.count_nonzero(np.asarray(A.M))) if isinstance(A, Dense) else A.nnz


def _drawn(A: LinearMap) -> Float[np.ndarray, "p q"]:
    """The entries that are drawn, found in whichever way takes less: from all of them, or from the non-zeros."""
    if math.prod(A.shape) <= _DENSE:
        entries = np.real(np.asarray(A.matrix()))
        return reduced(entries if entries.dtype.kind in "iuf" else entries.astype(np.float32))
    check_listed(A)
    rows, columns, values = A.entries()
    return reduced_list(A.shape, rows, columns, np.real(values))


def reduced(entries: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "p q"]:
    """At most 400×400 blocks, each with its entry of largest magnitude; NaN counts as larger than all.

    >>> reduced(np.eye(1000)).shape
    (334, 334)
    """
    steps = _steps(entries.shape)
    padded = np.pad(entries, [(0, -size % step) for size, step in zip(entries.shape, steps, strict=True)])
    p, q = (size // step for size, step in zip(padded.shape, steps, strict=True))
    blocks = padded.reshape(p, steps[0], q, steps[1]).swapaxes(1, 2).reshape(p, q, -1)
    return np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0].astype(float)


def reduced_list(
    shape: tuple[int, int], rows: Int[np.ndarray, " nnz"], columns: Int[np.ndarray, " nnz"], values: np.ndarray
) -> Float[np.ndarray, "p q"]:
    """What `reduced` gives, from a list of the non-zeros.

    >>> reduced_list((2, 1000), np.array([0, 1, 1]), np.array([0, 0, 2]), np.array([1.0, 3.0, -5.0]))[:, :2]
    array([[ 1.,  0.],
           [-5.,  0.]])
    """
    step_down, step_across = _steps(shape)
    picture = np.zeros((-(-shape[0] // step_down), -(-shape[1] // step_across)))
    order = np.argsort(np.abs(values.astype(float)), kind="stable")  # of several entries of a block the last stays
    picture[rows[order] // step_down, columns[order] // step_across] = values[order]
    return picture


def _steps(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many rows and columns make a block."""
    rows, columns = (max(-(-size // BLOCKS), 1) for size in shape)
    return rows, columns
