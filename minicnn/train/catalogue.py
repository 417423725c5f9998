"""Networks and data sets by the names that the command line and a run's config use."""

from collections.abc import Callable
from pathlib import Path

from minicnn import data
from minicnn.data import Dataset
from minicnn.nn import Sequential
from minicnn.train.names import find
from minicnn.train.recipes import recipe_of

DATA: dict[str, Callable[[Path | None], Dataset]] = {
    "digits": lambda folder: data.digits(),
    "mnist": data.mnist,
    "fashion": data.fashion_mnist,
    "cifar10": data.cifar10,
}


def load_model(name: str) -> Sequential:
    """A network by name.

    Raises:
        ValueError: listing the names there are.
    """
    return recipe_of(name).build()


def load_data(name: str, folder: Path | None = None) -> Dataset:
    """A data set by name.

    Args:
        name: of the data set.
        folder: where its files are looked for first.

    Raises:
        ValueError: listing the names there are.
    """
    return find("data", name, DATA)(folder)
