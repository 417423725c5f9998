"""Windows laid out side by side (im2col), and added back."""

import math
from collections.abc import Sequence
from typing import Any

from minicnn.arguments import check_rank, keywords_explained, sizes, window_sizes
from minicnn.dtypes import operands
from minicnn.forms.layouts import hinting
from minicnn.forms.resolve import Ints, Padding, windows
from minicnn.functional.batching import batched
from minicnn.functional.jitted import jitted_primitive
from minicnn.maps.windows import Unfold
from minicnn.primitive import ArrayLike

unfold_p = jitted_primitive("unfold", lambda x, axes: Unfold(axes, x.shape[-1], x.dtype).apply(x))
fold_p = jitted_primitive("fold", lambda p, axes, channels: Unfold(axes, channels, p.dtype).apply_transpose(p))


@keywords_explained
def unfold(
    x: ArrayLike, kernel_size: Sequence[int], *, stride: Ints = 1, padding: Padding = "VALID", dilation: Ints = 1
) -> Any:
    """The windows of x side by side (im2col): (*batch, *out, prod(kernel)·c), the tap before the channel.

    Args:
        x: input, (*batch, *spatial, c).
        kernel_size: size of the window, one int per spatial axis.
        stride: input steps per window.
        padding: as in `conv`.
        dilation: steps between the positions of a window.

    Raises:
        ValueError: as `conv`.

    >>> unfold(jnp.arange(4.0).reshape(4, 1), (2,))
    Array([[0., 1.],
           [1., 2.],
           [2., 3.]], dtype=float32)
    """
    (x,) = operands(x=x)
    rank = len(window_sizes("kernel_size", kernel_size))
    check_rank("x", x, rank)
    axes = windows(kernel_size, x.shape[-rank - 1 : -1], stride, padding, dilation)
    return batched(unfold_p, x, rank, axes=axes)


@keywords_explained
def fold(
    p: ArrayLike,
    in_size: Sequence[int],
    kernel_size: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> Any:
    """The transpose of `unfold`: windows added back where they overlap, (*batch, *in_size, c).

    Args:
        p: windows, (*batch, *out, prod(kernel)·c).
        in_size: spatial size of the result.
        kernel_size: size of the window, one int per spatial axis.
        stride: as in `unfold`.
        padding: as in `unfold`.
        dilation: as in `unfold`.

    Raises:
        ValueError: if p is not what `unfold` makes of an input of `in_size`.

    >>> fold(jnp.ones((3, 2)), (4,), (2,)).ravel()
    Array([1., 2., 2., 1.], dtype=float32)
    """
    (p,) = operands(p=p)
    kernel_size, in_size = window_sizes("kernel_size", kernel_size), sizes("in_size", in_size)
    rank = len(kernel_size)
    check_rank("p", p, rank)
    with hinting(lambda: _exchanged(in_size, kernel_size)):
        axes = windows(kernel_size, in_size, stride, padding, dilation)
    channels, rest = divmod(p.shape[-1], math.prod(kernel_size))
    expected = tuple(axis.out_size for axis in axes)
    if rest or p.shape[-rank - 1 : -1] != expected:
        raise ValueError(
            f"`p` has shape {p.shape}: unfolding {tuple(in_size)} gives {expected} and a multiple of "
            f"{math.prod(kernel_size)} channels"
        )
    return batched(fold_p, p, rank, axes=axes, channels=channels)


def _exchanged(in_size: Sequence[int], kernel_size: Sequence[int]) -> str:
    """What to do with windows that are larger than what they slide over, on every axis."""
    if len(in_size) != len(kernel_size) or not all(n < k for n, k in zip(in_size, kernel_size, strict=True)):
        return ""
    return f"; `in_size`={in_size} and `kernel_size`={kernel_size} would fit the other way round"
