"""Initialisers: jax.nn's, which read fan-in off a kernel (*kernel, c_in, c_out), and LeCun's of 1998."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer
from jax.nn.initializers import glorot_uniform as _glorot_uniform
from jax.nn.initializers import he_normal as _he_normal
from jax.typing import DTypeLike
from jaxtyping import Array

from minicnn.arguments import numeric

__all__ = ["Initializer", "glorot_uniform", "he_normal", "lecun_1998"]

_HE_NORMAL, _GLOROT_UNIFORM = _he_normal(), _glorot_uniform()


# Functions of this module, and not what jax.nn makes: that cannot be pickled, nor could a layer that has it.
def he_normal(key: jax.Array, shape: Sequence[Any], dtype: DTypeLike | None = None, out_sharding: Any = None) -> Array:
    """Normal with variance 2 / fan-in, of He et al. (2015), for layers before a ReLU: `jax.nn.initializers.he_normal`.

    >>> w = he_normal(jax.random.key(0), (5, 5, 1, 6))
    >>> w.shape
    (5, 5, 1, 6)
    """
    return _HE_NORMAL(key, tuple(shape), _with_fractions(dtype), **_placed(out_sharding))


def glorot_uniform(
    key: jax.Array, shape: Sequence[Any], dtype: DTypeLike | None = None, out_sharding: Any = None
) -> Array:
    """Uniform with variance 2 / (fan-in + fan-out), of Glorot & Bengio (2010): `jax.nn.initializers.glorot_uniform`.

    >>> w = glorot_uniform(jax.random.key(0), (3, 3))
    >>> bool(abs(w).max() <= 1)
    True
    """
    return _GLOROT_UNIFORM(key, tuple(shape), _with_fractions(dtype), **_placed(out_sharding))


def lecun_1998(key: jax.Array, shape: Sequence[Any], dtype: DTypeLike | None = None, out_sharding: Any = None) -> Array:
    """Uniform in ±2.4 / √fan-in, the initialisation of the LeNets.

    The paper of 1998 prints 2.4 / fan-in, and as its reason that weighted sums should spread alike in every layer. They
    do with the root; without it, signals fade by a factor of thousands on their way through LeNet-5.

    >>> w = lecun_1998(jax.random.key(0), (5, 5, 1, 6))
    >>> bool(abs(w).max() <= 2.4 / 5)
    True
    """
    bound = 2.4 / math.sqrt(math.prod(shape[:-1]))
    dtype = jnp.float32 if dtype is None else _with_fractions(dtype)
    return jax.random.uniform(key, tuple(shape), dtype, -bound, bound)


def _with_fractions(dtype: DTypeLike | None) -> DTypeLike | None:
    """Refuse a dtype of integers, which JAX would refuse in the words of one of its own functions."""
    if dtype is not None and not jnp.issubdtype(found := numeric("dtype", dtype), jnp.inexact):
        raise TypeError(f"`dtype`={found.name} has no fractions, and weights are such: use one such as float32")
    return dtype


def _placed(out_sharding: Any) -> dict[str, Any]:
    # Older JAX has no such argument.
    return {} if out_sharding is None else {"out_sharding": out_sharding}
