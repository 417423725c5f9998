"""What a program is made of, also inside of the programs that it calls: how deep those lie depends on JAX's version."""

from collections.abc import Iterator
from typing import Any


def equations(jaxpr: Any) -> Iterator[Any]:
    """Every equation of a jaxpr, and of the jaxprs that equations hold."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for each in value if isinstance(value, tuple) else (value,):
                if hasattr(each, "eqns"):
                    yield from equations(each)
