"""Lp pooling: the p-norm of each window."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import integer
from minicnn.axis import Axis
from minicnn.dtypes import floating, ordered
from minicnn.forms.resolve import Ints, Padding
from minicnn.forms.tables import BinAxis
from minicnn.functional.adaptive import bin_axes
from minicnn.functional.common import batched, jitted_primitive
from minicnn.functional.pooling import POOLING, pooling_axes
from minicnn.maps.algebra import Compose, compose
from minicnn.maps.base import LinearMap
from minicnn.maps.elementary import Diagonal, InverseDiagonal, Reshape
from minicnn.maps.kronecker import Batched
from minicnn.maps.windows import BinSum, WindowSum
from minicnn.primitive import ArrayLike, value_of

Axes = tuple[Axis, ...] | tuple[BinAxis, ...]


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

    The matrix at x is a scaled row for each window, sign(x)·(|x| / y)ᵖ⁻¹, and zero where the norm y is.

    Args:
        x: input, (*batch, *spatial, c), real and floating.
        window: size of the window, one int per spatial axis.
        p: at least 1.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input.

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: as `avg_pool`, and if p is less than 1.
        TypeError: if x is complex or has an integer dtype.

    >>> lp_pool(jnp.array([3.0, 4.0, 0.0, 0.0]).reshape(4, 1), (2,)).ravel()
    Array([5., 0.], dtype=float32)
    """
    x = _checked(x, p)
    axes, _ = pooling_axes(x, window, stride, padding, dilation, ceil_mode)
    return batched(lp_pool_p, x, len(window), axes=axes, p=p)


def global_lp_pool(x: ArrayLike, ndim: int = 2, p: float = 2) -> Any:
    """The p-norm of all positions, channel by channel; the spatial axes remain, of size 1.

    Args:
        x: input, (*batch, *spatial, c), real and floating.
        ndim: number of spatial axes.
        p: at least 1.

    >>> global_lp_pool(jnp.array([[3.0], [4.0]]).reshape(2, 1, 1))
    Array([[[5.]]], dtype=float32)
    """
    x = _checked(x, p)
    axes = bin_axes(x, (1,) * integer("ndim", ndim, 1))
    return batched(lp_pool_p, x, len(axes), axes=axes, p=p)


def lp_pool_map_at(x: Shaped[Array, "*spatial c"], window: Sequence[int], *, p: float = 2, **options: Any) -> LinearMap:
    """The matrix of `lp_pool` at one image x: its Jacobian, diag(y¹⁻ᵖ) S diag(sign(x)|x|ᵖ⁻¹).

    Args:
        x: one input, (*spatial, c).
        window: size of the window, one int per spatial axis.
        p: at least 1.
        **options: the keyword arguments of `lp_pool`.

    >>> lp_pool_map_at(jnp.array([3.0, 4.0]).reshape(2, 1), (2,)).matrix()
    Array([[0.6, 0.8]], dtype=float32)
    """
    x = _checked(x, p)
    axes, _ = pooling_axes(x, window, **(POOLING | options))
    A = lp_derivative(_norms(x[None], axes, p), x[None], axes, p)
    (_, *out_shape) = A.out_shape
    one = Reshape(tuple(out_shape), A.out_shape, x.dtype).T, Reshape(x.shape, A.in_shape, x.dtype)
    return compose(one[0], A, one[1])


def _checked(x: ArrayLike, p: float) -> Array:
    if p < 1:
        raise ValueError(f"`p`={p} gives no norm: it must be at least 1")
    return floating(ordered(x))


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _norms(x: Shaped[Array, "b *in c"], axes: Axes, p: float) -> Shaped[Array, "b *out c"]:
    S = _sums(x, axes)
    return jnp.sqrt(S.apply(x * x)) if p == 2 else S.apply(jnp.abs(x) ** p) ** (1 / p)


@_norms.defjvp
def _norms_jvp(axes: Axes, p: float, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (x_dot,) = primals, tangents
    y = _norms(x, axes, p)
    return y, lp_derivative(y, x, axes, p)(x_dot)


lp_pool_p = jitted_primitive("lp_pool", lambda x, axes, p: _norms(x, axes, p))


def lp_derivative(y: Any, x: Any, axes: Axes, p: float) -> Compose:
    """The derivative of the norms y of a batch x. Where x or y is 0 it is 0, too."""
    zero = value_of(x) == 0
    magnitude = ops.where(zero, 1, ops.abs(x))
    inner = x if p == 2 else ops.where(zero, 0, ops.mul(x, ops.power(magnitude, p - 2)))
    norm = ops.where(value_of(y) == 0, 1, y)
    outer = norm if p == 2 else ops.power(norm, p - 1)
    return Compose(
        (
            InverseDiagonal(outer, y.shape, y.dtype),
            Batched(_sums(x, axes), x.shape[:1]),
            Diagonal(inner, x.shape, x.dtype),
        )
    )


def _sums(x: Any, axes: Axes) -> WindowSum | BinSum:
    return {Axis: WindowSum, BinAxis: BinSum}[type(axes[0])](axes, x.shape[-1], x.dtype)
