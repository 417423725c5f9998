"""Elementwise primitives: their maps are diagonal."""

import math
from typing import Any

import jax.numpy as jnp

from minicnn import maps, ops
from minicnn.autodiff.rules.rule import Entry, Rule, bilinear, diagonal, general, identity, linear
from minicnn.maps import LinearMap
from minicnn.ops import primitives
from minicnn.primitive import Primitive, value_of


def _negative(y: Any, *operands: Any) -> LinearMap:
    return maps.Scale(jnp.asarray(-1, y.dtype), y.shape, y.dtype)


def _inverse(y: Any, d: Any) -> LinearMap:
    return maps.InverseDiagonal(d, y.shape, y.dtype)


def _mask(y: Any, keep: Any) -> LinearMap:
    return maps.Mask(jnp.asarray(keep, bool), y.shape, y.dtype)


def _bell(x: Any) -> Any:
    return 2 / math.sqrt(math.pi) * ops.exp(-x * x)


def _slope_of_power(y: Any, x: Any, n: Any) -> Any:
    """The derivative n·x^(n−1). That of x⁰ at 0 is 0, which 0·0⁻¹ is not; elsewhere it has a derivative in n."""
    n, constant = ops.astype(n, y.dtype), (value_of(n) == 0) & (value_of(x) == 0)
    return n * ops.power(x, ops.where(constant, 1, n - 1))


def _sign(y: Any, x: Any) -> Any:
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"abs of {x.dtype.name} has no derivative: it is not holomorphic")
    return jnp.where(value_of(x) >= 0, 1, -1).astype(y.dtype)


def _share(y: Any, a: Any, b: Any) -> Any:
    """The part of the larger, or the smaller, of two that is a: one, none, or half of a tie."""
    y, a, b = map(value_of, (y, a, b))
    return (a == y).astype(y.dtype) / jnp.where(b == y, 2, 1).astype(y.dtype)


table: dict[Primitive, Rule] = {
    primitives.neg_p: linear("x", Entry("−I", _negative)),
    primitives.add_p: linear("ab", Entry("", identity), Entry("", identity)),
    primitives.sub_p: linear("ab", Entry("", identity), Entry("−I", _negative)),
    primitives.mul_p: bilinear("ab", diagonal("{b}", lambda y, a, b: b), diagonal("{a}", lambda y, a, b: a)),
    primitives.div_p: Rule(
        "ab",
        (
            Entry("diag({b})⁻¹", lambda y, a, b: _inverse(y, b)),
            diagonal("−{y}/{b}", lambda y, a, b: -y / b),
        ).__getitem__,
        lambda varying: varying == {0},
    ),
    primitives.remainder_p: general(
        "ab", Entry("", identity), diagonal("−⌊{a}/{b}⌋", lambda y, a, b: -ops.floor_divide(a, b))
    ),
    primitives.arctan2_p: general(
        "ab",
        diagonal("{b}/({a}² + {b}²)", lambda y, a, b: b / (a * a + b * b)),
        diagonal("−{a}/({a}² + {b}²)", lambda y, a, b: -a / (a * a + b * b)),
    ),
    primitives.power_p: general(
        "xn",
        diagonal("{n}·{x}^({n}−1)", _slope_of_power),
        diagonal("{y}·log {x}", lambda y, x, n: ops.log(ops.where(value_of(x) == 0, 1, x)) * y),
    ),
    primitives.integer_power_p: general(
        "x", diagonal("{n}·{x}^({n}−1)", lambda y, x, n: n * ops.power(x, n - 1 if n else 0))
    ),
    primitives.exp_p: general("x", diagonal("{y}", lambda y, x: y)),
    primitives.expm1_p: general("x", diagonal("{y} + 1", lambda y, x: y + 1)),
    primitives.log1p_p: general("x", Entry("diag(1 + {x})⁻¹", lambda y, x: _inverse(y, 1 + x))),
    primitives.log_p: general("x", Entry("diag({x})⁻¹", lambda y, x: _inverse(y, x))),
    primitives.sqrt_p: general("x", diagonal("½/{y}", lambda y, x: 0.5 / y)),
    primitives.sin_p: general("x", diagonal("cos {x}", lambda y, x: ops.cos(x))),
    primitives.cos_p: general("x", diagonal("−sin {x}", lambda y, x: -ops.sin(x))),
    primitives.tan_p: general("x", diagonal("1 + {y}²", lambda y, x: 1 + y * y)),
    primitives.arctan_p: general("x", Entry("diag(1 + {x}²)⁻¹", lambda y, x: _inverse(y, 1 + x * x))),
    primitives.sinh_p: general("x", diagonal("cosh {x}", lambda y, x: ops.cosh(x))),
    primitives.cosh_p: general("x", diagonal("sinh {x}", lambda y, x: ops.sinh(x))),
    primitives.tanh_p: general("x", diagonal("1 − {y}²", lambda y, x: 1 - y * y)),
    primitives.sigmoid_p: general("x", diagonal("{y}(1 − {y})", lambda y, x: y * (1 - y))),
    primitives.erf_p: general("x", diagonal("2/√π·e^(−{x}²)", lambda y, x: _bell(x))),
    primitives.erfc_p: general("x", diagonal("−2/√π·e^(−{x}²)", lambda y, x: -_bell(x))),
    primitives.conj_p: linear("x", Entry("conj", lambda y, x: maps.Conjugate(x.shape, y.dtype))),
    primitives.real_p: linear("x", Entry("Re", lambda y, x: maps.RealPart(x.shape, y.dtype))),
    primitives.imag_p: linear("x", Entry("Im", lambda y, x: maps.ImaginaryPart(x.shape, y.dtype))),
    primitives.relu_p: general("x", Entry("diag({x} > 0)", lambda y, x: _mask(y, value_of(x) > 0))),
    primitives.abs_p: general("x", diagonal("sign {x}", _sign)),
    primitives.maximum_p: general(
        "ab", diagonal("{a} ≥ {b}", _share), diagonal("{b} ≥ {a}", lambda y, a, b: _share(y, b, a))
    ),
    primitives.minimum_p: general(
        "ab", diagonal("{a} ≤ {b}", _share), diagonal("{b} ≤ {a}", lambda y, a, b: _share(y, b, a))
    ),
    primitives.logaddexp_p: general(
        "ab",
        diagonal("σ({a} − {b})", lambda y, a, b: ops.sigmoid(a - b)),
        diagonal("σ({b} − {a})", lambda y, a, b: ops.sigmoid(b - a)),
    ),
    primitives.where_p: linear(
        "cab",
        None,
        Entry("diag({c})", lambda y, c, a, b: _mask(y, value_of(c))),
        Entry("diag(¬{c})", lambda y, c, a, b: _mask(y, jnp.logical_not(value_of(c)))),
    ),
}
