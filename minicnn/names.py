"""Names are looked up in tables; one that is not there is answered with those that are."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def find(argument: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of a table.

    Args:
        argument: whose value the name is.
        name: what is looked up.
        table: what there is.

    Raises:
        ValueError: listing the names there are.

    >>> find("schedule", "linear", {"linear": 1, "cosine": 2})
    1
    """
    if name not in table:
        raise ValueError(f"`{argument}`={name!r} is unknown: use one of {', '.join(table)}")
    return table[name]
