"""Elementwise primitives: their maps are diagonal."""

from typing import Any

import jax.numpy as jnp

from minicnn import maps, ops
from minicnn.autodiff.rules.rule import Entry, Rule, bilinear, diagonal, general, identity, linear
from minicnn.maps import LinearMap
from minicnn.primitive import Primitive, value_of


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


table: dict[Primitive, Rule] = {
    ops.neg_p: linear("x", Entry("−I", _negative)),
    ops.add_p: linear("ab", Entry("", identity), Entry("", identity)),
    ops.sub_p: linear("ab", Entry("", identity), Entry("−I", _negative)),
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
}
