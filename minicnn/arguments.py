"""What the public functions ask of their arguments: Python ints, known words, enough axes, the right channels."""

import operator
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from minicnn.jax_internals import Tracer

P = ParamSpec("P")
T = TypeVar("T")

LARGEST = 2**31 - 1  # JAX counts positions in 32 bits
_STATIC = "make it static, as jax.jit(f, static_argnames=...) does, or choose it outside"


def untraced(name: str, value: Any, remedy: str = _STATIC) -> None:
    """Refuse what a transformation of JAX is just tracing, where the numbers themselves are looked at.

    Args:
        name: of the argument.
        value: the argument, a pytree.
        remedy: what to do instead.

    Raises:
        TypeError: naming the argument, with the remedy.

    >>> jax.jit(lambda n: untraced("stride", n))(2)
    Traceback (most recent call last):
    TypeError: `stride` is traced and has no numbers yet: make it static, as jax.jit(f, static_argnames=...) does, ...
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value)):
        raise TypeError(f"`{name}` is traced and has no numbers yet: {remedy}")


def integer(name: str, value: Any, least: int | None = None) -> int:
    """A Python int from whatever is an integer: an int, or a NumPy or JAX integer scalar.

    Narrow and unsigned integers stop being narrow here, so that nothing computed from them can wrap around.

    Raises:
        TypeError: for floats, bools, strings and everything else, naming the argument.
        ValueError: below `least`, or beyond 32 bits.

    >>> integer("stride", np.uint8(2))
    2
    """
    if not is_integer(value):
        untraced(name, value)
        raise TypeError(f"`{name}`={reprlib.repr(value)} must be an int, not {type(value).__name__}")
    number = operator.index(value)
    if least is not None and number < least:
        raise ValueError(f"`{name}`={number} must be at least {least}")
    if abs(number) > LARGEST:
        raise ValueError(f"`{name}`={number} must lie within 32 bits, at most {LARGEST}: positions are counted in them")
    return number


def one_kind(dtypes: Mapping[str, Any], convert: str | None = None) -> None:
    """Refuse integers beside floating numbers: neither is converted in silence.

    Args:
        dtypes: the dtype of each array, by its name.
        convert: the array that the message says to convert; the first one of integers if None.

    Raises:
        TypeError: naming each, with what to write.

    >>> one_kind({"x": np.float32, "w": np.float64})
    """
    floating = {name: jnp.issubdtype(dtype, jnp.inexact) for name, dtype in dtypes.items()}
    if len(set(floating.values())) > 1:
        what = " and ".join(f"`{name}` is {jnp.dtype(dtype).name}" for name, dtype in dtypes.items())
        convert = convert or next(name for name in dtypes if not floating[name])
        kind = "int" if floating[convert] else "float"
        raise TypeError(f"{what}: convert one of them, for example {convert}.astype({kind})")


def number(name: str, value: Any) -> Any:
    """The same value, which must be a real number: of Python or NumPy, or a JAX array without axes.

    A Python int beyond 32 bits becomes a float, which JAX has room for.

    Raises:
        TypeError: for complex numbers, bools, strings, arrays with axes and everything else, naming the argument.
        ValueError: for NaN, and for ints that no float can hold.

    >>> number("rtol", 1e-3)
    0.001
    """
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        real = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        real = np.shape(value) == () and any(jnp.issubdtype(dtype, kind) for kind in (jnp.integer, jnp.floating))
    if not real:
        raise TypeError(f"`{name}`={reprlib.repr(value)} must be a number, not {type(value).__name__}")
    if isinstance(value, float | np.floating) and np.isnan(value):
        raise ValueError(f"`{name}`={value} must be a number")
    try:
        return float(value) if isinstance(value, int) and abs(value) > LARGEST else value
    except OverflowError:
        raise ValueError(f"`{name}`={reprlib.repr(value)} is larger than any float: give math.inf, or less") from None


def flag(name: str, value: Any) -> bool:
    """True or False.

    Raises:
        TypeError: for everything else: what merely counts as true is most often meant for another argument.

    >>> flag("flip", np.True_)
    True
    """
    if not isinstance(value, bool | np.bool_):
        untraced(name, value)
        raise TypeError(f"`{name}`={reprlib.repr(value)} must be True or False")
    return bool(value)


def numeric(name: str, dtype: Any) -> jnp.dtype:
    """The dtype of an array of numbers.

    Raises:
        TypeError: for what names no dtype, or one that JAX has no arrays of.

    >>> numeric("dtype", "bfloat16").name
    'bfloat16'
    """
    try:
        found = None if isinstance(dtype, np.ndarray | jax.Array) else jnp.dtype(dtype)
    except (TypeError, ValueError):
        found = None
    if dtype is None or found is None or not (jnp.issubdtype(found, jnp.number) or found == jnp.bool_):
        raise TypeError(f"`{name}`={reprlib.repr(dtype)} is not a dtype of numbers: use one such as jnp.float32")
    return found


def is_integer(value: Any) -> bool:
    """Whether a value is an integer: an int, or a NumPy or JAX integer scalar, but not a bool."""
    if type(value) is int:
        return True
    if isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_:
        return False  # before it is asked for an index, which older NumPys give with a warning
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def integers(name: str, value: Any, least: int | None = None) -> tuple[int, ...]:
    """One Python int or several, as a tuple.

    Raises:
        TypeError: for what is neither an integer nor a tuple or list of them.
        ValueError: if one is below `least`.

    >>> integers("axis", -1), integers("axis", [0, np.int64(2)])
    ((-1,), (0, 2))
    """
    entries = tuple(value) if is_sequence(value) else (value,)
    if not all(map(is_integer, entries)):
        untraced(name, value)
        raise TypeError(f"`{name}`={reprlib.repr(value)} must be an int or a tuple of ints")
    return tuple(integer(name, entry, least) for entry in entries)


def sizes(name: str, value: Any, least: int = 0) -> tuple[int, ...]:
    """One int per spatial axis, as a tuple.

    Raises:
        TypeError: if the value is a single int, which would not say how many axes there are, or does not hold ints, or
            is an array of images or weights, which are most often meant for another argument.
        ValueError: if an entry is below `least`.

    >>> sizes("window", [2, np.int64(3)])
    (2, 3)
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping | Set):
        raise TypeError(
            f"`{name}`={reprlib.repr(value)} must be a tuple with one int per spatial axis, for example (2, 2)"
        )
    shape = getattr(value, "shape", (0,))
    if len(shape) != 1:
        raise TypeError(
            f"`{name}` is an array of shape {shape} and must be a tuple of ints, such as a part of its shape: "
            "arrays come before sizes"
        )
    return tuple(integer(name, entry, least) for entry in value)


