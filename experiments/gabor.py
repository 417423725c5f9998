"""Gabor kernels, the gratings and bars that cells are tested with, and what a cell prefers.

Angles are in degrees. An orientation is the direction along the bars, anticlockwise from the horizontal, from 0 to 180.
All functions broadcast over their parameters: the two axes of the square come last.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike


def across(side: int, orientation: ArrayLike) -> Float[np.ndarray, "*n side side"]:
    """How far each pixel of a square lies from its middle, across the bars, in pixels.

    >>> across(3, 0).round(9).tolist()
    [[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    angle = np.radians(_per_kernel(orientation))
    down, right = np.indices((side, side)) - (side - 1) / 2
    return right * np.sin(angle) + down * np.cos(angle)


def envelope(side: int, width: ArrayLike) -> Float[np.ndarray, "*n side side"]:
    """A round Gaussian window of this standard deviation, in pixels."""
    down, right = np.indices((side, side)) - (side - 1) / 2
    return np.exp(-(down**2 + right**2) / (2 * _per_kernel(width) ** 2))


def grating(side: int, orientation: ArrayLike, wavelength: ArrayLike, phase: ArrayLike = 0) -> np.ndarray:
    """Stripes from −1 to 1, the cosine of the way across them, (*n, side, side)."""
    turns = across(side, orientation) / _per_kernel(wavelength)
    return np.cos(2 * np.pi * turns + np.radians(_per_kernel(phase)))


def gabor(side: int, orientation: ArrayLike, wavelength: ArrayLike, phase: ArrayLike, width: ArrayLike) -> np.ndarray:
    """Gabor kernels of norm 1 that answer 0 to a flat image, (*n, side, side).

    Args:
        side: rows and columns.
        orientation: along the bars, in degrees.
        wavelength: of the bars, in pixels.
        phase: 0 for a bright bar in the middle, 90 for an edge, in degrees.
        width: standard deviation of the window, in pixels.

    >>> k = gabor(9, 30, 4.0, 0, 2.0)
    >>> bool(abs(k.sum()) < 1e-12), round(float((k**2).sum()), 9)
    (True, 1.0)
    """
    window = envelope(side, width)
    k = window * grating(side, orientation, wavelength, phase)
    k = k - window * (k.sum((-2, -1)) / window.sum((-2, -1)))[..., None, None]
    return k / np.sqrt((k**2).sum((-2, -1), keepdims=True))


def bar(side: int, orientation: ArrayLike, place: ArrayLike, thickness: float = 1.0) -> np.ndarray:
    """A bright bar on black through the whole square, so far from its middle, with edges one pixel soft."""
    return np.clip((thickness + 1) / 2 - np.abs(across(side, orientation) - _per_kernel(place)), 0, 1)


def tuning(
    kernels: Float[np.ndarray, "n side side"], orientations: ArrayLike, wavelengths: ArrayLike
) -> Float[np.ndarray, "n orientations"]:
    """How strongly kernels answer to gratings of each orientation, at the wavelength that suits each kernel best.

    The answer to a grating is the amplitude over all its phases, that of the response to a drifting one.
    """
    side = kernels.shape[-1]
    turns = across(side, orientations)[None] / np.asarray(wavelengths)[:, None, None, None]
    waves = np.exp(2j * np.pi * turns).reshape(len(turns), turns.shape[1], -1)
    answers = np.abs(np.einsum("np,wop->nwo", kernels.reshape(len(kernels), -1), waves, optimize=True))
    return answers[np.arange(len(answers)), answers.max(2).argmax(1)]


def preference(curves: Float[np.ndarray, "*n orientations"], orientations: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The preferred orientation, in degrees, and the selectivity from 0 to 1, of tuning curves of amplitudes.

    Both are those of Σ r²·exp(2iθ) / Σ r², its half angle and its length: 1 less the circular variance.

    >>> curves = np.array([[0.0, 0, 1, 0], [1, 1, 1, 1]])
    >>> preferred, selectivity = preference(curves, [0, 45, 90, 135])
    >>> round(float(preferred[0])), selectivity.round(9).tolist()
    (90, [1.0, 0.0])
    """
    power = np.asarray(curves) ** 2
    z = power @ np.exp(2j * np.radians(orientations)) / power.sum(-1)
    return np.degrees(np.angle(z)) / 2 % 180, np.abs(z)


def apart(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """How far two orientations differ, from 0 to 90 degrees.

    >>> apart([170, 45], 10).tolist()
    [20, 35]
    """
    return np.abs((np.asarray(a) - np.asarray(b) + 90) % 180 - 90)


def _per_kernel(parameter: ArrayLike) -> np.ndarray:
    return np.asarray(parameter)[..., None, None]
