"""What people type for sizes and padding."""

import math
from typing import Any

from minicnn.arguments import integer

Width = int | tuple[int, int]


def sizes(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers joined by x, each one that JAX can count to.

    Raises:
        ValueError: naming the option, its value and what to write.

    >>> sizes("input", "5x7")
    (5, 7)
    """
    parts = text.split("x")
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"`{name}`={text!r} must be whole numbers joined by x, such as 6 or 6x5")
    return tuple(integer(name, int(part)) for part in parts)


def each(name: str, text: str, rank: int) -> tuple[int, ...]:
    """One number for all axes, or one for each.

    >>> each("stride", "2", 2), each("stride", "2x1", 2)
    ((2, 2), (2, 1))
    """
    return _spread(name, text, sizes(name, text), rank)


def padding(text: str, rank: int) -> str | tuple[Width, ...]:
    """A padding word, or for all axes or each a width or low:high.

    >>> padding("same", 2), padding("1", 2), padding("1:2x0", 2)
    ('SAME', (1, 1), ((1, 2), 0))
    """
    if text.replace("_", "").isalpha():
        return text.upper()
    return _spread("padding", text, tuple(map(_width, text.split("x"))), rank)


def numbers(name: str, text: str) -> list[float]:
    """Finite numbers joined by commas.

    Raises:
        ValueError: naming the option, its value and what to write.

    >>> numbers("taps", "1,0,-1")
    [1.0, 0.0, -1.0]
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"`{name}`={text!r} must be finite numbers joined by commas, such as 1,0,-1")
    return found


def rank_of(dims: int | None, *texts: str) -> int:
    """How many axes are meant: as many as the longest of the sizes names, else `dims`, else 2.

    Raises:
        ValueError: if `dims` says otherwise, or is below 1.

    >>> rank_of(None, "5", "3"), rank_of(1, "5", "3"), rank_of(None, "4x4x4", "3")
    (2, 1, 3)
    """
    if dims is not None and dims < 1:
        raise ValueError(f"`dims`={dims} must be at least 1")
    named = max(len(text.split("x")) for text in texts)
    if dims is not None and named not in (1, dims):
        raise ValueError(f"`dims`={dims} and {max(texts, key=len)} disagree: leave `dims` out")
    return named if named > 1 else dims or 2


def _width(text: str) -> Width:
    widths = text.split(":")
    if len(widths) > 2 or not all(part.removeprefix("-").isdecimal() for part in widths):
        raise ValueError(
            f"`padding`={text!r} must be a word (VALID, SAME, SAME_LOWER, FULL, CAUSAL), a width such as 1, or "
            "low:high such as 1:2; join those of several axes by x"
        )
    low, *high = map(int, widths)
    return (low, *high) if high else low  # pyright: ignore


def _spread(name: str, text: str, values: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    if len(values) not in (1, rank):
        raise ValueError(f"`{name}`={text} has {len(values)} numbers and the input {rank} axes: give one, or one each")
    return values * rank if len(values) == 1 else values
