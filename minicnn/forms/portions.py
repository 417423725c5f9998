"""Products taken portion by portion: few images at a time, so that what is moved between them stays in a cache."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import plus
from minicnn.forms.fence import fence
from minicnn.forms.meshes import vary_alike
from minicnn.forms.shaping import listed, reshaped


def mapped(
    product: Callable[[Array], Array], x: Shaped[Array, "b *in ci"], portions: int, like: jax.ShapeDtypeStruct
) -> Shaped[Array, "b *out co"]:
    """The product with every image, in so many portions of the batch; what remains of it is one portion more.

    The result for one image is like `like`.
    """
    if portions == 1:
        return product(x)
    size, whole = _equal(len(x), portions)
    # Images are written as rows: in their own shape they would be written by a loop that XLA compiles anew for each
    # place in a program.
    x, y = _with_room(x, (whole, math.prod(like.shape)), like.dtype)
    as_rows = lambda portion: reshaped(portion, (size, math.prod(like.shape)))
    write = lambda first, y: _written(y, as_rows(product(_portion(x, first, size))), first)
    y = fence(reshaped(_in_turn(write, y, whole, size), (whole, *like.shape)))
    return jnp.concatenate([y, product(x[whole:])]) if whole < len(x) else y


def summed(
    product: Callable[[Array, Array], Array],
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    portions: int,
    like: jax.ShapeDtypeStruct,
) -> Shaped[Array, "*k c co"]:
    """The sum over all images of a product of x and y, which is like `like`."""
    if portions == 1:
        return product(x, y)
    size, whole = _equal(len(x), portions)
    x = fence(x, y)
    # Added up as a list: where a product is the transpose of what is summed, XLA takes twice as long to compile the sum
    # of its axes.
    zeros = _zeros((math.prod(like.shape),), like.dtype, x)
    part = lambda first: listed(product(_portion(x, first, size), _portion(y, first, size)))
    total = reshaped(_in_turn(lambda first, total: plus(total, part(first)), zeros, whole, size), like.shape)
    return plus(total, product(x[whole:], y[whole:])) if whole < len(x) else total


def _zeros(shape: tuple[int, ...], dtype: jnp.dtype, x: Array) -> Array:
    """Zeros that are there once x is: others, as `jax.lax.map` has, are there from the start of a program.

    They vary over the devices over which x does, as what is written over them will.
    """
    return vary_alike(jax.lax.broadcast(fence(np.zeros((), dtype), x), shape), x)[0]


def _with_room(x: Array, shape: tuple[int, int], dtype: jnp.dtype) -> tuple[Array, Array]:
    """The images, and an array that is written over as a whole: their own where they fill it, which needs no zeros."""
    if x.dtype != dtype or math.prod(x.shape) != math.prod(shape):
        return x, _zeros(shape, dtype, x)
    x = fence(x)  # for two readers, which would compute it twice
    return x, reshaped(x, shape)


def _equal(images: int, portions: int) -> tuple[int, int]:
    """The images of a portion, and those of as many equal portions as fit."""
    size = max(-(-images // portions), 1)
    return size, images // size * size


def _in_turn(step: Callable[[Array, Array], Array], total: Array, whole: int, size: int) -> Array:
    """The total after a step for each portion, of which it is given the first image."""
    firsts = tuple(map(np.int32, range(0, whole, size)))
    if len(firsts) > _IN_A_ROW:
        is_left = lambda state: jax.lax.lt(state[0], np.int32(whole))
        next_of = lambda state: (jax.lax.add(state[0], np.int32(size)), step(*state))
        return jax.lax.while_loop(is_left, next_of, (firsts[0], total))[1]

    def next_in_row(state: tuple[Any, ...]) -> tuple[Any, ...]:
        (first, *later), (_, *are_left), total = state
        return (*later, first), (*are_left, np.bool_(False)), step(first, total)

    are_left = (np.bool_(True),) * len(firsts)
    return jax.lax.while_loop(lambda state: state[1][0], next_in_row, (firsts, are_left, total))[2]


# So few portions stand in a row, which moves up by one with every step: nothing is counted or compared then, for which
# XLA would compile two more loops. A 3×3 convolution of 56×56 with its gradients takes 15 ms less of 375 to compile so;
# a step takes 10 µs more.
_IN_A_ROW = 8


# Images are read where they lie. As an array of portions they would be another array to XLA, which computes what they
# are made of once for each.
def _portion(a: Array, first: Array, size: int) -> Array:
    return jax.lax.dynamic_slice(a, _start(first, a.ndim), (size, *a.shape[1:]), allow_negative_indices=False)


def _written(y: Array, portion: Array, first: Array) -> Array:
    return jax.lax.dynamic_update_slice(y, portion, _start(first, y.ndim), allow_negative_indices=False)


def _start(first: Array, rank: int) -> tuple[Array | np.int32, ...]:
    """Where a portion begins, all numbers of one dtype: a Python zero would be a wider one under x64."""
    return (first, *(np.int32(0),) * (rank - 1))
