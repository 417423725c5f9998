"""Convolution of plain arrays: signals and images of one channel, without axes for batch and channels.

Everything is computed in the dtype of the arguments, doubles and 64-bit integers included.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

import minicnn
from minicnn.maps import LinearMap


def correlate(x: ArrayLike, w: ArrayLike, padding: Any = "FULL", **as_conv: Any) -> np.ndarray:
    """The cross-correlation of x with w, by default every overlap: what `minicnn.conv` computes.

    >>> correlate([1, 2, 3], [4, 5, 6])
    array([ 6, 17, 32, 23, 12])
    """
    with jax.enable_x64(True):
        y = minicnn.conv(np.asarray(x)[..., None], np.asarray(w)[..., None, None], padding=padding, **as_conv)
        return np.asarray(y)[..., 0]


def convolve(x: ArrayLike, w: ArrayLike, padding: Any = "FULL", **as_conv: Any) -> np.ndarray:
    """The convolution of x with w, by default every overlap: the correlation with the flipped kernel.

    >>> convolve([1, 2, 3], [4, 5, 6])
    array([ 4, 13, 28, 27, 18])
    """
    return correlate(x, w, padding, flip=True, **as_conv)


def convolution_map(w: ArrayLike, *in_size: int, padding: Any = "FULL", flip: bool = True, **as_conv: Any) -> LinearMap:
    """The matrix C(w) of a convolution as a map, for inputs of one size; without `flip`, of a correlation."""
    kernel = jnp.asarray(w)[..., None, None]
    return minicnn.conv_map(kernel, in_size, padding=padding, flip=flip, **as_conv)


def matrix(w: ArrayLike, *in_size: int, padding: Any = "FULL", **as_conv: Any) -> np.ndarray:
    """The entries of C(w).

    >>> matrix([1, 2], 3)
    array([[1, 0, 0],
           [2, 1, 0],
           [0, 2, 1],
           [0, 0, 2]])
    """
    with jax.enable_x64(True):
        return np.asarray(convolution_map(w, *in_size, padding=padding, **as_conv).matrix())
