"""Forms: explicit ways to hold one matrix and to multiply by it, as pure functions of axes and arrays."""

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.choice import Auto, as_form
from minicnn.forms.decomposition import Decomposition
from minicnn.forms.dense import Dense
from minicnn.forms.diagonals import Diagonals
from minicnn.forms.form import Form
from minicnn.forms.fourier import Fourier
from minicnn.forms.geometry import Geometry
from minicnn.forms.polyphase import Polyphase
from minicnn.forms.resolve import Convolution
from minicnn.forms.tiles import Tiles
from minicnn.forms.winograd import Winograd

__all__ = [
    "Arithmetic",
    "Auto",
    "Convolution",
    "Decomposition",
    "Dense",
    "Diagonals",
    "Form",
    "Fourier",
    "Geometry",
    "Polyphase",
    "Tiles",
    "Winograd",
    "as_form",
]