def checked_shape(shape: Any, least: int = 0) -> tuple[Any, ...]:
    """A shape as a tuple, the sizes of which are ints or symbols of `jax.export`.

    Raises:
        TypeError: if they are anything else.
        ValueError: if one is below `least`.
    """
    listed = isinstance(shape, Iterable) and not isinstance(shape, str | bytes)
    sizes: tuple[Any, ...] = tuple(shape) if listed else ()
    if not listed or not all(is_integer(size) or jax.export.is_symbolic_dim(size) for size in sizes):
        untraced("shape", sizes)
        raise TypeError(f"`shape`={reprlib.repr(shape)} must be a tuple of ints")
    return tuple(integer("shape", size, least) if is_integer(size) else size for size in sizes)


def window_sizes(name: str, value: Any, least: int = 1) -> tuple[int, ...]:
    """The size of a window or of an image, an int for each of its spatial axes, as a tuple.

    Raises:
        TypeError: as `sizes`.
        ValueError: if there is no axis, or an entry is below `least`.

    >>> window_sizes("window", [2, 3])
    (2, 3)
    """
    window = sizes(name, value, least)
    if not window:
        raise ValueError(f"`{name}`=() has no spatial axis: give one size for each, for example (2, 2)")
    return window


def per_axis(name: str, value: Any, rank: int, least: int | None = None) -> tuple[int, ...]:
    """One int for all axes, or one for each, as a tuple of `rank` ints.

    Raises:
        TypeError: if an entry is not an integer.
        ValueError: if there are more or fewer entries than axes, or one is below `least`.

    >>> per_axis("stride", 2, rank=3)
    (2, 2, 2)
    """
    if not is_sequence(value):
        return (integer(name, value, least),) * rank
    check_length(name, value, rank)
    return tuple(integer(name, entry, least) for entry in value)


