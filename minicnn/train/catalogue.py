"""Networks and data sets by the names that the command line and a run's config use."""

from collections.abc import Callable
from typing import Any

from minicnn import data, zoo
from minicnn.data import Dataset
from minicnn.nn import Sequential

_MODELS: dict[str, Callable[[], Sequential]] = {"lenet5": zoo.LeNet5}
_DATA: dict[str, Callable[[], Dataset]] = {"digits": data.digits}


def load_model(name: str) -> Sequential:
    """A network by name.

    Raises:
        ValueError: listing the names there are.
    """
    return _find("model", name, _MODELS)()


def load_data(name: str) -> Dataset:
    """A data set by name.

    Raises:
        ValueError: listing the names there are.
    """
    return _find("data", name, _DATA)()


def _find(what: str, name: str, table: dict[str, Callable[[], Any]]) -> Callable[[], Any]:
    if name not in table:
        raise ValueError(f"`{what}`={name!r} is unknown: use one of {', '.join(table)}")
    return table[name]
