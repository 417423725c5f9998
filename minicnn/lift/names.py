"""What constants are called: arrays that came with the function or its arguments, and what is made of them alone."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.jax_internals import Tracer


class Names:
    """Names of arrays, by identity; of an array of NumPy, which JAX copies wherever it is used, by its numbers.

    An array has a name if it came with the function or its arguments, or was computed from such arrays and from nothing
    that varies: then the name is that of the largest of them.

    Attributes:
        sizes: how many numbers each array that was given has, by name.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._copied: dict[Any, str] = {}
        self._kept: list[Any] = []  # so that no other array takes the identity of one that is gone

    def give(self, array: Any, name: str) -> None:
        """Name an array, unless it has a name."""
        if id(array) not in self._names:
            self._names[id(array)] = name
            self._kept.append(array)
            if isinstance(array, np.ndarray) and (numbers := _numbers(array)):
                self._copied.setdefault(numbers, name)

    def of(self, array: Any) -> str | None:
        """The name of an array, or None."""
        name = self._names.get(id(array))
        if name is None and self._copied and (numbers := _numbers(array)):
            return self._copied.get(numbers)
        return name

    def pass_on(self, operands: Sequence[Any], results: Sequence[Any]) -> None:
        """Name results after the largest operand that has a name."""
        named = [x for x in operands if self.of(x)]
        if named:
            name = self.of(max(named, key=np.size)) or ""
            for result in results:
                self.give(result, name)


def _numbers(array: Any) -> tuple[Any, ...] | None:
    """What an array and its copies have in common: shape and numbers, as JAX holds them. None if there are none yet."""
    # JAX 0.9 holds what it has copied in arrays of its own kind, which are neither its own nor NumPy's
    is_array = hasattr(array, "__array__") and hasattr(array, "dtype") and not isinstance(array, Tracer)
    if not is_array or not jnp.issubdtype(array.dtype, np.number):
        return None
    held = np.asarray(array, jnp.result_type(array))
    return held.shape, held.dtype, sha256(held.tobytes()).digest()


def arrays_of(f: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arrays that a function uses, with their names: leaves of its arguments, and of what it closes over.

    >>> w = jnp.ones(3)
    >>> [name for name, _ in arrays_of(lambda x: x * w, {"x": jnp.zeros(3)})]
    ['x', 'w']
    """
    for name, value in {**arguments, **_closed_over(f)}.items():
        leaves, _ = jax.tree.flatten_with_path(value)
        for path, leaf in leaves:
            if isinstance(leaf, jax.Array | np.ndarray):
                owner = type(f).__name__ if not name and len(path) == 1 else name  # a layer that is all of f
                yield f"{owner}.{jax.tree_util.keystr(path, simple=True, separator='.')}".strip("."), leaf


def _closed_over(f: Callable[..., Any]) -> dict[str, Any]:
    """What a function finds outside of its arguments: its variables, its object, the arguments given beforehand."""
    function = inspect.unwrap(f)
    found: dict[str, Any] = {"": f, "self": getattr(f, "__self__", None), "args": getattr(f, "args", None)}
    found |= getattr(f, "__dict__", {}) | (getattr(f, "keywords", None) or {})
    try:
        variables = inspect.getclosurevars(function)
    except TypeError:
        return found
    return found | dict(variables.globals) | dict(variables.nonlocals)
