"""What the public functions ask of the dtypes of their arrays."""

import jax.numpy as jnp
from jaxtyping import Array

from minicnn import ops
from minicnn.primitive import ArrayLike, Traced


def operands(**arrays: ArrayLike) -> tuple[Array, ...]:
    """Arrays of one dtype, promoted among floats; an integer array never meets a floating one in silence.

    Traced values pass; they answer the attributes of the arrays that they are typed as.

    Raises:
        TypeError: if some are integers and some are not, naming each.
    """
    values = {name: a if isinstance(a, Traced) else jnp.asarray(a) for name, a in arrays.items()}
    inexact = {name: bool(jnp.issubdtype(a.dtype, jnp.inexact)) for name, a in values.items()}
    if len(set(inexact.values())) > 1:
        what = " and ".join(f"`{name}` is {a.dtype.name}" for name, a in values.items())
        whole = next(name for name, floating in inexact.items() if not floating)
        raise TypeError(f"{what}: convert one of them, for example {whole}.astype(float)")
    dtype = jnp.result_type(*(a.dtype for a in values.values()))
    return tuple(ops.astype(a, dtype) for a in values.values())


def floating(x: ArrayLike) -> Array:
    """One array that can be averaged.

    Raises:
        TypeError: if it holds integers.
    """
    (x,) = operands(x=x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise TypeError(f"`x` is {x.dtype.name} and an average is not an integer: convert it with x.astype(float)")
    return x


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
