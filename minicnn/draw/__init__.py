"""Pictures of maps, programs, counts and records.

Every function draws into the axes that it is given, or into a new figure, in whatever style matplotlib is set to, and
returns the axes. Sizes are looked at first: what is too large to draw says so before anything is computed.
"""

from minicnn.extras import require

require("draw", "minicnn.draw")

from minicnn.draw.confusion import confusion
from minicnn.draw.decompositions import decomposition
from minicnn.draw.explorer import explore
from minicnn.draw.feature_maps import feature_maps
from minicnn.draw.filters import filters
from minicnn.draw.learning_curves import training
from minicnn.draw.matrices import matrix, pair
from minicnn.draw.misread_images import misread
from minicnn.draw.programs import program
from minicnn.draw.receptive_fields import receptive_field
from minicnn.draw.spectra import spectrum
from minicnn.draw.taps import taps

__all__ = [
    "confusion",
    "decomposition",
    "explore",
    "feature_maps",
    "filters",
    "matrix",
    "misread",
    "pair",
    "program",
    "receptive_field",
    "spectrum",
    "taps",
    "training",
]
