"""How much of the input each node of a program depends on, followed axis by axis, in closed form.

On every axis of the input an entry of a node depends on an interval. It is as long as the windows on the way make it,
whatever falls on padding, and it moves along one axis of the node, by so many inputs a step (Araujo, Norris & Sim,
*Computing receptive fields of convolutional neural networks*, Distill 2019). A sum over that axis joins all of them.
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
class Interval:
    """What the entries of a node read along one axis of the input.

    Attributes:
        length: of the interval that one entry reads.
        axis: of the node, along which the interval moves; None where it does not.
        step: how far it moves from one entry to the next.
        size: how many entries it has on that axis, one after the other.
        windowed: whether a window slid along it.
    """

    length: float
    axis: int | None
    step: float
    size: int
    windowed: bool = False

    @property
    def joined(self) -> "Interval":
        """What a sum of all entries along the axis reads."""
        return replace(self, length=self.length + (self.size - 1) * self.step, axis=None)


Reading = tuple[Interval, ...]


def receptive_fields(program: Program) -> dict[int, tuple[int, ...]]:
    """For each node the lengths of the intervals that it reads, on the input's axes that windows slide along.

    The program has one input; otherwise, and where a map is met that moves entries in no order, nothing is known.
    """
    if len(program.inputs) != 1:
        return {}
    start = program.nodes[program.inputs[0]].shape
    known: dict[int, Reading | None] = {
        program.inputs[0]: tuple(Interval(1, axis if size > 1 else None, 1, size) for axis, size in enumerate(start))
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
    inner = [k for k, interval in enumerate(reading) if interval.axis is not None and interval.axis >= rank]
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
    """An axis becomes the one that its entries are on; one that is split is taken to be read as a whole."""
    place = _targets(A.in_shape, A.out_shape)
    split = {axis for axis, size in enumerate(A.in_shape) if size > 1 and A.out_shape[place[axis]] % size}
    split |= {axis for axis, size in enumerate(A.in_shape) if size == 1}  # which is on no axis of its own any more
    whole = tuple(interval.joined if interval.axis in split else interval for interval in reading)
    return _renamed(whole, lambda axis: place[axis])


@through.register
def _(A: maps.Broadcast, reading: Reading) -> Reading:
    kept = tuple(1 if axis in A.repeated else size for axis, size in enumerate(A.out_shape))
    place = _targets(A.in_shape, kept)
    return _renamed(reading, lambda axis: place[axis])


@through.register
def _(A: maps.Slice, reading: Reading) -> Reading:
    return tuple(
        interval
        if interval.axis is None
        else replace(interval, step=interval.step * A.strides[interval.axis], size=A.out_shape[interval.axis])
        for interval in reading
    )


@through.register
def _(A: maps.Transposed, reading: Reading) -> Reading | None:
    """The sum over repeated axes, and what was put among zeros."""
    if isinstance(A.of, maps.Slice):
        return tuple(
            interval if interval.axis is None else replace(interval, size=A.out_shape[interval.axis])
            for interval in reading
        )
    if not isinstance(A.of, maps.Broadcast):
        return None
    repeated = A.of.repeated
    kept = tuple(1 if axis in repeated else size for axis, size in enumerate(A.in_shape))
    place = _targets(kept, A.out_shape)
    joined = (interval.joined if interval.axis in repeated else interval for interval in reading)
    return _renamed(tuple(joined), lambda axis: place[axis])


@through.register
def _(A: maps.Contraction, reading: Reading) -> Reading:
    """Axes whose letter is gone are summed over; axes of letters that come are new."""
    x, _, z = A.spec
    joined = (
        interval.joined if interval.axis is not None and x[interval.axis] not in z else interval for interval in reading
    )
    return _renamed(tuple(joined), lambda axis: z.index(x[axis]))


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
    found = []
    for interval in reading:
        if interval.axis is not None and interval.axis < len(axes):
            axis = axes[interval.axis]
            step, slides = interval.step / axis.stretch, axis.kernel_size > 1
            length = interval.length + (axis.extent - 1) * step
            found.append(
                Interval(length, interval.axis, step * axis.stride, axis.out_size, interval.windowed or slides)
            )
        elif interval.axis == len(axes) and mixes_channels:
            found.append(interval.joined)
        else:
            found.append(interval)
    return tuple(found)


def _renamed(reading: Reading, rename: Callable[[int], int]) -> Reading:
    return tuple(i if i.axis is None else replace(i, axis=rename(i.axis)) for i in reading)


def _targets(old: tuple[int, ...], new: tuple[int, ...]) -> list[int]:
    """For each axis of a shape the axis of another that holds its entries, after the same in row-major order."""
    ends = [math.prod(new[: k + 1]) for k in range(len(new))]
    return [next((k for k, end in enumerate(ends) if end >= math.prod(old[: axis + 1])), len(new) - 1)
            for axis in range(len(old))]  # fmt: skip
