"""One axis read through an index table: for every output the input position it copies, or the input's size for none.

What is not a member of the relation u·i = s·o + d·k − p (reflected and repeated edges, adaptive bins, repeated tiles)
has a table of its own. A table has one axis, or two where every output reads several positions.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from minicnn.arguments import look_up
from minicnn.axis import Axis, Triples

_INT32 = np.iinfo(np.int32).max  # JAX counts in 32 bits


def gather(x: Array, table: Any, position: int, fill: complex = 0) -> Array:
    """Replace one axis of x by the axes of the table; nothing reads as `fill`."""
    return jnp.take(x, table, axis=position, mode="fill", fill_value=fill)


def scatter(y: Array, table: Any, position: int, in_size: int) -> Array:
    """The adjoint of `gather`: what was copied several times adds."""
    shape = (*y.shape[:position], in_size, *y.shape[position + table.ndim :])
    return jnp.zeros(shape, y.dtype).at[(slice(None),) * position + (table,)].add(y, mode="drop")


def window_positions(axes: Sequence[Axis]) -> Int[Array, "*out taps"]:
    """The flat input position, row-major over the axes, that each output meets through each tap.

    Where they meet nothing it is the number of inputs.

    >>> window_positions([Axis.of(2, 2, padding=1)])
    Array([[2, 0],
           [0, 1],
           [1, 2]], dtype=int32)
    """
    rank, size = len(axes), math.prod(axis.in_size for axis in axes)
    flat, inside = jnp.zeros((), jnp.int32), jnp.ones((), bool)
    for n, axis in enumerate(axes):
        shape = [1] * (2 * rank)
        shape[n], shape[rank + n] = axis.out_size, axis.kernel_size
        i = axis.input_of(np if axis.read_length > _INT32 else jnp).reshape(shape)
        flat, inside = flat * axis.in_size + i, inside & (i >= 0)
    return jnp.where(inside, flat, size).reshape(*(axis.out_size for axis in axes), -1).astype(jnp.int32)


@dataclass(frozen=True)
class PadAxis:
    """One axis padded in one of the `MODES`: by zeros, around the circle, … Negative widths crop."""

    in_size: int
    low: int
    high: int
    mode: str = "zeros"

    @classmethod
    def of(cls, in_size: int, widths: tuple[int, int], mode: str) -> "PadAxis":
        """One axis, padded by (low, high) as the mode can.

        Raises:
            ValueError: if the mode cannot reach so far, or more is cropped than there is.
        """
        axis, reach = cls(in_size, *widths, mode), MODES[mode].reach(in_size)
        if reach is not None and max(widths) > reach:
            raise ValueError(
                f"padding {widths} of an axis of {in_size}: {mode} padding reaches at most {reach}; "
                'pad by less, or with "zeros"'
            )
        if axis.out_size < 0:
            raise ValueError(f"padding {widths} of an axis of {in_size} crops more than there is: crop by less")
        return axis

    @property
    def out_size(self) -> int:
        """The padded size."""
        return self.low + self.in_size + self.high

    @property
    def kernel_size(self) -> int:
        """How many inputs an output can copy: one."""
        return 1

    def table(self, xp: ModuleType = np) -> Any:
        """For every padded position the input position it copies.

        >>> PadAxis(4, 2, 2, "reflect").table()
        array([2, 1, 0, 1, 2, 3, 2, 1])
        """
        return MODES[self.mode].copied(xp, xp.arange(self.out_size) - self.low, self.in_size)

    @property
    def nnz(self) -> int:
        """How many padded positions copy an input: all of them, unless zeros are padded.

        >>> PadAxis(4, 2, -1).nnz
        3
        """
        if self.mode == "zeros":
            return max(self.in_size + min(self.low, 0) + min(self.high, 0), 0)
        return self.out_size

    def triples(self) -> Triples:
        """Every output with the input that it copies, as `Axis.triples` gives them; there is one tap, 0."""
        return _triples(self.table()[:, None], self.in_size)


@dataclass(frozen=True)
class BinAxis:
    """One axis divided into bins of nearly equal size: bin o holds the positions from ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ − 1."""

    in_size: int
    out_size: int

    @property
    def width(self) -> int:
        """The size of the largest bin.

        A bin begins up to (m − gcd(n, m)) / m behind a whole position, m bins of n positions; n mod m more end it.
        """
        if not self.out_size:
            return 0
        whole, rest = divmod(self.in_size, self.out_size)
        return whole + (rest > 0) + (rest > gcd(self.in_size, self.out_size))

    @property
    def kernel_size(self) -> int:
        """How many inputs a bin can hold."""
        return self.width

    def counts(self) -> Int[np.ndarray, " out"]:
        """The size of each bin."""
        start, end = self.ends()
        return end - start

    def table(self, xp: ModuleType = np) -> Any:
        """For every bin its input positions, (out, width).

        >>> BinAxis(5, 3).table()
        array([[0, 1, 5],
               [1, 2, 3],
               [3, 4, 5]])
        """
        start, end = self.ends(xp)
        i = start[:, None] + xp.arange(self.width)[None, :]
        return xp.where(i < end[:, None], i, self.in_size)

    @property
    def nnz(self) -> int:
        """How many positions all bins hold together: n, and one more for each end of a bin that splits a position."""
        return self.in_size + self.out_size - gcd(self.in_size, self.out_size)

    def triples(self) -> Triples:
        """Every bin with each of its inputs, as `Axis.triples` gives them."""
        return _triples(self.table(), self.in_size)

    def ends(self, xp: ModuleType = np) -> tuple[Any, Any]:
        """The first position of each bin, and the one behind its last."""
        overflows = self.in_size * self.out_size > _INT32  # where o·n does not fit, the table is a constant
        o = (np if overflows else xp).arange(self.out_size)
        return o * self.in_size // self.out_size, -(-(o + 1) * self.in_size // self.out_size)


def _triples(table: Int[np.ndarray, "out taps"], in_size: int) -> Triples:
    o, k = np.nonzero(table < in_size)
    return o, k, table[o, k]


def _anywhere(n: int) -> int | None:
    """The reach of a mode that never runs out of positions to copy, as long as there is one."""
    return None if n else 0


class Mode(NamedTuple):
    """A way of padding.

    Attributes:
        copied: from numpy or jax.numpy, positions i relative to an axis, and its size n: the positions that they copy.
        reach: from the size of the axis, how far it can be padded on one side; None if as far as one likes.
    """

    copied: Callable[[ModuleType, Any, int], Any]
    reach: Callable[[int], int | None]


MODES = {
    "zeros": Mode(lambda xp, i, n: xp.where((i >= 0) & (i < n), i, n), lambda n: None),
    "circular": Mode(lambda xp, i, n: i % max(n, 1), _anywhere),
    "reflect": Mode(lambda xp, i, n: n - 1 - xp.abs(n - 1 - xp.abs(i)), lambda n: max(n - 1, 0)),
    "replicate": Mode(lambda xp, i, n: xp.clip(i, 0, max(n - 1, 0)), _anywhere),
    "symmetric": Mode(lambda xp, i, n: xp.minimum(i % max(2 * n, 1), -(i + 1) % max(2 * n, 1)), _anywhere),
}


def check_mode(name: str, mode: str) -> None:
    """Refuse an unknown way of padding.

    Raises:
        ValueError: listing those that are known.
    """
    look_up(name, mode, MODES, "a way of padding")
