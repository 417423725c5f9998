"""The spectrum of a map: its singular values against their order."""

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import ArrayLike, Float

from minicnn.draw.arguments import as_map, one_axes
from minicnn.draw.style import DASHES
from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 1e12  # rows · columns · the lesser of them, which the time grows with: 10,000×10,000 takes minutes
_MARKED = 60  # values up to which each has a mark: more of them would touch


def spectrum(A: LinearMap | ArrayLike, axes: "Axes | None" = None, label: str | None = None) -> "Axes":
    """Draw the singular values of a map against their order; what is zero to rounding is left out of the line.

    The largest is how much A, and so backpropagation through it, can lengthen a vector. Draw several maps into the same
    axes to compare them: their lines differ in their dashes too.

    Args:
        A: the map, small enough for a dense matrix; or a matrix as a 2-D array.
        axes: where to draw; a new figure if None.
        label: of the line; the rank and the largest and smallest values if None.

    Raises:
        TypeError: for what is not a map or not axes.
        ValueError: for a matrix without entries, with NaN or Inf, or so large that its values would take too long.
        MemoryError: if the matrix would not fit.

    >>> axes = spectrum(minicnn.conv_map(jnp.ones((3, 1, 1)), (6,)))
    >>> axes.get_ylabel()
    'singular value'
    """
    from matplotlib.ticker import LogFormatter, MaxNLocator

    A = as_map(A)
    values, rank = _singular(A)
    axes = one_axes(axes)
    kept = values[:rank]
    said = f"{A.shape[0]}×{A.shape[1]}, rank {rank} of at most {len(values)}"
    said += f", {kept[0]:.3g} to {kept[-1]:.3g}, condition {kept[0] / kept[-1]:.3g}" if rank else ""
    dashes = DASHES[len(axes.lines) % len(DASHES)]
    marker = "." if rank <= _MARKED else None
    axes.semilogy(np.arange(1, rank + 1), kept, dashes, marker=marker, label=label or said)
    axes.set(xlabel="number", ylabel="singular value", title="Singular values")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    axes.grid(alpha=0.3)
    axes.legend()
    return axes


def _singular(A: LinearMap) -> tuple[Float[np.ndarray, " n"], int]:
    """The singular values, descending, and how many of them are more than rounding."""
    rows, columns = A.shape
    if math.prod(A.shape) * min(A.shape) > _MOST:
        raise ValueError(
            f"the matrix is {rows}×{columns}, and its singular values would take too long: draw them for a smaller "
            "input; those of a convolution spread alike for inputs of any size"
        )
    entries = np.asarray(A.matrix())
    entries = entries if entries.dtype.kind in "iufc" and entries.itemsize > 2 else entries.astype(np.float32)
    if not np.isfinite(entries).all():
        raise ValueError(f"the {rows}×{columns} matrix holds NaN or Inf: it has no singular values")
    values = np.linalg.svd(entries, compute_uv=False)
    return values, int((values > values.max() * max(A.shape) * np.finfo(values.dtype).eps).sum())
