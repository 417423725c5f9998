"""What learned cells prefer, and how they look."""

import numpy as np
from jaxtyping import Float

from experiments.gabor import preference, tuning
from experiments.learners import Kernels
from experiments.patches import DISC, SIDE, squares

ANGLES = np.arange(0, 180, 5.0)
WAVELENGTHS = (3.0, 4.0, 5.0, 6.0, 8.0, 11.0)
SELECTIVE = 0.6  # nine in ten kernels of noise are less selective
NEAR = 20  # degrees from an orientation that count as near to it
COLOURS = {"sparse coding": "#0072B2", "Hebb's rule": "#D55E00"}


def preferred(C: Kernels) -> Float[np.ndarray, " selective"]:
    """The orientations, in degrees, that the selective ones of these cells prefer."""
    orientations, selectivity = preference(tuning(squares(C), ANGLES, WAVELENGTHS), ANGLES)
    return orientations[selectivity > SELECTIVE]


def tiled(C: Kernels, columns: int = 4) -> Float[np.ndarray, "h w"]:
    """Kernels in rows of so many, each with its own range of greys, on white."""
    k = squares(C)
    shown = np.where(DISC, k / np.abs(k).max((1, 2), keepdims=True), 1)
    framed = np.pad(shown, ((0, 0), (1, 1), (1, 1)), constant_values=1).reshape(-1, columns, SIDE + 2, SIDE + 2)
    return framed.transpose(0, 2, 1, 3).reshape(-1, columns * (SIDE + 2))
