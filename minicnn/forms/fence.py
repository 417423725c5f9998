"""A fence between two loops: what lies before it is written to memory before what lies behind it reads.

XLA's compiler for CPUs joins loops wherever it can. Where windows are copied, a joined loop finds out for every single
number where it comes from, through the padding and the order of the axes at once: it runs up to thirty times as long
as two plain loops, and takes as long to compile. `jax.lax.optimization_barrier` is gone before XLA joins loops. A call
of a function that may not be inlined stays, moves nothing by itself, and is what a fence lowers to, for one CPU.
"""

import jax
from jaxtyping import Array, Shaped

from minicnn.jax_internals import Primitive, ad, batching, call_apart, mlir


def fence(x: Shaped[Array, "*n"]) -> Shaped[Array, "*n"]:
    """The same array, in memory, where a CPU computes it; the same array anywhere else.

    >>> fence(jnp.arange(3))
    Array([0, 1, 2], dtype=int32)
    """
    return _fence_p.bind(x)


def _batched(operands: tuple[Array], dims: tuple[int]) -> tuple[Array, int]:
    return fence(*operands), dims[0]


_fence_p = Primitive("fence")
_fence_p.def_impl(lambda x: x)
_fence_p.def_abstract_eval(lambda x: x)
ad.deflinear2(_fence_p, lambda y_bar, x: [fence(y_bar)])
batching.primitive_batchers[_fence_p] = _batched
mlir.register_lowering(_fence_p, lambda context, x: [x])
mlir.register_lowering(_fence_p, call_apart(jax.lax.optimization_barrier), platform="cpu")
