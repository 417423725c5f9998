"""The singular values of a map."""

from typing import TYPE_CHECKING

import numpy as np

from minicnn.draw.style import own
from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def spectrum(A: LinearMap, axes: "Axes | None" = None, label: str | None = None) -> "Axes":
    """Draw the singular values of a map against their order; what is zero to rounding is left out of the line.

    The largest is how much A, and so backpropagation through it, can lengthen a vector. Draw several maps into the same
    axes to compare them: their lines differ in their dashes too.

    Args:
        A: the map, small enough for a dense matrix.
        axes: where to draw; a new figure if None.
        label: of the line; the rank and the largest and smallest values if None.

    Raises:
        MemoryError: if the matrix would not fit.

    >>> axes = spectrum(minicnn.conv_map(jnp.ones((3, 1, 1)), (6,)))
    >>> axes.get_ylabel()
    'singular value'
    """
    from matplotlib.ticker import LogFormatter, MaxNLocator

    axes = own(axes)
    values = np.linalg.svd(np.asarray(A.matrix()), compute_uv=False)
    rank = int((values > values.max(initial=0) * max(A.shape) * np.finfo(values.dtype).eps).sum())
    kept = values[:rank]
    said = f"{A.shape[0]}×{A.shape[1]}, rank {rank} of at most {len(values)}"
    said += f", {kept[0]:.3g} to {kept[-1]:.3g}, condition {kept[0] / kept[-1]:.3g}" if rank else ""
    dashes = ("-", "--", "-.", ":")[len(axes.lines) % 4]
    marker = "." if rank <= 60 else None
    axes.semilogy(np.arange(1, rank + 1), kept, dashes, marker=marker, label=label or said)
    axes.set(xlabel="number", ylabel="singular value", title="Singular values")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    axes.grid(alpha=0.3)
    axes.legend()
    return axes
