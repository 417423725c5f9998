"""The spectrum of a map: its singular values against their order, and those of the same kernel with every border."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float

from minicnn.axis import Axis
from minicnn.draw.arguments import as_map, one_axes
from minicnn.draw.style import DASHES
from minicnn.forms.tables import MODES
from minicnn.linalg import banded
from minicnn.linalg.frames import framed
from minicnn.linalg.stencils import Border, Stencil, oriented
from minicnn.linalg.symbols import Symbol
from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 1e12  # rows · columns · the lesser of them, which the time grows with: 10,000×10,000 takes minutes
_MARKED = 60  # values up to which each has a mark: more of them would touch
_FREQUENCIES = 4096  # at which the symbol is looked at: its curve is as smooth as a figure is wide


def spectrum(
    A: LinearMap | ArrayLike, axes: "Axes | None" = None, label: str | None = None, *, borders: bool = False
) -> "Axes":
    """Draw the singular values of a map against their order; what is zero to rounding is left out of the line.

    The largest is how much A, and so backpropagation through it, can lengthen a vector. Draw several maps into the same
    axes to compare them: their lines differ in their dashes too.

    With `borders` the values of a convolution are drawn over those of the same kernel, stride and size with every other
    border, and over the singular values of the symbol, to whose curve all of them tend on larger and larger inputs.

    Args:
        A: the map, small enough for a dense matrix; or a matrix as a 2-D array.
        axes: where to draw; a new figure if None.
        label: of the line; the rank and the largest and smallest values if None.
        borders: also draw the kernel with every other border.

    Raises:
        TypeError: for what is not a map or not axes; with `borders`, for what is not a convolution.
        ValueError: for a matrix without entries, with NaN or Inf, or so large that its values would take too long.
        MemoryError: if the matrix would not fit.

    >>> axes = spectrum(minicnn.conv_map(jnp.ones((3, 1, 1)), (6,)))
    >>> axes.get_ylabel()
    'singular value'
    """
    from matplotlib.ticker import LogFormatter, MaxNLocator

    A = as_map(A)
    values, rank = _singular(A)
    others = dict(with_every_border(A)) if borders else {}
    axes = one_axes(axes)
    kept = values[:rank]
    said = f"{A.shape[0]}×{A.shape[1]}, rank {rank} of at most {len(values)}"
    said += f", {kept[0]:.3g} to {kept[-1]:.3g}, condition {kept[0] / kept[-1]:.3g}" if rank else ""
    for n, (name, B) in enumerate(others.items()):
        other, its_rank = _singular(B)
        axes.semilogy(np.arange(1, its_rank + 1), other[:its_rank], DASHES[n % len(DASHES)], label=name, alpha=0.8)
    if borders:
        axes.semilogy(*_symbol_curve(A), color="0.6", linewidth=5, zorder=0, label="symbol")
    dashes = "-" if borders else DASHES[len(axes.lines) % len(DASHES)]
    marker = "." if rank <= _MARKED else None
    colour = {"color": "k"} if borders else {}
    axes.semilogy(np.arange(1, rank + 1), kept, dashes, marker=marker, label=label or said, **colour)
    axes.set(xlabel="number", ylabel="singular value", title="Singular values")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    axes.grid(alpha=0.3)
    axes.legend()
    return axes


def with_every_border(A: LinearMap) -> Iterator[tuple[str, LinearMap]]:
    """The map's kernel, stride and dilation on the same input: without padding, padded in every mode, and in full.

    Raises:
        TypeError: for what is not a convolution.

    >>> [name for name, _ in with_every_border(minicnn.conv_map(jnp.ones((3, 1, 1)), (6,)))]
    ['valid', 'zeros', 'circular', 'reflect', 'replicate', 'symmetric', 'full']
    """
    C, transposed = _convolution(A)
    for name, padding, mode in _BORDERS:
        axes = [
            Axis.of(axis.in_size, axis.kernel_size, axis.stride, padding=padding, dilation=axis.dilation)
            for axis in C.axes
        ]
        reach = [MODES[mode].reach(axis.in_size) for axis in axes]
        beyond = [max(-axis.span(axis.out_size)[0], axis.span(axis.out_size)[1] + 1 - axis.in_size) for axis in axes]
        fits = all(limit is None or need <= limit for need, limit in zip(beyond, reach, strict=True))
        if fits and all(axis.out_size for axis in axes):
            B = replace(C, borders=tuple(Border(axis, mode) for axis in axes)).with_weights(C.w)
            yield name, B.T if transposed else B


# Name, padding and its mode.
_BORDERS: tuple[tuple[str, Any, str], ...] = (
    ("valid", "VALID", "zeros"),
    *((mode, "SAME", mode) for mode in MODES),
    ("full", "FULL", "zeros"),
)


def _convolution(A: LinearMap) -> tuple[Stencil, bool]:
    C, transposed = oriented(framed(A).core)
    if C is None:
        raise TypeError(f"{A!r} is not a convolution: only a kernel can be given another border")
    return C, transposed


def _symbol_curve(A: LinearMap) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The singular values of the symbol over all frequencies, descending, against the number of them before each."""
    C, _ = _convolution(A)
    per_axis = max(int(_FREQUENCIES ** (1 / C.rank)), 2)
    # Half a step from zero no frequency is special, and the grid still holds as many of each kind.
    grid = (np.arange(per_axis) + 0.5) * 2 * np.pi / per_axis
    omega = np.stack(np.meshgrid(*[grid] * C.rank, indexing="ij"), -1)
    values = np.sort(np.linalg.svd(Symbol.of(C.in_float64()).at(omega), compute_uv=False).ravel())[::-1]
    kept = values[values > values.max() * np.finfo(np.float32).eps]
    positions = math.prod(axis.in_size / axis.stride for axis in C.axes)
    each = positions * len(values) / math.prod(omega.shape[:-1]) / len(values)
    return 0.5 + each * (np.arange(len(kept)) + 0.5), kept


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
    found = banded.values(A)
    single = entries.dtype in (np.float32, np.complex64)  # the dtype says what is no more than rounding
    values = np.linalg.svd(entries, compute_uv=False) if found is None else found.astype("f4" if single else "f8")
    return values, int((values > values.max() * max(A.shape) * np.finfo(values.dtype).eps).sum())
