"""Pictures of maps and runs."""

from minicnn.draw.curves import training
from minicnn.draw.matrices import matrix, pair

__all__ = ["matrix", "pair", "training"]
