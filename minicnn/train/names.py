"""Looking names up in tables."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def find(what: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of a table.

    Raises:
        ValueError: listing the names there are.
    """
    if name not in table:
        raise ValueError(f"`{what}`={name!r} is unknown: use one of {', '.join(table)}")
    return table[name]
