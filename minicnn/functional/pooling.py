"""Pooling: the maximum and the average of each window."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn.arguments import check_rank, flag, keywords_explained, sizes, window_sizes
from minicnn.axis import Axis
from minicnn.dtypes import floating, of_averages, ordered
from minicnn.forms.arithmetic import summing
from minicnn.forms.pooling import lowest, max_values, pool_axes, winners
from minicnn.forms.resolve import Ints, Padding, sliding, windows
from minicnn.forms.windows import window_sum
from minicnn.functional.batching import batched
from minicnn.functional.jitted import of_each_image, windowed_primitive
from minicnn.maps.pooling import AveragePool, Selection
from minicnn.primitive import ArrayLike, value_of

max_pool_p = windowed_primitive("max_pool", max_values, lambda y, x, axes: y, fill=lowest)
avg_pool_p = windowed_primitive(
    "avg_pool",
    lambda x, axes: window_sum(x.astype(summing(x.dtype)), axes),
    lambda total, x, axes, counted: AveragePool(axes, x.shape[-1], counted, x.dtype).averaged(total).astype(x.dtype),
    fill=lambda dtype: 0,
)


@keywords_explained
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
    x = ordered(x)
    rank = len(window_sizes("window", window))
    axes, _ = pooling_axes(x, window, stride, padding, dilation, ceil_mode)
    y = batched(max_pool_p, x, rank, axes=axes)
    if not flag("return_indices", return_indices):
        return y
    return y, batched(_winners, value_of(x), rank, axes=axes)


@keywords_explained
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
    x = floating(x)
    axes, widths = pooling_axes(x, window, stride, padding, dilation, ceil_mode)
    counted = widths if flag("count_include_pad", count_include_pad) else ((0, 0),) * len(window)
    return batched(avg_pool_p, x, len(window), axes=axes, counted=counted)


def avg_pool_map(
    in_shape: Sequence[int], window: Sequence[int], *, dtype: DTypeLike = jnp.float32, **options: Any
) -> AveragePool:
    """The matrix of `avg_pool`: constant, diag(1/count)·S.

    Args:
        in_shape: shape of one input, (*spatial, c).
        window: size of the window, one int per spatial axis.
        dtype: of the entries, of floating or complex numbers.
        **options: the keyword arguments of `avg_pool`.

    >>> avg_pool_map((4, 4, 1), (2, 2))
    AveragePool((4, 4, 1) → (2, 2, 1), 4×16 float32)
    """
    in_shape, include_pad = sizes("in_shape", in_shape), options.pop("count_include_pad", False)
    like = jax.ShapeDtypeStruct(in_shape, of_averages("dtype", dtype))
    axes, widths = pooling_axes(like, window, **(POOLING | options))
    counted = widths if flag("count_include_pad", include_pad) else ((0, 0),) * len(window)
    return AveragePool(axes, in_shape[-1], counted, like.dtype)


def max_pool_map_at(x: Shaped[Array, "*spatial c"], window: Sequence[int], **options: Any) -> Selection:
    """The matrix of `max_pool` at one image x: the selection S(x) of the winners.

    Args:
        x: one input, (*spatial, c).
        window: size of the window, one int per spatial axis.
        **options: the keyword arguments of `max_pool`.

    >>> max_pool_map_at(jnp.array([1.0, 5.0, 2.0, 3.0]).reshape(4, 1), (2,)).matrix()
    Array([[0., 1., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """
    x = ordered(x)
    axes, _ = pooling_axes(x, window, **(POOLING | options))
    return Selection(_winners(x[None], axes=axes)[0], axes, (), x.shape[-1], x.dtype)


def selection(x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...]) -> Selection:
    """The derivative of `max_pool` at a batch: every image selects its own winners."""
    return Selection(_winners(x, axes=axes), axes, x.shape[:1], x.shape[-1], x.dtype)


_winners = jax.jit(of_each_image(winners), static_argnames="axes", inline=True)
POOLING = {"stride": None, "padding": "VALID", "dilation": 1, "ceil_mode": False}


def pooling_axes(
    x: Any, window: Sequence[int], stride: Ints | None, padding: Padding, dilation: Ints, ceil_mode: bool
) -> tuple[tuple[Axis, ...], tuple[tuple[int, int], ...]]:
    """The axes of pooling windows and their requested padding."""
    window = window_sizes("window", window)
    check_rank("x", x, len(window))
    in_size = x.shape[-len(window) - 1 : -1]
    stride = window if stride is None else stride
    windows(window, in_size, stride, padding, dilation)
    slidings = sliding(window, stride, padding, dilation)
    widths = tuple(sliding.widths(size) for sliding, size in zip(slidings, in_size, strict=True))
    return pool_axes(slidings, in_size, flag("ceil_mode", ceil_mode)), widths
