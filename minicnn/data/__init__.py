"""Data sets."""

from minicnn.data.cifar import cifar10
from minicnn.data.dataset import Dataset, Split
from minicnn.data.digits import digits
from minicnn.data.idx import read_idx
from minicnn.data.mnist import fashion_mnist, mnist
from minicnn.data.resampling import resampling
from minicnn.data.upsampling import upsampling

__all__ = ["Dataset", "Split", "cifar10", "digits", "fashion_mnist", "mnist", "read_idx", "resampling", "upsampling"]
