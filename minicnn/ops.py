"""Elementwise and structural operations, as primitives: they take arrays, JAX's tracers and our traced values alike.

Models and losses are written with these, never with `jax.numpy`, so that both JAX and `minicnn.autodiff` differentiate
them. The names and the meaning are those of `jax.numpy`; broadcasting and promotion are primitives of their own.
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.primitive import ArrayLike, Primitive, Traced

Axes = int | Sequence[int] | None

neg_p = Primitive("neg", jnp.negative)
exp_p = Primitive("exp", jnp.exp)
log_p = Primitive("log", jnp.log)
sqrt_p = Primitive("sqrt", jnp.sqrt)
tanh_p = Primitive("tanh", jnp.tanh)
sigmoid_p = Primitive("sigmoid", jax.nn.sigmoid)
relu_p = Primitive("relu", jax.nn.relu)
abs_p = Primitive("abs", jnp.abs)
add_p = Primitive("add", jnp.add)
sub_p = Primitive("sub", jnp.subtract)
mul_p = Primitive("mul", jnp.multiply)
div_p = Primitive("div", jnp.divide)
power_p = Primitive("power", jnp.power)
maximum_p = Primitive("maximum", jnp.maximum)
where_p = Primitive("where", jnp.where)
sum_p = Primitive("sum", lambda x, axes: jnp.sum(x, axes))
max_p = Primitive("max", lambda x, axes: jnp.max(x, axes))
logsumexp_p = Primitive("logsumexp", lambda x, axes: jax.nn.logsumexp(x, axes))
broadcast_p = Primitive("broadcast", jnp.broadcast_to)
astype_p = Primitive("astype", lambda x, dtype: jnp.asarray(x).astype(dtype))
reshape_p = Primitive("reshape", jnp.reshape)
transpose_p = Primitive("transpose", jnp.transpose)
concatenate_p = Primitive("concatenate", lambda *xs, axis: jnp.concatenate(xs, axis))
einsum_p = Primitive("einsum", lambda x, y, spec, precision: jnp.einsum(spec, x, y, precision=precision))


def neg(x: ArrayLike) -> Any:
    """−x."""
    return neg_p(x)


def exp(x: ArrayLike) -> Any:
    """E to the power of x."""
    return exp_p(_floating(x))


def log(x: ArrayLike) -> Any:
    """The natural logarithm."""
    return log_p(_floating(x))


def sqrt(x: ArrayLike) -> Any:
    """The square root."""
    return sqrt_p(_floating(x))


def tanh(x: ArrayLike) -> Any:
    """The hyperbolic tangent."""
    return tanh_p(_floating(x))


def sigmoid(x: ArrayLike) -> Any:
    """The logistic function, 1 / (1 + e⁻ˣ)."""
    return sigmoid_p(_floating(x))


def relu(x: ArrayLike) -> Any:
    """max(x, 0); its derivative at 0 is 0."""
    return relu_p(x)


def abs(x: ArrayLike) -> Any:
    """The absolute value; its derivative at 0 is 0."""
    return abs_p(x)


def add(x: ArrayLike, y: ArrayLike) -> Any:
    """X + y, broadcast."""
    return add_p(*_aligned(x, y))


def sub(x: ArrayLike, y: ArrayLike) -> Any:
    """X − y, broadcast."""
    return sub_p(*_aligned(x, y))


def mul(x: ArrayLike, y: ArrayLike) -> Any:
    """X·y entry by entry, broadcast."""
    return mul_p(*_aligned(x, y))


def div(x: ArrayLike, y: ArrayLike) -> Any:
    """X / y entry by entry, broadcast."""
    return div_p(*_aligned(_floating(x), _floating(y)))


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """X to the power of y, broadcast."""
    return power_p(*_aligned(x, y))


def maximum(x: ArrayLike, y: ArrayLike) -> Any:
    """The larger of x and y, broadcast; where they are equal the derivative is one half each."""
    return maximum_p(*_aligned(x, y))


def where(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> Any:
    """X where the condition holds and y elsewhere, broadcast."""
    x, y = _promoted(x, y)
    shape = jnp.broadcast_shapes(_shape(condition), _shape(x), _shape(y))
    return where_p(broadcast_to(condition, shape), broadcast_to(x, shape), broadcast_to(y, shape))


def sum(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum over axes, or over all of them."""
    return _reduced(sum_p, x, axis, keepdims)


