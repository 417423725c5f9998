"""Pooling: the maximum and the average of each window."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from minicnn.arguments import check_rank, operands
from minicnn.axis import Axis
from minicnn.forms.geometry import Padding, resolve, sliding_axes
from minicnn.forms.pools import input_positions, max_windows, pool_axes
from minicnn.functional.common import Ints, batched, jitted_primitive
from minicnn.maps.pooling import AveragePool
from minicnn.primitive import ArrayLike

max_pool_p = jitted_primitive("max_pool", lambda x, axes: max_windows(x, axes)[0])
avg_pool_p = jitted_primitive(
    "avg_pool", lambda x, axes, counted: AveragePool(axes, x.shape[-1], counted, x.dtype).apply(x)
)


def max_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window, channel by channel. Ties go to the first position; NaN propagates.

    The matrix at x is a selection S(x), one 1 per row, and the gradient is S(x)ᵀ: overlapping windows add.

    Args:
        x: input, (*batch, *spatial, c), real.
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`; padding never wins.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input.
        return_indices: also return the winners' flat int32 positions over the spatial axes, row-major.

    Returns:
        (*batch, *out, c), or a pair of such arrays.

    Raises:
        ValueError: as `conv`, and if a window lies wholly in the padding.
        TypeError: if x is complex.

    >>> max_pool(jnp.array([1.0, 5.0, 2.0, 3.0]).reshape(4, 1), (2,)).ravel()
    Array([5., 3.], dtype=float32)
    """
    (x,) = operands(x=x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"`x` is {x.dtype.name} and complex numbers have no order: pool the absolute value instead")
    rank = len(window)
    axes, _ = _pooling(x, window, stride, padding, dilation, ceil_mode)
    y = batched(max_pool_p, x, rank, axes=axes)
    return (y, batched(_winners, x, rank, axes=axes)) if return_indices else y


def avg_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """The average of each window, channel by channel: diag(1/count)·S with a 0/1 matrix S.

    Args:
        x: input, (*batch, *spatial, c), floating.
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input; the overhang is never counted.
        count_include_pad: divide by the positions in the padded input, not by those in the input alone.

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: as `conv`, and if a window lies wholly in the padding.
        TypeError: if x has an integer dtype.

    >>> avg_pool(jnp.array([1.0, 5.0, 2.0, 4.0]).reshape(4, 1), (2,)).ravel()
    Array([3., 3.], dtype=float32)
    """
    (x,) = operands(x=x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise TypeError(f"`x` is {x.dtype.name} and an average is no integer: convert it with x.astype(float)")
    axes, widths = _pooling(x, window, stride, padding, dilation, ceil_mode)
    counted = widths if count_include_pad else ((0, 0),) * len(window)
    return batched(avg_pool_p, x, len(window), axes=axes, counted=counted)


def _winners(x: Array, axes: tuple[Axis, ...]) -> Array:
    return input_positions(max_windows(x, axes)[1], axes)


def _pooling(
    x: Any, window: Sequence[int], stride: Ints | None, padding: Padding, dilation: Ints, ceil_mode: bool
) -> tuple[tuple[Axis, ...], tuple[tuple[int, int], ...]]:
    """The axes of pooling windows and their requested padding."""
    rank = len(window)
    check_rank("x", x, rank)
    in_size = x.shape[-rank - 1 : -1]
    slidings = sliding_axes(window, tuple(window) if stride is None else stride, padding, dilation)
    resolve(slidings, in_size)
    widths = tuple(sliding.widths(size) for sliding, size in zip(slidings, in_size, strict=True))
    return pool_axes(slidings, in_size, ceil_mode), widths
