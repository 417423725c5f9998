"""One case of every primitive: what it computes, what jax.numpy computes, and where to differentiate it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn import ops

INDICES = np.array([2, 0, 2], np.int32)


class Case(NamedTuple):
    """A function and arguments to differentiate it at.

    `exact` functions are linear in each argument: on integers all that is computed is an integer.
    """

    f: Callable[..., Any]
    reference: Callable[..., Any] | None
    shapes: tuple[tuple[int, ...], ...]
    exact: bool = False
    data: str = "normal"

    def arguments(self, seed: int, dtype: Any) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(seed)
        return tuple(DATA["integers" if self.exact else self.data](rng, shape).astype(dtype) for shape in self.shapes)


DATA: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "small": lambda rng, shape: rng.uniform(-1, 1, shape),
    "positive": lambda rng, shape: rng.uniform(0.5, 2, shape),
    "integers": lambda rng, shape: rng.integers(-4, 5, shape),
    "distinct": lambda rng, shape: rng.permutation(int(np.prod(shape))).reshape(shape),
}


def elementwise(shape: tuple[int, ...], column: tuple[int, ...]) -> dict[str, Case]:
    """The primitives that take any shape; `column` broadcasts against `shape`."""
    pair = (shape, column)
    return {
        "neg": Case(ops.neg, jnp.negative, (shape,), exact=True),
        "add": Case(ops.add, jnp.add, pair, exact=True),
        "sub": Case(ops.sub, jnp.subtract, pair, exact=True),
        "mul": Case(ops.mul, jnp.multiply, pair, exact=True),
        "div": Case(ops.div, jnp.divide, pair, data="positive"),
        "div by a constant": Case(lambda x: x / 3, lambda x: x / 3, (shape,), exact=True),
        "power": Case(ops.power, jnp.power, pair, data="positive"),
        "integer power": Case(lambda x: x**3, lambda x: x**3, (shape,)),
        "negative integer power": Case(lambda x: x**-2, lambda x: x**-2, (shape,), data="positive"),
        "exp": Case(ops.exp, jnp.exp, (shape,)),
        "expm1": Case(ops.expm1, jnp.expm1, (shape,)),
        "log": Case(ops.log, jnp.log, (shape,), data="positive"),
        "log1p": Case(ops.log1p, jnp.log1p, (shape,), data="positive"),
        "sqrt": Case(ops.sqrt, jnp.sqrt, (shape,), data="positive"),
        "sin": Case(ops.sin, jnp.sin, (shape,)),
        "cos": Case(ops.cos, jnp.cos, (shape,)),
        "tan": Case(ops.tan, jnp.tan, (shape,), data="small"),
        "arctan": Case(ops.arctan, jnp.arctan, (shape,)),
        "sinh": Case(ops.sinh, jnp.sinh, (shape,)),
        "cosh": Case(ops.cosh, jnp.cosh, (shape,)),
        "erf": Case(ops.erf, jax.lax.erf, (shape,)),
        "erfc": Case(ops.erfc, jax.lax.erfc, (shape,)),
        "square": Case(ops.square, jnp.square, (shape,), exact=True),
        "reciprocal": Case(ops.reciprocal, jnp.reciprocal, (shape,), data="positive"),
        "negative": Case(ops.negative, jnp.negative, (shape,), exact=True),
        "subtract": Case(ops.subtract, jnp.subtract, pair, exact=True),
        "multiply": Case(ops.multiply, jnp.multiply, pair, exact=True),
        "divide": Case(ops.divide, jnp.divide, pair, data="positive"),
        "floor division": Case(lambda x, y: x // y * x, lambda x, y: x // y * x, pair, data="positive"),
        "remainder": Case(lambda x, y: x % -y * x, lambda x, y: x % -y * x, pair, data="positive"),
        "divmod": Case(lambda x: 7 % x + sum(divmod(x, 0.75)), lambda x: 7 % x + sum(divmod(x, 0.75)), (shape,)),
        "rounding": Case(
            lambda x: round(x).astype(x.dtype) * x + round(x, 1),
            lambda x: round(x).astype(x.dtype) * x + round(x, 1),
            (shape,),
        ),
        "arctan2": Case(ops.arctan2, jnp.arctan2, pair),
        "hypot": Case(ops.hypot, jnp.hypot, pair),
        "elu": Case(lambda x: ops.elu(x, 0.5), lambda x: jax.nn.elu(x, 0.5), (shape,)),
        "leaky_relu": Case(ops.leaky_relu, jax.nn.leaky_relu, (shape,)),
        "softplus": Case(ops.softplus, jax.nn.softplus, (shape,)),
        "silu": Case(ops.silu, jax.nn.silu, (shape,)),
        "gelu": Case(ops.gelu, jax.nn.gelu, (shape,)),
        "gelu, exactly": Case(
            lambda x: ops.gelu(x, approximate=False), lambda x: jax.nn.gelu(x, approximate=False), (shape,)
        ),
        "logaddexp": Case(ops.logaddexp, jnp.logaddexp, pair),
        "steps": Case(
            lambda x: ops.mul(ops.floor(x) + ops.ceil(x) + ops.round(x) + ops.sign(x), x),
            lambda x: (jnp.floor(x) + jnp.ceil(x) + jnp.round(x) + jnp.sign(x)) * x,
            (shape,),
        ),
        "stop_gradient": Case(lambda x: x * ops.stop_gradient(x), lambda x: x * jax.lax.stop_gradient(x), (shape,)),
        "clip": Case(lambda x: ops.clip(x, -1, 2), lambda x: jnp.clip(x, -1, 2), (shape,), exact=True),
        "minimum": Case(ops.minimum, jnp.minimum, pair, exact=True),
        "tanh": Case(ops.tanh, jnp.tanh, (shape,)),
        "sigmoid": Case(ops.sigmoid, jax.nn.sigmoid, (shape,)),
        "relu": Case(ops.relu, jax.nn.relu, (shape,), exact=True),
        "abs": Case(ops.abs, jnp.abs, (shape,), exact=True),
        "maximum": Case(ops.maximum, jnp.maximum, pair, exact=True),
        "where": Case(lambda x, y: ops.where(x > 0, x, y), lambda x, y: jnp.where(x > 0, x, y), pair, exact=True),
        "sum": Case(lambda x: ops.sum(x, -1), lambda x: jnp.sum(x, -1), (shape,), exact=True),
        "sum keeping axes": Case(
            lambda x: x.sum(0, keepdims=True), lambda x: x.sum(0, keepdims=True), (shape,), exact=True
        ),
        "mean": Case(ops.mean, jnp.mean, (shape,), data="normal"),
        "var": Case(lambda x: ops.var(x, -1), lambda x: jnp.var(x, -1), (shape,)),
        "std": Case(ops.std, jnp.std, (shape,)),
        "prod": Case(lambda x: ops.prod(x, -1), lambda x: jnp.prod(x, -1), (shape,), data="positive"),
        "cumprod": Case(lambda x: ops.cumprod(x, -1), lambda x: jnp.cumprod(x, -1), (shape,), data="positive"),
        "sort": Case(lambda x: x.sort(0), lambda x: x.sort(0), (shape,), exact=True),
        "take": Case(lambda x: x.take(INDICES[:2] - 1), lambda x: x.take(INDICES[:2] - 1), (shape,), exact=True),
        "roll": Case(lambda x: ops.roll(x, 1), lambda x: jnp.roll(x, 1), (shape,), exact=True),
        "pad": Case(
            lambda x: ops.pad(x, (2, 1), constant_values=3),
            lambda x: jnp.pad(x, (2, 1), constant_values=3),
            (shape,),
            exact=True,
        ),
        "pad, symmetric": Case(
            lambda x: ops.pad(x, 3, "symmetric"), lambda x: jnp.pad(x, 3, "symmetric"), (shape,), exact=True
        ),
        "any and all": Case(
            lambda x: ops.where((x > 0).any() & ops.all(x), x, -x),
            lambda x: jnp.where((x > 0).any() & jnp.all(x), x, -x),
            (shape,),
            exact=True,
        ),
        "vdot": Case(ops.vdot, jnp.vdot, (shape, shape), exact=True),
        "inner": Case(ops.inner, jnp.inner, (shape, shape), exact=True),
        "cumsum": Case(lambda x: ops.cumsum(x, 0), lambda x: jnp.cumsum(x, 0), (shape,), exact=True),
        "min": Case(lambda x: ops.min(x, -1), lambda x: jnp.min(x, -1), (shape,), exact=True),
        "max": Case(lambda x: ops.max(x, 0), lambda x: jnp.max(x, 0), (shape,), exact=True),
        "logsumexp": Case(lambda x: ops.logsumexp(x, -1), lambda x: jax.nn.logsumexp(x, -1), (shape,)),
        "softmax": Case(lambda x: ops.softmax(x, 0), lambda x: jax.nn.softmax(x, 0), (shape,)),
        "log_softmax": Case(ops.log_softmax, jax.nn.log_softmax, (shape,)),
        "stack": Case(
            lambda x, y: ops.stack([x, y, x], -1), lambda x, y: jnp.stack([x, y, x], -1), (shape, shape), exact=True
        ),
        "split": Case(lambda x: ops.split(x, [1], -1)[0], lambda x: jnp.split(x, [1], -1)[0], (shape,), exact=True),
        "flip": Case(lambda x: ops.flip(x, 0), lambda x: jnp.flip(x, 0), (shape,), exact=True),
        "repeat": Case(lambda x: x.repeat(2, -1), lambda x: x.repeat(2, -1), (shape,), exact=True),
        "tile": Case(lambda x: ops.tile(x, (2, 3)), lambda x: jnp.tile(x, (2, 3)), (shape,), exact=True),
        "moveaxis": Case(
            lambda x: ops.moveaxis(x[None], 0, -1), lambda x: jnp.moveaxis(x[None], 0, -1), (shape,), exact=True
        ),
        "outer": Case(ops.outer, jnp.outer, (shape, column), exact=True),
        "reshape": Case(lambda x: x.reshape(-1), lambda x: x.reshape(-1), (shape,), exact=True),
        "transpose": Case(lambda x: x.T, lambda x: x.T, (shape,), exact=True),
        "broadcast": Case(
            lambda x: ops.broadcast_to(x, (2, *shape)),
            lambda x: jnp.broadcast_to(x, (2, *shape)),
            (column,),
            exact=True,
        ),
        "concatenate": Case(
            lambda x, y: ops.concatenate([x, y, x], -1),
            lambda x, y: jnp.concatenate([x, y, x], -1),
            (shape, shape),
            exact=True,
        ),
        "slice": Case(lambda x: x[..., None, 1:], lambda x: x[..., None, 1:], (shape,), exact=True),
        "integer index": Case(lambda x: x[-1], lambda x: x[-1], (shape,), exact=True),
        "astype": Case(lambda x: x.astype(jnp.float32), lambda x: x.astype(jnp.float32), (shape,), exact=True),
    }


FIXED = {
    "strided slice": Case(lambda x: x[1:6:2, ::3], lambda x: x[1:6:2, ::3], ((7, 5),), exact=True),
    "reversed slice": Case(lambda x: x[::-1, 3:0:-2], lambda x: x[::-1, 3:0:-2], ((4, 5),), exact=True),
    "index array": Case(lambda x: x[INDICES], lambda x: x[INDICES], ((3, 2),), exact=True),
    "two index arrays": Case(
        lambda x: x[INDICES, 1 - INDICES], lambda x: x[INDICES, 1 - INDICES], ((3, 4),), exact=True
    ),
    "mask index": Case(
        lambda x: x[np.array([True, False, True])], lambda x: x[np.array([True, False, True])], ((3, 2),), exact=True
    ),
    "swapaxes": Case(lambda x: x.swapaxes(0, -1), lambda x: x.swapaxes(0, -1), ((2, 3, 4),), exact=True),
    "matmul": Case(ops.matmul, jnp.matmul, ((2, 3), (3, 4)), exact=True),
    "matmul of batches": Case(lambda x, y: x @ y, jnp.matmul, ((5, 2, 3), (3, 4)), exact=True),
    "matmul of two batches": Case(lambda x, y: x @ y, jnp.matmul, ((5, 1, 2, 3), (2, 3, 4)), exact=True),
    "matrix times vector": Case(lambda x, y: x @ y, jnp.matmul, ((2, 3), (3,)), exact=True),
    "dot": Case(ops.dot, jnp.dot, ((2, 3), (4, 3, 2)), exact=True),
    "scalar product": Case(lambda x, y: x @ y, jnp.matmul, ((3,), (3,)), exact=True),
    "tensordot": Case(
        lambda x, y: ops.tensordot(x, y, ((2, 0), (0, 1))),
        lambda x, y: jnp.tensordot(x, y, ((2, 0), (0, 1))),
        ((2, 3, 4), (4, 2, 5)),
        exact=True,
    ),
    "diag": Case(lambda x: ops.diag(x, 1), lambda x: jnp.diag(x, 1), ((3, 4),), exact=True),
    "diag of a vector": Case(lambda x: ops.diag(x, -1), lambda x: jnp.diag(x, -1), ((3,),), exact=True),
    "trace": Case(lambda x: x.trace(1, 0, 2), lambda x: x.trace(1, 0, 2), ((3, 2, 4),), exact=True),
    "diagonal": Case(lambda x: x.diagonal(), lambda x: x.diagonal(), ((3, 2, 4),), exact=True),
    "einsum": Case(
        lambda x, y: ops.einsum("ijk,lj->kli", x, y),
        lambda x, y: jnp.einsum("ijk,lj->kli", x, y),
        ((2, 3, 4), (2, 3)),
        exact=True,
    ),
    "einsum with lone letters": Case(
        lambda x, y: ops.einsum("ij,jk->j", x, y),
        lambda x, y: jnp.einsum("ij,jk->j", x, y),
        ((2, 3), (3, 4)),
        exact=True,
    ),
    "conv": Case(minicnn.conv, None, ((2, 5, 4, 2), (3, 2, 2, 3)), exact=True),
    "conv, strided, dilated, grouped": Case(
        lambda x, w: minicnn.conv(x, w, stride=2, padding="SAME", dilation=2, groups=2, flip=True),
        None,
        ((6, 5, 4), (2, 3, 2, 2)),
        exact=True,
    ),
    "conv, masked": Case(
        lambda x, w: minicnn.conv(x, w, mask=np.array([[1, 0, 1], [0, 1, 1]])), None, ((2, 5, 2), (3, 2, 3)), exact=True
    ),
    "conv, dense": Case(lambda x, w: minicnn.conv(x, w, form="dense"), None, ((5, 1), (3, 1, 2)), exact=True),
    "conv, diagonals": Case(lambda x, w: minicnn.conv(x, w, form="diagonals"), None, ((5, 1), (3, 1, 2)), exact=True),
    "conv_transpose": Case(
        lambda y, w: minicnn.conv_transpose(y, w, stride=2), None, ((2, 3, 2, 3), (3, 2, 1, 3)), exact=True
    ),
    "max_pool": Case(
        lambda x: minicnn.max_pool(x, (3, 2), stride=2, padding="SAME"), None, ((2, 5, 4, 2),), data="distinct"
    ),
    "max_pool with ties": Case(lambda x: minicnn.max_pool(x, (3,), stride=1), None, ((9, 2),), exact=True),
    "avg_pool": Case(lambda x: minicnn.avg_pool(x, (2, 2), stride=1, padding=1), None, ((2, 4, 3, 2),), exact=True),
    "unfold": Case(lambda x: minicnn.unfold(x, (2, 2), padding=1), None, ((2, 4, 3, 2),), exact=True),
    "fold": Case(lambda p: minicnn.fold(p, (4, 3), (2, 2)), None, ((2, 3, 2, 8),), exact=True),
    "lp_pool": Case(lambda x: minicnn.lp_pool(x, (2,), stride=1), None, ((2, 5, 2),), data="positive"),
    "lp_pool, p = 3": Case(lambda x: minicnn.lp_pool(x, (2, 2), p=3, padding="SAME"), None, ((3, 3, 1),)),
    "global_lp_pool": Case(lambda x: minicnn.functional.lp_pooling.global_lp_pool(x, 1), None, ((2, 4, 2),)),
    "adaptive_avg_pool": Case(lambda x: minicnn.functional.adaptive_avg_pool(x, (3,)), None, ((2, 7, 1),), exact=True),
    "adaptive_max_pool": Case(
        lambda x: minicnn.functional.adaptive_max_pool(x, (3, 2)), None, ((2, 7, 3, 2),), data="distinct"
    ),
    "max_unpool": Case(
        lambda y: minicnn.functional.max_unpool(y, np.array([[1], [0], [1]], np.int32), (3,)),
        None,
        ((3, 1),),
        exact=True,
    ),
    "pad": Case(lambda x: minicnn.functional.pad(x, ((2, 1), (1, 1)), "reflect"), None, ((2, 4, 3, 2),), exact=True),
    "conv, circular": Case(
        lambda x, w: minicnn.conv(x, w, padding=1, padding_mode="circular"), None, ((5, 1), (3, 1, 2)), exact=True
    ),
    "weighted_pool": Case(
        lambda x, w: minicnn.functional.weighted_pool(x, w, ndim=1), None, ((6, 2), (2, 2)), exact=True
    ),
    "channel_pool": Case(lambda x: minicnn.functional.channel_pool(x, 2), None, ((3, 4),), data="distinct"),
    "local_conv": Case(minicnn.local_conv, None, ((2, 4, 1), (3, 2, 1, 2)), exact=True),
    "tiled_conv": Case(minicnn.tiled_conv, None, ((5, 2), (2, 2, 2, 1)), exact=True),
    "matrix_pool": Case(minicnn.functional.matrix_pool, None, ((2, 4, 3), (2, 4)), exact=True),
}

CASES = elementwise((3, 4), (3, 1)) | FIXED
