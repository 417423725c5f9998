"""Sums of powers, of which neither the powers nor the sums over- or underflow."""

import jax.numpy as jnp
from jaxtyping import Array

from minicnn.forms.windows import Monoid, Parts


def scaled_powers(p: float) -> Monoid:
    """Pairs (m, s) that stand for the sum of powers s·mᵖ, of which neither factor over- or underflows.

    The largest number of a window is its m, and what has a smaller one is scaled to that.
    """

    def scaled(total: Array, m: Array, largest: Array) -> Array:
        return total * jnp.where(m == largest, 1, m / largest) ** p  # 1 where both are 0 or infinite

    def combine(a: Parts, b: Parts) -> Parts:
        (m, s), (n, t) = a, b
        largest = jnp.maximum(m, n)
        return largest, scaled(s, m, largest) + scaled(t, n, largest)

    def along(parts: Parts, axes: tuple[int, ...]) -> Parts:
        m, s = parts
        largest = m.max(axes, keepdims=True)
        return largest.squeeze(axes), scaled(s, m, largest).sum(axes)

    return Monoid(combine, (0, 0), along, idempotent=False)
