"""Where tiles lie: one axis cut into blocks of outputs or of inputs, each with the window that belongs to it.

On every axis a tile is a block of outputs with the window of inputs that they read, or a block of inputs with the
window of outputs that they reach. Blocks lie side by side and windows overlap. Inside a tile the relation holds again,
on a small axis of its own.
"""

import math
from dataclasses import dataclass
from typing import Any

from minicnn.arguments import integer, is_sequence, sizes
from minicnn.axis import Axis


@dataclass(frozen=True)
class Span:
    """Where the tiles of one axis lie: `count` of them, `step` apart, the first at position `first`.

    Each holds `length` positions, `spacing` apart.
    """

    count: int
    length: int
    step: int
    first: int = 0
    spacing: int = 1

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """Where the pieces of a tile begin and end. Tiles are moved piece by piece, one of every tile at once.

        No piece reaches over the next tile, so the pieces of all tiles lie side by side.
        """
        width = -(-self.step // self.spacing)
        return [(start, min(start + width, self.length)) for start in range(0, max(self.length, 1), width)]

    @property
    def stop(self) -> int:
        """The position behind the last one of the last tile."""
        return self.first + (self.count - 1) * self.step + self.extent(self.length)

    def start(self, piece: int) -> int:
        """The position where a piece of the first tile begins."""
        return self.first + self.spacing * piece

    def extent(self, length: int) -> int:
        """How many positions lie from the first to the last of so many."""
        return self.spacing * (length - 1) + 1


@dataclass(frozen=True)
class Cut:
    """One axis cut into tiles.

    Attributes:
        axis: the relation inside one tile.
        x: the tiles of the inputs.
        y: the tiles of the outputs.
    """

    axis: Axis
    x: Span
    y: Span

    @classmethod
    def outputs(cls, axis: Axis, size: int) -> "Cut":
        """Blocks of about `size` outputs, the next multiple of u / gcd(s, u), with the windows that they read."""
        period = axis.stretch // math.gcd(axis.stride, axis.stretch)
        size = period * max(-(-min(size, axis.out_size) // period), 1)
        first, last = axis.span(size)
        first, last = -(-first // axis.stretch), last // axis.stretch
        spacing = _spacing(axis, size)
        tile = Axis(
            in_size=max((last - first) // spacing + 1, 1),
            out_size=size,
            kernel_size=axis.kernel_size,
            stride=max(axis.stride // spacing, 1),
            dilation=axis.dilation // spacing,
            stretch=axis.stretch,
            low=(axis.low + axis.stretch * first) // spacing,
        )
        count = -(-axis.out_size // size)
        # a single window is one piece: no other lies a step further
        step = size * axis.stride // axis.stretch if count > 1 else spacing * tile.in_size
        return cls(tile, Span(count, tile.in_size, step, first, spacing), Span(count, size, size))

    @classmethod
    def inputs(cls, axis: Axis, size: int) -> "Cut":
        """Blocks of about `size` inputs with the windows of outputs that they reach: as on the transposed axis."""
        return cls.outputs(axis.T, size).T

    @classmethod
    def whole(cls, axis: Axis) -> "Cut":
        """One tile that is everything."""
        return cls(axis, *(Span(1, size, max(size, 1)) for size in (axis.in_size, axis.out_size)))

    @property
    def T(self) -> "Cut":
        """The cut of the transposed axis."""
        return Cut(self.axis.T, self.y, self.x)


def _spacing(axis: Axis, size: int) -> int:
    """How far apart the positions lie that a window of `size` outputs reads; those in between are left out of it."""
    if axis.stretch > 1:
        return 1
    return math.gcd(axis.dilation, axis.stride if size > 1 else 0)


# What a tile is a block of, by the word for it.
CUTS = {"outputs": Cut.outputs, "inputs": Cut.inputs}


def tile_sizes(tile: Any) -> int | tuple[int, ...]:
    """The size of a tile as a form is given it: one for every axis, or one each.

    Raises:
        TypeError, ValueError: if it is not made of whole numbers of at least 1.
    """
    return sizes("tile", tile, 1) if is_sequence(tile) else integer("tile", tile, 1)
