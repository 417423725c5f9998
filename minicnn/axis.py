"""One spatial axis: the relation between outputs, inputs and kernel taps.

Output position o meets input position i through tap k exactly when

    u·i = s·o + d·k − p        0 ≤ i < n_in,  0 ≤ o < n_out,  0 ≤ k < n_k

with stride s, dilation d, input stretch u and low padding p. Everything else in minicnn (the convolution
matrix, its transpose, pooling, tiles) is a consequence of this line. See Dumoulin & Visin, *A guide to
convolution arithmetic for deep learning* (arXiv 1603.07285), for the sizes it implies.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from types import ModuleType
from typing import Any, Literal, Protocol, cast

import numpy as np
from jaxtyping import Int

from minicnn.arguments import integer, is_integer, is_sequence, look_up, untraced
from minicnn.lattice import solutions

PaddingWord = Literal["VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL"]
AxisPadding = PaddingWord | int | tuple[int, int]
Triples = tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]


# The least value of each number of an axis; only the dilation and the padding may be negative.
_LEAST = {"in_size": 0, "out_size": 0, "kernel_size": 0, "stride": 1, "dilation": None, "stretch": 1, "low": None}


@dataclass(frozen=True)
class Axis:
    """The relation u·i = s·o + d·k − p on one axis, and nothing else.

    `Axis` is hashable, so it is static under `jax.jit`. It is closed under transposition (`Axis.T`) and under
    flipping the kernel (`Axis.flipped`). `Axis.of` works out the size and the padding from a word.

    Attributes:
        in_size: number of input positions, n_in ≥ 0.
        out_size: number of output positions, n_out ≥ 0; may overhang the input.
        kernel_size: number of taps, n_k ≥ 0.
        stride: input steps per output, s ≥ 1.
        dilation: steps between taps, d ≠ 0; negative means that the kernel is flipped.
        stretch: steps between input positions, u ≥ 1; a convolution has 1.
        low: padding before the input, p; negative means cropping.

    >>> axis = Axis(in_size=5, out_size=2, kernel_size=3, stride=2)
    >>> axis.reads(1)
    (2, 3, 4)
    >>> axis.T.T == axis
    True
    """

    in_size: int
    out_size: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    stretch: int = 1
    low: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            object.__setattr__(self, name, integer(name, getattr(self, name), least))
        if self.dilation == 0:
            raise ValueError("`dilation`=0 puts all taps in one place: use 1 for a kernel without gaps")

    @staticmethod
    def of(
        in_size: int,
        kernel_size: int,
        stride: int = 1,
        padding: AxisPadding = "VALID",
        dilation: int = 1,
        stretch: int = 1,
    ) -> "Axis":
        """Work out the output size and the low padding.

        The output has ⌊(u(n−1) + 1 + p_lo + p_hi − d(k−1) − 1) / s⌋ + 1 positions, or none when the kernel does
        not fit (Dumoulin & Visin, relationships 6 and 15).

        Args:
            in_size: number of input positions.
            kernel_size: number of taps.
            stride: input steps per output.
            padding: a word, one int for both sides, or (low, high). "SAME" gives ⌈n/s⌉ outputs with the odd
                position of padding high, "SAME_LOWER" low; "FULL" gives every overlap; "CAUSAL" pads low only.
            dilation: steps between taps, at least 1.
            stretch: steps between input positions.

        Raises:
            ValueError: for an unknown word or a size, stride, dilation or stretch out of range.

        >>> Axis.of(in_size=28, kernel_size=5, padding="SAME")
        Axis(in_size=28, out_size=28, kernel_size=5, stride=1, dilation=1, stretch=1, low=2)
        """
        return Sliding(kernel_size, stride, padding, dilation, stretch).over(integer("in_size", in_size, 0))

    @property
    def T(self) -> "Axis":
        """The transposed relation: i and o change places, so s and u do, and d and p change sign."""
        return Axis(
            in_size=self.out_size,
            out_size=self.in_size,
            kernel_size=self.kernel_size,
            stride=self.stretch,
            dilation=-self.dilation,
            stretch=self.stride,
            low=-self.low,
        )

    @property
    def flipped(self) -> "Axis":
        """The same axis with the kernel reversed, k → n_k − 1 − k."""
        return replace(self, dilation=-self.dilation, low=self.low - self.dilation * (self.kernel_size - 1))

    @property
    def forwards(self) -> "Axis":
        """The same axis with a kernel that is read forwards: reversed if its taps run backwards."""
        return self if self.dilation > 0 else self.flipped

    @property
    def extent(self) -> int:
        """How many steps the dilated kernel spans, |d|(k − 1) + 1."""
        return abs(self.dilation) * (self.kernel_size - 1) + 1 if self.kernel_size else 0

    @property
    def stretched(self) -> int:
        """The length of the input with u − 1 gaps between neighbours, u(n − 1) + 1.

        On the transposed axis it is the length from the first window's start to the last one's, s(n_out − 1) + 1.
        """
        return self.stretch * (self.in_size - 1) + 1 if self.in_size else 0

    def position(self, o: Any, k: Any) -> Any:
        """The stretched input position that output o reads through tap k, s·o + d·k − p: ints or arrays of them.

        >>> Axis.of(5, 3, stride=2, padding=1).position(1, 2)
        3
        """
        return self.stride * o + self.dilation * k - self.low

    def span(self, outputs: int) -> tuple[int, int]:
        """The first and the last stretched input position that the first `outputs` outputs read, inside x or not.

        >>> Axis.of(5, 3, stride=2, padding=1).span(2)
        (-1, 3)
        """
        corners = [self.position(o, k) for o in (0, outputs - 1) for k in (0, self.kernel_size - 1)]
        return min(corners), max(corners)

    @property
    def read_length(self) -> int:
        """The number of stretched positions from the first that any window spans to the last, inside x or not."""
        return self.T.stretched + max(self.extent - 1, 0)

    @property
    def met(self) -> range:
        """The outputs whose windows reach into the input, from the first to the last: all others see only padding.

        >>> Axis.of(5, 3, stride=4, padding=8).met
        range(2, 4)
        """
        first, last = self.span(1)
        start, stop = -(last // self.stride), (self.stretched - 1 - first) // self.stride + 1
        start = min(max(start, 0), self.out_size)
        return range(start, min(max(stop, start), self.out_size))

    @property
    def whole(self) -> range:
        """The outputs whose windows lie within the stretched input: what they read repeats, all others are at an end.

        >>> Axis.of(5, 3, padding=1).whole
        range(1, 4)
        """
        first, last = self.span(1)
        start = min(max(-(first // self.stride), 0), self.out_size)
        stop = min((self.stretched - 1 - last) // self.stride + 1, self.out_size)
        return range(start, max(stop, start))

    def cut(self, outputs: range) -> "Axis":
        """The axis of some of its outputs, one after the other."""
        return replace(self, out_size=len(outputs), low=self.low - self.stride * outputs.start)

    def through(self, k: int) -> "Axis":
        """The axis of one of its taps alone."""
        return replace(self, kernel_size=1, dilation=1, low=self.low - self.dilation * k)

    def tap_of(self, xp: ModuleType = np) -> Any:
        """For each output and input the tap that joins them, or n_k where none does: integers (out, in).

        `xp` is numpy or jax.numpy; with the latter the table comes from iota and is not baked into a program.

        >>> Axis(in_size=4, out_size=2, kernel_size=3).tap_of()
        array([[0, 1, 2, 3],
               [3, 0, 1, 2]])
        """
        o, i = xp.arange(self.out_size)[:, None], xp.arange(self.in_size)[None, :]
        tap, rest = xp.divmod(self.stretch * i - self.position(o, 0), self.dilation)
        return xp.where((rest == 0) & (tap >= 0) & (tap < self.kernel_size), tap, self.kernel_size)

    def input_of(self, xp: ModuleType = np) -> Any:
        """For each output and tap the input position where they meet, or −1 where they meet none: (out, kernel).

        `xp` is numpy or jax.numpy, as in `tap_of`.

        >>> Axis.of(3, 3, padding=1).input_of()
        array([[-1,  0,  1],
               [ 0,  1,  2],
               [ 1,  2, -1]])
        """
        o, k = xp.arange(self.out_size)[:, None], xp.arange(self.kernel_size)[None]
        i, rest = xp.divmod(self.position(o, k), self.stretch)
        return xp.where((rest == 0) & (i >= 0) & (i < self.in_size), i, -1)

    def taps(self, xp: ModuleType = np) -> Any:
        """The tap tensor T: T[o, k, i] is 1 where the relation holds and 0 elsewhere, (out, kernel, in).

        >>> Axis(in_size=3, out_size=2, kernel_size=2).taps()[0]
        array([[1, 0, 0],
               [0, 1, 0]])
        """
        k = xp.arange(self.kernel_size)[None, :, None]
        return (self.tap_of(xp)[:, None, :] == k).astype(int)

    def progressions(self) -> tuple[Int[np.ndarray, " out"], Int[np.ndarray, " out"], int]:
        """For each output the first tap that meets an input, how many taps do, and the steps from one to the next.

        d·k = u·i + p − s·o has solutions k that are u / gcd(u, d) apart, between those that meet the ends of the input.

        >>> Axis(in_size=3, out_size=6, kernel_size=3, stretch=2, low=1).progressions()
        (array([1, 0, 1, 0, 1, 0]), array([1, 2, 1, 2, 1, 1]), 2)
        """
        u, d, common = self.stretch, self.dilation, gcd(self.stretch, self.dilation)
        step, start = u // common, self.position(np.arange(self.out_size, dtype=np.int64), 0)
        ends = (0, self.stretched - 1)
        lowest, highest = ends if d > 0 else ends[::-1]
        low = np.maximum(-((start - lowest) // d), 0)
        high = np.minimum((highest - start) // d, self.kernel_size - 1)
        phase = (-start // common) % step * pow(d // common, -1, step)
        first = low + (phase - low) % step
        count = np.maximum((high - first) // step + 1, 0)
        return first, np.where(start % common == 0, count, 0), step

    def counts(self) -> Int[np.ndarray, " out"]:
        """How many inputs each output reads.

        >>> Axis.of(3, 3, padding=1).counts()
        array([2, 3, 2])
        """
        return self.progressions()[1]

    def triples(self) -> Triples:
        """All outputs, taps and inputs that meet, as three lists in the order (o, k): the ones of T.

        >>> o, k, i = Axis(in_size=3, out_size=2, kernel_size=2).triples()
        >>> list(zip(o.tolist(), k.tolist(), i.tolist()))
        [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)]
        """
        first, count, step = self.progressions()
        o = np.repeat(np.arange(self.out_size), count)
        place = np.arange(o.size) - np.repeat(np.cumsum(count) - count, count)
        k = first[o] + step * place
        return o, k, self.position(o, k) // self.stretch

    @property
    def nnz(self) -> int:
        """The number of triples (o, k, i) in the relation: the ones of T, which are counted without being listed.

        >>> Axis.of(10**9, 10**6).nnz
        999000001000000
        """
        axis = min(self, self.T, key=lambda axis: axis.stretch).forwards  # either has as many
        (shorter, a), (longer, b) = sorted([(axis.out_size, axis.stride), (axis.kernel_size, axis.dilation)])
        return solutions((a, b, axis.stretch), -axis.low, (shorter, longer, axis.in_size))

    def reads(self, output: int) -> tuple[int, ...]:
        """The input positions that one output reads: its receptive field, in increasing order."""
        o = range(self.out_size)[output]
        _, _, inputs = self.cut(range(o, o + 1)).triples()
        return tuple(sorted(inputs.tolist()))

    def unread(self) -> tuple[int, ...]:
        """The input positions that no output reads: the zero columns of the convolution matrix.

        >>> Axis.of(in_size=6, kernel_size=3, stride=2).unread()
        (5,)
        """
        backwards, period = self.T, self.stride // gcd(self.stride, self.stretch)
        whole = backwards.whole
        idle = np.array(_idle(backwards, whole[:period]), np.int64)
        repeated = np.add.outer(np.arange(0, len(whole), period), idle).ravel() if idle.size else idle
        inside = repeated[repeated < whole.stop].tolist()
        return *_idle(backwards, range(whole.start)), *inside, *_idle(backwards, range(whole.stop, self.in_size))


def _idle(axis: Axis, outputs: range) -> list[int]:
    """Those of some outputs that read no input, which are looked for piece by piece."""
    pieces = (outputs[start : start + _PIECE] for start in range(0, len(outputs), _PIECE))
    return [o for piece in pieces for o in (piece.start + np.flatnonzero(axis.cut(piece).counts() == 0)).tolist()]


_PIECE = 65_536  # outputs at a time, so that memory does not grow with their number


class Windows(Protocol):
    """What has windows on one axis: an `Axis`, or a table of its own."""

    @property
    def in_size(self) -> int:
        """The number of input positions."""
        ...

    @property
    def out_size(self) -> int:
        """The number of output positions."""
        ...

    @property
    def kernel_size(self) -> int:
        """The number of taps of a window."""
        ...

    def triples(self) -> Triples:
        """All outputs, taps and inputs that meet."""
        ...


def triples(axes: Sequence[Windows]) -> Triples:
    """All outputs, taps and inputs that meet on several axes at once, as row-major positions.

    >>> o, k, i = triples([Axis(2, 2, 1), Axis(3, 2, 2)])
    >>> o.tolist(), k.tolist(), i.tolist()
    ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 2, 3, 4, 4, 5])
    """
    outputs, taps, inputs = (np.zeros(1, np.int64) for _ in range(3))
    for axis in axes:
        o, k, i = axis.triples()
        outputs = np.add.outer(outputs * axis.out_size, o).ravel()
        taps = np.add.outer(taps * axis.kernel_size, k).ravel()
        inputs = np.add.outer(inputs * axis.in_size, i).ravel()
    return outputs, taps, inputs


@dataclass(frozen=True)
class Sliding:
    """A kernel sliding over an axis whose input size is still open.

    It answers both size questions: how many outputs an input has, and which inputs have a given number of outputs.
    """

    kernel_size: int
    stride: int = 1
    padding: AxisPadding = "VALID"
    dilation: int = 1
    stretch: int = 1

    def __post_init__(self) -> None:
        for name, least in {"kernel_size": 0, "stride": 1, "dilation": 1, "stretch": 1}.items():
            object.__setattr__(self, name, integer(name, getattr(self, name), least))
        object.__setattr__(self, "padding", _checked_padding(self.padding))

    @property
    def extent(self) -> int:
        """How many steps the dilated kernel spans, d(k − 1) + 1."""
        return self.dilation * (self.kernel_size - 1) + 1 if self.kernel_size else 0

    def widths(self, in_size: int) -> tuple[int, int]:
        """The requested padding as (low, high); negative widths crop."""
        if isinstance(self.padding, str):
            return _WORDS[self.padding](self, self.stretched(in_size))
        return self.padding if isinstance(self.padding, tuple) else (self.padding, self.padding)

    def stretched(self, in_size: int) -> int:
        """The length of the input with u − 1 gaps between neighbours, u(n − 1) + 1."""
        return self.stretch * (in_size - 1) + 1 if in_size else 0

    def room(self, in_size: int) -> int:
        """How far the first window can move before it leaves the padded input; negative if it does not fit."""
        return self.stretched(in_size) + sum(self.widths(in_size)) - self.extent

    def out_size(self, in_size: int) -> int:
        """How many outputs an input of this size has; 0 where the kernel does not fit."""
        return max(self.room(in_size) // self.stride + 1, 0)

    @property
    def keeps_size(self) -> bool:
        """Whether there are ⌈n/s⌉ outputs whatever the kernel, so that an empty input has an empty output."""
        return self.padding in _CEILING

    def over(self, in_size: int) -> Axis:
        """The relation for an input of this size."""
        low, _ = self.widths(in_size)
        out_size = self.out_size(in_size)
        return Axis(in_size, out_size, self.kernel_size, self.stride, self.dilation, self.stretch, low)

    def remainder(self, in_size: int) -> int:
        """The positions at the end that no window reaches: the `a` of Dumoulin & Visin, relationship 14.

        Two input sizes that differ in it alone have the same output size, which is why a transposed
        convolution must be told which of them is meant.

        >>> [(n, Sliding(3, 2, 1).out_size(n), Sliding(3, 2, 1).remainder(n)) for n in (5, 6)]
        [(5, 3, 0), (6, 3, 1)]
        """
        return self.room(in_size) % self.stride

    def in_sizes(self, out_size: int) -> range:
        """All input sizes that have this number of outputs, found by bisection: `out_size` never falls.

        >>> Sliding(3, stride=2, padding=1).in_sizes(3)
        range(5, 7)
        """
        pads = 0 if isinstance(self.padding, str) else sum(self.widths(0))
        sizes = range((self.stride * (out_size + 1) + self.extent + abs(pads)) // self.stretch + 3)
        return range(bisect_left(sizes, out_size, key=self.out_size), bisect_right(sizes, out_size, key=self.out_size))

    def in_size(self, out_size: int, requested: int | None = None, extra: int = 0) -> int:
        """The input size that a transposed convolution of so many positions returns to.

        Without a request it is s(o − 1) + d(k − 1) + 1 − p_lo − p_hi + `extra` (unstretched), or s·o for "SAME".

        Raises:
            ValueError: where no convolution of an input of that size has `out_size` outputs; lists those that could.
        """
        if not 0 <= extra < self.stride:
            raise ValueError(f"`output_padding`={extra} must be from 0 to {self.stride - 1}, less than the stride")
        if requested is None and not out_size:
            raise ValueError("`output_size` is needed where y is empty: no size can be told from it")
        sizes = self.in_sizes(out_size)
        if not sizes:
            raise ValueError(
                f"no input has {out_size} outputs here, so y cannot have that size: check `padding`={self.padding!r}"
            )
        could = f"inputs of size {_either(sizes)} have {out_size} outputs here"
        if extra and self.keeps_size:
            raise ValueError(
                f"`output_padding`={extra} has no meaning with {self.padding}: give `output_size`; {could}"
            )
        size = self._usual_in_size(out_size, extra) if requested is None or extra else requested
        if requested not in (None, size):
            raise ValueError(f"`output_size`={requested} and `output_padding`={extra} disagree: that gives {size}")
        if size not in sizes:
            raise ValueError(f"`output_size`={size} is not an input with {out_size} outputs: {could}")
        return size

    def _usual_in_size(self, out_size: int, extra: int) -> int:
        if self.keeps_size:
            return self.in_sizes(out_size)[-1]
        length = self.stride * (out_size - 1) + self.extent - sum(self.widths(0)) + extra
        return -(-(length - 1) // self.stretch) + 1 if length > 0 else 0


def _same(sliding: Sliding, length: int) -> int:
    outputs = -(-length // sliding.stride)
    return max((outputs - 1) * sliding.stride + sliding.extent - length, 0)


# Each word: the sliding kernel and the stretched length of the input to the widths (low, high).
_WORDS = {
    "VALID": lambda sliding, length: (0, 0),
    "SAME": lambda sliding, length: (_same(sliding, length) // 2, -(-_same(sliding, length) // 2)),
    "SAME_LOWER": lambda sliding, length: (-(-_same(sliding, length) // 2), _same(sliding, length) // 2),
    "FULL": lambda sliding, length: (sliding.extent - 1, sliding.extent - 1),
    "CAUSAL": lambda sliding, length: (sliding.extent - 1, 0),
}

_CEILING = ("SAME", "SAME_LOWER")  # ⌈n/s⌉ outputs whatever the kernel


def _either(sizes: range) -> str:
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def _checked_padding(padding: Any) -> AxisPadding:
    """A word, an int or a pair of ints; what lists two ints is a pair."""
    if isinstance(padding, str):
        look_up("padding", padding, _WORDS, "a padding word")
        return cast(PaddingWord, padding)
    widths = tuple(padding) if is_sequence(padding) else (padding, padding)
    if len(widths) != 2 or not all(map(is_integer, widths)):
        untraced("padding", padding)
        raise TypeError(f"`padding`={padding!r} on one axis must be a word, an int or a pair (low, high)")
    low, high = (integer("padding", width) for width in widths)
    return (low, high) if is_sequence(padding) else low
