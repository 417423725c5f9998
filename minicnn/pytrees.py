"""Dataclasses as pytrees, whose class is part of their structure."""

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

import jax

_Class = TypeVar("_Class", bound=type)


def static(**kwargs: Any) -> Any:
    """State that a field is not a leaf: it is part of the program, not of the data."""
    return field(metadata={"static": True}, **kwargs)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(static, field))
def pytree(cls: _Class, *, shown: bool = True) -> _Class:
    """Make a class a frozen dataclass and a pytree: its class and its static fields are the structure.

    The other fields are subtrees. With `jax.tree_util.register_dataclass` two structures would be equal whose classes
    differ and whose static fields do not (jaxlib 0.10). Only their hashes differ, so that in one process of some dozens
    `jax.jit` takes what it has compiled for the one class, the real part say, for the other.

    Args:
        cls: the class, with annotated fields.
        shown: whether it is given a `repr` that lists its fields.

    >>> @pytree
    ... class Angle:
    ...     radians: float
    ...     name: str = static()
    >>> jax.tree.map(lambda x: 2 * x, Angle(0.5, "theta"))
    Angle(radians=1.0, name='theta')
    """
    cls = dataclass(frozen=True, eq=False, repr=shown)(cls)
    entries = fields(cls)
    data, rest = ([f.name for f in entries if _is_static(f) == told] for told in (False, True))
    keys = [jax.tree_util.GetAttrKey(name) for name in data]

    def flatten(tree: Any) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(tree, name) for name in data], tuple(getattr(tree, name) for name in rest)

    def flatten_with_keys(tree: Any) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
        subtrees, structure = flatten(tree)
        return [*zip(keys, subtrees, strict=True)], structure

    def unflatten(structure: tuple[Any, ...], subtrees: Iterable[Any]) -> Any:
        return cls(**dict(zip(data, subtrees, strict=True)), **dict(zip(rest, structure, strict=True)))

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def _is_static(entry: Field[Any]) -> bool:
    return bool(entry.metadata.get("static"))