def is_sequence(value: Any) -> bool:
    """Whether a value lists something, one entry per axis: a tuple, a list, or an array with axes."""
    return (isinstance(value, Sequence) and not isinstance(value, str | bytes)) or getattr(value, "ndim", 0) > 0


def look_up(name: str, word: Any, table: Mapping[str, T], what: str = "", beside: str = "") -> T:
    """The entry of a table under a word.

    Args:
        name: the argument whose value the word is.
        word: what is looked up.
        table: what there is.
        what: the kind of word that is asked for, with its article.
        beside: what else may be given in place of a word, with its article.

    Raises:
        ValueError: if it is not a word of the table, listing those that are.

    >>> look_up("schedule", "linear", {"linear": 1, "cosine": 2})
    1
    """
    if not isinstance(word, str) or word not in table:
        fault = f"not {what}" if what else "unknown"
        words = ", ".join(table) + (f", or {beside}" if beside else "")
        raise ValueError(f"`{name}`={word!r} is {fault}: use one of {words}")
    return table[word]


def check_keywords(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keywords that are not known, with the one that was probably meant.

    >>> check_keywords("conv", ["strides"], ["stride", "padding"])
    Traceback (most recent call last):
    TypeError: unknown argument strides: did you mean stride? conv has padding, stride
    """
    known = sorted(known)
    for name in sorted(set(given) - set(known)):
        meant = [_ELSEWHERE.get(name, ""), *get_close_matches(name, known, 1)]
        hint = next((f"did you mean {word}? " for word in meant if word in known), "")
        raise TypeError(f"unknown argument {name}: {hint}{what} has {', '.join(known)}")


# What other libraries call our arguments, where the words are not alike.
_ELSEWHERE = {
    "window_strides": "stride",
    "rate": "dilation",
    "dilation_rate": "dilation",
    "rhs_dilation": "dilation",
    "lhs_dilation": "stretch",
    "feature_group_count": "groups",
    "pad": "padding",
    "pool_size": "window",
    "window_shape": "window",
    "kernel": "kernel_size",
    "filters": "channels",
    "features": "channels",
    "out_channels": "channels",
    "units": "features",
    "use_bias": "bias",
    "return_mask": "return_indices",
}


def keywords_explained(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function answer an unknown keyword with the one that was probably meant."""
    known = signature(function).parameters

    @wraps(function)
    def explained(*args: P.args, **kwargs: P.kwargs) -> T:
        if not kwargs.keys() <= known.keys():
            check_keywords(function.__name__, kwargs, known)
        return function(*args, **kwargs)

    return explained


def check_length(name: str, value: Sequence[Any], rank: int) -> None:
    """Refuse a sequence that has not one entry per axis."""
    if len(value) != rank:
        raise ValueError(
            f"`{name}`={value!r} has {len(value)} entries and the kernel {rank} spatial axes: give one per axis"
        )


def check_kernel_shape(w_shape: Sequence[int], name: str = "w") -> int:
    """The number of spatial axes of a kernel with this shape.

    Raises:
        ValueError: if it has none.
    """
    if len(w_shape) < 3:
        shape = tuple(w_shape)
        raise ValueError(
            f"`{name}` has shape {shape}: it must be (*kernel, c_in / groups, c_out) with at least one axis"
        )
    return len(w_shape) - 2


def check_rank(name: str, x: Any, rank: int) -> None:
    """Refuse an array with fewer axes than (*spatial, channels)."""
    if len(x.shape) < rank + 1:
        raise ValueError(
            f"`{name}` has shape {x.shape}: with {rank} spatial axes it must be (*batch, *spatial, channels), "
            f"at least {rank + 1} axes"
        )


def check_channels(name: str, actual: int, expected: int, why: str, hint: str = "") -> None:
    """Refuse an array whose last axis is not as long as the channels it must have."""
    if actual != expected:
        raise ValueError(f"`{name}` has {actual} channels and {why} needs {expected}: channels are the last axis{hint}")
