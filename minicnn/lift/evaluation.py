"""A list of equations of JAX, evaluated one by one."""

from collections.abc import Callable, Sequence
from typing import Any

from minicnn.jax_internals import Jaxpr, Literal


def evaluated(
    jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any], results_of: Callable[[Any, list[Any]], list[Any]]
) -> list[Any]:
    """The results of a list of equations; those of each are what `results_of` makes of it and of its operands."""
    values: dict[Any, Any] = {}
    values.update(zip(jaxpr.constvars, constants, strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))
    read = lambda atom: atom.val if isinstance(atom, Literal) else values[atom]
    last = {atom: n for n, equation in enumerate(jaxpr.eqns) for atom in equation.invars if _is_variable(atom)}
    last |= {atom: len(jaxpr.eqns) for atom in jaxpr.outvars if _is_variable(atom)}
    for n, equation in enumerate(jaxpr.eqns):
        results = results_of(equation, [read(atom) for atom in equation.invars])
        values.update(zip(equation.outvars, results, strict=True))
        for atom in {*filter(_is_variable, equation.invars), *equation.outvars}:
            if last.get(atom, n) == n:
                values.pop(atom, None)  # what is not read again need not be kept
    return [read(atom) for atom in jaxpr.outvars]


def _is_variable(atom: Any) -> bool:
    return not isinstance(atom, Literal)
