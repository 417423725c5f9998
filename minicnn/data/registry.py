"""Data sets by name: the one table of them."""

from collections.abc import Callable
from pathlib import Path

from minicnn.arguments import look_up
from minicnn.data.cifar import cifar10
from minicnn.data.dataset import Dataset
from minicnn.data.digits import digits
from minicnn.data.mnist import emnist, fashion_mnist, mnist, qmnist
from minicnn.data.paths import check_folder

DATASETS: dict[str, Callable[[Path | None], Dataset]] = {
    "digits": lambda folder: digits(),
    "mnist": mnist,
    "qmnist": qmnist,
    "emnist": emnist,
    "fashion": fashion_mnist,
    "cifar10": cifar10,
}

# Sets that come with a library, and have no files.
_WITHOUT_FILES = ("digits",)


def check_used(name: str, folder: Path | None) -> None:
    """Refuse a folder that is given for a data set without files: whoever gives it expects another set.

    Raises:
        ValueError: naming both.
    """
    if folder is not None and name in _WITHOUT_FILES:
        raise ValueError(f"`data_dir`={str(folder)!r} is not used: {name} come with scikit-learn; leave it out")


def load_data(name: str, folder: Path | None = None) -> Dataset:
    """A data set by name.

    Args:
        name: of the data set.
        folder: where its files are looked for first; it must be one, also if the set has no files.

    Raises:
        ValueError: listing the names there are.
        FileNotFoundError: if `folder` is not one, or the data set's files are nowhere.

    >>> load_data("digits").in_shape
    (32, 32, 1)
    """
    build = look_up("data", name, DATASETS)
    check_folder(folder)
    return build(folder)