def mean(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean over axes, or over all of them."""
    count = math.prod(_shape(x)[a] for a in _axes(axis, len(_shape(x))))
    return div(sum(x, axis, keepdims), count)


def max(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The maximum over axes; where several entries are largest they share the derivative equally."""
    return _reduced(max_p, x, axis, keepdims)


def logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """Log Σ eˣ over axes, without overflow; its derivative is the softmax."""
    return _reduced(logsumexp_p, _floating(x), axis, keepdims)


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Any:
    """X repeated along new axes and axes of size 1."""
    return x if _shape(x) == tuple(shape) else broadcast_p(x, shape=tuple(shape))


def astype(x: ArrayLike, dtype: DTypeLike) -> Any:
    """X in another dtype."""
    return x if _dtype(x) == jnp.dtype(dtype) and not _is_scalar(x) else astype_p(x, dtype=jnp.dtype(dtype))


def reshape(x: ArrayLike, shape: int | Sequence[int]) -> Any:
    """The same entries in another shape; one size may be −1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    size = math.prod(_shape(x))
    if -1 in sizes:
        known = math.prod(s for s in sizes if s != -1)
        sizes = tuple(size // known if s == -1 else s for s in sizes)
    return x if _shape(x) == sizes else reshape_p(x, shape=sizes)


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed if none is given."""
    rank = len(_shape(x))
    order = tuple(reversed(range(rank))) if axes is None else tuple(a % rank for a in axes)
    return transpose_p(x, axes=order)


def concatenate(xs: Sequence[ArrayLike], axis: int = 0) -> Any:
    """Arrays joined along one axis."""
    return concatenate_p(*_promoted(*xs), axis=axis % len(_shape(xs[0])))


def einsum(spec: str, x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The product of two arrays in index notation, "ij,jk->ik"."""
    return einsum_p(*_promoted(x, y), spec=spec.replace(" ", ""), precision=precision)


def matmul(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The matrix product, over any leading axes of x; y is a matrix or a vector."""
    batch = "abcdefgh"[: len(_shape(x)) - 1]
    column = "k" * (len(_shape(y)) - 1)
    return einsum(f"{batch}j,j{column}->{batch}{column}", x, y, precision=precision)


def _reduced(primitive: Primitive, x: ArrayLike, axis: Axes, keepdims: bool) -> Any:
    shape = _shape(x)
    axes = _axes(axis, len(shape))
    y = primitive(x, axes=axes)
    return reshape(y, [1 if a in axes else n for a, n in enumerate(shape)]) if keepdims else y


def _axes(axis: Axes, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    return tuple(a % rank for a in ((axis,) if isinstance(axis, int) else axis))


def _aligned(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    x, y = _promoted(x, y)
    shape = jnp.broadcast_shapes(_shape(x), _shape(y))
    return broadcast_to(x, shape), broadcast_to(y, shape)


def _promoted(*xs: ArrayLike) -> tuple[Any, ...]:
    dtype = jnp.result_type(*(x.dtype if isinstance(x, Traced) else x for x in xs))
    return tuple(astype(x, dtype) for x in xs)


def _floating(x: ArrayLike) -> Any:
    dtype = _dtype(x)
    return x if jnp.issubdtype(dtype, jnp.inexact) else astype(x, reduce(jnp.promote_types, [dtype, jnp.float32]))


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Traced) else np.shape(x)


def _dtype(x: ArrayLike) -> jnp.dtype:
    return x.dtype if isinstance(x, Traced) else jnp.result_type(x)


def _is_scalar(x: ArrayLike) -> bool:
    return isinstance(x, bool | int | float | complex)
