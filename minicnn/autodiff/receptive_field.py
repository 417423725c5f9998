"""How much of the input each node of a program depends on, followed axis by axis, in closed form.

On every axis of the input an entry of a node depends on an interval. It is as long as the windows on the way make it,
whatever falls on padding, and it moves along an axis of the node, by so many inputs a step (Araujo, Norris & Sim,
*Computing receptive fields of convolutional neural networks*, Distill 2019). A sum over that axis joins all of them.
Where an axis is split into blocks, it moves along two: by blocks, and by what is in them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

from minicnn import maps
from minicnn.autodiff.program import Program
from minicnn.axis import Axis
from minicnn.maps import LinearMap
from minicnn.maps.windows import OfImages


@dataclass(frozen=True)
class Move:
    """How an interval moves along an axis of a node: by a step for every so many entries, and back again at the end.

    Attributes:
        axis: of the node.
        step: how far it moves.
        size: how many places it has.
        every: for how many entries, one after the other, it stays at one; 1 on an axis of its own.
    """

    axis: int
    step: float
    size: int
    every: int = 1

    @property
    def way(self) -> float:
        """How far it is from the first place to the last."""
        return (self.size - 1) * self.step


@dataclass(frozen=True)
class Interval:
    """What the entries of a node read along one axis of the input.

    Attributes:
        length: of the interval that one entry reads.
        moves: of the interval, along the axes of the node.
        windowed: whether a window slid along it.
    """

    length: float
    moves: tuple[Move, ...]
    windowed: bool = False

    def joined(self, is_summed: Callable[[int], bool]) -> "Interval":
        """What a sum of all entries along some axes reads."""
        way = sum(move.way for move in self.moves if is_summed(move.axis))
        left = tuple(move for move in self.moves if not is_summed(move.axis))
        return replace(self, length=self.length + way, moves=left)

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
    return _reshaped(reading, A.in_shape, A.out_shape)


@through.register
def _(A: maps.Broadcast, reading: Reading) -> Reading:
    kept = tuple(1 if axis in A.repeated else size for axis, size in enumerate(A.out_shape))
    return _reshaped(reading, A.in_shape, kept)


@through.register
def _(A: maps.Slice, reading: Reading) -> Reading | None:
    cut_axes = {axis for axis, (size, left) in enumerate(zip(A.in_shape, A.out_shape, strict=True)) if left < size}
    if not _are_alone(reading, A.in_shape, cut_axes):
        return None
    cut = lambda move: Move(move.axis, move.step * A.strides[move.axis], A.out_shape[move.axis])
    return tuple(interval.moved(cut) for interval in reading)


@through.register
def _(A: maps.Transposed, reading: Reading) -> Reading | None:
    """The sum over repeated axes, and what was put among zeros."""
    if isinstance(A.of, maps.Slice):
        if not _are_alone(reading, A.in_shape, range(len(A.in_shape))):
            return None
        return tuple(i.moved(lambda move: replace(move, size=A.out_shape[move.axis])) for i in reading)
    if not isinstance(A.of, maps.Broadcast):
        return None
    repeated = A.of.repeated
    kept = tuple(1 if axis in repeated else size for axis, size in enumerate(A.in_shape))
    return _reshaped(tuple(interval.joined(repeated.__contains__) for interval in reading), kept, A.out_shape)


@through.register
def _(A: maps.Contraction, reading: Reading) -> Reading:
    """Axes whose letter is gone are summed over; axes of letters that come are new."""
    x, _, z = A.spec
    joined = tuple(interval.joined(lambda axis: x[axis] not in z) for interval in reading)
    return _renamed(joined, lambda axis: z.index(x[axis]))


@through.register
def _(A: maps.ConvMap, reading: Reading) -> Reading | None:
    """Windows along the spatial axes, and a sum over the channels."""
    return _slid(reading, A.axes, mixes_channels=True)


@through.register(maps.WindowSum)
@through.register(maps.AveragePool)
def _(A: maps.WindowSum | maps.AveragePool, reading: Reading) -> Reading | None:
    return _slid(reading, A.axes, mixes_channels=False)


@through.register
def _(A: OfImages, reading: Reading) -> Reading | None:
    """Each image has its own windows; which entry of one is taken, or by how much, is not asked."""
    axes = [Axis(size, size, 1) for size in A.lead]
    return _slid(reading, (*axes, *A.axes), mixes_channels=False)


def _slid(reading: Reading, axes: Sequence[Axis], mixes_channels: bool) -> Reading | None:
    sliding = [n for n, axis in enumerate(axes) if axis != Axis(axis.in_size, axis.in_size, 1)]
    if not _are_alone(reading, [axis.in_size for axis in axes], sliding):
        return None
    return tuple(_slid_along(interval, axes, mixes_channels) for interval in reading)


def _slid_along(interval: Interval, axes: Sequence[Axis], mixes_channels: bool) -> Interval:
    """Windows are as many entries longer as they hold more than one, on each axis along which the interval moves."""
    if mixes_channels:
        interval = interval.joined(lambda axis: axis == len(axes))
    slid = [(axes[move.axis], move) for move in interval.moves if move.axis < len(axes)]
    length = interval.length + sum((axis.extent - 1) * move.step / axis.stretch for axis, move in slid)
    windowed = interval.windowed or any(axis.kernel_size > 1 for axis, _ in slid)
    slide = lambda move: _slid_move(axes[move.axis], move) if move.axis < len(axes) else move
    return Interval(length, interval.moved(slide).moves, windowed)


def _slid_move(axis: Axis, move: Move) -> Move:
    if axis == Axis(axis.in_size, axis.in_size, 1):
        return move
    return Move(move.axis, move.step / axis.stretch * axis.stride, axis.out_size)


def _are_alone(reading: Reading, shape: Sequence[int], axes: Iterable[int]) -> bool:
    """Tell whether nothing but one move of an interval is on each of these axes, from its first entry to its last.

    What a window reads is an interval only there.
    """
    moves = [(move.axis, move.every, move.size) for interval in reading for move in interval.moves]
    return all((axis, 1, shape[axis]) == move for axis in axes for move in moves if move[0] == axis)


def _renamed(reading: Reading, rename: Callable[[int], int]) -> Reading:
    return tuple(interval.moved(lambda move: replace(move, axis=rename(move.axis))) for interval in reading)


def _reshaped(reading: Reading, old: tuple[int, ...], new: tuple[int, ...]) -> Reading:
    """Follow entries, in the order in which they are laid out flat, to the axes that they are on now.

    Where an interval moves is a digit of an entry's flat place, as each axis is. An axis that holds a part of it is one
    along which it moves, by as much as that part is worth. What no axes hold in whole parts is read as a whole.
    """
    return tuple(_reshaped_interval(interval, old, new) for interval in reading)


def _reshaped_interval(interval: Interval, old: tuple[int, ...], new: tuple[int, ...]) -> Interval:
    length, moves = interval.length, list[Move]()
    for move in interval.moves:
        parts = _parts(move, math.prod(old[move.axis + 1 :]), new)
        if parts is None:
            length += move.way
        else:
            moves += parts
    return replace(interval, length=length, moves=_merged(moves))


def _parts(move: Move, behind: int, new: tuple[int, ...]) -> list[Move] | None:
    """Cut a digit, before so many entries, into the axes of another shape; None where they hold other parts of it."""
    first, found = move.every * behind, list[Move]()
    left = first * move.size
    for axis, size in enumerate(new):
        unit = math.prod(new[axis + 1 :])
        low, high = max(first, unit), min(first * move.size, unit * size)
        if low >= high:
            continue
        if high != left or high % low or low % first or low % unit:
            return None
        found.append(Move(axis, move.step * (low // first), high // low, low // unit))
        left = low
    return found if left == first else None


def _merged(moves: Sequence[Move]) -> tuple[Move, ...]:
    """Two digits of an axis that follow one another, and are worth as much more, are one."""
    found = list[Move]()
    for move in moves:
        if found and found[-1] == replace(move, step=move.step * move.size, size=found[-1].size, every=_end(move)):
            found[-1] = replace(move, size=found[-1].size * move.size)
        else:
            found.append(move)
    return tuple(found)


def _end(move: Move) -> int:
    """Behind how many entries a move begins anew."""
    return move.every * move.size
