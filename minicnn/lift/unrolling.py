"""A function as equations of JAX, evaluated one by one: calls are entered, loops unrolled, branches taken.

What is left is the straight line of what the function does at a point. JAX evaluates scans and branches in the same
way under `jax.disable_jit`; here they are counted, and what cannot be lifted is refused where it stands.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from minicnn import jax_internals
from minicnn.jax_internals import ClosedJaxpr, Jaxpr, Tracer
from minicnn.lift.evaluation import evaluated
from minicnn.lift.names import Names
from minicnn.lift.refusal import refused

# The most equations that are evaluated one by one. JAX takes 1 ms and 40 kB to linearise each of them on an AMD EPYC
# (2,000 steps of a scan over two equations: 8 s, 130 MB), so that this is about a minute and 2 GB.
LIMIT = 50_000


class Unrolling:
    """One evaluation of a function.

    Attributes:
        names: of the arrays it uses; what is computed from them is named on the way.
        own_rules: whether a function with a backward function of its own is kept, or entered like any other.
        left: how many equations may still be evaluated.
    """

    def __init__(self, names: Names, own_rules: bool = True) -> None:
        self.names, self.own_rules, self.left = names, own_rules, LIMIT

    def evaluate(self, jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The results of a list of equations."""
        return evaluated(jaxpr, constants, arguments, self._results)

    def _results(self, equation: Any, operands: list[Any]) -> list[Any]:
        varying = any(isinstance(x, Tracer) for x in operands)
        if not varying:
            with jax.disable_jit(False):
                results = _bound(equation, operands)
            self.names.pass_on(operands, results)
            return results
        enter = _ENTERED.get(equation.primitive.name)
        if enter is None and not self.own_rules and equation.primitive.name in jax_internals.CUSTOM_VJPS:
            enter = _call
        if enter is not None:
            return enter(self, equation, operands)
        _check_pure(equation)
        self.spend(equation, 1)
        return self.take(equation, operands)

    def take(self, equation: Any, operands: list[Any]) -> list[Any]:
        """Evaluate an equation that stands for no others.

        Raises:
            LiftError: if JAX has no derivative of it.
        """
        try:
            return _bound(equation, operands, _scope(equation))
        except NotImplementedError as error:
            raise refused(
                equation,
                "has no derivative in JAX: give it one with jax.custom_jvp, or put jax.lax.stop_gradient around what "
                "it is given",
            ) from error

    def spend(self, equation: Any, count: int) -> None:
        """Count equations, before they are evaluated.

        Raises:
            LiftError: if they are too many.
        """
        self.foresee(equation, count)
        self.left -= count

    def foresee(self, equation: Any, count: int) -> None:
        """Refuse an equation that stands for so many others, if they are too many, before they are evaluated.

        Raises:
            LiftError: if they are.
        """
        if count > self.left:
            raise refused(
                equation,
                f"unrolls the function to more than {LIMIT:,} equations: lift fewer steps of it, on a shorter input",
            )

    def call(self, equation: Any, closed: ClosedJaxpr, arguments: Sequence[Any], scope: str | None = None) -> list[Any]:
        """Evaluate the equations that an equation stands for."""
        with jax_internals.traced_as(equation, scope):
            return self.evaluate(closed.jaxpr, closed.consts, arguments)


def _scope(equation: Any) -> str | None:
    """The scope of a function's own equations: its name, where the equation knows it."""
    name = jax_internals.function_name(equation)
    return f"{name}{FUNCTION}" if name else None


def _bound(equation: Any, operands: Sequence[Any], scope: str | None = None) -> list[Any]:
    with jax_internals.traced_as(equation, scope):
        return jax_internals.bound(equation, operands)


_CALLBACKS = {"pure_callback", "io_callback", "ffi_call"}
_HARMLESS = {"debug_callback", "debug_print"}


def _check_pure(equation: Any) -> None:
    name = equation.primitive.name
    if name in _CALLBACKS:
        raise refused(
            equation, "calls code that JAX does not see: give it a derivative with jax.custom_jvp, or leave it out"
        )
    if equation.effects and name not in _HARMLESS:
        raise refused(equation, "has an effect, and a matrix has none: return what it writes instead")


def _call(run: Unrolling, equation: Any, operands: list[Any]) -> list[Any]:
    return run.call(equation, jax_internals.inner(equation), operands, _scope(equation))


def _cond(run: Unrolling, equation: Any, operands: list[Any]) -> list[Any]:
    branches, (which, *rest) = equation.params["branches"], operands
    return run.call(equation, branches[min(max(int(which), 0), len(branches) - 1)], rest)


def _while(run: Unrolling, equation: Any, operands: list[Any]) -> list[Any]:
    params = equation.params
    condition, body = params["cond_jaxpr"], params["body_jaxpr"]
    of_condition, operands = operands[: params["cond_nconsts"]], operands[params["cond_nconsts"] :]
    of_body, carry = operands[: params["body_nconsts"]], operands[params["body_nconsts"] :]
    step = len(condition.jaxpr.eqns) + len(body.jaxpr.eqns)
    while bool(run.call(equation, condition, [*of_condition, *carry])[0]):
        run.spend(equation, 1)
        run.foresee(equation, step)  # so that the loop is named, and not what it has come to
        carry = run.call(equation, body, [*of_body, *carry])
    return carry


def _scan(run: Unrolling, equation: Any, operands: list[Any]) -> list[Any]:
    params, body = equation.params, equation.params["jaxpr"]
    (constants, carries), length = jax_internals.scan_operands(equation), params["length"]
    run.foresee(equation, length * len(body.jaxpr.eqns))
    fixed, carry, xs = operands[:constants], operands[constants : constants + carries], operands[constants + carries :]
    rows: list[list[Any]] = [[] for _ in range(length)]
    for step in reversed(range(length)) if params["reverse"] else range(length):
        here = [jax.lax.index_in_dim(x, step, keepdims=False) for x in xs]
        for x, row in zip(xs, here, strict=True):
            run.names.pass_on([x], [row])
        results = run.call(equation, body, [*fixed, *carry, *here])
        carry, rows[step] = results[:carries], results[carries:]
    avals = body.out_avals[carries:]
    stacked = zip(*rows, strict=True) if length else (() for _ in avals)
    return [*carry, *(_stack(ys, aval) for ys, aval in zip(stacked, avals, strict=True))]


def _stack(ys: Sequence[Any], aval: Any) -> Any:
    return jnp.stack(ys) if ys else jnp.zeros((0, *aval.shape), aval.dtype)


FUNCTION = "()"  # ends the scope of a function, so that it is not taken for a module's

_Enter = Callable[[Unrolling, Any, list[Any]], list[Any]]

_ENTERED: dict[str, _Enter] = {
    **dict.fromkeys(jax_internals.CALLS, _call),
    "cond": _cond,
    "while": _while,
    "scan": _scan,
}
