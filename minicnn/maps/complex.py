"""The real part, the imaginary part and the conjugate: maps of complex arrays, linear over the real numbers only.

Their transposes are those of the pairing Re Σ x·y, as in JAX. None of them has a matrix of complex entries.
"""

from typing import NoReturn

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from minicnn.maps.base import LinearMap, Shape, TransposableMap, derived, linear_map, static


class _RealLinear(LinearMap):
    """A map that commutes with real factors only."""

    real_linear = True

    def dense(self) -> NoReturn:
        """Refuse: i·x does not go to i·A(x)."""
        raise TypeError(f"{type(self).__name__} is linear over the real numbers only: it has no complex matrix")

    def sparse(self) -> NoReturn:
        """Refuse, as `dense` does."""
        self.dense()


@linear_map
class Conjugate(_RealLinear):
    """The conjugate, x ↦ conj x; its own transpose."""

    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> "Conjugate":
        """The map itself: Re Σ y·conj x = Re Σ conj y·x."""
        return self

    def apply(self, x: Inexact[Array, "b ..."]) -> Inexact[Array, "b ..."]:
        """Conjugate every entry."""
        return jnp.conj(x)


@linear_map
class RealPart(_RealLinear, TransposableMap):
    """The real part, x ↦ Re x. Its transpose makes a real array complex."""

    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    def apply(self, x: Inexact[Array, "b ..."]) -> Inexact[Array, "b ..."]:
        """Take the real parts."""
        return jnp.real(x)

    def apply_transpose(self, y: Inexact[Array, "b ..."]) -> Inexact[Array, "b ..."]:
        """Give every entry the imaginary part 0."""
        return jax.lax.complex(y, jnp.zeros_like(y))


@linear_map
class ImaginaryPart(_RealLinear, TransposableMap):
    """The imaginary part, x ↦ Im x. Its transpose is y ↦ −i·y."""

    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    def apply(self, x: Inexact[Array, "b ..."]) -> Inexact[Array, "b ..."]:
        """Take the imaginary parts."""
        return jnp.imag(x)

    def apply_transpose(self, y: Inexact[Array, "b ..."]) -> Inexact[Array, "b ..."]:
        """Multiply by −i."""
        return jax.lax.complex(jnp.zeros_like(y), -y)
