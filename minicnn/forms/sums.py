"""Sums of few entries: every number of a result is a sum of some entries of an array, each times a factor.

Written as slices that are joined, such a sum is a loop with a branch for each kind of result, which XLA takes long to
compile and runs slowly. Written as entries that are picked by a table, it is one plain loop, whatever the table holds.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from minicnn.forms.arithmetic import plus, times
from minicnn.forms.decomposition import Rationals
from minicnn.forms.fence import apart
from minicnn.forms.shaping import moved, reshaped


class Entries(NamedTuple):
    """For each result an entry that it takes, and the factor that it takes it by.

    Attributes:
        place: what one axis adds to the position of the entry, on both axes on which entries lie.
        weight: the factor; zero where a result has fewer entries than others, and then the place is one of its own.
    """

    place: tuple[Any, Any]
    weight: Any = 1


def columns(factor: Rationals) -> list[tuple[Int[np.ndarray, " terms"], Float[np.ndarray, " terms"]]]:
    """The rows where the columns of a factor are not zero, the first of each, then the second, …, and the numbers.

    >>> [(rows.tolist(), numbers.tolist()) for rows, numbers in columns(np.array([[1, 0], [1, -1]]))]
    [([0, 1], [1.0, -1.0]), ([1, 1], [1.0, 0.0])]
    """
    held = [np.flatnonzero(column) for column in factor.T]
    most = max(map(len, held), default=0)
    own = lambda rows, n: rows[n] if n < len(rows) else rows[0] if len(rows) else 0
    rows = np.array([[own(each, n) for each in held] for n in range(most)], int).reshape(most, len(held))
    there = np.arange(most)[:, None] < np.array([len(each) for each in held])
    numbers = np.where(there, factor[rows, np.arange(len(held))], 0).astype(float)
    return list(zip(rows, numbers, strict=True))


def sources(
    target: Int[np.ndarray, " n"], size: int
) -> list[tuple[Int[np.ndarray, " size"], Float[np.ndarray, " size"]]]:
    """For each of `size` results the entries that go there: the first of each, then the second, …, each with 1.

    Where a result has fewer than others it takes an entry of its own by 0. There is none where one has no entry at all.

    Args:
        target: where each entry goes; to no result if that is not in 0 … size − 1.
        size: the number of results.

    >>> [(entries.tolist(), numbers.tolist()) for entries, numbers in sources(np.array([1, 0, 1, 2]), 2)]
    [([1, 0], [1.0, 1.0]), ([1, 2], [0.0, 1.0])]
    """
    held = np.flatnonzero((target >= 0) & (target < size))
    order = held[np.argsort(target[held], kind="stable")]
    count = np.bincount(target[held], minlength=size)
    if not count.all():
        return []
    start = np.cumsum(count) - count
    most = [(n < count, order[start + np.where(n < count, n, 0)]) for n in range(max(count, default=0))]
    return [(entries, is_there.astype(float)) for is_there, entries in most]


def along(numbers: Sequence[int] | np.ndarray, axis: int, rank: int) -> np.ndarray:
    """A list of numbers as an array of so many axes, of which it is one."""
    return np.reshape(np.asarray(numbers), (*(1,) * axis, -1, *(1,) * (rank - axis - 1)))


def picked_sum(
    z: Shaped[Array, "p b q c"],
    axes: Sequence[Sequence[Entries]],
    shape: tuple[int, ...],
    at: int,
    result: tuple[int, ...] | None = None,
) -> Shaped[Array, "..."]:
    """Add up entries of z: rows of c numbers, for every image.

    Args:
        z: the rows; they lie on two axes, on both sides of the images.
        axes: for each axis of the problem its entries; those of several axes meet, their places add up and their
            weights multiply.
        shape: of the results, to which all places broadcast.
        at: where among the axes of `shape` the images are put.
        result: another shape of the result, with the same numbers in the same order.

    Returns:
        (*shape[:at], b, *shape[at:], c), in memory.
    """
    result = result or (*shape[:at], z.shape[1], *shape[at:], z.shape[-1])
    if not all(axes):  # an axis that takes no entry at all
        return jnp.zeros(result, z.dtype)
    return apart(_Picked(axes, shape, at), z, result)


@dataclass(frozen=True, eq=False, repr=False)
class _Picked:
    """What `picked_sum` computes. Equal ones are one to JAX, which then writes them down for XLA once.

    The sums of a layer's y, x̄ and w̄ have their analyses in common, and y and x̄ often their synthesis.
    """

    axes: Sequence[Sequence[Entries]]
    shape: tuple[int, ...]
    at: int

    def __call__(self, z: Shaped[Array, "p b q c"]) -> Shaped[Array, "..."]:
        terms, channels, rank = list(product(*self.axes)), z.shape[-1], len(self.shape)
        block, sides = (1, z.shape[1], 1, channels), _sides(self.axes)
        on = tuple(2 * side for side in sides)
        rows = [gathered(z, places, on, block) for places in _places(terms, sides, self.shape)]
        with_axes = lambda rows: reshaped(rows, (*self.shape, z.shape[1], channels))
        factors = [_factors(taken, self.shape) for taken in terms]
        if math.prod(self.shape) <= BAKED_PLACES:  # XLA moves a change of shape past one sum at a time
            flat = ([np.broadcast_to(each, self.shape).ravel() for each in own] for own in factors)
            y = with_axes(reduce(plus, map(_weighted, rows, flat)))
        else:
            y = reduce(plus, map(_weighted, map(with_axes, rows), factors))
        # what has no entry on some axis is zero, whatever the number that stands in for one
        holds = (reduce(np.logical_or, (np.not_equal(each.weight, 0) for each in taken)) for taken in self.axes)
        for held in (held for held in holds if not held.all()):
            y = jnp.where(held[..., None, None], y, 0)
        return moved(y, rank, self.at)

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        tables = (table for axis in self.axes for (first, second), weight in axis for table in (first, second, weight))
        entries = tuple((table.shape, table.dtype.str, table.tobytes()) for table in map(np.asarray, tables))
        return self.shape, self.at, tuple(map(len, self.axes)), entries

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Picked) and self._key == other._key

    def __repr__(self) -> str:
        return f"sums of {math.prod(map(len, self.axes))} entries"


def _weighted(rows: Array, factors: Sequence[np.ndarray]) -> Array:
    """Every row times all of its factors; behind the axes of these lie the images and the channels."""
    own = (jax.lax.broadcast_in_dim(each.astype(rows.dtype), rows.shape, tuple(range(each.ndim))) for each in factors)
    return reduce(times, own, rows)


def _factors(taken: Sequence[Entries], shape: tuple[int, ...]) -> list[np.ndarray]:
    """What the entries of a term are multiplied by: the product of all factors, where it is not 1.

    Masks of 0 and 1 go axis by axis where their product would be a large table in the program.
    """
    masks, factors, ones = list[Any](), list[Any](), np.ones((1,) * len(shape))
    for weight in (np.reshape(each.weight, np.shape(each.weight) or ones.shape) for each in taken):
        is_mask = math.prod(shape) > BAKED_PLACES and np.isin(weight, (0, 1)).all()
        (masks if is_mask else factors).append(weight)
    return [factor for factor in (*masks, math.prod(factors, start=ones)) if not np.all(factor == 1)]


def _sides(axes: Sequence[Sequence[Entries]]) -> list[int]:
    """The axes on which entries lie at several places. On another one all are the first, which needs no table.

    XLA takes 0.2 µs to read a number of a table.
    """
    moving = [side for side in range(2) if any(np.any(entry.place[side]) for axis in axes for entry in axis)]
    return moving or [1]


def _places(
    terms: Sequence[Sequence[Entries]], sides: Sequence[int], shape: tuple[int, ...]
) -> Iterable[Array | np.ndarray]:
    """Where each term picks its entries. Tables that are computed in the program are one loop for all terms."""
    columns = [[[each.place[side] for each in taken] for side in sides] for taken in terms]
    if math.prod(shape) <= BAKED_PLACES:
        return [places_of(each, shape) for each in columns]
    full = lambda numbers: np.reshape(numbers, np.shape(numbers) or (1,) * len(shape))
    together = lambda tables: np.stack(np.broadcast_arrays(*map(full, tables)))
    by_side = [[together(tables) for tables in zip(*side, strict=True)] for side in zip(*columns, strict=True)]
    return places_of(by_side, (len(terms), *shape))


def gathered(
    z: Array, places: Int[Array | np.ndarray, "*shape axes"], axes: tuple[int, ...], sizes: tuple[int, ...]
) -> Shaped[Array, "blocks *sizes"]:
    """The blocks of z that begin at these places on some axes, as one list.

    XLA rewrites every gather into this one, with a change of shape and of the order of axes behind it. Each round of
    its simplification, which goes over the whole program, moves such a change past one sum: with n entries in a sum it
    took n rounds.
    """
    numbers = jax.lax.GatherDimensionNumbers(tuple(range(1, z.ndim + 1)), (), axes)
    return jax.lax.gather(z, places.reshape(-1, len(axes)), numbers, sizes, mode=_INSIDE)


def places_of(columns: Iterable[Sequence[Any]], shape: tuple[int, ...]) -> Int[Array | np.ndarray, "..."]:
    """Places as a gather takes them: on each axis that is gathered the sum of tables that broadcast to a shape.

    They are part of the program where they are few, else computed in it: XLA compiles a loop of its own for that.
    """
    if math.prod(shape) <= BAKED_PLACES:
        return np.stack([np.broadcast_to(reduce(np.add, each), shape) for each in columns], -1).astype(np.int32)
    return jax.lax.concatenate([reduce(jax.lax.add, (_spread(t, shape) for t in each)) for each in columns], len(shape))


def _spread(table: Any, shape: tuple[int, ...]) -> Int[Array, "*shape 1"]:
    """A table at all places. Of many numbers in equal steps only the step is part of the program."""
    table = np.asarray(table, np.int32)
    table = table.reshape((1,) * (len(shape) - table.ndim) + table.shape)
    first, *steps = (table.ravel()[0], *np.unique(np.diff(table.ravel())))
    if table.size > BAKED_PLACES and max(table.shape) == table.size and len(steps) == 1:
        counted = jax.lax.broadcasted_iota(np.int32, (*shape, 1), table.shape.index(table.size))
        return first + steps[0] * counted
    return jax.lax.broadcast_in_dim(table, (*shape, 1), tuple(range(len(shape))))


# So many entries are added up in one sum, without a loop over what each of them adds.
FEW = 16
BAKED_PLACES = 2**14  # places of a table that is part of a program: those of 112×112 outputs, 50 kB
_INSIDE = jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS
