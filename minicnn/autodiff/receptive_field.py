"""How much of the input each node of a program depends on, followed axis by axis, in closed form.

On every axis of the input an entry of a node depends on an interval. It is as long as the windows on the way make it,
whatever falls on padding, and it moves along an axis of the node, by so many inputs a step (Araujo, Norris & Sim,
*Computing receptive fields of convolutional neural networks*, Distill 2019). A sum over that axis joins all of them.
Where an axis is split into blocks, it moves along two: by blocks, and by what is in them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

from minicnn import maps
from minicnn.autodiff.program import Program
from minicnn.axis import Axis
from minicnn.maps import LinearMap
from minicnn.maps.windows import OfImages


@dataclass(frozen=True)
class Move:
    """How an interval moves along an axis of a node.

    Attributes:
        axis: of the node.
        step: how far it moves from one entry to the next.
        size: how many entries it has on that axis, one after the other.
    """

    axis: int
    step: float
    size: int

    @property
    def way(self) -> float:
        """How far it is from the first entry to the last."""
        return (self.size - 1) * self.step


@dataclass(frozen=True)
class Interval:
    """What the entries of a node read along one axis of the input.

    Attributes:
        length: of the interval that one entry reads.
        moves: of the interval, along the axes of the node.
        windowed: whether a window slid along it, or it was read block by block.
    """

    length: float
    moves: tuple[Move, ...]
    windowed: bool = False

    def joined(self, is_summed: Callable[[int], bool]) -> "Interval":
        """What a sum of all entries along some axes reads."""
        gone = [move for move in self.moves if is_summed(move.axis)]
        left = tuple(move for move in self.moves if not is_summed(move.axis))
        length = self.length + sum(move.way for move in gone)
        return Interval(length, left, self.windowed or bool(left and any(move.size > 1 for move in gone)))

    def moved(self, change: Callable[[Move], Move]) -> "Interval":
        """The same interval with other moves."""
        return replace(self, moves=tuple(map(change, self.moves)))


Reading = tuple[Interval, ...]


def receptive_fields(program: Program) -> dict[int, tuple[int, ...]]:
    """For each node the lengths of the intervals that it reads, on the input's axes that windows slide along.

    The program has one input; otherwise, and where a map is met that moves entries in no order, nothing is known.
    """
    if len(program.inputs) != 1:
        return {}
    start = program.nodes[program.inputs[0]].shape
    known: dict[int, Reading | None] = {
        program.inputs[0]: tuple(
            Interval(1, (Move(axis, 1, size),) if size > 1 else ()) for axis, size in enumerate(start)
        )
    }
    for n, arrows in program.equations():
        known[n] = _together([_through(arrow.map, known.get(arrow.source)) for arrow in arrows])
    return {
        n: tuple(round(interval.length) for interval in reading if interval.windowed)
        for n, reading in known.items()
        if reading is not None
    }


def _through(A: LinearMap, reading: Reading | None) -> Reading | None:
    return None if reading is None else through(A, reading)


def _together(readings: Sequence[Reading | None]) -> Reading | None:
    """What a sum reads: on every axis the longest interval, as the windows are centred alike."""
    known = [reading for reading in readings if reading is not None]
    if not known or len(known) < len(readings):
        return None
    return tuple(_longest(intervals) for intervals in zip(*known, strict=True))


def _longest(intervals: Sequence[Interval]) -> Interval:
    longest = max(intervals, key=lambda interval: interval.length)
    return replace(longest, windowed=any(interval.windowed for interval in intervals))


@singledispatch
def through(A: LinearMap, reading: Reading) -> Reading | None:
    """What the outputs of a map read, given what its inputs do; None where that cannot be said."""
    if A.one_to_one and A.in_shape == A.out_shape:
        return reading
    return None


@through.register
def _(A: maps.Compose, reading: Reading) -> Reading | None:
    found: Reading | None = reading
    for factor in reversed(A.factors):
        found = _through(factor, found)
    return found


@through.register
def _(A: maps.Batched, reading: Reading) -> Reading | None:
    """The map of one image sees the axes behind those of the batch."""
    rank = len(A.batch)
    behind = [[move.axis >= rank for move in interval.moves] for interval in reading]
    if any(any(each) and not all(each) for each in behind):
        return None
    inner = [k for k, each in enumerate(behind) if any(each)]
    found = through(A.A, _renamed(tuple(reading[k] for k in inner), lambda axis: axis - rank))
    if found is None:
        return None
    after = dict(zip(inner, _renamed(found, lambda axis: axis + rank), strict=True))
    return tuple(after.get(k, interval) for k, interval in enumerate(reading))


@through.register
def _(A: maps.Permute, reading: Reading) -> Reading:
    return _renamed(reading, A.order.index)


@through.register
def _(A: maps.Reshape, reading: Reading) -> Reading:
    """An axis becomes the one that its entries are on, or several; one that is split unevenly is read as a whole."""
    place = _targets(A.in_shape, A.out_shape)
    split = {axis: parts for axis, parts in _blocks(A.in_shape, A.out_shape).items() if len(parts) > 1}
    uneven = {axis for axis, size in enumerate(A.in_shape) if size > 1 and A.out_shape[place[axis]] % size}
    uneven |= {axis for axis, size in enumerate(A.in_shape) if size == 1}  # which is on no axis of its own any more
    whole = tuple(interval.joined((uneven - set(split)).__contains__) for interval in reading)

    def moves(move: Move) -> tuple[Move, ...]:
        parts = split.get(move.axis, [place[move.axis]])
        sizes = [A.out_shape[axis] for axis in parts] if len(parts) > 1 else [move.size]
        return tuple(Move(axis, move.step * math.prod(sizes[n + 1 :]), sizes[n]) for n, axis in enumerate(parts))

    return tuple(replace(i, moves=tuple(part for move in i.moves for part in moves(move))) for i in whole)


@through.register
def _(A: maps.Broadcast, reading: Reading) -> Reading:
    kept = tuple(1 if axis in A.repeated else size for axis, size in enumerate(A.out_shape))
    place = _targets(A.in_shape, kept)
    return _renamed(reading, lambda axis: place[axis])


@through.register
def _(A: maps.Slice, reading: Reading) -> Reading:
    cut = lambda move: Move(move.axis, move.step * A.strides[move.axis], A.out_shape[move.axis])
    return tuple(interval.moved(cut) for interval in reading)


@through.register
def _(A: maps.Transposed, reading: Reading) -> Reading | None:
    """The sum over repeated axes, and what was put among zeros."""
    if isinstance(A.of, maps.Slice):
        return tuple(i.moved(lambda move: replace(move, size=A.out_shape[move.axis])) for i in reading)
    if not isinstance(A.of, maps.Broadcast):
        return None
    repeated = A.of.repeated
    kept = tuple(1 if axis in repeated else size for axis, size in enumerate(A.in_shape))
    place = _targets(kept, A.out_shape)
    return _renamed(tuple(interval.joined(repeated.__contains__) for interval in reading), lambda axis: place[axis])


@through.register
def _(A: maps.Contraction, reading: Reading) -> Reading:
    """Axes whose letter is gone are summed over; axes of letters that come are new."""
    x, _, z = A.spec
    joined = tuple(interval.joined(lambda axis: x[axis] not in z) for interval in reading)
    return _renamed(joined, lambda axis: z.index(x[axis]))


@through.register
def _(A: maps.ConvMap, reading: Reading) -> Reading:
    """Windows along the spatial axes, and a sum over the channels."""
    return _slid(reading, A.axes, mixes_channels=True)


@through.register(maps.WindowSum)
@through.register(maps.AveragePool)
def _(A: maps.WindowSum | maps.AveragePool, reading: Reading) -> Reading:
    return _slid(reading, A.axes, mixes_channels=False)


@through.register
def _(A: OfImages, reading: Reading) -> Reading:
    """Each image has its own windows; which entry of one is taken, or by how much, is not asked."""
    axes = [Axis(size, size, 1) for size in A.lead]
    return _slid(reading, (*axes, *A.axes), mixes_channels=False)


def _slid(reading: Reading, axes: Sequence[Axis], mixes_channels: bool) -> Reading:
    return tuple(_slid_along(interval, axes, mixes_channels) for interval in reading)


def _slid_along(interval: Interval, axes: Sequence[Axis], mixes_channels: bool) -> Interval:
    """Windows are as many entries longer as they hold more than one, on each axis along which the interval moves."""
    if mixes_channels:
        interval = interval.joined(lambda axis: axis == len(axes))
    slid = [(axes[move.axis], move) for move in interval.moves if move.axis < len(axes)]
    length = interval.length + sum((axis.extent - 1) * move.step / axis.stretch for axis, move in slid)
    moves = {move: Move(move.axis, move.step / axis.stretch * axis.stride, axis.out_size) for axis, move in slid}
    windowed = interval.windowed or any(axis.kernel_size > 1 for axis, _ in slid)
    return Interval(length, tuple(moves.get(move, move) for move in interval.moves), windowed)


def _renamed(reading: Reading, rename: Callable[[int], int]) -> Reading:
    return tuple(interval.moved(lambda move: replace(move, axis=rename(move.axis))) for interval in reading)


def _blocks(old: tuple[int, ...], new: tuple[int, ...]) -> dict[int, list[int]]:
    """The axes of another shape that the entries of an axis are spread over, where they are no other's.

    >>> _blocks((6, 4, 5), (3, 2, 20))
    {0: [0, 1]}
    """
    found, ends = {}, [math.prod(new[: k + 1]) for k in range(len(new))]
    for axis, size in enumerate(old):
        before = math.prod(old[:axis])
        own = [k for k, end in enumerate(ends) if before < end <= before * size and new[k] > 1]
        if math.prod(new[k] for k in own) == size > 1:
            found[axis] = own
    return found


def _targets(old: tuple[int, ...], new: tuple[int, ...]) -> list[int]:
    """For each axis of a shape the axis of another that holds its entries, after the same in row-major order."""
    ends = [math.prod(new[: k + 1]) for k in range(len(new))]
    return [next((k for k, end in enumerate(ends) if end >= math.prod(old[: axis + 1])), len(new) - 1)
            for axis in range(len(old))]  # fmt: skip
