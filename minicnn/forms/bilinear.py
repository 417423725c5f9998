"""A bilinear operation as a JAX primitive: every rule that JAX keeps for a primitive, listed once.

JAX asks a primitive for its rules one transformation at a time, and what has no rule fails, or is silently wrong, only
there. So the rules are a table. What JAX keeps beyond it (rooflines, sparse operands) is refused by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import jet
from jaxtyping import Array

from minicnn import jax_internals
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.form import Form
from minicnn.forms.geometry import Geometry
from minicnn.forms.meshes import SpecOf, laid_out, spec_of_many, spread_type, unmarked
from minicnn.jax_internals import Primitive, ShapedArray, ad, batching, mlir


@dataclass(frozen=True)
class Bilinear:
    """An operation of two arrays, linear in each, with a geometry, a form and an arithmetic.

    Attributes:
        name: how JAX prints it.
        compute: the operation, made of JAX's own.
        in_portions: the same, a few images at a time. Only CPUs take it: to an accelerator a loop would leave too
            little to do at once.
        shape: the shape of the result, from the geometry and the number of images.
        spec_of: how the result lies on an explicit mesh.
        on_mesh: from the operation and what else to do, the operation where images lie across a mesh.
        left_bar: the transpose in the left operand: from the cotangent, the operand's type and the right operand.
        right_bar: the transpose in the right operand.
        many: the operation itself for operands with one more axis, at the place that `dims` gives, first in the result.
    """

    name: str
    compute: Callable[..., Array]
    in_portions: Callable[..., Array]
    shape: Callable[[Geometry, int], tuple[int, ...]]
    spec_of: SpecOf
    on_mesh: Callable[[Callable[..., Array], Callable[..., Array]], Callable[..., Array]]
    left_bar: Callable[..., Array]
    right_bar: Callable[..., Array]
    many: Callable[..., Array]

    def primitive(self) -> Primitive:
        """The primitive, with all its rules."""
        primitive = Primitive(self.name)
        for register in RULES.values():
            register(primitive, self)
        return primitive


def _evaluate(primitive: Primitive, operation: Bilinear) -> None:
    """Outside of `jax.jit`: compiled, also where `jax.disable_jit` asks for every step of the caller's own."""
    compiled = jax.jit(primitive.bind, static_argnames=("geometry", "form", "arithmetic"))

    def evaluate(*operands: Array, **static: Any) -> Array:
        with jax.disable_jit(False):
            return compiled(*operands, **static)

    primitive.def_impl(evaluate)


def _type(primitive: Primitive, operation: Bilinear) -> None:
    """Shape and dtype, the mesh axes over which the result varies, and how it lies on an explicit mesh."""

    def result(a: Any, b: Any, *, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> ShapedArray:
        form.check(geometry, jnp.result_type(a, b))
        shape = operation.shape(geometry, a.shape[0])
        return spread_type(a, b, shape, arithmetic.result_type(a, b), operation.spec_of)

    primitive.def_abstract_eval(result)


def _derive(primitive: Primitive, operation: Bilinear) -> None:
    """The derivative in either operand, and its transpose."""
    ad.defbilinear(primitive, operation.left_bar, operation.right_bar)


def _batch(primitive: Primitive, operation: Bilinear) -> None:
    """`jax.vmap`. Of no operands at all there are no results."""

    def batched(operands: tuple[Array, Array], dims: tuple[Any, Any], **static: Any) -> tuple[Array, int]:
        if any(a.shape[dim] == 0 for a, dim in zip(operands, dims, strict=True) if dim is not None):
            images = operands[0].shape[1 if dims[0] == 0 else 0]
            dtype = static["arithmetic"].result_type(*operands)
            shape = (0, *operation.shape(static["geometry"], images))
            return jnp.zeros_like(operands[0], dtype, shape), 0
        many = laid_out(partial(operation.many, dims=dims), spec_of_many(operation.spec_of, dims))
        return many(*operands, **static), 0

    batching.primitive_batchers[primitive] = batched


def _lower(primitive: Primitive, operation: Bilinear) -> None:
    """Programs for XLA, one for CPUs and one, in the form for accelerators, for everything else.

    Over which mesh axes a value varies is settled by then: the loops inside need not know it. Where XLA parts a batch
    among devices, CPUs take the form for accelerators, too, and no portions: each device would gather all images and go
    through all portions.
    """
    accelerated: Callable[..., Array] = lambda *operands, form, **static: operation.compute(
        *operands, form=form.on_accelerators, **static
    )
    widened = _widened(accelerated)
    for platform, compute, of_parted in (
        (None, accelerated, accelerated),
        ("cuda", widened, widened),
        ("cpu", operation.in_portions, accelerated),
    ):
        lower_whole, lower_parted = (
            mlir.lower_fun(operation.on_mesh(compute, laid_out(rest, operation.spec_of)), multiple_results=False)
            for rest in (compute, of_parted)
        )

        def lowering(
            context: mlir.LoweringRuleContext,
            *values: Any,
            whole: Any = lower_whole,
            parted: Any = lower_parted,
            **static: Any,
        ) -> Any:
            types: Any = context.avals_in
            lower = parted if jax_internals.is_parted(context) else whole
            return lower(context.replace(avals_in=list(map(unmarked, types))), *values, **static)

        mlir.register_lowering(primitive, lowering, platform=platform)


def _widened(compute: Callable[..., Array]) -> Callable[..., Array]:
    """The same, integers being as wide as their sums from the start.

    A product of int8 into int32 with two or three terms came out doubled on NVIDIA's cards (jaxlib 0.11.2).
    """

    def wide(*operands: Array, arithmetic: Arithmetic, **static: Any) -> Array:
        dtype = arithmetic.result_type(*operands)
        if all(jnp.issubdtype(a.dtype, jnp.integer) for a in operands):
            operands = tuple(a.astype(dtype) for a in operands)
        return compute(*operands, arithmetic=arithmetic, **static)

    return wide


def _taylor(primitive: Primitive, operation: Bilinear) -> None:
    """`jax.experimental.jet`: the coefficients of the product of two power series."""

    def series(points: tuple[Array, Array], terms: tuple[list[Array], list[Array]], **static: Any) -> tuple[Any, Any]:
        left, right = ([point, *rest] for point, rest in zip(points, terms, strict=True))
        value, *rest = (
            sum(primitive.bind(left[j], right[k - j], **static) for j in range(k + 1)) for k in range(len(left))
        )
        return value, rest

    jet.jet_rules[primitive] = series


def _check(primitive: Primitive, operation: Bilinear) -> None:
    """`jax.experimental.checkify`: a NaN in the result is reported with the line that made it."""
    jax_internals.check_for_nans(primitive)


RULES: dict[str, Callable[[Primitive, Bilinear], None]] = {
    "evaluation": _evaluate,
    "type": _type,
    "derivatives": _derive,
    "batching": _batch,
    "lowering": _lower,
    "Taylor series": _taylor,
    "checks": _check,
}
