"""How lift refuses: the primitive, the line of code that it comes from, and what to do, in one line."""

from typing import Any

from minicnn import jax_internals


class LiftError(ValueError):
    """A function that lift cannot read as a program of maps."""


def refused(equation: Any, why: str) -> LiftError:
    """The error for an equation: what it is, where it stands, and what to do about it."""
    return LiftError(f"`{equation.primitive.name}` at {jax_internals.source_line(equation)} {why}")
