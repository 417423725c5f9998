"""Operations that say for each entry of the result where in x it is read: what `jax.numpy` does to the positions."""

import builtins
import math
import reprlib
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn.arguments import flag, integer, integers, is_sequence, look_up
from minicnn.ops import primitives
from minicnn.ops.operands import Axes, astype, axes_of, axis_of, broadcast_to, check_known, dtype_of, operand, shape_of
from minicnn.ops.reductions import sum
from minicnn.ops.structure import check_index, concatenate, gather, getitem, reshape
from minicnn.primitive import ArrayLike, Traced, value_of


def take(x: ArrayLike, indices: Any, axis: int | None = None, mode: str | None = None) -> Any:
    """The entries at some indices along one axis, or of x laid out flat.

    Args:
        x: any array.
        indices: integers of any shape; negative ones count from the end.
        axis: the axis that they count along.
        mode: what an index out of range reads: NaN, or the extreme integer ("fill", the default), the nearest entry
            ("clip"), or as if the entries were repeated ("wrap").
    """
    check_index(operand(indices))
    if mode is not None:
        look_up("mode", mode, _OUT_OF_RANGE)
    if axis is not None:
        axis = axis_of(axis, len(shape_of(x)))
    return _read(x, lambda numbers: jnp.take(numbers, indices, axis, mode=mode, fill_value=0), _nothing(dtype_of(x)))


# Every mode, and what an index out of range reads.
_OUT_OF_RANGE = {"fill": "NaN or an extreme", "clip": "the nearest entry", "wrap": "the entries repeated"}


def sort(x: ArrayLike, axis: int | None = -1, *, descending: bool = False) -> Any:
    """The entries in order along one axis, or of x laid out flat; equal ones keep theirs, and NaN comes last."""
    x = reshape(x, -1) if axis is None else x
    axis = axis_of(-1 if axis is None else axis, len(shape_of(x)))
    order = jnp.argsort(value_of(x), axis, descending=flag("descending", descending))
    return _read(x, lambda numbers: jnp.take_along_axis(numbers, order, axis))


def diag(x: ArrayLike, k: int = 0) -> Any:
    """The k-th diagonal of a matrix, or the matrix that has x on it and zeros elsewhere."""
    k = integer("k", k)
    if len(shape_of(x)) not in (1, 2):
        raise ValueError(
            f"`x` has shape {shape_of(x)}: give a matrix, or a vector to make one; diagonal takes more axes"
        )
    check_known(x, range(len(shape_of(x))), "how long a diagonal is")
    return _read(x, lambda numbers: jnp.diag(numbers, k), 0)


def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal over two axes, as the last axis."""
    rank = len(shape_of(x))
    a, b = axes_of((axis_of(axis1, rank, "axis1"), axis_of(axis2, rank, "axis2")), rank, "axis1, axis2")
    check_known(x, (a, b), "how long a diagonal is")
    return _read(x, lambda numbers: jnp.diagonal(numbers, integer("offset", offset), a, b))


def trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal over two axes."""
    return sum(diagonal(x, offset, axis1, axis2), -1)


def roll(x: ArrayLike, shift: int | Sequence[int], axis: Axes = None) -> Any:
    """The entries moved along axes, or in x laid out flat; what leaves at one end enters at the other.

    Raises:
        ValueError: if there are not as many shifts as axes.
    """
    shifts = integers("shift", shift)
    if axis is None:
        return reshape(_rolled(reshape(x, -1), builtins.sum(shifts), 0), shape_of(x))
    axes = axes_of(axis, len(shape_of(x)))
    if 1 < len(shifts) != len(axes) > 1:
        raise ValueError(f"`shift`={shift} and `axis`={axis} must have as many entries, or one of them a single one")
    for by, along in np.broadcast(shifts, axes):
        x = _rolled(x, int(by), int(along))
    return x


def _rolled(x: ArrayLike, shift: int, axis: int) -> Any:
    size = shape_of(x)[axis]
    if size == 0 or shift % size == 0:  # of a symbol it is not known, and the parts may be empty
        return x
    before, cut = (slice(None),) * axis, size - shift % size
    parts = pairwise((0, cut, size))
    head, tail = (getitem(x, (*before, slice(start, stop))) for start, stop in parts)
    return concatenate([tail, head], axis)


