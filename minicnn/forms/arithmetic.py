"""How products are computed, and the one rule by which numbers are summed.

Numbers are summed in `summing(dtype)`, and the sum is rounded once to the dtype that was asked for. A sum of bfloat16
numbers taken in bfloat16 stands still at 256 ones; one of float16 overflows at 65,504, even where the mean that it
belongs to is small.
"""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def summing(dtype: DTypeLike) -> jnp.dtype:
    """The dtype in which numbers of a dtype are summed: float32 for shorter floats, and itself for any other.

    >>> [summing(dtype).name for dtype in (jnp.bfloat16, jnp.float16, jnp.float32, jnp.complex64, jnp.int8)]
    ['float32', 'float32', 'float32', 'complex64', 'int8']
    """
    dtype = jnp.dtype(dtype)
    short = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
    return jnp.dtype(jnp.float32) if short else dtype


def total(arrays: Sequence[jax.Array]) -> jax.Array:
    """Add x₁ + x₂ + …, arrays of one shape and at least one of them, and round the sum once.

    >>> total([jnp.array(256, jnp.bfloat16), *[jnp.array(1, jnp.bfloat16)] * 4])
    Array(260, dtype=bfloat16)
    """
    dtype = jnp.result_type(*arrays)
    return reduce(add, (x.astype(summing(dtype)) for x in arrays)).astype(dtype)


def contracted(
    spec: str, x: jax.Array, y: jax.Array, precision: jax.lax.PrecisionLike = None, out_sharding: Any = None
) -> jax.Array:
    """`jnp.einsum` of two arrays, summed in the dtype that can count them and rounded once.

    Short floats are widened before the product: XLA's CPU code lacks some of those with a longer result.

    >>> contracted("ij,k->k", jnp.ones((2, 256), jnp.bfloat16), jnp.ones(1, jnp.bfloat16))
    Array([512], dtype=bfloat16)
    """
    dtype = jnp.result_type(x, y)
    wide = (jnp.asarray(operand).astype(summing(dtype)) for operand in (x, y))
    return jnp.einsum(spec, *wide, precision=precision, out_sharding=out_sharding).astype(dtype)


def checked_precision(precision: Any) -> jax.lax.PrecisionLike:
    """The same precision, one that JAX knows.

    Raises:
        ValueError: for any other.

    >>> checked_precision("highest")
    'highest'
    """
    sides = tuple(precision) if isinstance(precision, tuple | list) else (precision, precision)
    algorithm = precision is None or isinstance(precision, jax.lax.DotAlgorithm | jax.lax.DotAlgorithmPreset)
    if not (algorithm or (len(sides) == 2 and all(map(_is_precision, sides)))):
        words = ", ".join(repr(word) for word in _PRECISIONS)
        raise ValueError(
            f"`precision`={reprlib.repr(precision)} is unknown: use None, {words}, a jax.lax.Precision, "
            "or a pair of them"
        )
    return sides if isinstance(precision, list) else precision


_PRECISIONS = ("default", "high", "highest")


def _is_precision(precision: Any) -> bool:
    if isinstance(precision, jax.lax.Precision):
        return True
    if not isinstance(precision, str):
        return False
    try:
        jax.lax.Precision(precision)
    except ValueError:
        return precision in jax.lax.DotAlgorithmPreset.__members__
    return True


def plus(a: jax.Array, b: jax.Array) -> jax.Array:
    """The sum of two arrays of one shape and dtype; of booleans whether either is true.

    It is `a + b`, which `jax.numpy` has traced as a program of its own wherever it stands.

    >>> plus(jnp.arange(3), jnp.ones(3, int)), plus(jnp.array([True, False]), jnp.array([True, False]))
    (Array([1, 2, 3], dtype=int32), Array([ True, False], dtype=bool))
    """
    return (jax.lax.bitwise_or if a.dtype == bool else jax.lax.add)(a, b)


def times(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product of two arrays of one shape and dtype, entry by entry; of booleans whether both are true.

    >>> times(jnp.arange(3), jnp.full(3, 2)), times(jnp.array([True, False]), jnp.array([True, True]))
    (Array([0, 2, 4], dtype=int32), Array([ True, False], dtype=bool))
    """
    return (jax.lax.bitwise_and if a.dtype == bool else jax.lax.mul)(a, b)


@dataclass(frozen=True)
class Arithmetic:
    """How matrix products are computed.

    Attributes:
        precision: as in `jax.lax.dot`.
        preferred_element_type: accumulation and result type, as in `jax.lax.dot`.
        rounded_to: the shorter dtype to which a result is rounded once something has been added to it. Its cotangents
            have been of that dtype before, and are multiplied as such.
    """

    precision: jax.lax.PrecisionLike = None
    preferred_element_type: DTypeLike | None = None
    rounded_to: DTypeLike | None = None

    @property
    def plain(self) -> "Arithmetic":
        """The same precision, and the result type that the operands promote to."""
        return Arithmetic(self.precision)

    def summing(self, *arrays: jax.Array) -> "Arithmetic":
        """The same precision, and a result in which sums of products of these arrays are taken."""
        return Arithmetic(self.precision, summing(self.result_type(*arrays)))

    def rounded_later(self, *arrays: jax.Array) -> "Arithmetic":
        """The same precision, and a result in the dtype in which it is summed, which then is rounded to its own."""
        dtype = self.result_type(*arrays)
        return Arithmetic(self.precision, summing(dtype), dtype)

    def cotangent(self, y_bar: jax.Array) -> jax.Array:
        """The cotangent of a result, in the dtype that it comes from."""
        return y_bar if self.rounded_to is None else y_bar.astype(self.rounded_to)

    def einsum(self, spec: str, *arrays: jax.Array) -> jax.Array:
        """`jnp.einsum` computed this way."""
        return jnp.einsum(spec, *arrays, precision=self.precision, preferred_element_type=self.preferred_element_type)

    def dot(self, a: jax.Array, b: jax.Array, dimension_numbers: jax.lax.DotDimensionNumbers) -> jax.Array:
        """`jax.lax.dot_general` of two arrays computed this way; without a result type they are promoted to one dtype.

        An `einsum` would be traced as a program of its own.
        """
        dtype = self.result_type(a, b)
        if self.preferred_element_type is None:
            a, b = a.astype(dtype), b.astype(dtype)
        return jax.lax.dot_general(a, b, dimension_numbers, precision=self.precision, preferred_element_type=dtype)

    def result_type(self, *arrays: jax.Array) -> jnp.dtype:
        """The dtype of a product of these arrays."""
        preferred = self.preferred_element_type
        return jnp.result_type(*arrays) if preferred is None else jnp.dtype(preferred)
