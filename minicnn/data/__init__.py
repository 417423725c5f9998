"""Data sets, and pictures from people made like their images."""

from minicnn.extras import require

require("train", "minicnn.data")

from minicnn.data.cifar import cifar10
from minicnn.data.dataset import Dataset, Split
from minicnn.data.digits import digits
from minicnn.data.idx import read_idx
from minicnn.data.mnist import emnist, fashion_mnist, mnist, qmnist
from minicnn.data.pictures import Reading, Style, read_picture
from minicnn.data.resampling import resampling, upsampling

__all__ = [
    "Dataset",
    "Reading",
    "Split",
    "Style",
    "cifar10",
    "digits",
    "emnist",
    "fashion_mnist",
    "mnist",
    "qmnist",
    "read_idx",
    "read_picture",
    "resampling",
    "upsampling",
]
