"""What layers ask of their arguments, so that a slip is named where it is made."""

import reprlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.arguments import integer, is_integer, numeric, sizes, untraced


def settle(layer: Any, **checks: Callable[[str, Any], None]) -> None:
    """Make a layer's arguments hashable, and check some of them.

    Lists and arrays become tuples, NumPy's integers Python's.
    """
    for field in fields(layer):
        untraced(field.name, getattr(layer, field.name))
        value = _hashable(getattr(layer, field.name))
        object.__setattr__(layer, field.name, value)
        if field.name in checks:
            checks[field.name](field.name, value)


def a_count(name: str, value: Any) -> None:
    """Refuse what is not a positive int."""
    integer(name, value, 1)


def a_flag(name: str, value: Any) -> None:
    """Refuse what is neither True nor False, such as the second size in Dense(120, 84)."""
    if not isinstance(value, bool):
        raise TypeError(
            f"`{name}`={value!r} must be True or False: a layer is given the size of its output, "
            "and reads that of its input off `in_shape`"
        )


def a_function(name: str, value: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"`{name}`={value!r} must be a function, such as those of minicnn.nn.initializers")


def a_window(name: str, value: Any, why: str = "") -> None:
    """Refuse what is not a tuple with a positive int per spatial axis."""
    if not isinstance(value, tuple):
        example = (value, value) if is_integer(value) else (2, 2)
        raise TypeError(
            f"`{name}`={value!r} must be a tuple with one int per spatial axis, such as {example} for images{why}"
        )
    for axis, size in enumerate(value):
        a_count(f"{name}[{axis}]", size)


def a_kernel(name: str, value: Any) -> None:
    """As `a_window`; what is not one is most often a call with the input's channels first, as in PyTorch."""
    a_window(
        name,
        value,
        ": a layer is given its output channels and its kernel, and reads its input channels off `in_shape`",
    )


def a_draw(key: Any, in_shape: Any, dtype: DTypeLike, ndim: int | None = None) -> tuple[int, ...]:
    """The shape of one input, as `an_input`, of a layer whose parameters are drawn from a key in a dtype."""
    a_key("key", key)
    numeric("dtype", dtype)
    return an_input(in_shape, ndim)


def a_key(name: str, value: Any) -> None:
    """Refuse what is not one key of JAX, of the new kind or the old; traced ones are keys."""
    is_key = False
    if isinstance(value, np.ndarray | jax.Array):
        new = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        is_key = value.shape == () if new else _is_old_key(value)
    if not is_key:
        raise TypeError(f"`{name}`={reprlib.repr(value)} must be one key, such as jax.random.key(0)")


def _is_old_key(value: np.ndarray | jax.Array) -> bool:
    # Asked of JAX each time, since what a key is made of may be changed while a program runs.
    try:
        return jax.random.wrap_key_data(jnp.asarray(value)).shape == ()
    except (TypeError, ValueError):
        return False


def an_input(in_shape: Any, ndim: int | None = None) -> tuple[int, ...]:
    """The shape of one input as a tuple, of `ndim` spatial axes and channels; of any axes if that is None."""
    shape = sizes("in_shape", in_shape)
    if ndim is not None and len(shape) != ndim + 1:
        axes = "spatial axis" if ndim == 1 else "spatial axes"
        raise ValueError(f"`in_shape`={shape} must hold {ndim} {axes} and the channels of one example, without a batch")
    return shape


def features(in_shape: Any, what: str) -> int:
    """The size of an input that has no spatial axes."""
    shape = an_input(in_shape)
    if len(shape) != 1:
        raise ValueError(f"`in_shape`={shape}: {what} takes one axis; put Flatten before it")
    return shape[0]


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray | jax.Array):
        return _hashable(np.asarray(value).tolist())
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    return int(value) if isinstance(value, np.integer) else value
