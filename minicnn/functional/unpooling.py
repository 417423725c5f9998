"""Unpooling: values sent back to where a maximum was found."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int

from minicnn import ops
from minicnn.arguments import check_rank, window_sizes
from minicnn.dtypes import array, operands
from minicnn.functional.jitted import jitted_primitive
from minicnn.maps.base import LinearMap
from minicnn.maps.indexing import Gather
from minicnn.primitive import ArrayLike, value_of


def max_unpool(y: ArrayLike, indices: ArrayLike, output_size: Sequence[int]) -> Any:
    """Put every value at its position, and zeros elsewhere: the transpose of the selection. Duplicates add.

    Args:
        y: values, (*batch, *pooled, c).
        indices: flat positions over the spatial axes, row-major, as `max_pool(..., return_indices=True)` gives them,
            in the shape of y. Those outside of the result are dropped.
        output_size: spatial size of the result.

    Returns:
        (*batch, *output_size, c).

    Raises:
        ValueError: if the shapes of y and `indices` differ, or `output_size` has no axis.
        TypeError: if the indices are not integers, or y is boolean: values at one position add.

    >>> x = jnp.array([1.0, 5.0, 2.0, 3.0]).reshape(4, 1)
    >>> y, indices = minicnn.max_pool(x, (2,), return_indices=True)
    >>> max_unpool(y, indices, (4,)).ravel()
    Array([0., 5., 0., 3.], dtype=float32)
    """
    (y,) = operands(y=y)
    if y.dtype == jnp.bool_:
        raise TypeError("`y` is bool: convert it to numbers with y.astype(int)")
    positions, output_size = array("indices", value_of(indices)), window_sizes("output_size", output_size, 0)
    rank = len(output_size)
    check_rank("y", y, rank)
    if positions.shape != y.shape:
        raise ValueError(f"`indices` has shape {positions.shape} and `y` {y.shape}: each value needs one position")
    if not jnp.issubdtype(positions.dtype, jnp.integer):
        raise TypeError(f"`indices` is {positions.dtype.name}: positions are integers, as `max_pool` returns them")
    batch, pooled = y.shape[: -rank - 1], y.shape[-rank - 1 :]
    images = (math.prod(batch), *pooled)
    # narrow indices are widened before anything is computed from them; what is unsigned and too large becomes negative
    wide = positions.astype(jnp.int64 if positions.dtype.itemsize == 8 else jnp.int32)
    x = max_unpool_p(ops.reshape(y, images), wide.reshape(images), output_size=output_size)
    return ops.reshape(x, (*batch, *output_size, y.shape[-1]))


def unpooling(y: Any, indices: Int[Array, "b *pooled c"], output_size: Sequence[int]) -> LinearMap:
    """The matrix of `max_unpool` for a batch."""
    images, channels, size = indices.shape[0], indices.shape[-1], math.prod(output_size)
    image = jnp.arange(images, dtype=indices.dtype).reshape(-1, *(1,) * (indices.ndim - 1))
    inside = (indices >= 0) & (indices < size)
    channel = jnp.arange(channels, dtype=indices.dtype).reshape(*(1,) * (indices.ndim - 1), -1)
    positions = (image * size + indices) * channels + channel
    out_shape = (images, *output_size, channels)
    return Gather(jnp.where(inside, positions, images * size * channels), out_shape, indices.shape, y.dtype).T


max_unpool_p = jitted_primitive("max_unpool", lambda y, indices, output_size: unpooling(y, indices, output_size)(y))
