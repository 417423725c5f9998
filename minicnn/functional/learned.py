"""Pools that are learned, and pools across channels."""

import math
from collections.abc import Sequence
from typing import Any

from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_rank, integer, keywords_explained, look_up
from minicnn.dtypes import operands
from minicnn.forms.resolve import Ints, Padding
from minicnn.functional.convolution import conv, conv_map
from minicnn.functional.lp_pooling import lp_pool
from minicnn.functional.pooling import avg_pool, max_pool
from minicnn.maps.base import LinearMap
from minicnn.primitive import ArrayLike


@keywords_explained
def weighted_pool(
    x: ArrayLike,
    weights: ArrayLike,
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    ndim: int | None = None,
) -> Any:
    """A weighted sum of each window, channel by channel. Its matrix is that of a depthwise convolution.

    Args:
        x: input, (*batch, *spatial, c).
        weights: (*window,), the same for all channels, or (*window, c).
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.
        ndim: number of spatial axes, needed where the shapes of x and `weights` leave it open.

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: as `conv`, and where the number of spatial axes is open.
        TypeError: if an integer array meets a floating one.

    >>> weighted_pool(jnp.arange(4.0).reshape(4, 1), jnp.array([0.25, 0.75])).ravel()
    Array([0.75, 2.75], dtype=float32)
    """
    x, weights = operands(x=x, weights=weights)
    ndim = None if ndim is None else integer("ndim", ndim, 1)
    check_rank("x", x, 1)
    rank, channels = _window_rank(x, weights, ndim), x.shape[-1]
    window = weights.shape[:rank]
    per_channel = ops.reshape(weights, (*window, 1, weights.shape[rank] if len(weights.shape) > rank else 1))
    w = ops.broadcast_to(per_channel, (*window, 1, channels))
    return conv(x, w, stride=window if stride is None else stride, padding=padding, groups=channels)


def weighted_pool_map(
    weights: Shaped[Array, "*window c"],
    in_size: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
) -> LinearMap:
    """The matrix of `weighted_pool`: a depthwise convolution's.

    Args:
        weights: (*window, c).
        in_size: spatial size of the inputs, one int per axis.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.

    >>> weighted_pool_map(jnp.array([[0.25], [0.75]]), (4,)).matrix()
    Array([[0.25, 0.75, 0.  , 0.  ],
           [0.  , 0.  , 0.25, 0.75]], dtype=float32)
    """
    (weights,) = operands(weights=weights)
    window, channels = weights.shape[:-1], weights.shape[-1]
    stride = window if stride is None else stride
    return conv_map(weights[..., None, :], in_size, stride=stride, padding=padding, groups=channels)


def _window_rank(x: Any, weights: Any, ndim: int | None) -> int:
    rank = len(weights.shape)
    shared, per_channel = rank < len(x.shape), 2 <= rank <= len(x.shape) and weights.shape[-1] == x.shape[-1]
    could = [*([rank - 1] if per_channel else []), *([rank] if rank and shared else [])]
    if ndim is None and len(could) > 1:
        raise ValueError(
            f"`weights` of shape {weights.shape} may be a window of {rank - 1} axes for each of {x.shape[-1]} channels "
            f"or one of {rank} axes for all: say `ndim`={rank - 1} or {rank}"
        )
    if not could or ndim not in (None, *could):
        raise ValueError(
            f"`weights` has shape {weights.shape} and `x` {x.shape}: it must be (*window,) or (*window, {x.shape[-1]})"
        )
    return could[0] if ndim is None else ndim


def matrix_pool(x: ArrayLike, P: ArrayLike) -> Any:
    """Pool by any matrix, the same for all channels: y[o] = Σ P[o, i]·x[i]. P is there to be learned.

    Args:
        x: input, (*batch, *in_size, c).
        P: the matrix, (*out_size, *in_size), with as many spatial axes on either side.

    Returns:
        (*batch, *out_size, c).

    Raises:
        ValueError: if the axes of P are odd in number or its last ones are not those of x.
        TypeError: if an integer array meets a floating one.

    >>> P = jnp.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    >>> matrix_pool(jnp.arange(3.0).reshape(3, 1), P).ravel()
    Array([0.5, 2. ], dtype=float32)
    """
    x, P = operands(x=x, P=P)
    rank = len(P.shape) // 2
    check_rank("x", x, rank)
    if len(P.shape) % 2 or not rank or P.shape[rank:] != x.shape[-rank - 1 : -1]:
        raise ValueError(f"`P` has shape {P.shape} and `x` {x.shape}: P must be (*out_size, *in_size)")
    batch, out_size, size = x.shape[: -rank - 1], P.shape[:rank], math.prod(P.shape[rank:])
    flat = ops.reshape(x, (math.prod(batch), size, x.shape[-1]))
    y = ops.einsum("bic,oi->boc", flat, ops.reshape(P, (math.prod(out_size), size)))
    return ops.reshape(y, (*batch, *out_size, x.shape[-1]))


_ACROSS = {"max": max_pool, "avg": avg_pool, "lp": lp_pool}


@keywords_explained
def channel_pool(x: ArrayLike, size: int, op: str = "max") -> Any:
    """Pool across channels: `size` neighbouring channels become one. With "max" it is maxout.

    Args:
        x: input, (*any, c).
        size: channels pooled into one; it divides c.
        op: "max", "avg" or "lp" (the 2-norm).

    Returns:
        (*any, c / size).

    Raises:
        ValueError: if `size` does not divide the channels, or for an unknown `op`.

    >>> channel_pool(jnp.array([[1.0, 3.0, 2.0, 0.0]]), 2)
    Array([[3., 2.]], dtype=float32)
    """
    (x,) = operands(x=x)
    check_rank("x", x, 0)
    pool = look_up("op", op, _ACROSS, "a pool")
    size = integer("size", size, 1)
    if x.shape[-1] % size:
        raise ValueError(f"`size`={size} must divide the {x.shape[-1]} channels of `x`")
    pooled = pool(ops.reshape(x, (*x.shape, 1)), (size,))
    return ops.reshape(pooled, pooled.shape[:-1])
