"""The picture of a map in a notebook: plain SVG, in the colours of the page around it."""

import math
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float

from minicnn.maps.base import LinearMap, hidden

_BLOCKS = 72  # rows or columns of the picture, 5 pixels each on a side of 360; a larger matrix is reduced
LISTED = 10_000_000  # the most non-zeros that are listed for a picture: listing and sorting them takes 7 s and 1 GB
_PAPER = 360  # pixels of the longer side: a picture fits beside text in a notebook
_THIN = 4  # times as long as wide, beyond which a picture is stretched, so that its structure is seen
# Vermilion and blue, which colour-blind readers tell apart, on light and on dark pages.
POSITIVE, NEGATIVE = "#d55e00", "#0063a8"
_FAINTEST = 0.12  # the opacity of what is hardly more than zero, which still differs from the ground
_LEVELS = 4  # of opacity, as many as can be told apart


def html(A: LinearMap) -> str:
    """Show the map's name and shapes, and draw its non-zeros: filled where positive, hollow where negative."""
    head = f"<code>{escape(repr(A))}</code>"
    if hidden(A) or not math.prod(A.shape) or listed(A) > LISTED:
        return head
    rows, columns, values = A.entries()
    steps = tuple(-(-size // _BLOCKS) for size in A.shape)
    largest = f", each square the largest of {steps[0]}×{steps[1]} entries" if max(steps) > 1 else ""
    hollow = "; hollow squares are negative" if (np.real(values) < 0).any() else ""
    facts = f"{len(rows):,} non-zeros of {math.prod(A.shape):,}{largest}{hollow}"
    picture = svg(blocks(A.shape, rows, columns, np.real(values), steps), f"The matrix: {facts}")
    return f'<figure style="margin:0">{picture}<figcaption>{head}<br>{facts}</figcaption></figure>'


def listed(A: LinearMap) -> int:
    """Say how many non-zeros are listed to draw a map: its own, or those of a factor or a term, if they are more.

    >>> A = minicnn.conv_map(jnp.ones((3, 1, 1)), (7,))
    >>> A.nnz, listed(A), listed(minicnn.conv_map(jnp.ones((3, 1, 1)), (5,)) @ A)
    (15, 15, 15)
    """
    from minicnn.maps.algebra import Compose, Sum

    parts = A.factors if isinstance(A, Compose) else A.terms if isinstance(A, Sum) else ()
    most = max(map(listed, parts), default=0)
    return most if most > LISTED else max(most, A.nnz)  # to count those of a product may mean to multiply


def blocks(
    shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, values: np.ndarray, steps: tuple[int, ...]
) -> Float[np.ndarray, "m n"]:
    """Find in each block of the matrix the structural non-zero of largest magnitude, and NaN where there is none.

    >>> blocks((2, 4), np.array([0, 0, 1]), np.array([0, 1, 3]), np.array([1.0, -5.0, 2.0]), (2, 2))
    array([[-5.,  2.]])
    """
    picture = np.full([-(-size // step) for size, step in zip(shape, steps, strict=True)], np.nan)
    order = np.argsort(np.abs(np.nan_to_num(values)), kind="stable")  # of several entries of a block the last stays
    picture[rows[order] // steps[0], columns[order] // steps[1]] = np.nan_to_num(values[order])
    return picture


def opacity(share: Any) -> Any:
    """Say how opaque the colour of a value is drawn that is this share of the largest.

    >>> opacity(0.5)
    0.56
    """
    return _FAINTEST + (1 - _FAINTEST) * share


def svg(picture: Float[np.ndarray, "m n"], label: str) -> str:
    """Draw an array; what is larger is more opaque, and NaN is left out."""
    rows, columns = picture.shape
    side = min(max(_PAPER / max(rows, columns), 3), 18)
    width, height = (max(side * size, side * max(rows, columns) / _THIN) for size in (columns, rows))
    limit = float(np.nanmax(np.abs(picture), initial=0)) or 1.0
    level = np.ceil(np.nan_to_num(np.abs(picture)) / limit * _LEVELS).astype(int)
    paths = []
    for sign, color, shape in ((1, POSITIVE, "M{} {}h1v1h-1z"), (-1, NEGATIVE, "M{} {}h1v1h-1zm.25 .25v.5h.5v-.5z")):
        for number in range(_LEVELS + 1):
            here = (level == number) & ~np.isnan(picture) & ((picture < 0) == (sign < 0))
            if here.any():
                d = "".join(shape.format(column, row) for row, column in np.argwhere(here))
                paths.append(f'<path fill="{color}" fill-opacity="{opacity(number / _LEVELS):.2f}" d="{d}"/>')
    return (
        f'<svg role="img" aria-label="{escape(label)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" style="outline:1px solid currentColor">'
        f"{''.join(paths)}</svg>"
    )
