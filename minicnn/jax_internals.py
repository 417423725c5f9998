"""What JAX does not promise to keep: all names of its core, its extensions and its private modules that we use.

Each says what it is for. Where a later JAX moves a private one, the function that it serves is lost, not the import.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
from jax.core import ShapedArray, Tracer
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Primitive
from jax.extend.mlir.dialects import func, stablehlo
from jax.interpreters import ad, batching, mlir

# `jax.core` and `jax.extend` are open to libraries, and change without the deprecations that `jax` itself gives.
__all__ = [
    "CALLS",
    "CUSTOM_VJPS",
    "ClosedJaxpr",  # equations that are read: a function's, by lift and by the rounding bounds of certificates
    "Inconclusive",
    "Jaxpr",
    "Literal",  # a constant that is written into an equation
    "Primitive",  # τ's products are primitives of their own, for all of JAX's transformations to find their rules
    "ShapedArray",  # what a primitive says of its result before it is computed
    "Tracer",  # a value that has no numbers yet: what looks at numbers leaves it alone
    "ad",  # the rules of a primitive: of its derivatives,
    "barrier_apart",
    "batching",  # of vmap,
    "bound",
    "call_apart",
    "called",
    "check_for_nans",
    "function_name",
    "inner",
    "is_parted",
    "mlir",  # and of its compilation
    "of_a_library",
    "pull_back_of",
    "retraced",
    "scan_operands",
    "scopes",
    "scopes_within",
    "source_line",
    "traced_as",
    "value_at",
    "without_constants",
    "wrapped",
]

# What JAX raises where it cannot compare sizes that are symbols: among its errors since 0.10, in its core before.
_INCONCLUSIVE = "InconclusiveDimensionOperation"
Inconclusive: type[Exception] = getattr(jax.errors, _INCONCLUSIVE, None) or getattr(jax.core, _INCONCLUSIVE)


def check_for_nans(primitive: Primitive) -> None:
    """Let `jax.experimental.checkify` look for NaNs in the results of a primitive, as it does for JAX's own.

    Its table of checks has no public name, and without an entry a NaN passes.
    """
    with suppress(ImportError):
        from jax._src.checkify import error_checks, nan_error_check

        error_checks[primitive] = partial(nan_error_check, primitive)


def call_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """The lowering of a function of arrays to a call that XLA keeps, of one private function for all equal calls.

    XLA inlines calls, and what it then joins with its surroundings it compiles once for each place. The attribute that
    forbids it is the one that JAX gives to calls which compute elsewhere, and can be attached to no call from outside.
    Programs for several devices are left as they are, since calls are inlined before XLA partitions them.
    """
    lower = mlir.lower_fun(jax.jit(function), multiple_results=False)

    def lowering(context: mlir.LoweringRuleContext, *values: Any, **static: Any) -> Any:
        results: Any = lower(context, *values, **static)
        call = results[0].owner
        if _is_for_one_device(context) and getattr(call, "name", "") == "func.call":
            _keep(call)
        return results

    return lowering


def _is_for_one_device(context: Any) -> bool:
    return getattr(context.module_context.axis_context, "num_devices", None) == 1


def is_parted(context: Any) -> bool:
    """Whether XLA parts what is lowered among devices: no program for one device, nor what one does in a shard_map."""
    within = context.module_context.axis_context
    if (mesh := getattr(within, "mesh", None)) is None:
        return getattr(within, "num_devices", 1) != 1
    return any(size > 1 for name, size in mesh.shape.items() if name not in within.manual_axes)


def _keep(call: Any) -> None:
    """Forbid XLA to inline a call."""
    apart = mlir.ir.DictAttr.get({"inlineable": mlir.ir.StringAttr.get("false")})
    call.attributes["mhlo.frontend_attributes"] = apart


_traced_barrier = call_apart(lambda x, *new: jax.lax.optimization_barrier((x, *new))[0])


def barrier_apart(context: mlir.LoweringRuleContext, *values: Any) -> Any:
    """The lowering of an optimisation barrier for the first of some arrays to a call that XLA keeps.

    For one device and sizes that are known the function is written down as it is. Tracing and lowering one for every
    shape took JAX a seventh of the time in which a convolution is lowered. The array goes through without its axes of
    length 1: with them it lies in memory in several orders at once, and XLA copies it from one into another.
    """
    sizes = [size for operand in context.avals_in for size in getattr(operand, "shape", ())]
    if not (_is_for_one_device(context) and all(isinstance(size, int) for size in sizes)):
        return _traced_barrier(context, *values)
    x, *new = values
    squeezed = mlir.ir.RankedTensorType.get([size for size in x.type.shape if size != 1], x.type.element_type)
    operands = [stablehlo.reshape(squeezed, x) if 1 in x.type.shape else x, *new]
    types = [value.type for value in operands]
    name = mlir.ir.FlatSymbolRefAttr.get(_barrier(context.module_context, types))
    call = func.CallOp(types[:1], name, operands)
    _keep(call)
    return [stablehlo.reshape(x.type, call.results[0])] if 1 in x.type.shape else call.results


def _barrier(module: Any, types: Sequence[Any]) -> str:
    """The name of the function that is its first operand behind a barrier, which a module has once for these types."""
    # No function of Python's has a dot in its name.
    name = "fence." + re.sub(r"\W+", "_", " ".join(map(str, types)))
    if name not in module.symbol_table:
        with mlir.ir.InsertionPoint(module.module.body):
            function = func.FuncOp(name, (types, types[:1]), visibility="private")
        with mlir.ir.InsertionPoint(function.add_entry_block()):
            func.ReturnOp(stablehlo.OptimizationBarrierOp(function.arguments).results[:1])
        module.symbol_table.insert(function)
    return name


def scopes(equation: Any) -> tuple[str, ...]:
    """The named scopes that an equation was traced in, the outermost first: modules of a network, say.

    A name stack has no public name, and its text mixes scopes with transformations. `jnp.einsum` is in a scope that is
    called as its specification, which is left out.
    """
    return _scopes(equation.source_info.name_stack)


def scopes_within(equation: Any) -> tuple[str, ...]:
    """The named scopes of an equation that is being evaluated: those it is evaluated in, and its own."""
    from jax._src import source_info_util

    return _scopes(source_info_util.current_name_stack() + equation.source_info.name_stack)


def _scopes(name_stack: Any) -> tuple[str, ...]:
    return tuple(part.name for part in name_stack.stack if type(part).__name__ == "Scope" and "->" not in part.name)


def source_line(equation: Any) -> str:
    """The file and the line that an equation comes from: the innermost that is not a library's, if one is.

    The frames of an equation's traceback have no public name. What JAX has traced for itself and kept has none: then
    it is the line of the call that is being evaluated.
    """
    from jax._src import source_info_util

    frames = [*_frames(equation.source_info), *_frames(source_info_util.current())]
    if not frames:
        return "an unknown line"
    frame = next((f for f in frames if not of_a_library(f.file_name)), frames[0])
    return f"{frame.file_name}:{frame.start_line}"


def _frames(source: Any) -> list[Any]:
    from jax._src import source_info_util

    try:
        frames = source_info_util.user_frames(source.traceback)
    except AttributeError:  # JAX 0.6 wants all of it, later ones the traceback
        frames = source_info_util.user_frames(source)
    return [frame for frame in frames if frame is not None]


def of_a_library(file_name: str) -> bool:
    """Whether a file is installed, or one of ours: its lines are not those that the author of a model can change."""
    return "site-packages" in file_name or of_this_library(file_name)


def of_this_library(file_name: str) -> bool:
    """Whether a file is one of ours."""
    return file_name.startswith(_OURS)


_OURS = f"{Path(__file__).parent}{os.sep}"


@contextmanager
def traced_as(equation: Any, scope: str | None = None) -> Iterator[None]:
    """Trace what follows as if it stood where an equation stands, in its scopes and in one more, where given.

    This is how JAX itself evaluates equations, and it has no public name.
    """
    from jax._src import source_info_util

    stack = source_info_util.current_name_stack() + equation.source_info.name_stack
    if scope is not None:
        stack = stack.extend(scope)
    with source_info_util.user_context(equation.source_info.traceback, name_stack=stack), equation.ctx.manager:
        yield


def bound(equation: Any, operands: Sequence[Any], params: Mapping[str, Any] | None = None) -> list[Any]:
    """The results of an equation's primitive for these operands, and for these parameters instead of its own.

    How functions among its parameters are handed over has changed from JAX 0.9 to 0.10.
    """
    own: Any = equation.params if params is None else dict(params)
    found: Any = equation.primitive.get_bind_params(own)
    functions, own = found if isinstance(found, tuple) else ((), found)
    results = equation.primitive.bind(*functions, *operands, **own)
    return list(results) if equation.primitive.multiple_results else [results]


# Primitives that stand for other equations, under the names that they have had.
CALLS = (
    "call",
    "checkpoint",
    "closed_call",
    "composite",
    "core_call",
    "eval_jaxpr",
    "jit",
    "linear_call",
    "pjit",
    "remat",
    "remat2",
)


def inner(equation: Any) -> ClosedJaxpr:
    """The equations that a call stands for, whatever the parameter that holds them is called."""
    names = ("jaxpr", "call_jaxpr", "fun_jaxpr", "callee")
    found = next(equation.params[name] for name in names if name in equation.params)
    return found if isinstance(found, ClosedJaxpr) else ClosedJaxpr(found, ())


def function_name(equation: Any) -> str | None:
    """The name of the function that a call stands for, where there is one: `relu`, not `<lambda>`."""
    name = equation.params.get("name")
    if name is None and "call_jaxpr" in equation.params:
        name = getattr(inner(equation).jaxpr.debug_info, "func_name", None)
    return name if isinstance(name, str) and name.isidentifier() else None


# Primitives of functions that come with a backward function of their own, under the names that they have had.
CUSTOM_VJPS = ("custom_vjp_call", "custom_vjp_call_jaxpr")


def value_at(x: Any) -> Any:
    """The value of what varies, at the point where JAX linearises a function."""
    while isinstance(x, Tracer):
        x = x.primal  # pyright: ignore[reportAttributeAccessIssue]
    return x


def scan_operands(equation: Any) -> tuple[int, int]:
    """How many of a scan's operands are constants of its body, and how many its carry; the others are scanned.

    Two numbers among the parameters until JAX 0.10, and a tree of all operands since.
    """
    params = equation.params
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    constants, carry, _ = params["ft_in"].unpack()
    return len(constants), len(carry)


def pull_back_of(equation: Any) -> Callable[..., list[Any]]:
    """The backward function of a `jax.custom_vjp`, from its place in a linear program.

    Args:
        equation: of the primitive `custom_lin`; its parameters are not documented.

    Returns:
        A function from residuals and the cotangents of the equation's results to those of its tangents.
    """
    params = equation.params

    def pull_back(*values: Any) -> list[Any]:
        cotangents = params["bwd"].call_wrapped(*values)
        if len(cotangents) == 2 and isinstance(cotangents[0], (list, tuple)):
            cotangents, _ = cotangents  # what it logged comes second since JAX 0.11
        absent = params.get("in_zeros", [False] * len(cotangents))
        return [_dense(ct) for ct, no_tangent in zip(cotangents, absent, strict=True) if not no_tangent]

    return pull_back


def _dense(cotangent: Any) -> Any:
    """A cotangent as an array: JAX has symbols for zeros."""
    symbolic = type(cotangent).__name__ in {"Zero", "SymbolicZero"}
    return jnp.zeros(cotangent.aval.shape, cotangent.aval.dtype) if symbolic else cotangent


def retraced(f: Callable[..., Sequence[Any]], closed: ClosedJaxpr) -> ClosedJaxpr:
    """The equations of a function of the arguments that these equations have, types and weak types alike."""
    return jax.make_jaxpr(f)(*closed.in_avals)


def without_constants(closed: ClosedJaxpr) -> Jaxpr:
    """The equations whose constants are arguments, before all others. Nothing public makes one of the other."""
    from jax._src.interpreters import partial_eval

    return partial_eval.convert_constvars_jaxpr(closed.jaxpr) if closed.consts else closed.jaxpr


def wrapped(function: Any, new: Callable[..., Any]) -> Any:
    """A function that stands where another stood among an equation's parameters, as JAX wraps those of rules."""
    if not hasattr(function, "call_wrapped"):
        return new
    from jax._src import linear_util

    return linear_util.wrap_init(new, debug_info=function.debug_info)


def called(function: Any) -> Callable[..., Any]:
    """The function itself, of one that JAX may have wrapped."""
    return getattr(function, "call_wrapped", function)
