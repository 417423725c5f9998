"""Operations that move entries about."""

import builtins
import math
import operator
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from minicnn.arguments import checked_shape, integer, integers, is_integer, untraced
from minicnn.jax_internals import Inconclusive
from minicnn.ops import primitives
from minicnn.ops.operands import (
    Axes,
    axes_of,
    axis_of,
    broadcast_to,
    promoted,
    rounded_once,
    shape_of,
)
from minicnn.primitive import ArrayLike, Traced


def reshape(x: ArrayLike, shape: int | Sequence[int]) -> Any:
    """The same entries in another shape; one size may be −1.

    Raises:
        ValueError: if more than one size is, or the entries do not fill the shape.
    """
    sizes, size = checked_shape(shape if isinstance(shape, Iterable) else (shape,), -1), math.prod(shape_of(x))
    if -1 in sizes:
        if sizes.count(-1) > 1:
            raise ValueError(f"`shape`={sizes} leaves more than one size open: give all but one of them")
        known = math.prod(s for s in sizes if s != -1)
        if isinstance(known, int) and isinstance(size, int) and size % (known or 1):  # other sizes are symbols
            raise ValueError(f"`shape`={sizes} cannot hold {size} entries: they are no multiple of {known}")
        sizes = tuple(size // (known or 1) if s == -1 else s for s in sizes)
    elif isinstance(places := math.prod(sizes), int) and isinstance(size, int) and places != size:
        raise ValueError(f"`shape`={sizes} cannot hold {size} entries: it has {places} places")
    return x if shape_of(x) == sizes else primitives.reshape_p(x, shape=sizes)


def ravel(x: ArrayLike) -> Any:
    """The entries in one axis, in C order."""
    return reshape(x, -1)


def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Any:
    """New axes of size 1, at these places of the result."""
    new = integers("axis", axis)
    axes, sizes = axes_of(axis, len(shape_of(x)) + len(new)), iter(shape_of(x))
    return reshape(x, [1 if a in axes else next(sizes) for a in range(len(shape_of(x)) + len(new))])


def squeeze(x: ArrayLike, axis: Axes = None) -> Any:
    """Leave out some axes of size 1, or all of them.

    Raises:
        ValueError: if an axis to leave out is longer than 1.
    """
    shape = shape_of(x)
    axes = tuple(a for a, n in enumerate(shape) if n == 1) if axis is None else axes_of(axis, len(shape))
    for a in axes:
        if shape[a] != 1:
            raise ValueError(f"`axis`={a} has size {shape[a]}: only an axis of size 1 can be left out")
    return reshape(x, [n for a, n in enumerate(shape) if a not in axes])


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed if none is given.

    Raises:
        ValueError: if the order does not name each axis once.
    """
    rank = len(shape_of(x))
    order = tuple(reversed(range(rank))) if axes is None else axes_of(axes, rank, "axes")
    if len(order) != rank:
        raise ValueError(f"`axes`={axes} must name each of {rank} axes once")
    return x if order == tuple(range(rank)) else primitives.transpose_p(x, axes=order)


def moveaxis(x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """The axes `source` moved to the places `destination`; the others keep their order.

    Raises:
        ValueError: if there are not as many places as axes.
    """
    rank = len(shape_of(x))
    from_, to = axes_of(source, rank, "source"), axes_of(destination, rank, "destination")
    if len(from_) != len(to):
        raise ValueError(f"`source`={source} and `destination`={destination} must have as many axes")
    order = [a for a in range(rank) if a not in from_]
    for place, axis in sorted(zip(to, from_, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    a, b = axis_of(axis1, len(shape_of(x)), "axis1"), axis_of(axis2, len(shape_of(x)), "axis2")
    order = list(range(len(shape_of(x))))
    order[a], order[b] = b, a
    return transpose(x, order)


def concatenate(xs: Sequence[ArrayLike], axis: int | None = 0) -> Any:
    """Arrays joined along one axis, or laid out flat and joined.

    Raises:
        ValueError: if there are none, or they differ along other axes.
    """
    xs = _at_least_one(xs)
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    first, *others = map(shape_of, xs)
    axis = axis_of(axis, len(first))
    for n, shape in enumerate(others, start=1):
        if len(shape) != len(first) or _without(axis, shape) != _without(axis, first):
            raise ValueError(
                f"`xs[{n}]` has shape {shape} and `xs[0]` {first}: they may differ along axis {axis} alone"
            )
    return primitives.concatenate_p(*promoted(*xs), axis=axis)


def _without(axis: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def stack(xs: Sequence[ArrayLike], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    Raises:
        ValueError: if there are none, or they have several shapes.
    """
    axis, xs = integer("axis", axis), _at_least_one(xs)
    for n, x in enumerate(xs):
        if shape_of(x) != shape_of(xs[0]):
            raise ValueError(
                f"`xs[{n}]` has shape {shape_of(x)} and `xs[0]` {shape_of(xs[0])}: stack those of one shape"
            )
    return concatenate([expand_dims(x, axis) for x in xs], axis)


def _at_least_one(xs: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    if not hasattr(xs, "__len__"):
        raise TypeError("`xs` must be a list of arrays, or an array whose first axis lists them")
    if not len(xs):
        raise ValueError("there is no array to join: give at least one")
    return xs


def split(x: ArrayLike, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Parts along one axis: as many equal ones as `sections` says, or cut at its places.

    Raises:
        ValueError: if equal parts do not fit, or the places are not in order within the axis.
    """
    axis = axis_of(axis, len(shape_of(x)))
    size = shape_of(x)[axis]
    if isinstance(sections, Iterable):
        cuts = [0, *integers("sections", sections), size]
        known = cuts if isinstance(size, int) else cuts[:-1]  # what lies beyond a symbol leaves the last parts empty
        if any(start > stop for start, stop in pairwise(known)):
            raise ValueError(f"`sections`={sections} must be places from 0 to {size} in ascending order")
    elif size % (sections := integer("sections", sections, 1)) != 0:
        raise ValueError(f"`sections`={sections} must divide the size {size} of axis {axis}")
    else:
        cuts = [n * (size // sections) for n in range(sections + 1)]
    before = (slice(None),) * axis
    return [getitem(x, (*before, slice(start, stop))) for start, stop in pairwise(cuts)]


def flip(x: ArrayLike, axis: Axes = None) -> Any:
    """The entries in reverse order along axes, or along all of them."""
    axes = axes_of(axis, len(shape_of(x)))
    return getitem(x, tuple(slice(None, None, -1 if a in axes else 1) for a in range(len(shape_of(x)))))


def repeat(x: ArrayLike, repeats: int, axis: int | None = None) -> Any:
    """Every entry `repeats` times in a row, along one axis or of x laid out flat."""
    repeats, x = integer("repeats", repeats, 0), reshape(x, -1) if axis is None else x
    axis = axis_of(0 if axis is None else axis, len(shape_of(x)))
    before, size, after = shape_of(x)[:axis], shape_of(x)[axis], shape_of(x)[axis + 1 :]
    copies = broadcast_to(expand_dims(x, axis + 1), (*before, size, repeats, *after))
    return reshape(copies, (*before, size * repeats, *after))


def tile(x: ArrayLike, reps: int | Sequence[int]) -> Any:
    """Copies of x side by side, so many along each axis; fewer numbers than axes count from the last."""
    reps = integers("reps", reps, 0)
    rank = builtins.max(len(reps), len(shape_of(x)))
    reps, shape = (1,) * (rank - len(reps)) + reps, (1,) * (rank - len(shape_of(x))) + shape_of(x)
    copies = broadcast_to(
        reshape(x, [s for n in shape for s in (1, n)]), [s for pair in zip(reps, shape, strict=True) for s in pair]
    )
    return reshape(copies, [r * n for r, n in zip(reps, shape, strict=True)])


def getitem(x: ArrayLike, index: Any) -> Any:
    """Compute x[index]: integers, slices, None and Ellipsis cut a box out; integer arrays pick entries by position.

    A boolean beside an integer or None is read as JAX reads it, which is not everywhere as NumPy does: of an array of
    shape (2, 3, 4), [None, 1, True] has shape (1, 1, 1, 4), and NumPy's (1, 1, 3, 4).

    Raises:
        IndexError: if an integer is out of range, or there are more of them than axes.
        TypeError: for what is no index.
    """
    index, shape = index if isinstance(index, tuple) else (index,), shape_of(x)
    check_index(*index)
    # JAX's indexing knows NumPy's booleans only as Python's.
    index = tuple(bool(part) if isinstance(part, np.bool_) else part for part in index)
    by_position = lambda: gather(x, _positions(shape)[index])
    if not all(map(_is_box, index)):
        return by_position()
    parts = _one_per_axis(index, len(shape))
    try:
        box = list(_box(parts, shape))
    except Inconclusive:  # JAX's positions need not know how large a symbol is
        return by_position()
    if any(stride > 1 and not is_integer(size) for (*_, stride), size in zip(box, shape, strict=True)):
        return by_position()  # a cut has as many rows in words that JAX does not know to be its own
    starts, limits, strides = zip(*box, strict=True) if box else ((), (), ())
    whole = box == [(0, size, 1) for size in shape]
    cut = x if whole else primitives.slice_p(x, starts=starts, limits=limits, strides=strides)
    counts = iter(shape_of(cut))
    sizes = [(part, 1 if part is None else next(counts)) for part in parts]
    return reshape(cut, [size for part, size in sizes if part is None or isinstance(part, slice)])


def check_index(*parts: Any) -> None:
    """Refuse an index that a derivative could be asked for, and what is no index.

    Raises:
        TypeError: if a part of it is a traced value, a float or a word, or a bound of a slice is no integer.
    """
    for part in parts:
        bounds = (part.start, part.stop, part.step) if isinstance(part, slice) else ()
        for each in (part, *bounds):
            if isinstance(each, Traced):
                raise TypeError(
                    "the index is a traced value: an index must be an integer, and integers have no derivative"
                )
        for bound in bounds:
            if not (bound is None or is_integer(bound) or jax.export.is_symbolic_dim(bound)):
                untraced("index", bound, "take entries at traced places with ops.take")
                raise _no_integer(bound)
        if isinstance(part, str | bytes | float | complex) or _is_inexact(part):
            raise _no_integer(part)


def _is_inexact(part: Any) -> bool:
    return hasattr(part, "dtype") and jnp.issubdtype(part.dtype, jnp.inexact)


def _no_integer(index: Any) -> TypeError:
    word = f"of {index.dtype.name}" if getattr(index, "ndim", 0) else reprlib.repr(index)
    return TypeError(f"the index {word} is no integer: use an int, a slice or integer arrays")


@rounded_once
def gather(x: ArrayLike, positions: Any) -> Any:
    """The entries at these positions of x laid out flat. One picked twice is added in the derivative."""
    return primitives.gather_p(x, positions)


def _positions(shape: tuple[int, ...]) -> jax.Array:
    """Every entry's place when all are laid out flat."""
    return jnp.arange(math.prod(shape)).reshape(shape)


def _is_box(part: Any) -> bool:
    if isinstance(part, slice):
        return part.step is None or part.step > 0
    return part is None or part is Ellipsis or (isinstance(part, int | np.integer) and not isinstance(part, bool))


def _one_per_axis(index: tuple[Any, ...], rank: int) -> list[Any]:
    """The parts of an index with a slice for every axis that it leaves out, and None for every new one."""
    gaps = [n for n, part in enumerate(index) if part is Ellipsis]
    given = sum(part is not None and part is not Ellipsis for part in index)
    if given > rank or len(gaps) > 1:
        raise IndexError(f"an index of {given} parts and {len(gaps)} `...` does not fit an array with {rank} axes")
    (gap,) = gaps or [len(index)]
    return [*index[:gap], *[slice(None)] * (rank - given), *index[gap + 1 :]]


def _box(parts: Sequence[Any], shape: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Say where the box starts and ends on every axis of the array, and in which steps: (start, limit, stride)."""
    named = [part for part in parts if part is not None]
    for axis, (part, size) in enumerate(zip(named, shape, strict=True)):
        if isinstance(part, slice):
            start, limit = _place(part.start, size, 0), _place(part.stop, size, size)
            yield start, builtins.max(start, limit), 1 if part.step is None else operator.index(part.step)
        elif -size <= part < size:
            start = int(part) + (size if part < 0 else 0)
            yield start, start + 1, 1
        else:
            raise IndexError(f"index {part} is out of bounds for axis {axis} of size {size}")


def _place(bound: Any, size: Any, default: Any) -> Any:
    """Where a bound of a slice lies on an axis: negative ones count from the end, and none leaves the axis.

    Sizes, and so bounds, may be symbols, which `slice.indices` does not take.
    """
    if bound is None:
        return default
    bound = operator.index(bound) if is_integer(bound) else bound
    return builtins.max(size + bound, 0) if bound < 0 else builtins.min(bound, size)
