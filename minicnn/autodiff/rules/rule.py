"""What a row of the table says: one linear map per operand, and in which operands a primitive is linear."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from minicnn import maps
from minicnn.maps import LinearMap


class Entry(NamedTuple):
    """The derivative with respect to one operand.

    Attributes:
        label: how programs print the map; `{x}` is the operand that the rule names x, `{y}` the result.
        map: the map, from the result, the operands and the static parameters.
    """

    label: str
    map: Callable[..., LinearMap]


@dataclass(frozen=True)
class Rule:
    """A primitive's row in the table.

    Attributes:
        operands: their names.
        entry: the n-th operand's entry, or None where there is no derivative.
        linear_in: whether the primitive is linear in a set of operands at once, the others being constants.
    """

    operands: str
    entry: Callable[[int], Entry | None]
    linear_in: Callable[[set[int]], bool] = lambda varying: False


def linear(operands: str, *entries: Entry | None) -> Rule:
    """A primitive that is linear in all of its operands at once."""
    return Rule(operands, entries.__getitem__, lambda varying: True)


def bilinear(operands: str, *entries: Entry) -> Rule:
    """A primitive that is linear in each operand alone."""
    return Rule(operands, entries.__getitem__, lambda varying: len(varying) == 1)


def general(operands: str, *entries: Entry | None) -> Rule:
    """A primitive that has a derivative, no more."""
    return Rule(operands, entries.__getitem__)


def diagonal(text: str, derivative: Callable[..., Any]) -> Entry:
    """The entry of an elementwise primitive."""
    return Entry(
        f"diag({text})", lambda y, *xs, **params: maps.Diagonal(derivative(y, *xs, **params), y.shape, y.dtype)
    )


def identity(y: Any, *operands: Any, **params: Any) -> LinearMap:
    """The map of an operand that is passed on."""
    return maps.identity(y.shape, y.dtype)
