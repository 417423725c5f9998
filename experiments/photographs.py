"""The photographs that come with scikit-learn, cut to the size that an experiment asks for."""

import numpy as np
from jaxtyping import UInt8
from sklearn.datasets import load_sample_image


def photograph(height: int, width: int, name: str = "china") -> UInt8[np.ndarray, "h w 3"]:
    """The middle of a photograph in colour: "china", a temple, or "flower", a dahlia; both are 427×640.

    Raises:
        ValueError: if the photograph is smaller.
    """
    whole = load_sample_image(f"{name}.jpg")
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    if min(top, left) < 0:
        raise ValueError(f"`height`={height} and `width`={width} must be at most {whole.shape[:2]}, the photograph")
    return whole[top : top + height, left : left + width]


def grey_photograph(height: int, width: int, name: str = "china") -> UInt8[np.ndarray, "h w 1"]:
    """The same in grey, the mean of its three colours, with one channel."""
    return photograph(height, width, name).mean(-1, keepdims=True).round().astype(np.uint8)
