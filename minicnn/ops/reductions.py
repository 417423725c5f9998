"""Sums, maxima, products and their relatives over axes. Floats of 16 bits are summed in float32 and rounded once."""

import math
import reprlib
from collections.abc import Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

from minicnn.arguments import flag, integer, is_sequence
from minicnn.ops import primitives
from minicnn.ops.elementwise import add, conj, div, exp, isfinite, log, mul, real, sqrt, stop_gradient, sub, where
from minicnn.ops.operands import (
    Axes,
    as_floating,
    astype,
    axes_of,
    axis_of,
    check_known,
    check_some,
    count_of,
    dtype_of,
    promoted,
    rounded_once,
    shape_of,
    wide,
)
from minicnn.ops.structure import concatenate, expand_dims, getitem, reshape, transpose
from minicnn.primitive import ArrayLike, Primitive


@rounded_once
def sum(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum over axes, or over all of them."""
    return _reduced(primitives.sum_p, x, axis, keepdims)


@rounded_once
def mean(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean over axes, or over all of them; integers are floats before they are added."""
    x = as_floating(x)
    return div(sum(x, axis, keepdims), count_of(x, axis))


@rounded_once
def var(x: ArrayLike, axis: Axes = None, keepdims: bool = False, *, ddof: int = 0) -> Any:
    """The variance over axes: the sum of |x − mean|² over n − `ddof`, and NaN where that is not positive."""
    x = as_floating(x)
    away, freedom = sub(x, mean(x, axis, keepdims=True)), count_of(x, axis) - integer("ddof", ddof)
    if isinstance(freedom, int | float) and freedom <= 0:  # another size is a symbol
        freedom = math.nan
    return div(sum(real(mul(away, conj(away))), axis, keepdims), freedom)


@rounded_once
def std(x: ArrayLike, axis: Axes = None, keepdims: bool = False, *, ddof: int = 0) -> Any:
    """The standard deviation over axes, the root of the variance."""
    return sqrt(var(x, axis, keepdims, ddof=ddof))


@rounded_once
def prod(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The product over axes: halves are multiplied until one is left, so that zeros need no rule of their own."""
    axes, shape = axes_of(axis, len(shape_of(x))), shape_of(x)
    check_known(x, axes, "how often halves are multiplied")
    x = astype(x, jax.eval_shape(jnp.prod, jax.ShapeDtypeStruct((), dtype_of(x))).dtype)
    kept = [a for a in range(len(shape)) if a not in axes]
    x = reshape(transpose(x, (*axes, *kept)), (count_of(x, axes), *(shape[a] for a in kept)))
    while (n := shape_of(x)[0]) > 1:
        product = mul(getitem(x, slice(n // 2)), getitem(x, slice(n // 2, n - n % 2)))
        x = concatenate([product, getitem(x, slice(n - 1, n))]) if n % 2 else product
    y = reshape(x, shape_of(x)[1:]) if n else jnp.ones(shape_of(x)[1:], dtype_of(x))
    return expand_dims(y, axes) if flag("keepdims", keepdims) else y


def max(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The maximum over axes; where several entries are largest they share the derivative equally."""
    check_some(x, axis, "max")
    return _reduced(primitives.max_p, x, axis, keepdims)


def min(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The minimum over axes; where several entries are smallest they share the derivative equally."""
    check_some(x, axis, "min")
    return _reduced(primitives.min_p, x, axis, keepdims)


def total(xs: Sequence[ArrayLike]) -> Any:
    """Add x₁ + x₂ + …, broadcast and promoted; floats of 16 bits are added in float32 and rounded once.

    Raises:
        TypeError: if there is no list of them.
        ValueError: if there are none.
    """
    if not is_sequence(xs):
        raise TypeError(f"`xs`={reprlib.repr(xs)} must be a list of arrays")
    if not len(xs):
        raise ValueError("`xs` is empty, and a sum of no arrays has no shape")
    terms = promoted(*xs)
    return terms[0] if len(terms) == 1 else astype(reduce(add, map(wide, terms)), dtype_of(terms[0]))


@rounded_once
def cumsum(x: ArrayLike, axis: int | None = None) -> Any:
    """The sums of the entries up to each, along one axis or over all of x laid out flat."""
    x = reshape(x, -1) if axis is None else x
    axis = axis_of(0 if axis is None else axis, len(shape_of(x)))
    return primitives.cumsum_p(x, axis=axis)


@rounded_once
def cumprod(x: ArrayLike, axis: int | None = None) -> Any:
    """The products of the entries up to each, along one axis or over all of x laid out flat.

    Runs of 1, 2, 4, … entries are multiplied by those before them, so that zeros need no rule of their own.
    """
    x = reshape(x, -1) if axis is None else x
    axis = axis_of(0 if axis is None else axis, len(shape_of(x)))
    check_known(x, (axis,), "how often runs are multiplied")
    x = astype(x, jax.eval_shape(jnp.cumprod, jax.ShapeDtypeStruct((0,), dtype_of(x))).dtype)
    before, size, run = (slice(None),) * axis, shape_of(x)[axis], 1
    while run < size:
        head, tail = (getitem(x, (*before, part)) for part in (slice(run), slice(run, None)))
        x = concatenate([head, mul(getitem(x, (*before, slice(size - run))), tail)], axis)
        run *= 2
    return x


@rounded_once
def logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """Compute log Σ eˣ over axes, without overflow; its derivative is the softmax."""
    return _reduced(primitives.logsumexp_p, as_floating(x), axis, keepdims)


@rounded_once
def softmax(x: ArrayLike, axis: Axes = -1) -> Any:
    """Compute eˣ / Σ eˣ over axes, without overflow."""
    powers = exp(_shifted(x, axis))
    return div(powers, sum(powers, axis, keepdims=True))


@rounded_once
def log_softmax(x: ArrayLike, axis: Axes = -1) -> Any:
    """Compute x − log Σ eˣ over axes, without overflow."""
    shifted = _shifted(x, axis)
    return sub(shifted, log(sum(exp(shifted), axis, keepdims=True)))


@rounded_once
def logsumexp_slopes(x: ArrayLike, axis: Axes) -> Any:
    """The derivative of `logsumexp`: the softmax, in which what is finite weighs 0 beside ∞, as in JAX."""
    largest = _largest(x, axis)
    powers = exp(sub(x, where(isfinite(largest), largest, 0)))
    return div(powers, sum(powers, axis, keepdims=True))


def _shifted(x: ArrayLike, axis: Axes) -> Any:
    """Subtract the maximum over axes from x, which changes no softmax."""
    return sub(x, _largest(x, axis))


def _largest(x: ArrayLike, axis: Axes) -> Any:
    """The maximum over axes as a constant; 0 of no entries, which have none."""
    return stop_gradient(max(x, axis, keepdims=True)) if 0 not in shape_of(x) else 0


def _reduced(primitive: Primitive, x: ArrayLike, axis: Axes, keepdims: bool) -> Any:
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    y = primitive(x, axes=axes)
    return reshape(y, [1 if a in axes else n for a, n in enumerate(shape)]) if flag("keepdims", keepdims) else y
