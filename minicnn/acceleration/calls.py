"""Equations that stand for other equations: which of their parameters hold them, and how those are exchanged."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from minicnn import jax_internals
from minicnn.jax_internals import ClosedJaxpr, Jaxpr

Exchange = Callable[[ClosedJaxpr], ClosedJaxpr]
Function = Callable[..., Any]
Evaluate = Callable[[Jaxpr, Sequence[Any], Sequence[Any]], list[Any]]

_SHARDED = "shard_map"
_MANUAL = ("newly_manual_axes", "manual_axes")  # the mesh axes that a function is mapped over, as JAX has called them
_LOOPS = {"scan": ("jaxpr",), "while": ("cond_jaxpr", "body_jaxpr")}

# The parameters of each primitive that hold equations, under the names that they have had.
_EQUATIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("jit", "pjit", "closed_call"), ("jaxpr", "call_jaxpr")),
    **dict.fromkeys(("checkpoint", "remat2", "remat"), ("jaxpr",)),
    **_LOOPS,
    "cond": ("branches",),
    "custom_jvp_call": ("call_jaxpr",),
    "custom_vjp_call": ("call_jaxpr",),
    "custom_vjp_call_jaxpr": ("fun_jaxpr",),
    _SHARDED: ("jaxpr",),
}


class Entered(NamedTuple):
    """An equation with other equations inside: its parameters, and the operands that come before its own."""

    params: dict[str, Any]
    operands: list[Any]


def is_loop(equation: Any) -> bool:
    """Whether what is inside is done again and again."""
    return equation.primitive.name in _LOOPS


def inside(equation: Any) -> Iterator[ClosedJaxpr]:
    """The equations that an equation stands for."""
    for name in _EQUATIONS.get(equation.primitive.name, ()):
        held = equation.params.get(name)
        for each in held if isinstance(held, tuple) else (held,):
            if each is not None:
                yield each if isinstance(each, ClosedJaxpr) else ClosedJaxpr(each, ())


def entered(equation: Any, exchange: Exchange, of_rule: Callable[[Function], Function]) -> Entered:
    """The equation with all equations inside exchanged, and with the functions of its rule for derivatives."""
    params, operands = dict(equation.params), []
    for name in _EQUATIONS[equation.primitive.name]:
        held = params.get(name)
        if isinstance(held, tuple):
            params[name] = tuple(map(exchange, held))
        elif isinstance(held, ClosedJaxpr):
            params[name] = exchange(held)
        elif isinstance(held, Jaxpr):
            closed = exchange(ClosedJaxpr(held, ()))
            params[name], operands = jax_internals.without_constants(closed), list(closed.consts)
    if operands and isinstance(params.get("prevent_cse"), tuple):
        params["prevent_cse"] = (False,) * len(operands) + params["prevent_cse"]
    for name in _TRACED_LATER & params.keys():
        params[name] = _later(params[name], exchange)
    if "bwd" in params:
        params["bwd"] = jax_internals.wrapped(params["bwd"], of_rule(jax_internals.called(params["bwd"])))
    return Entered(params, operands)


def is_sharded(equation: Any) -> bool:
    """Whether what is inside is done on every device of a mesh with its own part of the operands."""
    return equation.primitive.name == _SHARDED


def over_shards(equation: Any, evaluate: Evaluate, operands: Sequence[Any]) -> list[Any]:
    """The results of a `jax.shard_map` whose inside is evaluated anew: it can be traced on its mesh only."""
    params = equation.params
    body = lambda *parts: evaluate(params["jaxpr"], (), parts)
    mapped = jax.shard_map(
        body,
        mesh=params["mesh"],
        in_specs=tuple(params["in_specs"]),
        out_specs=list(params["out_specs"]),
        axis_names=set(params[next(name for name in _MANUAL if name in params)]),
        check_vma=params["check_vma"],
    )
    return mapped(*operands)


# What the rules of `jax.custom_jvp` and `jax.custom_vjp` are traced to, once it is known what varies.
_TRACED_LATER = {"jvp_jaxpr_fun", "jvp_jaxpr_thunk", "fwd_jaxpr_thunk"}


def _later(function: Any, exchange: Exchange) -> Any:
    """A function that returns equations and their constants, and maybe more, with the equations exchanged."""

    def traced(*zeros: Any) -> tuple[Any, ...]:
        jaxpr, constants, *more = jax_internals.called(function)(*zeros)
        closed = exchange(ClosedJaxpr(jaxpr, tuple(constants)))
        return closed.jaxpr, closed.consts, *more

    return jax_internals.wrapped(function, traced)
