"""Data classes whose fields are checked against their annotations, whether they come from Python, options or a file."""

import functools
import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, TypeVar, dataclass_transform

import numpy as np
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

T = TypeVar("T")

_SETTINGS = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)
# What pydantic calls a fault, in words that follow the name and the value of the argument.
_FAULTS = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_long": "must have at most {max_length} characters",
    "missing": "is missing",
    "unexpected_keyword_argument": "has a name that is not known here",
    "value_error": "{error}",
}

_OBJECT = TypeAdapter(dict[str, Any])
# Faults that one line names; text that is not of the class at all has one in every field.
_MOST_SAID = 3

_plain = BeforeValidator(lambda value: value.item() if isinstance(value, np.generic) else value)

# A number that counts what there must be one of, one that counts what there may be none of, and a part of a whole.
# Counts stay below 2³¹ because the devices count steps in 32 bits; so many seconds are 68 years.
Count = Annotated[int, Field(ge=1, lt=2**31), _plain]
Natural = Annotated[int, Field(ge=0, lt=2**31), _plain]
Fraction = Annotated[float, Field(ge=0, le=1), _plain]
Whole = Annotated[int, _plain]
Real = Annotated[float, _plain]
Seconds = Annotated[float, Field(ge=0, lt=2**31), _plain]


def _seen(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be text that can be seen")
    return text


# What names something, and is shown where it is not known.
Word = Annotated[str, Field(max_length=100), AfterValidator(_seen)]


def written(pattern: str, how: str) -> AfterValidator:
    r"""The condition that text is written in some way, for use in `Annotated`.

    >>> @checked
    ... class Clock:
    ...     time: Annotated[str, written(r"\d\d:\d\d", "must be a time such as 09:30")]
    >>> Clock("late")
    Traceback (most recent call last):
    ValueError: `time`='late' must be a time such as 09:30
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(how)
        return value

    return AfterValidator(check)


@dataclass_transform(frozen_default=True)
def checked(cls: type[T]) -> type[T]:
    """Make a frozen dataclass of a class, whose every instance has fields of the types that its annotations name.

    Integers pass for floats and NumPy's numbers for Python's; nothing else is converted.

    >>> @checked
    ... class Point:
    ...     x: Count = 1
    >>> Point(0)
    Traceback (most recent call last):
    ValueError: `x`=0 must be at least 1
    """
    made: Any = dataclass(frozen=True, config=_SETTINGS)(cls)
    init, signature = made.__init__, inspect.signature(made)

    @functools.wraps(init)
    def in_one_line(self: Any, *args: Any, **kwargs: Any) -> None:
        # By name, so that the error names what was given by position, too.
        arguments = signature.bind(*args, **kwargs).arguments
        with _one_line():
            init(self, **arguments)

    made.__init__ = in_one_line
    return made


def read(cls: type[T], text: str | bytes, source: object, later: Collection[str] = ()) -> T:
    """An instance of a checked class from the JSON of its fields, all of which were written.

    A default is for a person who leaves a choice open. In a file it would stand in for what is lost, and a run would be
    taken for another one.

    Args:
        cls: a class that `checked` made.
        text: the JSON.
        source: what the text is, for the error.
        later: the fields that earlier versions did not write, which may be missing.

    Raises:
        ValueError: in one line, if the text is not JSON or its fields are not those of the class.

    >>> @checked
    ... class Point:
    ...     x: Count = 1
    >>> read(Point, "{}", "point.json")
    Traceback (most recent call last):
    ValueError: point.json is damaged: `x` is missing
    """
    with _one_line(f"{source} is damaged: "):
        made: Any = TypeAdapter(cls).validate_json(text)
    if lost := [name for name in _lost(asdict(made), _OBJECT.validate_json(text)) if name not in later]:
        raise ValueError(f"{source} is damaged: {'; '.join(f'`{name}` is missing' for name in lost[:_MOST_SAID])}")
    return made


def _lost(made: Mapping[str, Any], told: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The names of the fields that were made and not told."""
    for name, value in made.items():
        if name not in told:
            yield within + name
        elif isinstance(value, Mapping):
            yield from _lost(value, told[name], f"{within}{name}.")


@contextmanager
def _one_line(before: str = "") -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ValueError(before + "; ".join(map(_said, error.errors(include_url=False)[:_MOST_SAID]))) from None


def _said(fault: Any) -> str:
    """One fault in words: `epochs`=0 must be at least 1."""
    told = _FAULTS.get(fault["type"])
    what = told.format(**fault.get("ctx", {})) if told else f"is refused: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    name = ".".join(str(part) for part in fault["loc"])
    if not name:
        return what.removeprefix("is refused: ")
    value = "" if fault["type"] == "missing" else f"={short(fault['input'])}"
    return f"`{name}`{value} {what}"


def short(value: object) -> str:
    """A value of a file, or the beginning of a long one, as Python writes it: in one line.

    >>> short("a" * 100)[-10:]
    'aaaaaaa...'
    """
    text = repr(str(value) if hasattr(value, "__fspath__") else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
