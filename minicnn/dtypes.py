"""What the public functions ask of the dtypes of their arrays."""

import reprlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

from minicnn import ops
from minicnn.arguments import numeric, one_kind
from minicnn.primitive import ArrayLike, Traced


def operands(**arrays: ArrayLike) -> tuple[Array, ...]:
    """Arrays of one dtype, promoted among floats; an integer array never meets a floating one in silence.

    Traced values pass; they answer the attributes of the arrays that they are typed as.

    Raises:
        TypeError: if some are integers and some are not, naming each, or one is not an array.
    """
    values = {name: operand(name, a) for name, a in arrays.items()}
    one_kind({name: a.dtype for name, a in values.items()})
    dtype = jnp.result_type(*(a.dtype for a in values.values()))
    return tuple(ops.astype(a, dtype) for a in values.values())


def operand(name: str, value: Any) -> Array:
    """An array of JAX from whatever holds numbers, or the traced value that it is already.

    Raises:
        TypeError, ValueError: as `array`.

    >>> operand("x", 2.0)
    Array(2., dtype=float32, weak_type=True)
    """
    found: Any = value if isinstance(value, Traced) else array(name, value)
    return found


def array(name: str, value: Any) -> Array:
    """An array of JAX from whatever holds numbers.

    Raises:
        TypeError: for strings, None, functions and whatever else does not, naming the argument.
        ValueError: for integers of 64 bits that 32 bits cannot hold, where JAX has no others.

    >>> array("x", [1, 2])
    Array([1, 2], dtype=int32)
    """
    if not isinstance(value, str | bytes):
        try:
            # of an array of NumPy's, asarray compiles a program that returns it, for each shape
            found = jax.device_put(value) if type(value) is np.ndarray else jnp.asarray(value)
        except (TypeError, ValueError, OverflowError):
            pass
        else:
            _check_room(name, value, found.dtype)
            return found
    raise TypeError(f"`{name}`={reprlib.repr(value)} is not an array of numbers")


def _check_room(name: str, value: Any, dtype: jnp.dtype) -> None:
    """Refuse integers of NumPy that JAX would cut down to those of 32 bits, which turns 2³² into 0."""
    if not isinstance(value, np.ndarray | np.integer) or value.dtype.itemsize <= dtype.itemsize or not value.size:
        return
    if jnp.issubdtype(dtype, jnp.integer):
        room = jnp.iinfo(dtype)
        for extreme in (value.min(), value.max()):
            if not room.min <= int(extreme) <= room.max:
                raise ValueError(
                    f"`{name}` holds {extreme}, for which {dtype.name} has no room: set jax_enable_x64, or give others"
                )


def preferred(dtype: jnp.dtype, preferred_element_type: DTypeLike | None) -> jnp.dtype | None:
    """The `preferred_element_type` of products of one dtype, with lax's rules.

    Integers accumulate in integers of the same signedness or in floats, floats in floats, complex numbers in complex
    ones, and none in narrower numbers of their kind. Without x64 a 64-bit type means the 32-bit one, as everywhere in
    JAX.

    Raises:
        TypeError: for any other type.
    """
    if preferred_element_type is None:
        return None
    wanted = jax.dtypes.canonicalize_dtype(numeric("preferred_element_type", preferred_element_type))
    kinds = [next(kind for kind in _KINDS if jnp.issubdtype(d, kind)) for d in (dtype, wanted)]
    holds = (kinds in _WIDENED or kinds[0] == kinds[1]) and wanted.itemsize >= dtype.itemsize
    if not holds:
        raise TypeError(
            f"`preferred_element_type`={wanted.name} cannot hold sums of {dtype.name}: use a type of the same kind, "
            "at least as wide, or for integers a floating one that is, and for unsigned ones a signed one"
        )
    return wanted


_KINDS = (jnp.bool_, jnp.signedinteger, jnp.unsignedinteger, jnp.floating, jnp.complexfloating)
_WIDENED = [
    [jnp.signedinteger, jnp.floating],
    [jnp.unsignedinteger, jnp.floating],
    [jnp.unsignedinteger, jnp.signedinteger],
]


def floating(x: ArrayLike) -> Array:
    """One array that can be averaged.

    Raises:
        TypeError: if it holds integers.
    """
    (x,) = operands(x=x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise TypeError(f"`x` is {x.dtype.name} and an average is not an integer: convert it with x.astype(float)")
    return x


def of_averages(name: str, dtype: Any) -> jnp.dtype:
    """The dtype of the entries of a matrix that averages.

    Raises:
        TypeError: if it is one of integers, which would make each share of an average 0; as `numeric`.

    >>> of_averages("dtype", "float16").name
    'float16'
    """
    found = numeric(name, dtype)
    if not jnp.issubdtype(found, jnp.inexact):
        raise TypeError(f"`{name}`={found.name} and a share of an average is not an integer: use one such as float32")
    return found


def complexes(*arrays: Any) -> jnp.dtype:
    """The dtype of products of arrays with complex numbers of our own, also where JAX may promote nothing.

    >>> with jax.numpy_dtype_promotion("strict"):
    ...     complexes(jnp.ones(2)).name
    'complex64'
    """
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*arrays, jnp.complex64)


def ordered(x: ArrayLike) -> Array:
    """One array that has a maximum.

    Raises:
        TypeError: if it is complex or bool.
    """
    (x,) = operands(x=x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"`x` is {x.dtype.name} and complex numbers have no order: pool the absolute value instead")
    if x.dtype == jnp.bool_:
        raise TypeError("`x` is bool: convert it to numbers with x.astype(int)")
    return x
