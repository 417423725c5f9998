"""What a function does at a point, one operation after the other, each as a function of what varies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from minicnn import jax_internals
from minicnn.lift.linear_jaxpr import unrolled
from minicnn.lift.names import Names
from minicnn.lift.refusal import LiftError
from minicnn.lift.unrolling import FUNCTION, Unrolling
from minicnn.lift.wording import module_of, shared_scopes


@dataclass(frozen=True, eq=False)
class Operation:
    """One equation of a function, with the values that it has met.

    Attributes:
        equation: of JAX.
        operands: their values.
        varying: the places of those that vary with the function's arguments.
        layer: the module that it belongs to; outside of modules, what it is called itself.
    """

    equation: Any
    operands: tuple[Any, ...]
    varying: tuple[int, ...]
    layer: str

    @property
    def primals(self) -> tuple[Any, ...]:
        """The values of the operands that vary."""
        return tuple(self.operands[n] for n in self.varying)

    def __call__(self, *primals: Any) -> list[Any]:
        """Compute the results from other values of the operands that vary."""
        operands = list(self.operands)
        for n, primal in zip(self.varying, primals, strict=True):
            operands[n] = primal
        return jax_internals.bound(self.equation, operands)

    def __str__(self) -> str:
        """Say what it is called, and where it stands."""
        return f"`{_called(self.equation)}` at {jax_internals.source_line(self.equation)}"


def operations_of(f: Callable[..., Any], primals: Sequence[Any]) -> list[Operation]:
    """The operations of a function at a point, those of its loops and branches among them.

    A function with a rule of its own, a `jax.custom_vjp` or a `jax.custom_jvp`, is one operation.

    Raises:
        LiftError: if there are too many, one cannot be read, or the function looks at the values of its arguments.
    """
    run = _Watching(Names())
    straight = unrolled(f, primals, run)
    if straight is f:
        raise LiftError("the function looks at values, so that JAX cannot trace it: use jax.lax.cond, or jnp.where")
    with jax.disable_jit():
        jax.linearize(straight, *primals)
    shared = shared_scopes([scopes for _, _, scopes in run.met])
    return [_operation(equation, operands, scopes[shared:]) for equation, operands, scopes in run.met]


class _Watching(Unrolling):
    """An evaluation that keeps what it has met.

    Attributes:
        met: equations, their operands, and the scopes that they were evaluated in.
    """

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self.met: list[tuple[Any, list[Any], tuple[str, ...]]] = []

    def take(self, equation: Any, operands: list[Any]) -> list[Any]:
        """Keep an equation, and evaluate it."""
        self.met.append((equation, operands, jax_internals.scopes_within(equation)))
        return super().take(equation, operands)


def _operation(equation: Any, operands: Sequence[Any], scopes: Sequence[str]) -> Operation:
    varying = tuple(n for n, x in enumerate(operands) if isinstance(x, jax_internals.Tracer) and _is_floating(x))
    layer = module_of(scopes) or next((s.removesuffix(FUNCTION) for s in reversed(scopes)), "") or _called(equation)
    return Operation(equation, tuple(jax_internals.value_at(x) for x in operands), varying, layer)


def _called(equation: Any) -> str:
    return jax_internals.function_name(equation) or equation.primitive.name


def _is_floating(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))