def pad(x: ArrayLike, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """New entries at both ends of every axis.

    Args:
        x: any array.
        pad_width: one number, a pair (before, after), or a pair for each axis.
        mode: what they are: "constant", "edge", "reflect", "symmetric" or "wrap", as in `jax.numpy`.
        constant_values: the constant, in one of the forms of `pad_width`.

    Raises:
        ValueError: for another mode, or widths that are negative or do not fit the axes.
    """
    widths = _pairs("pad_width", pad_width, len(shape_of(x)))
    if min(map(min, widths), default=0) < 0:
        raise ValueError(f"`pad_width`={pad_width} must be at least 0: cut entries off with x[...]")
    if look_up("mode", mode, _PADS):
        return _read(x, lambda numbers: jnp.pad(numbers, widths, mode))
    constants = _per_side("constant_values", constant_values, len(widths))
    for constant in {id(c): c for c in chain.from_iterable(constants)}.values():
        _check_constant(constant, dtype_of(x))
    for axis, (sides, values) in enumerate(zip(widths, constants, strict=True)):
        shapes = ((*shape_of(x)[:axis], width, *shape_of(x)[axis + 1 :]) for width in sides)
        low, high = (_full(shape, v, dtype_of(x)) for shape, v in zip(shapes, values, strict=True))
        x = concatenate([low, x, high], axis) if max(sides) else x
    return x


# Every mode, and whether it repeats entries of x.
_PADS = {"constant": False, "edge": True, "reflect": True, "symmetric": True, "wrap": True}


def _pairs(name: str, value: Any, rank: int) -> list[tuple[int, int]]:
    return [(integer(name, low), integer(name, high)) for low, high in _per_side(name, value, rank)]


def _per_side(name: str, value: Any, rank: int) -> list[tuple[Any, Any]]:
    """What stands at both ends of every axis: numbers, of which traced ones are not looked at."""
    rows = list(value) if is_sequence(value) else [value]
    pairs = [tuple(row) for row in (rows if all(map(is_sequence, rows)) else [rows])]
    pairs = [pair * 2 if len(pair) == 1 else pair for pair in (pairs * rank if len(pairs) == 1 else pairs)]
    if len(pairs) != rank or any(len(pair) != 2 or any(map(is_sequence, pair)) for pair in pairs):
        raise ValueError(f"`{name}`={value!r} must be one number, a pair, or a pair for each of {rank} axes")
    return [(low, high) for low, high in pairs]


def _full(shape: Sequence[int], value: Any, dtype: jnp.dtype) -> Any:
    # A number is rounded to the dtype at once, which a conversion of an array would do in two steps.
    traced = isinstance(value, Traced)
    return broadcast_to(astype(value, dtype), shape) if traced else jnp.full(shape, value, dtype)


def _check_constant(value: Any, dtype: jnp.dtype) -> None:
    """Refuse what is no number, and a complex one among real ones, which would lose a part."""
    kind = getattr(value, "dtype", None) if not isinstance(value, bool | int | float | complex) else type(value)
    if kind is None or not (jnp.issubdtype(kind, jnp.number) or jnp.issubdtype(kind, jnp.bool_)):
        raise TypeError(f"`constant_values`={reprlib.repr(value)} must be a number")
    if jnp.issubdtype(kind, jnp.complexfloating) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"`constant_values`={value} is complex and `x` is {dtype.name}: make x complex, or take a part")


def _nothing(dtype: jnp.dtype) -> Any:
    """What `jax.numpy` reads out of range: NaN, or the number of an integer dtype that is least likely to be meant."""
    if jnp.issubdtype(dtype, jnp.inexact):
        return math.nan
    if dtype == jnp.bool_:
        return True
    info = jnp.iinfo(dtype)
    return int(info.min if jnp.issubdtype(dtype, jnp.signedinteger) else info.max)


def _read(x: ArrayLike, place: Callable[[Any], Any], nothing: Any = None) -> Any:
    """The entries of x where `place` puts their numbers, which count from 1; `nothing` where it puts 0."""
    numbers = place(jnp.arange(1, 1 + math.prod(shape_of(x))).reshape(shape_of(x)))
    entries = gather(x, numbers - 1)
    if nothing is None:
        return entries
    # An array of NumPy's, broadcast by the primitive: no NaN is computed where none is read, which checks would refuse.
    return primitives.where_p(numbers == 0, np.asarray(nothing, dtype_of(x)), entries)
