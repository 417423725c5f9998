"""Pictures of maps and runs."""

from minicnn.draw.confusion import confusion
from minicnn.draw.filters import filters
from minicnn.draw.learning_curves import training
from minicnn.draw.matrices import matrix, pair
from minicnn.draw.programs import program
from minicnn.draw.receptive_fields import receptive_field
from minicnn.draw.spectra import spectrum
from minicnn.draw.taps import taps

__all__ = [
    "confusion",
    "filters",
    "matrix",
    "pair",
    "program",
    "receptive_field",
    "spectrum",
    "taps",
    "training",
]
