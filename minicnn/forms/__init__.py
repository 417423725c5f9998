"""Forms: four explicit ways to hold one matrix and to multiply by it, as pure functions of axes and arrays."""

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.form import Auto, Dense, Diagonals, Form, Fourier, Tiles, as_form
from minicnn.forms.geometry import Geometry

__all__ = ["Arithmetic", "Auto", "Dense", "Diagonals", "Form", "Fourier", "Geometry", "Tiles", "as_form"]
