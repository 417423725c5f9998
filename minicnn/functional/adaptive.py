"""Pools with a fixed number of windows, whatever the size of the input: adaptive and global pooling."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Int, Shaped

from minicnn.arguments import LARGEST, check_rank, integer, is_sequence, sizes
from minicnn.dtypes import floating, of_averages, ordered
from minicnn.forms.pooling import bin_winners
from minicnn.forms.tables import BinAxis
from minicnn.functional.batching import batched
from minicnn.functional.jitted import jitted_primitive, of_each_image
from minicnn.maps.base import LinearMap
from minicnn.maps.indexing import Gather
from minicnn.maps.pooling import BinAverage
from minicnn.primitive import ArrayLike

adaptive_avg_pool_p = jitted_primitive(
    "adaptive_avg_pool", lambda x, axes: BinAverage(axes, x.shape[-1], x.dtype).apply(x)
)
adaptive_max_pool_p = jitted_primitive("adaptive_max_pool", lambda x, axes: bin_selection(x, axes)(x))


def adaptive_avg_pool(x: ArrayLike, output_size: Sequence[int | None]) -> Any:
    """The average of each of `output_size` bins per axis, channel by channel.

    Bin o of m on an axis of n positions holds those from ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ − 1; bins may share a position.

    Args:
        x: input, (*batch, *spatial, c), floating.
        output_size: number of bins, one int per spatial axis; None keeps the size of an axis.

    Returns:
        (*batch, *output_size, c).

    Raises:
        ValueError: if a bin would be empty: an output size below 1 or an input of size 0.
        TypeError: if x has an integer dtype.

    >>> adaptive_avg_pool(jnp.arange(5.0).reshape(5, 1), (3,)).ravel()
    Array([0.5, 2. , 3.5], dtype=float32)
    """
    x = floating(x)
    axes = bin_axes(x, output_size)
    return batched(adaptive_avg_pool_p, x, len(axes), axes=axes)


def adaptive_max_pool(x: ArrayLike, output_size: Sequence[int | None]) -> Any:
    """The maximum of each of `output_size` bins per axis, channel by channel. Ties go to the first position.

    Args:
        x: input, (*batch, *spatial, c), real.
        output_size: number of bins, one int per spatial axis, as in `adaptive_avg_pool`.

    Returns:
        (*batch, *output_size, c).

    Raises:
        ValueError: if a bin would be empty.
        TypeError: if x is complex.

    >>> adaptive_max_pool(jnp.array([1.0, 5.0, 2.0, 3.0, 4.0]).reshape(5, 1), (3,)).ravel()
    Array([5., 5., 4.], dtype=float32)
    """
    x = ordered(x)
    axes = bin_axes(x, output_size)
    return batched(adaptive_max_pool_p, x, len(axes), axes=axes)


def adaptive_avg_pool_map(
    in_shape: Sequence[int], output_size: Sequence[int], *, dtype: DTypeLike = jnp.float32
) -> LinearMap:
    """The matrix of `adaptive_avg_pool`: diag(1/count)·S.

    Args:
        in_shape: shape of one input, (*spatial, c).
        output_size: number of bins, one int per spatial axis.
        dtype: of the entries, of floating or complex numbers.

    >>> adaptive_avg_pool_map((3, 1), (2,)).matrix()
    Array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5]], dtype=float32)
    """
    in_shape = sizes("in_shape", in_shape)
    x = jax.ShapeDtypeStruct(in_shape, of_averages("dtype", dtype))
    return BinAverage(bin_axes(x, output_size), in_shape[-1], x.dtype)


def adaptive_max_pool_map_at(x: Shaped[Array, "*spatial c"], output_size: Sequence[int]) -> Gather:
    """The matrix of `adaptive_max_pool` at one image x: one 1 per row.

    Args:
        x: one input, (*spatial, c).
        output_size: number of bins, one int per spatial axis.

    >>> adaptive_max_pool_map_at(jnp.array([1.0, 5.0, 2.0]).reshape(3, 1), (2,)).matrix()
    Array([[0., 1., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    x = ordered(x)
    positions = bin_winners(x[None], bin_axes(x, output_size))[0]
    return Gather(positions, x.shape, positions.shape, x.dtype)


def global_avg_pool(x: ArrayLike, ndim: int = 2) -> Any:
    """The average over all positions, channel by channel; the spatial axes remain, of size 1.

    Args:
        x: input, (*batch, *spatial, c), floating.
        ndim: number of spatial axes.

    >>> global_avg_pool(jnp.arange(4.0).reshape(2, 2, 1))
    Array([[[1.5]]], dtype=float32)
    """
    return adaptive_avg_pool(x, (1,) * integer("ndim", ndim, 1))


def global_max_pool(x: ArrayLike, ndim: int = 2) -> Any:
    """The maximum over all positions, channel by channel; the spatial axes remain, of size 1.

    Args:
        x: input, (*batch, *spatial, c), real.
        ndim: number of spatial axes.

    >>> global_max_pool(jnp.arange(4.0).reshape(2, 2, 1))
    Array([[[3.]]], dtype=float32)
    """
    return adaptive_max_pool(x, (1,) * integer("ndim", ndim, 1))


def bin_selection(x: Shaped[Array, "b *in c"], axes: Sequence[BinAxis]) -> Gather:
    """The derivative of `adaptive_max_pool` at a batch: every image selects its own winners."""
    winners = _winners(x, axes=axes)
    image: Int[Array, " b"] = jnp.arange(x.shape[0], dtype=jnp.int32) * math.prod(x.shape[1:])
    positions = winners + image.reshape(-1, *(1,) * (winners.ndim - 1))
    return Gather(positions, x.shape, positions.shape, x.dtype)


_winners = of_each_image(bin_winners)


def bin_axes(x: Any, output_size: Sequence[int | None]) -> tuple[BinAxis, ...]:
    """The bins of an image, checked. Where an output size is None, every position is a bin of its own."""
    if not is_sequence(output_size) or getattr(output_size, "ndim", 1) != 1:
        sizes("output_size", output_size)
    rank = len(output_size)
    check_rank("x", x, rank)
    if rank == 0:
        raise ValueError("`output_size` is empty: give one size per spatial axis")
    in_size = x.shape[-rank - 1 : -1]
    kept = (n if m is None else m for n, m in zip(in_size, output_size, strict=True))
    output_size = sizes("output_size", kept, -LARGEST)
    if min(*output_size, *in_size) < 1:
        raise ValueError(
            f"`output_size`={output_size} of an input of {in_size} leaves bins empty: every size must be at least 1"
        )
    return tuple(BinAxis(n, m) for n, m in zip(in_size, output_size, strict=True))
