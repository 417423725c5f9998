"""Other shapes and orders of axes, each one operation of `jax.lax` and none where nothing changes.

`jax.numpy` traces a program of its own for `moveaxis` and `swapaxes`, wherever one stands: products made of them took
JAX a quarter longer to write down for XLA.
"""

import math
from collections.abc import Sequence

import jax
from jaxtyping import Array, Shaped


def reshaped(x: Shaped[Array, "*n"], shape: Sequence[int]) -> Shaped[Array, "*m"]:
    """The same numbers in the same order, in another shape.

    >>> reshaped(jax.numpy.arange(6), (2, 3)).shape
    (2, 3)
    """
    return x if x.shape == tuple(shape) else jax.lax.reshape(x, shape)


def listed(x: Shaped[Array, "*n"]) -> Shaped[Array, " m"]:
    """All numbers as one list.

    >>> listed(jax.numpy.ones((2, 3))).shape
    (6,)
    """
    return reshaped(x, (math.prod(x.shape),))


def ordered(x: Shaped[Array, "*n"], axes: Sequence[int]) -> Shaped[Array, "*m"]:
    """The same array with its axes in this order.

    >>> ordered(jax.numpy.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    return x if tuple(axes) == tuple(range(x.ndim)) else jax.lax.transpose(x, axes)


def moved(x: Shaped[Array, "*n"], axis: int, to: int) -> Shaped[Array, "*m"]:
    """The same array, one axis moved to another place; −1 is the last axis, or the last place.

    >>> moved(jax.numpy.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    axes = list(range(x.ndim))
    moving = axes.pop(axis)
    axes.insert(to % x.ndim, moving)
    return ordered(x, axes)


def swapped(x: Shaped[Array, "*n"], first: int, second: int) -> Shaped[Array, "*m"]:
    """The same array, two axes exchanged.

    >>> swapped(jax.numpy.ones((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    return ordered(x, axes)
