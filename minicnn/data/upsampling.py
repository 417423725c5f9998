"""Upsampling by linear interpolation, as a matrix."""

from collections.abc import Sequence
from functools import reduce

import jax.numpy as jnp
import numpy as np

from minicnn.functional import conv_map
from minicnn.maps import Diagonal, LinearMap, compose


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
