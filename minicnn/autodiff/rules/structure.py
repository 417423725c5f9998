"""Sums, products, and primitives that move entries about."""

from functools import partial
from typing import Any

from minicnn import maps, ops
from minicnn.autodiff.rules.rule import Entry, Rule, bilinear, general, identity, linear
from minicnn.autodiff.times import apply_p
from minicnn.forms.arithmetic import summing
from minicnn.maps import LinearMap
from minicnn.ops import primitives
from minicnn.ops.reductions import logsumexp_slopes
from minicnn.primitive import Primitive, value_of


def _sum(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    return maps.Broadcast(axes, y.shape, x.shape, y.dtype).T


def _repeat(y: Any, x: Any, shape: tuple[int, ...], layout: Any) -> LinearMap:
    del layout
    new = len(shape) - x.ndim
    axes = tuple(axis for axis, size in enumerate(shape) if axis < new or x.shape[axis - new] != size)
    return maps.Broadcast(axes, x.shape, shape, y.dtype)


def _kept(y: Any, x: Any, axes: tuple[int, ...]) -> Any:
    return ops.reshape(y, [1 if axis in axes else size for axis, size in enumerate(x.shape)])


def _extreme(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    """The sum of what the entries that are the maximum, or the minimum, share; NaN where NaN leaves none of them."""
    chosen = (value_of(x) == value_of(_kept(y, x, axes))).astype(summing(y.dtype))
    share = (chosen / chosen.sum(axes, keepdims=True)).astype(y.dtype)
    return maps.Compose((_sum(y, x, axes), maps.Diagonal(share, x.shape, y.dtype)))


def _softmax(y: Any, x: Any, axes: tuple[int, ...]) -> LinearMap:
    return maps.Compose((_sum(y, x, axes), maps.Diagonal(logsumexp_slopes(x, axes), x.shape, y.dtype)))


def _piece(n: int, y: Any, *xs: Any, axis: int) -> LinearMap:
    """Where the n-th of the joined arrays goes."""
    start = sum(x.shape[axis] for x in xs[:n])
    starts = tuple(start if a == axis else 0 for a in range(y.ndim))
    limits = tuple(s + size for s, size in zip(starts, xs[n].shape, strict=True))
    return maps.Slice(starts, limits, (1,) * y.ndim, y.shape, y.dtype).T


def _slice(y: Any, x: Any, starts: Any, limits: Any, strides: Any) -> LinearMap:
    return maps.Slice(starts, limits, strides, x.shape, y.dtype)


def _gather(y: Any, x: Any, positions: Any) -> LinearMap:
    return maps.Gather(positions, x.shape, y.shape, y.dtype)


def _contract(y: Any, x: Any, w: Any, spec: tuple[str, str, str], precision: Any) -> LinearMap:
    return maps.Contraction(w, spec, x.shape, y.shape, precision, y.dtype)


def _contract_second(y: Any, x: Any, w: Any, spec: tuple[str, str, str], precision: Any) -> LinearMap:
    return _contract(y, w, x, (spec[1], spec[0], spec[2]), precision)


table: dict[Primitive, Rule] = {
    primitives.sum_p: linear("x", Entry("Σ", _sum)),
    primitives.max_p: general("x", Entry("max({x})", _extreme)),
    primitives.min_p: general("x", Entry("min({x})", _extreme)),
    primitives.cumsum_p: linear("x", Entry("Σ≤", lambda y, x, axis: maps.CumulativeSum(axis, False, x.shape, y.dtype))),
    primitives.logsumexp_p: general("x", Entry("softmax({x})ᵀ", _softmax)),
    primitives.broadcast_p: linear("x", Entry("Σᵀ", _repeat)),
    primitives.vary_p: linear(
        "x", Entry("Σ{mesh_axes}ᵀ", lambda y, x, mesh_axes: maps.Vary(mesh_axes, x.shape, y.dtype))
    ),
    primitives.astype_p: linear("x", Entry("", identity)),
    primitives.reshape_p: linear("x", Entry("vec", lambda y, x, shape: maps.Reshape(x.shape, y.shape, y.dtype))),
    primitives.transpose_p: linear("x", Entry("permute", lambda y, x, axes: maps.Permute(axes, x.shape, y.dtype))),
    primitives.concatenate_p: Rule("x", lambda n: Entry("sliceᵀ", partial(_piece, n)), lambda varying: True),
    primitives.slice_p: linear("x", Entry("slice", _slice)),
    primitives.gather_p: linear("xi", Entry("gather({i})", _gather), None),
    primitives.einsum_p: bilinear("xw", Entry("M({w})", _contract), Entry("M({x})", _contract_second)),
    apply_p: linear(
        "x",
        Entry("{A.__class__.__name__}", lambda y, x, A: maps.Batched(A, x.shape[: x.ndim - len(A.in_shape)])),
    ),
}
