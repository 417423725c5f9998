"""Images on another grid: enlarged, moved and distorted by linear interpolation, as matrices."""

from collections.abc import Sequence
from functools import reduce
from itertools import product

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from minicnn.functional import conv_map
from minicnn.maps import Diagonal, Gather, LinearMap, add, compose


def resampling(
    A: Float[Array, "2 2"], shift: Float[Array, " 2"], in_size: Sequence[int], channels: int = 1
) -> LinearMap:
    """The matrix that reads an image elsewhere: output position o takes the value at A·o + shift.

    Positions are (row, column) from the middle of the image. Between pixels the value is interpolated linearly in
    both directions, so every row has four non-zeros that sum to 1; beyond the border the image is 0.

    Args:
        A: identity for no distortion; it maps output to input, so that ½ enlarges to the double.
        shift: in pixels; (0, 1) moves the image to the left by one.
        in_size: height and width.
        channels: per pixel, each resampled alike.

    >>> R = resampling(jnp.eye(2), jnp.array([0.0, 0.5]), (1, 3))
    >>> R.matrix()
    Array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5],
           [0. , 0. , 0.5]], dtype=float32)
    """
    height, width = in_size
    middle = jnp.array([[[(height - 1) / 2, (width - 1) / 2]]], A.dtype)
    grid = jnp.meshgrid(*(jnp.arange(size, dtype=A.dtype) for size in in_size), indexing="ij")
    i = (jnp.stack(grid, -1) - middle) @ A.T + shift[None, None] + middle
    corner = jnp.floor(i)
    share = i - corner
    shape = (height, width, channels)
    terms = []
    for up in product((0, 1), repeat=2):
        position = corner.astype(jnp.int32) + jnp.array([[up]], jnp.int32)
        inside = jnp.all((position >= 0) & (position < jnp.array([[in_size]], jnp.int32)), -1)
        weight = jnp.prod(jnp.where(jnp.array([[up]], bool), share, 1 - share), -1) * inside.astype(A.dtype)
        row, column = position[..., 0].clip(0, height - 1), position[..., 1].clip(0, width - 1)
        pixel = (row * width + column)[..., None] * channels + jnp.arange(channels, dtype=jnp.int32)[None, None]
        weights = jnp.broadcast_to(weight[..., None], shape)
        terms.append(compose(Diagonal(weights, shape, A.dtype), Gather(pixel, shape, shape, A.dtype)))
    return add(*terms)


def upsampling(in_size: Sequence[int], factor: int) -> LinearMap:
    """The matrix that enlarges an image of one channel by linear interpolation.

    It is the transpose of a convolution with a triangular kernel and stride `factor`, with its rows scaled to sum
    to 1, so that a constant image stays constant up to its border.

    Args:
        in_size: spatial size of the image.
        factor: output positions per input position.

    >>> U = upsampling((8, 8), 4)
    >>> U.shape
    (1024, 64)
    >>> bool(jnp.allclose(U(jnp.ones((8, 8, 1))), 1))
    True
    """
    position = np.arange(2 * factor) + 0.5
    triangle = 1 - np.abs(position - factor) / factor
    kernel = reduce(np.multiply.outer, [triangle] * len(in_size))
    w = jnp.asarray(kernel[..., None, None], jnp.float32)
    # `conv` with this padding takes `factor`·n positions to n: half a kernel overhangs at either end
    padding = [(factor // 2, factor - factor // 2)] * len(in_size)
    C = conv_map(w, [factor * size for size in in_size], stride=factor, padding=padding)
    reach = C.T(jnp.ones(C.out_shape))
    return compose(Diagonal(1 / reach, C.in_shape, C.dtype), C.T)
