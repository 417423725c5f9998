"""The table: for every primitive and each of its operands one linear map, the derivative there.

This is all that autodiff knows of a primitive. Forward mode multiplies by the maps, reverse mode by their transposes;
and since multiplying by a map is made of primitives again, the table gives derivatives of every order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from minicnn import maps, ops
from minicnn.autodiff.products import apply_p, conv_weights_p
from minicnn.forms import Geometry
from minicnn.forms.pools import max_windows
from minicnn.functional.convolution import conv_p
from minicnn.functional.pooling import avg_pool_p, max_pool_p
from minicnn.functional.windows import fold_p, unfold_p
from minicnn.maps import LinearMap
from minicnn.primitive import Primitive, value_of


class Entry(NamedTuple):
    """The derivative with respect to one operand.

    Attributes:
        label: how programs print the map; `{x}` is the operand that the rule names x, `{y}` the result.
        map: the map, from the result, the operands and the static parameters.
    """

    label: str
    map: Callable[..., LinearMap]


@dataclass(frozen=True)
class Rule:
    """A primitive's row in the table.

    Attributes:
        operands: their names.
        entry: the n-th operand's entry, or None where there is no derivative.
        linear_in: whether the primitive is linear in a set of operands at once, the others being constants.
    """

    operands: str
    entry: Callable[[int], Entry | None]
    linear_in: Callable[[set[int]], bool] = lambda varying: False


def linear(operands: str, *entries: Entry | None) -> Rule:
    """A primitive that is linear in all of its operands at once."""
    return Rule(operands, entries.__getitem__, lambda varying: True)


def bilinear(operands: str, *entries: Entry) -> Rule:
    """A primitive that is linear in each operand alone."""
    return Rule(operands, entries.__getitem__, lambda varying: len(varying) == 1)


def general(operands: str, *entries: Entry | None) -> Rule:
    """A primitive that has a derivative, no more."""
    return Rule(operands, entries.__getitem__)


def diagonal(text: str, derivative: Callable[..., Any]) -> Entry:
    """The entry of an elementwise primitive."""
    return Entry(
        f"diag({text})", lambda y, *xs, **params: maps.Diagonal(derivative(y, *xs, **params), y.shape, y.dtype)
    )


def _identity(y: Any, *operands: Any, **params: Any) -> LinearMap:
    return maps.identity(y.shape, y.dtype)


def _negative(y: Any, *operands: Any) -> LinearMap:
    return maps.Scale(jnp.asarray(-1, y.dtype), y.shape, y.dtype)


def _inverse(y: Any, d: Any) -> LinearMap:
    return maps.InverseDiagonal(d, y.shape, y.dtype)


def _mask(y: Any, keep: Any) -> LinearMap:
    return maps.Mask(jnp.asarray(keep, bool), y.shape, y.dtype)


def _sign(y: Any, x: Any) -> Any:
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"abs of {x.dtype.name} has no derivative: it is not holomorphic")
    return jnp.where(value_of(x) >= 0, 1, -1).astype(y.dtype)


def _share(y: Any, x: Any) -> Any:
    """The part of the larger of two that is x: one, none, or half of a tie."""
    return jnp.asarray(value_of(x) == value_of(y), y.dtype)


def _larger(y: Any, a: Any, b: Any) -> Any:
    return _share(y, a) / (_share(y, a) + _share(y, b))


def _sum(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    return maps.Broadcast(axes, y.shape, x.shape, y.dtype).T


def _repeat(y: Any, x: Any, shape: tuple[int, ...]) -> LinearMap:
    new = len(shape) - x.ndim
    axes = tuple(axis for axis, size in enumerate(shape) if axis < new or x.shape[axis - new] != size)
    return maps.Broadcast(axes, x.shape, shape, y.dtype)


def _kept(y: Any, x: Any, axes: tuple[int, ...]) -> Any:
    return ops.reshape(y, [1 if axis in axes else size for axis, size in enumerate(x.shape)])


def _max(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    largest = value_of(x) == value_of(_kept(y, x, axes))
    share = largest / largest.sum(axes, keepdims=True, dtype=y.dtype)
    return maps.Compose((_sum(y, x, axes), maps.Diagonal(share.astype(y.dtype), x.shape, y.dtype)))


def _softmax(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    softmax = ops.exp(ops.sub(x, _kept(y, x, axes)))
    return maps.Compose((_sum(y, x, axes), maps.Diagonal(softmax, x.shape, y.dtype)))


def _piece(n: int, y: Any, *xs: Any, axis: int) -> LinearMap:
    """Where the n-th of the joined arrays goes."""
    start = sum(x.shape[axis] for x in xs[:n])
    starts = tuple(start if a == axis else 0 for a in range(y.ndim))
    limits = tuple(s + size for s, size in zip(starts, xs[n].shape, strict=True))
    return maps.Slice(starts, limits, (1,) * y.ndim, y.shape, y.dtype).T


def _slice(y: Any, x: Any, starts: Any, limits: Any, strides: Any) -> LinearMap:
    return maps.Slice(starts, limits, strides, x.shape, y.dtype)


def _contract(y: Any, x: Any, w: Any, spec: tuple[str, str, str], precision: Any) -> LinearMap:
    return maps.Contraction(w, spec, x.shape, y.shape, precision, y.dtype)


def _contract_second(y: Any, x: Any, w: Any, spec: tuple[str, str, str], precision: Any) -> LinearMap:
    return _contract(y, w, x, (spec[1], spec[0], spec[2]), precision)


def _convolve(y: Any, x: Any, w: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return maps.Batched(maps.ConvMap(w, geometry, form, arithmetic, y.dtype), x.shape[:1])


def _patches(y: Any, x: Any, w: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return maps.PatchMap(x, geometry, x.shape[:1], form, arithmetic, y.dtype)


def _weights(w: Any, x: Any, z: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return _patches(w, x, w, geometry, form, arithmetic).T


def _weights_from_outputs(w: Any, x: Any, z: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    """In τ inputs and outputs are alike: X(x)ᵀz is X(z)ᵀx of the transposed geometry, its channels exchanged."""
    split, rank = geometry.T.split_shape, len(geometry.axes)
    order = (*range(rank), rank + 2, rank + 1, rank)
    swap = (
        maps.Reshape(tuple(split[axis] for axis in order), geometry.w_shape, w.dtype),
        maps.Permute(order, split, w.dtype),
        maps.Reshape(geometry.T.w_shape, split, w.dtype),
    )
    return maps.Compose((*swap, _weights(w, z, x, geometry.T, form, arithmetic)))


_winning_taps = jax.jit(lambda x, axes: max_windows(x, axes)[1], static_argnames="axes", inline=True)


def _select(y: Any, x: Any, axes: Any) -> LinearMap:
    return maps.Selection(_winning_taps(value_of(x), axes), axes, x.shape[:1], x.shape[-1], y.dtype)


def _average(y: Any, x: Any, axes: Any, counted: Any) -> LinearMap:
    return maps.Batched(maps.AveragePool(axes, x.shape[-1], counted, y.dtype), x.shape[:1])


def _unfold(y: Any, x: Any, axes: Any) -> LinearMap:
    return maps.Batched(maps.Unfold(axes, x.shape[-1], y.dtype), x.shape[:1])


def _fold(y: Any, p: Any, axes: Any, channels: int) -> LinearMap:
    return maps.Batched(maps.Unfold(axes, channels, y.dtype).T, p.shape[:1])


table: dict[Primitive, Rule] = {
    ops.neg_p: linear("x", Entry("−I", _negative)),
    ops.add_p: linear("ab", Entry("", _identity), Entry("", _identity)),
    ops.sub_p: linear("ab", Entry("", _identity), Entry("−I", _negative)),
    ops.mul_p: bilinear("ab", diagonal("{b}", lambda y, a, b: b), diagonal("{a}", lambda y, a, b: a)),
    ops.div_p: Rule(
        "ab",
        (
            Entry("diag({b})⁻¹", lambda y, a, b: _inverse(y, b)),
            diagonal("−{y}/{b}", lambda y, a, b: -y / b),
        ).__getitem__,
        lambda varying: varying == {0},
    ),
    ops.power_p: general(
        "xn",
        diagonal("{n}·{x}^({n}−1)", lambda y, x, n: n * ops.power(x, ops.sub(n, 1))),
        diagonal("{y}·log {x}", lambda y, x, n: ops.log(ops.where(value_of(x) == 0, 1, x)) * y),
    ),
    ops.integer_power_p: general("x", diagonal("{n}·{x}^({n}−1)", lambda y, x, n: n * ops.power(x, n - 1 if n else 0))),
    ops.exp_p: general("x", diagonal("{y}", lambda y, x: y)),
    ops.log_p: general("x", Entry("diag({x})⁻¹", lambda y, x: _inverse(y, x))),
    ops.sqrt_p: general("x", diagonal("½/{y}", lambda y, x: 0.5 / y)),
    ops.sin_p: general("x", diagonal("cos {x}", lambda y, x: ops.cos(x))),
    ops.cos_p: general("x", diagonal("−sin {x}", lambda y, x: -ops.sin(x))),
    ops.tanh_p: general("x", diagonal("1 − {y}²", lambda y, x: 1 - y * y)),
    ops.sigmoid_p: general("x", diagonal("{y}(1 − {y})", lambda y, x: y * (1 - y))),
    ops.relu_p: general("x", Entry("diag({x} > 0)", lambda y, x: _mask(y, value_of(x) > 0))),
    ops.abs_p: general("x", diagonal("sign {x}", _sign)),
    ops.maximum_p: general(
        "ab",
        diagonal("{a} ≥ {b}", lambda y, a, b: _larger(y, a, b)),
        diagonal("{b} ≥ {a}", lambda y, a, b: _larger(y, b, a)),
    ),
    ops.where_p: linear(
        "cab",
        None,
        Entry("diag({c})", lambda y, c, a, b: _mask(y, value_of(c))),
        Entry("diag(¬{c})", lambda y, c, a, b: _mask(y, jnp.logical_not(value_of(c)))),
    ),
    ops.sum_p: linear("x", Entry("Σ", _sum)),
    ops.max_p: general("x", Entry("max({x})", _max)),
    ops.logsumexp_p: general("x", Entry("softmax({x})ᵀ", _softmax)),
    ops.broadcast_p: linear("x", Entry("Σᵀ", _repeat)),
    ops.astype_p: linear("x", Entry("", _identity)),
    ops.reshape_p: linear("x", Entry("vec", lambda y, x, shape: maps.Reshape(x.shape, y.shape, y.dtype))),
    ops.transpose_p: linear("x", Entry("permute", lambda y, x, axes: maps.Permute(axes, x.shape, y.dtype))),
    ops.concatenate_p: Rule("x", lambda n: Entry("sliceᵀ", partial(_piece, n)), lambda varying: True),
    ops.slice_p: linear("x", Entry("slice", _slice)),
    ops.gather_p: linear("xi", Entry("gather({i})", lambda y, x, i: maps.Gather(i, x.shape, y.shape, y.dtype)), None),
    ops.einsum_p: bilinear("xw", Entry("M({w})", _contract), Entry("M({x})", _contract_second)),
    conv_p: bilinear("xw", Entry("C({w})", _convolve), Entry("X({x})", _patches)),
    conv_weights_p: bilinear("xz", Entry("X({z})ᵀ", _weights_from_outputs), Entry("X({x})ᵀ", _weights)),
    max_pool_p: general("x", Entry("S({x})", _select)),
    avg_pool_p: linear("x", Entry("A", _average)),
    unfold_p: linear("x", Entry("U", _unfold)),
    fold_p: linear("x", Entry("Uᵀ", _fold)),
    apply_p: linear(
        "x",
        Entry("{A.__class__.__name__}", lambda y, x, A: maps.Batched(A, x.shape[: x.ndim - len(A.in_shape)])),
    ),
}
