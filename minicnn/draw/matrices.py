"""Pictures of matrices: large ones are reduced block by block, so that their structure stays visible."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from minicnn.draw.style import SIGNED, own, readable_on, sheet
from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WRITTEN = 16  # rows or columns of a matrix whose numbers are written
_LARGEST = 400  # rows or columns drawn; what is larger is reduced


def matrix(A: LinearMap, axes: "Axes | None" = None, title: str | None = None) -> "Axes":
    """Draw the entries of a map's matrix: grey at zero, darker below it, lighter above; written out where it is small.

    A matrix of more than 400 rows or columns is reduced: every block shows its entry of largest magnitude.

    Args:
        A: the map.
        axes: where to draw; a new figure if None.
        title: above the picture; the shape and the non-zeros if None.
    """
    rows, columns = A.shape
    axes = own(axes, sheet(rows, columns))
    entries = reduced(np.asarray(jnp.real(A.matrix())))
    limit = float(np.abs(entries).max(initial=0)) or 1.0
    image = axes.imshow(
        entries, cmap=SIGNED, vmin=-limit, vmax=limit, extent=(0, columns, rows, 0), interpolation="nearest"
    )
    if max(rows, columns) <= _WRITTEN:
        for row, column in np.argwhere(entries):
            value = entries[row, column]
            color = readable_on(image.to_rgba(value)[:3])
            axes.text(column + 0.5, row + 0.5, f"{value:.2g}", ha="center", va="center", fontsize=7, color=color)
    axes.set(xlabel="input entry", ylabel="output entry")
    axes.set_title(title or f"{rows}×{columns}, {A.nnz:,} non-zeros")
    return axes


def pair(A: LinearMap, axes: "tuple[Axes, Axes] | None" = None, name: str = "C") -> "tuple[Axes, Axes]":
    """Draw A beside its transpose: what goes forward, and what comes back.

    Args:
        A: the map.
        axes: where to draw; a new figure if None.
        name: of the matrix, for the titles.
    """
    from matplotlib import pyplot as plt

    if axes is None:
        _, (left, right) = plt.subplots(1, 2, figsize=(11, 5.5), layout="constrained")
        axes = (left, right)
    for ax, B, what in zip(axes, (A, A.T), (f"{name}: forward", f"{name}ᵀ: backward"), strict=True):
        matrix(B, ax, f"{what}, {B.shape[0]}×{B.shape[1]}\n{B.nnz:,} non-zeros")
    return axes


def reduced(entries: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "p q"]:
    """At most 400×400 blocks, each with its entry of largest magnitude.

    >>> reduced(np.eye(1000)).shape
    (334, 334)
    """
    steps = [max(-(-size // _LARGEST), 1) for size in entries.shape]
    padded = np.pad(entries, [(0, -size % step) for size, step in zip(entries.shape, steps, strict=True)])
    p, q = (size // step for size, step in zip(padded.shape, steps, strict=True))
    blocks = padded.reshape(p, steps[0], q, steps[1]).swapaxes(1, 2).reshape(p, q, -1)
    return np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]
