"""A fence between two loops: what lies before it is written to memory before what lies behind it reads.

XLA's compiler for CPUs joins loops wherever it can. Where windows are copied, a joined loop finds out for every single
number where it comes from, through the padding and the order of the axes at once: it runs up to thirty times as long
as two plain loops, and takes as long to compile. `jax.lax.optimization_barrier` is gone before XLA joins loops. A call
of a function that may not be inlined stays, moves nothing by itself, and is what a fence lowers to, for one CPU.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.forms.shaping import listed, reshaped
from minicnn.jax_internals import Primitive, ad, barrier_apart, batching, call_apart, mlir


def fence(x: Shaped[Array | np.ndarray, "*n"], *new: Array) -> Shaped[Array, "*n"]:
    """The same array, in memory, where a CPU computes it; the same array anywhere else.

    XLA computes what depends on little as early as it can, and keeps it until it is needed: the terms of a kernel from
    the start of a program, those of an image from its first product to the gradient. It cannot where a fence is passed
    only once other, `new` arrays are there: a step of ResNet-18 took 265 MB so, and 430 without.

    >>> fence(jnp.arange(3), jnp.zeros(5))
    Array([0, 1, 2], dtype=int32)
    """
    return _fence_p.bind(x, *new)


def kept(x: Shaped[Array, "*n"]) -> Shaped[Array, "*n"]:
    """The same array, whose numbers are the same for all who read it.

    XLA computes what is cheap once for each reader, and may round it otherwise for each: then no entry of a window need
    be equal to its maximum. Where a CPU computes it is a fence, and anywhere else JAX's barrier.

    >>> kept(jnp.arange(3))
    Array([0, 1, 2], dtype=int32)
    """
    return _kept_p.bind(x)


# What the primitives here compute, of JAX's own operations.
STEPS: dict[str, Callable[..., Array]] = {
    "fence": lambda x, *new: x,
    "kept": lambda x: x,
    "apart": lambda x, *, function, size: function(x),
}


def _identity(name: str, elsewhere: Callable[..., Any]) -> Primitive:
    """A primitive that is its first operand, after all others, with a lowering for other platforms than CPUs."""
    primitive = Primitive(name)

    def jvp(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Array, Any]:
        x_dot, *_ = tangents
        return primitive.bind(*primals), x_dot if isinstance(x_dot, ad.Zero) else primitive.bind(x_dot)

    primitive.def_impl(STEPS[name])
    primitive.def_abstract_eval(lambda x, *new: x)
    ad.deflinear2(primitive, lambda y_bar, x: [primitive.bind(y_bar)])
    ad.primitive_jvps[primitive] = jvp
    batching.primitive_batchers[primitive] = lambda operands, dims: (primitive.bind(*operands), dims[0])
    mlir.register_lowering(primitive, elsewhere)
    mlir.register_lowering(primitive, barrier_apart, platform="cpu")
    return primitive


_fence_p = _identity("fence", lambda context, x, *new: [x])
_kept_p = _identity("kept", mlir.lower_fun(jax.lax.optimization_barrier, multiple_results=False))


def apart(function: Callable[[Array], Array], x: Array, shape: tuple[int, ...]) -> Array:
    """`function(x)`, an array of this shape and of the dtype of x, between two fences: for one CPU compiled by itself.

    XLA compiles equal loops once. But loops that stand in a program take their tables in any order, and are no longer
    equal then; in functions of their own they are. Arrays go in and come out as lists, which lie in memory in one order
    only: one with axes of length 1 has several, and XLA copies it from one into another. The function is linear.

    >>> apart(lambda x: 2 * x, jnp.arange(3), (3,))
    Array([0, 2, 4], dtype=int32)
    """
    return reshaped(_apart_p.bind(listed(x), function=_OfList(function, x.shape), size=math.prod(shape)), shape)


@dataclass(frozen=True)
class _OfList:
    """A function of arrays of this shape as one of lists. Where the functions are equal so are these."""

    function: Callable[[Array], Array]
    shape: tuple[int, ...]

    def __call__(self, numbers: Array) -> Array:
        return listed(fence(self.function(reshaped(numbers, self.shape))))


def _transposed(y_bar: Array, x: Any, *, function: Callable[[Array], Array], size: int) -> list[Array]:
    return list(jax.linear_transpose(function, jax.ShapeDtypeStruct(x.aval.shape, x.aval.dtype))(y_bar))


def _many_apart(
    operands: tuple[Array], dims: tuple[int], *, function: Callable[[Array], Array], size: int
) -> tuple[Array, int]:
    return jax.vmap(function, dims)(*operands), 0


def _compiled_apart(context: Any, x: Any, *, function: Callable[[Array], Array], size: int) -> Any:
    return call_apart(lambda numbers: function(numbers))(context, x)  # JAX names a program after what is a function


_apart_p = Primitive("apart")
_apart_p.def_impl(STEPS["apart"])
_apart_p.def_abstract_eval(lambda x, *, function, size: x.update(shape=(size,)))
ad.deflinear2(_apart_p, _transposed)
batching.primitive_batchers[_apart_p] = _many_apart
mlir.register_lowering(_apart_p, mlir.lower_fun(STEPS["apart"], multiple_results=False))
mlir.register_lowering(_apart_p, _compiled_apart, platform="cpu")
