"""Pictures of maps and runs."""

from minicnn.draw.confusion import confusion
from minicnn.draw.curves import training
from minicnn.draw.filters import filters
from minicnn.draw.matrices import matrix, pair

__all__ = ["confusion", "filters", "matrix", "pair", "training"]
