"""Planar distortions of images, as matrices with four non-zeros a row."""

from collections.abc import Sequence
from itertools import product

import jax.numpy as jnp
from jaxtyping import Array, Float

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
    middle = jnp.array([(height - 1) / 2, (width - 1) / 2], A.dtype)
    o = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1) - middle
    i = o @ A.T + shift + middle
    corner = jnp.floor(i)
    share = i - corner
    shape = (height, width, channels)
    terms = []
    for up in product((0, 1), repeat=2):
        position = corner.astype(jnp.int32) + jnp.array(up)
        inside = jnp.all((position >= 0) & (position < jnp.array(in_size)), -1)
        weight = jnp.prod(jnp.where(jnp.array(up), share, 1 - share), -1) * inside
        row, column = position[..., 0].clip(0, height - 1), position[..., 1].clip(0, width - 1)
        pixel = (row * width + column)[..., None] * channels + jnp.arange(channels)
        weights = jnp.broadcast_to(weight[..., None], shape)
        terms.append(compose(Diagonal(weights, shape, A.dtype), Gather(pixel, shape, shape, A.dtype)))
    return add(*terms)
