"""Lp pooling: the p-norm of each window."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import integer, keywords_explained, number, untraced
from minicnn.axis import Axis
from minicnn.dtypes import floating, ordered
from minicnn.forms.arithmetic import summing
from minicnn.forms.fence import fence
from minicnn.forms.pooling import max_values
from minicnn.forms.powers import window_norms
from minicnn.forms.resolve import Ints, Padding
from minicnn.forms.windows import transposed, window_sum
from minicnn.functional.adaptive import bin_axes
from minicnn.functional.batching import batched
from minicnn.functional.jitted import jitted_primitive
from minicnn.functional.pooling import POOLING, pooling_axes, selection
from minicnn.maps.algebra import Compose, compose
from minicnn.maps.base import LinearMap
from minicnn.maps.elementary import Diagonal, InverseDiagonal, Reshape
from minicnn.maps.kronecker import Batched
from minicnn.maps.windows import PowerWindowSum, WindowSum
from minicnn.primitive import ArrayLike, Primitive, value_of


@keywords_explained
def lp_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    p: float = 2,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    ceil_mode: bool = False,
) -> Any:
    """The p-norm of each window, channel by channel: (Σ |x|ᵖ)^(1/p).

    The matrix at x is a scaled row for each window, sign(x)·(|x| / y)ᵖ⁻¹. With p = inf it is the sign of the first
    largest. Where the norm y is zero, so are the row and all its derivatives. Nothing over- or underflows but the norm
    itself, and second derivatives with p = 2 whose norms have no square: below 1e-19 and above 1e19 in float32.

    Args:
        x: input, (*batch, *spatial, c), real and floating.
        window: size of the window, one int per spatial axis.
        p: at least 1; with inf it is the largest absolute value.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input.

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: as `avg_pool`, and if p is less than 1 or NaN.
        TypeError: if x is complex or has an integer dtype, or p is not a number.

    >>> lp_pool(jnp.array([3.0, 4.0, 0.0, 0.0]).reshape(4, 1), (2,)).ravel()
    Array([5., 0.], dtype=float32)
    """
    x, p = _checked(x, p)
    axes, _ = pooling_axes(x, window, stride, padding, dilation, ceil_mode)
    return _norm_of_windows(x, axes, p)


def global_lp_pool(x: ArrayLike, ndim: int = 2, p: float = 2) -> Any:
    """The p-norm of all positions, channel by channel; the spatial axes remain, of size 1.

    Args:
        x: input, (*batch, *spatial, c), real and floating.
        ndim: number of spatial axes.
        p: at least 1; with inf it is the largest absolute value.

    >>> global_lp_pool(jnp.array([[3.0], [4.0]]).reshape(2, 1, 1))
    Array([[[5.]]], dtype=float32)
    """
    x, p = _checked(x, p)
    bins = bin_axes(x, (1,) * integer("ndim", ndim, 1))
    return _norm_of_windows(x, tuple(Axis(axis.in_size, 1, axis.in_size) for axis in bins), p)


def lp_pool_map_at(x: Shaped[Array, "*spatial c"], window: Sequence[int], *, p: float = 2, **options: Any) -> LinearMap:
    """The matrix of `lp_pool` at one image x: its Jacobian, diag(y¹⁻ᵖ) S diag(sign(x)|x|ᵖ⁻¹).

    Args:
        x: one input, (*spatial, c).
        window: size of the window, one int per spatial axis.
        p: at least 1; with inf it is the largest absolute value.
        **options: the keyword arguments of `lp_pool`.

    >>> lp_pool_map_at(jnp.array([3.0, 4.0]).reshape(2, 1), (2,)).matrix()
    Array([[0.6, 0.8]], dtype=float32)
    """
    x, p = _checked(x, p)
    axes, _ = pooling_axes(x, window, **(POOLING | options))
    x = x.astype(summing(x.dtype))
    A = lp_derivative(_norms(x[None], axes, p), x[None], axes, p)
    (_, *out_shape) = A.out_shape
    one = Reshape(tuple(out_shape), A.out_shape, x.dtype).T, Reshape(x.shape, A.in_shape, x.dtype)
    return compose(one[0], A, one[1])


def _checked(x: ArrayLike, p: float) -> tuple[Any, float]:
    return floating(ordered(x)), exponent(p)


def exponent(p: Any) -> float:
    """The exponent of a norm.

    Raises:
        TypeError: for what is not a number.
        ValueError: for NaN and for numbers below 1.
    """
    untraced("p", p)
    if not number("p", p) >= 1:
        raise ValueError(f"`p`={p} gives no norm: it must be at least 1")
    return float(p)


def _norm_of_windows(x: Any, axes: tuple[Axis, ...], p: float) -> Any:
    """Compute with at least 32 bits, and round once."""
    y = batched(lp_pool_p, ops.astype(x, summing(x.dtype)), len(axes), axes=axes, p=p)
    return ops.astype(y, x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _norms(
    x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...], p: float, alone: bool = True
) -> Shaped[Array, "b *out c"]:
    if p == 1:
        return window_sum(jnp.abs(x), axes, alone)
    if p == math.inf:
        return max_values(jnp.abs(x), axes, alone)
    return window_norms(x, axes, p, alone)


@_norms.defjvp
def _norms_jvp(
    axes: tuple[Axis, ...], p: float, alone: bool, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    del alone  # where a derivative is taken, the norm is not
    y = fence(_norms(x, axes, p, False))  # else XLA would find the norm of a window again for each of its entries
    A = lp_derivative(y, x, axes, p)
    # in reverse mode windows of the transposed axes are summed, as the map of powers does by itself
    return y, transposed(A.T, y.shape, x_dot) if p in (1, 2) else A(x_dot)


lp_pool_p = jitted_primitive("lp_pool", lambda x, axes, p: _norms(x, axes, p))


def lp_derivative(y: Any, x: Any, axes: tuple[Axis, ...], p: float) -> Compose:
    """The derivative of the norms y of a batch x: sign(x)·(|x| / y)ᵖ⁻¹ in each window, and 0 where x or y is 0."""
    channels, batch, dtype = x.shape[-1], x.shape[:1], x.dtype
    S = Batched(WindowSum(axes, channels, dtype), batch)
    sign = jnp.sign(value_of(x))
    if p == 1:
        return Compose((S, Diagonal(sign, x.shape, dtype)))
    if p == 2:
        empty = value_of(y) == 0
        norm = ops.where(empty, 1, ops.mul(y, 0.25))  # no number is so large that a quarter has no inverse
        # beside x, which is 0 in the windows left out, they count only where this map is differentiated
        counted = Diagonal(jnp.where(empty, 0, 1).astype(dtype), y.shape, dtype)
        rows = InverseDiagonal(norm, y.shape, dtype)
        return Compose((rows, counted, S, Diagonal(ops.mul(x, 0.25), x.shape, dtype)))
    if p == math.inf:
        return Compose((selection(jnp.abs(value_of(x)), axes), Diagonal(sign, x.shape, dtype)))
    lengths, norms = jnp.abs(_constant(x)), _constant(y)
    lengths = jnp.where(jnp.isinf(lengths), jnp.nan, lengths)  # infinity over infinity; a finite one over it is 0
    inverses = jnp.where(norms == 0, 0, 4 / norms)  # of the largest norms, too, no less than the smallest normal number
    S = PowerWindowSum(lengths / 4, inverses, p - 1, axes, batch, channels, dtype)
    columns = Diagonal(ops.mul(sign, unit_power_p(x, power=p - 1)), x.shape, dtype)
    return Compose((InverseDiagonal(unit_power_p(y, power=p - 1), y.shape, dtype), S, columns))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _ones(x: Array, power: float) -> Array:
    """(|x| / |x|)^power with the lower |x| held constant: 1 for every x, with the derivatives of a power."""
    del power  # only they depend on it
    return jnp.ones_like(x)


@_ones.defjvp
def _ones_jvp(power: float, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    return _ones(x, power), unit_power_slope(x, power) * x_dot


unit_power_p = Primitive("unit_power", lambda x, power: _ones(x, power))


def unit_power_slope(x: Any, power: float) -> Any:
    """The derivative of `unit_power_p`, of which all derivatives are those of |x|ᵖ over |x|ᵖ; 0 where x is."""
    length, sign = jnp.abs(_constant(x)), jnp.sign(_constant(x))
    slope = power * sign / jnp.where(length == 0, 1, length)
    return ops.mul(unit_power_p(x, power=power - 1), slope)


def _constant(x: Any) -> Array:
    return jax.lax.stop_gradient(value_of(x))
