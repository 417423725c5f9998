"""Any JAX function as a program of linear maps."""

from minicnn.lift.lifting import lift
from minicnn.lift.refusal import LiftError

__all__ = ["LiftError", "lift"]
