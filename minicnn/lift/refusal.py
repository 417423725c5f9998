"""How lift refuses: the primitive, the line of code that it comes from, and what to do, in one line."""

import traceback
from typing import Any

from minicnn import jax_internals


class LiftError(ValueError):
    """A function that lift cannot read as a program of maps."""


def refused(equation: Any, why: str) -> LiftError:
    """The error for an equation: what it is, where it stands, and what to do about it."""
    return LiftError(f"`{equation.primitive.name}` at {jax_internals.source_line(equation)} {why}")


def line_of(error: BaseException) -> str:
    """The file and the line that an error comes from: the innermost that is no library's, else none of this one's.

    It is "" where there is none, as of a function that is not written in Python.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not jax_internals.of_this_library(f.filename)]
    frames = [f for f in frames if not jax_internals.of_a_library(f.filename)] or frames
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
