"""Patches for learners of kernels: round windows of pictures, as a retina passes them on."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import ndimage

import minicnn
from experiments.photographs import photograph

SIDE = 11  # of a window, in pixels
# Windows are round, so that no orientation has more pixels than another.
DISC = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE // 2)) <= SIDE / 2
_TAPS = 15
_CUTOFF = 0.35  # cycles per pixel; above it the square lattice of pixels favours some orientations
_TURNS = 12  # of each photograph, 15 degrees apart, so that upright things favour none


@cache
def retina() -> Float[np.ndarray, "taps taps"]:
    """The kernel of a retina: bright middle, dark surround, that answers 0 to a flat image.

    Its transform is f·exp(−(f/0.35)⁴), which makes all frequencies of a photograph about as strong (Olshausen & Field,
    1996, Emergence of simple-cell receptive field properties by learning a sparse code for natural images).
    """
    f = np.hypot(np.fft.fftfreq(_TAPS)[:, None], np.fft.fftfreq(_TAPS))
    w = np.fft.fftshift(np.fft.ifft2(f * np.exp(-((f / _CUTOFF) ** 4))).real)
    return w - w.mean()


def seen(images: Float[np.ndarray, "n h w"]) -> Float[np.ndarray, "n h-14 w-14"]:
    """Images after the retina, each with deviation 1."""
    y = np.asarray(minicnn.conv(jnp.asarray(images, jnp.float32)[..., None], jnp.asarray(retina())[..., None, None]))
    return y[..., 0] / y[..., 0].std((1, 2), keepdims=True)


def windows(images: Float[np.ndarray, "n h w"], number: int, rng: np.random.Generator) -> Float[np.ndarray, "m p"]:
    """Windows at random places, the half of so many with more contrast, each with mean 0 and norm 1."""
    views = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))
    picked = views[tuple(rng.integers(size, size=number) for size in views.shape[:3])][:, DISC]
    picked = picked - picked.mean(1, keepdims=True)
    contrast = np.linalg.norm(picked, axis=1, keepdims=True)
    strong = contrast[:, 0] > np.median(contrast)
    return (picked / np.maximum(contrast, 1e-9))[strong].astype(np.float32)


def squares(kernels: Float[np.ndarray, "k pixels"]) -> Float[np.ndarray, "k side side"]:
    """Kernels of round windows as squares with empty corners."""
    whole = np.zeros((len(kernels), SIDE, SIDE))
    whole[:, DISC] = kernels
    return whole


@cache
def turned_photographs() -> Float[np.ndarray, "24 h w"]:
    """Both photographs, in logarithms of grey, turned by every angle, after the retina."""
    views = []
    for name in ("china", "flower"):
        grey = np.log1p(photograph(427, 640, name).mean(-1))
        for turn in range(_TURNS):
            whole = ndimage.rotate(grey, 180 * turn / _TURNS, reshape=False, order=1)
            # A square of this half side lies within the photograph whichever way it is turned.
            middle, half = np.array(whole.shape) // 2, 145
            views.append(whole[middle[0] - half : middle[0] + half, middle[1] - half : middle[1] + half])
    return seen(np.stack(views))
