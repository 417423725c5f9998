"""How products are computed: the two arguments that every dot product of JAX takes."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


@dataclass(frozen=True)
class Arithmetic:
    """The precision and the accumulation type of matrix products, with the meaning they have in `jax.lax.dot`."""

    precision: jax.lax.PrecisionLike = None
    preferred_element_type: DTypeLike | None = None

    @property
    def plain(self) -> "Arithmetic":
        """The same precision, and the result type that the operands promote to."""
        return Arithmetic(self.precision)

    def summing(self, *arrays: jax.Array) -> "Arithmetic":
        """The same precision, and a result that can be summed without rounding each term to fewer bits than float32."""
        dtype = self.result_type(*arrays)
        return Arithmetic(self.precision, jnp.promote_types(dtype, jnp.float32) if _is_short(dtype) else dtype)

    def einsum(self, spec: str, *arrays: jax.Array) -> jax.Array:
        """`jnp.einsum` computed this way."""
        return jnp.einsum(spec, *arrays, precision=self.precision, preferred_element_type=self.preferred_element_type)

    def result_type(self, *arrays: jax.Array) -> jnp.dtype:
        """The dtype of a product of these arrays."""
        preferred = self.preferred_element_type
        return jnp.result_type(*arrays) if preferred is None else jnp.dtype(preferred)


def _is_short(dtype: jnp.dtype) -> bool:
    return jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
