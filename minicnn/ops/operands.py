"""What operations do with their operands first: dtypes promoted, shapes broadcast, axes counted."""

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.arguments import checked_shape, integer, integers, numeric
from minicnn.forms.arithmetic import summing
from minicnn.forms.meshes import lacking, layout_of, layouts_together
from minicnn.ops import primitives
from minicnn.primitive import ArrayLike, Traced, value_of

Axes = int | Sequence[int] | None


def astype(x: ArrayLike, dtype: DTypeLike) -> Any:
    """Convert x to another dtype."""
    wanted = numeric("dtype", dtype)
    as_asked = _promotion(x) == (wanted, False) and not _is_scalar(x)
    return x if as_asked else primitives.astype_p(x, dtype=wanted)


def aligned(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    """Two arrays of one dtype and one shape."""
    return of_one_shape(*promoted(x, y))


def aligned_as_floating(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    """Two arrays of floats, of one dtype and one shape. No number passes through a narrow dtype that cannot hold it."""
    dtype, weak = _promotion(x, y)
    return of_one_shape(*(_converted(z, _floating(dtype), weak) for z in (x, y)))


def promoted(*xs: ArrayLike) -> tuple[Any, ...]:
    """Arrays of one dtype, as `jax.numpy` promotes them: what is made of numbers alone adapts to arrays, as they do."""
    dtype, weak = _promotion(*xs)
    return tuple(_converted(x, dtype, weak) for x in xs)


def as_floating(x: ArrayLike) -> Any:
    """Make floats of integers as `jax.numpy` does: of 64 bits from 64 bits, and of 32 bits from any others."""
    dtype, weak = _promotion(x)
    return x if _floating(dtype) == dtype else _converted(x, _floating(dtype), weak)


def _promotion(*xs: ArrayLike) -> tuple[jnp.dtype, bool]:
    """The dtype that operands promote to, and whether it is a weak one, which the next array decides."""
    return jax.dtypes.result_type(*(value_of(operand(x)) for x in xs), return_weak_type_flag=True)


def _converted(x: ArrayLike, dtype: jnp.dtype, weak: bool) -> Any:
    """Convert x to what operands promote to. One that has the dtype stays, weak or not: the others decide that."""
    known = dtype_of(x) == dtype and not _is_scalar(x)
    return x if known else primitives.astype_p(x, dtype=dtype, weak=weak)


def _floating(dtype: jnp.dtype) -> jnp.dtype:
    if jnp.issubdtype(dtype, jnp.inexact):
        return dtype
    return jnp.dtype(jnp.float64 if dtype.itemsize == 8 else jnp.float32)


def of_one_shape(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    """Two arrays broadcast to one shape; each keeps its dtype."""
    shape = common_shape({"x": shape_of(x), "y": shape_of(y)})
    return (x, y) if shape_of(x) == shape_of(y) else broadcast_together(shape, x, y)


def broadcast_together(shape: tuple[int, ...], *xs: ArrayLike) -> tuple[Any, ...]:
    """Arrays broadcast to the shape that theirs have in common. On an explicit mesh the copies lie side by side."""
    values = [value_of(operand(x)) for x in xs]
    rows = zip(xs, values, layouts_together(values, shape), strict=True)
    return tuple(
        x if np.shape(value) == shape and layout in (None, layout_of(value)) else _repeated(x, shape, layout)
        for x, value, layout in rows
    )


def common_shape(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that arrays broadcast to, whose shapes are given by their names.

    Raises:
        ValueError: if they do not.
    """
    try:
        return jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        have = " and ".join(f"`{name}` has shape {shape}" for name, shape in shapes.items())
        fix = "counted from the last, axes must have one size, or size 1 to be repeated"
        raise ValueError(f"{have}: {fix}") from None


def wide(x: ArrayLike) -> Any:
    """Convert x to the dtype in which its entries are summed."""
    dtype = summing(dtype_of(x))
    return x if dtype == dtype_of(x) else astype(x, dtype)


def rounded_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, computed in the dtype in which its first argument is summed, and rounded at the end.

    The conversions are primitives, so its derivatives are computed and rounded in the same way.
    """

    @wraps(function)
    def computed(x: ArrayLike, *args: Any, **kwargs: Any) -> Any:
        widened = wide(x)
        y = function(widened, *args, **kwargs)
        return y if widened is x else astype(y, dtype_of(x))

    return computed


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Any:
    """Repeat x along new axes and axes of size 1. The copies are added in the derivative, hence `rounded_once`."""
    shape = checked_shape(shape)
    if shape_of(x) == shape:
        return x
    rows = zip(shape_of(x)[::-1], shape[::-1], strict=False)
    if len(shape) < len(shape_of(x)) or any(n not in (1, m) for n, m in rows):
        raise ValueError(f"`shape`={shape} is not made of copies of {shape_of(x)}: only axes of size 1 are repeated")
    return _repeated(x, shape, None)


@rounded_once
def _repeated(x: ArrayLike, shape: tuple[int, ...], layout: Any) -> Any:
    return primitives.broadcast_p(x, shape=shape, layout=layout)


def vary_alike(xs: Sequence[Any], beside: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Operands, of which each traced value is marked as varying over the mesh axes that any, or what is `beside`, does.

    Inside `jax.shard_map` JAX marks arrays so by itself, which no trace of ours sees; and a traced value that is the
    same on all devices gets its gradient from all of them.
    """
    missing = lacking(*map(value_of, (*xs, *beside)))
    rows = zip(xs, missing, strict=False)
    return tuple(primitives.vary_p(x, mesh_axes=axes) if axes and isinstance(x, Traced) else x for x, axes in rows)


def axis_of(axis: Any, rank: int, name: str = "axis") -> int:
    """One axis of an array of some rank, counted from 0.

    Raises:
        TypeError: if it is not an int.
        ValueError: if it is out of range.
    """
    return axes_of(integer(name, axis), rank, name)[0]


def axes_of(axis: Axes, rank: int, name: str = "axis") -> tuple[int, ...]:
    """Axes of an array of some rank, counted from 0; all of them for None.

    Raises:
        TypeError: if an axis is not an int.
        ValueError: if an axis is out of range, or named twice.
    """
    if axis is None:
        return tuple(range(rank))
    axes = integers(name, axis)
    for a in axes:
        if not -rank <= a < rank:
            choice = f"give one of {-rank} to {rank - 1}" if rank else "a number has none"
            raise ValueError(f"`{name}`={axis} is out of range for an array with {rank} axes: {choice}")
    counted = tuple(a % rank for a in axes)
    if len({*counted}) < len(counted):
        raise ValueError(f"`{name}`={axis} names an axis twice")
    return counted


def count_of(x: ArrayLike, axis: Axes) -> int:
    """The number of entries that a reduction over these axes takes together."""
    return math.prod(shape_of(x)[a] for a in axes_of(axis, len(shape_of(x))))


def check_some(x: ArrayLike, axis: Axes, what: str) -> None:
    """Refuse to choose among no entries.

    Raises:
        ValueError: if an axis to choose along has size 0.
    """
    if 0 in (shape_of(x)[a] for a in axes_of(axis, len(shape_of(x)))):
        raise ValueError(f"`x` has shape {shape_of(x)} and `axis`={axis} holds no entries: there is no {what} of none")


def check_known(x: ArrayLike, axes: Sequence[int], what: str) -> None:
    """Refuse sizes that are symbols of `jax.export` where it depends on them what is computed.

    Raises:
        ValueError: naming the axis and its symbol.
    """
    for a in axes:
        if not isinstance(size := shape_of(x)[a], int):
            raise ValueError(f"axis {a} of `x` has size {size}: {what} depends on it, so export with a number there")


def shape_of(x: ArrayLike) -> tuple[int, ...]:
    """The shape of an array, a number or a traced value."""
    return np.shape(value_of(operand(x)))


def dtype_of(x: ArrayLike) -> jnp.dtype:
    """The dtype of an array, a number or a traced value."""
    return jnp.result_type(value_of(operand(x)))


def is_complex(x: ArrayLike) -> bool:
    """Whether the dtype is complex."""
    return jnp.issubdtype(dtype_of(x), jnp.complexfloating)


def operand(x: ArrayLike) -> Any:
    """The same x, which must be an array, a number or a traced value.

    Raises:
        TypeError: for lists, strings, None and whatever else is neither.
    """
    if not (_is_scalar(x) or hasattr(x, "dtype") or hasattr(x, "__jax_array__")):
        hint = ": make an array of it with jnp.asarray" if isinstance(x, list | tuple) else ""
        raise TypeError(f"{reprlib.repr(x)} is neither an array nor a number{hint}")
    return x


def _is_scalar(x: ArrayLike) -> bool:
    return isinstance(x, bool | int | float | complex)
