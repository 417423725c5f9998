"""What the pictures are handed: maps and axes, checked once; whatever else comes is told what was probably meant."""

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.arguments import untraced
from minicnn.autodiff import Program
from minicnn.maps import Dense, LinearMap
from minicnn.maps.picture import LISTED, listed
from minicnn.nn.layer import Layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def as_map(A: Any) -> LinearMap:
    """The map that is drawn; a 2-D array is the matrix of one.

    Raises:
        TypeError: for anything else, and for a map in the middle of a transformation, which has no numbers yet.
        ValueError: for a matrix without entries.
    """
    if isinstance(A, np.ndarray | jax.Array) and A.ndim == 2 and A.dtype.kind != "O":
        entries = jnp.asarray(A.astype(np.float32) if A.dtype == bool else A)
        A = Dense(entries, A.shape[1:], A.shape[:1], entries.dtype)
    if not isinstance(A, LinearMap):
        raise TypeError(f"`A` is {described(A)}, which is not a linear map: {_meant(A)}")
    untraced("A", A, "draw it outside of jax.jit, jax.grad and jax.vmap")
    if not math.prod(A.shape):
        raise ValueError(f"the matrix is {A.shape[0]}×{A.shape[1]} and has no entries to draw: {A!r}")
    return A


def check_listed(A: LinearMap) -> None:
    """Refuse a picture for which too many non-zeros would have to be listed, before any of them is.

    Raises:
        MemoryError: with their number, and what to do.
    """
    rows, columns = A.shape
    if (number := listed(A)) > LISTED:
        raise MemoryError(
            f"the matrix is {rows}×{columns} and has {number:,} non-zeros to list; a picture lists at most {LISTED:,}: "
            "draw it for a smaller input or for fewer channels, where its pattern is the same"
        )


def one_axes(axes: Any, figsize: tuple[float, float] | None = None) -> "Axes":
    """The axes that were given, or those of a new figure.

    Raises:
        TypeError: for what cannot be drawn into.
    """
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes

    if axes is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(axes, Axes):
        several = " with several axes: give one of them, such as axes[0]" if np.size(axes) > 1 else ""
        raise TypeError(f"`axes` must be one of matplotlib's Axes, such as plt.gca(), not {described(axes)}{several}")
    return axes


def two_axes(axes: Any, figsize: tuple[float, float]) -> "tuple[Axes, Axes]":
    """The two axes that were given, or those of a new figure.

    Raises:
        TypeError: for what is not two axes.
    """
    first, second = many_axes(axes, 2, figsize)
    return first, second


def many_axes(axes: Any, count: int, figsize: tuple[float, float]) -> "list[Axes]":
    """The axes that were given, or those of a new figure, side by side.

    Raises:
        TypeError: for what is not so many axes.
    """
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes

    given = plt.subplots(1, count, figsize=figsize, layout="constrained")[1] if axes is None else axes
    flat = list(np.ravel(np.asarray(given, object)))
    if len(flat) != count or not all(isinstance(one, Axes) for one in flat):
        number = {2: "two", 4: "four"}[count]
        raise TypeError(
            f"`axes` must be {number} of matplotlib's Axes, such as plt.subplots(1, {count})[1], not {described(axes)}"
        )
    return flat


def described(value: Any) -> str:
    """A value as an error names it.

    >>> described(np.ones((3, 3, 1, 1))), described(3), described(minicnn.nn.Flatten())
    ('an array of shape (3, 3, 1, 1)', '3', 'a Flatten')
    """
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, LinearMap):
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, str | int | float | complex | None):
        return repr(value)
    return f"{'an' if type(value).__name__[0] in 'AEIOU' else 'a'} {type(value).__name__}"


def _meant(value: Any) -> str:
    """What someone who gave this instead of a map probably meant."""
    if isinstance(value, Program):
        return "draw it with minicnn.draw.program(P), or its matrix with minicnn.draw.matrix(P.matrix())"
    if isinstance(value, Layer):
        return "give its matrix, layer.map(params, in_shape), or its Jacobian at one x, layer.map_at(params, x)"
    if hasattr(value, "toarray"):
        return "give the map itself, or value.toarray()"
    if hasattr(value, "shape") and len(value.shape) > 2:
        return "a kernel becomes a map with minicnn.conv_map(w, in_size)"
    return "give a minicnn.maps.LinearMap, such as minicnn.conv_map(w, in_size), or a matrix as a 2-D array"
