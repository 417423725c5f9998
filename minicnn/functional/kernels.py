"""Kernels from other things: from a dense layer, and from two convolutions."""

import math
from collections.abc import Sequence
from typing import Any

from minicnn import ops
from minicnn.arguments import check_kernel_shape, per_axis, sizes
from minicnn.dtypes import operands
from minicnn.forms.resolve import Ints
from minicnn.functional.convolution import conv_transpose
from minicnn.primitive import ArrayLike


def dense_kernel(M: ArrayLike, in_shape: Sequence[int]) -> Any:
    """The kernel with which a convolution is a dense layer: as large as the input, one output position.

    The other way round, the dense layer that is a convolution has the weights `conv_matrix(w, in_size)`.

    Args:
        M: weights, (outputs, inputs), over inputs of `in_shape` in C order.
        in_shape: (*spatial, c_in).

    Returns:
        (*spatial, c_in, outputs).

    Raises:
        ValueError: if M has not as many columns as the input has entries.

    >>> M = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> minicnn.conv(jnp.ones((3, 1)), dense_kernel(M, (3, 1)))
    Array([[ 6., 15.]], dtype=float32)
    """
    (M,), in_shape = operands(M=M), sizes("in_shape", in_shape)
    if len(M.shape) != 2 or M.shape[1] != math.prod(in_shape):
        raise ValueError(f"`M` has shape {M.shape}: inputs of {tuple(in_shape)} need {math.prod(in_shape)} columns")
    return ops.reshape(ops.transpose(M), (*in_shape, M.shape[0]))


def compose_kernels(
    first: ArrayLike, second: ArrayLike, *, stride: Ints = 1, dilation: Ints = 1, second_dilation: Ints = 1
) -> Any:
    """The kernel of two convolutions, one after the other, where no padding intervenes.

    `conv(conv(x, first, stride=s, dilation=d), second, stride=r, dilation=e)` is
    `conv(x, compose_kernels(first, second, stride=s, dilation=d, second_dilation=e), stride=s·r)`. It is the first
    kernel's transposed convolution of the second.

    Args:
        first: kernel of the first convolution, (*kernel, c_in, c).
        second: kernel of the second convolution, (*kernel, c, c_out).
        stride: of the first convolution.
        dilation: of the first convolution.
        second_dilation: of the second convolution.

    Returns:
        (*kernel, c_in, c_out), with s·e·(k₂ − 1) + d·(k₁ − 1) + 1 taps on every axis.

    Raises:
        ValueError: if the kernels do not fit.

    >>> w = jnp.ones((2, 1, 1))
    >>> compose_kernels(w, w).ravel()
    Array([1., 2., 1.], dtype=float32)
    """
    first, second = operands(first=first, second=second)
    rank = check_kernel_shape(first.shape, "first")
    if len(second.shape) != rank + 2 or second.shape[-2] != first.shape[-1]:
        raise ValueError(
            f"`first` has shape {first.shape} and `second` {second.shape}: the first's outputs are the second's inputs"
        )
    s, e = per_axis("stride", stride, rank, 1), per_axis("second_dilation", second_dilation, rank, 1)
    images = ops.transpose(second, (rank + 1, *range(rank + 1)))
    steps = tuple(a * b for a, b in zip(s, e, strict=True))
    taps = conv_transpose(images, first, stride=steps, dilation=dilation)
    return ops.transpose(taps, (*range(1, rank + 2), 0))
