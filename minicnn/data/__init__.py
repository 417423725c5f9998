"""Data sets."""

from minicnn.data.dataset import Dataset, Split
from minicnn.data.digits import digits
from minicnn.data.upsampling import upsampling

__all__ = ["Dataset", "Split", "digits", "upsampling"]
