"""Laying a kernel out by the tap tensor, and collecting it again: w ↦ Σ_k T[o, k, i]·w[k] and its adjoint.

These two maps tie the entries of a Toeplitz matrix to the taps of its kernel. `lay` copies (a NaN tap stays in its
own entries); its derivative and `collect` contract with T, which XLA turns into fast products.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis


def lay(w: Shaped[Array, "*kernel c d"], axes: Sequence[Axis]) -> Shaped[Array, "..."]:
    """Replace each tap axis of w by a pair (out, in): from (*kernel, …) to (out₁, in₁, out₂, in₂, …).

    An entry is the tap that joins its output and input, or zero where none does.
    """
    for position, axis in reversed(list(enumerate(axes))):
        w = _lay_axis(w, axis, position)
    return w


def collect(m: Shaped[Array, "..."], axes: Sequence[Axis]) -> Shaped[Array, "*kernel c d"]:
    """The adjoint of `lay`: sum the entries that share a tap, from (out₁, in₁, …) back to (*kernel, …)."""
    for position, axis in enumerate(axes):
        summed = jnp.tensordot(_taps(axis, m.dtype), m, axes=((0, 2), (position, position + 1)), precision=_EXACT)
        m = jnp.moveaxis(summed, 0, position)
    return m


_EXACT = jax.lax.Precision.HIGHEST


def _taps(axis: Axis, dtype: jnp.dtype) -> Shaped[Array, "out kernel in"]:
    return (axis.tap_of(jnp)[:, None, :] == jnp.arange(axis.kernel_size)[None, :, None]).astype(dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _lay_axis(w: Array, axis: Axis, position: int) -> Array:
    return jnp.take(w, axis.tap_of(jnp), axis=position, mode="fill", fill_value=0)


@_lay_axis.defjvp
def _lay_axis_jvp(axis: Axis, position: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (w,), (w_dot,) = primals, tangents
    laid = jnp.tensordot(_taps(axis, w_dot.dtype), w_dot, axes=(1, position), precision=_EXACT)
    return _lay_axis(w, axis, position), jnp.moveaxis(laid, (0, 1), (position, position + 1))
