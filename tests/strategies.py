"""Geometries and data for Hypothesis, and a catalogue of the corners that must be met every time."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import hypothesis.strategies as st
import numpy as np

from minicnn import Axis
from tests import oracles

WORDS = ("VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL")
seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Case:
    """One convolution: its geometry and the shapes of its arrays. `channels` are those of one group, (in, out)."""

    in_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...] = ()
    padding: Any = "VALID"
    dilation: tuple[int, ...] = ()
    stretch: tuple[int, ...] = ()
    groups: int = 1
    channels: tuple[int, int] = (1, 1)
    batch: tuple[int, ...] = (2,)
    flip: bool = False

    def __post_init__(self) -> None:
        for name in ("stride", "dilation", "stretch"):
            object.__setattr__(self, name, getattr(self, name) or (1,) * len(self.in_size))

    @property
    def rank(self) -> int:
        return len(self.in_size)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `conv`."""
        return {**self.sliding, "stretch": self.stretch, "groups": self.groups, "flip": self.flip}

    @property
    def sliding(self) -> dict[str, Any]:
        """The keyword arguments of `unfold`."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        padding = self.padding if isinstance(self.padding, tuple) else (self.padding,) * self.rank
        columns = (padding, self.in_size, self.kernel_size, self.stride, self.dilation, self.stretch)
        return tuple(oracles.widths(*row) for row in zip(*columns, strict=True))

    @cached_property
    def seen(self) -> np.ndarray:
        return oracles.windows(self.in_size, self.kernel_size, self.stride, self.pads, self.dilation, self.stretch)

    @property
    def x_shape(self) -> tuple[int, ...]:
        return (*self.batch, *self.in_size, self.groups * self.channels[0])

    @property
    def w_shape(self) -> tuple[int, ...]:
        return (*self.kernel_size, self.channels[0], self.groups * self.channels[1])

    @property
    def y_shape(self) -> tuple[int, ...]:
        return (*self.batch, *self.seen.shape[: self.rank], self.groups * self.channels[1])

    def data(self, seed: int, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Small integers for x, w and y: every sum of products is exact in float32."""
        rng = np.random.default_rng(seed)
        x, w, y = (rng.integers(-4, 5, shape).astype(dtype) for shape in (self.x_shape, self.w_shape, self.y_shape))
        return x, w, y

    def matrix(self, w: np.ndarray) -> np.ndarray:
        """C(w) by brute force."""
        return oracles.conv_matrix(w, self.seen, self.in_size, self.groups, self.flip)

    def patches(self, x: np.ndarray) -> np.ndarray:
        """X(x) by brute force."""
        images = x.reshape(int(np.prod(x.shape[: -self.rank - 1])), *x.shape[-self.rank - 1 :])
        return oracles.patch_matrix(images, self.w_shape, self.seen, self.groups, self.flip)

    def times(self, M: np.ndarray, v: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """M times every image of a batch."""
        return (v.reshape(-1, M.shape[1]) @ M.T).reshape(shape) if v.size and M.size else np.zeros(shape, v.dtype)


@st.composite
def cases(draw: Any, ranks: tuple[int, ...] = (1, 1, 2, 2, 3), stretched: bool = True, one_image: bool = False) -> Case:
    """Any convolution whose kernel fits its padded input."""
    rank = draw(st.sampled_from(ranks))
    largest = {1: 8, 2: 5, 3: 3}[rank]

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank)))

    pair = st.tuples(st.integers(-2, 3), st.integers(-2, 3))
    padding = draw(st.one_of(st.sampled_from(WORDS), st.tuples(*(st.one_of(st.sampled_from(WORDS), pair),) * rank)))
    case = Case(
        in_size=each(1, largest),
        kernel_size=each(1, min(4, largest)),
        stride=each(1, 4 if rank == 1 else 3),
        padding=padding,
        dilation=each(1, 3 if rank < 3 else 2),
        stretch=each(1, 3 if rank < 3 else 2) if stretched else (1,) * rank,
        groups=draw(st.integers(1, 3)),
        channels=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        batch=() if one_image else draw(st.sampled_from([(), (0,), (1,), (2,), (2, 1)])),
        flip=draw(st.booleans()),
    )
    return fitting(case)


def fitting(case: Case) -> Case:
    """The same case with as much more high padding as the kernel needs to fit."""
    pads = []
    for (low, high), n, k, d, u in zip(
        case.pads, case.in_size, case.kernel_size, case.dilation, case.stretch, strict=True
    ):
        missing = d * (k - 1) + 1 - (u * (n - 1) + 1 + low + high)
        pads.append((low, high + max(missing, 0)))
    return case if tuple(pads) == case.pads else replace(case, padding=tuple(pads))


def axes(least: int = 0) -> st.SearchStrategy[Axis]:
    """Any axis at all: negative dilation and padding, overhanging outputs, empty sides."""
    return st.builds(
        Axis,
        in_size=st.integers(least, 9),
        out_size=st.integers(least, 9),
        kernel_size=st.integers(least, 5),
        stride=st.integers(1, 4),
        dilation=st.integers(-4, 4).filter(bool),
        stretch=st.integers(1, 4),
        low=st.integers(-9, 9),
    )


CORNERS = {
    "1d": Case((7,), (3,)),
    "2d": Case((5, 4), (3, 2), channels=(2, 3)),
    "3d": Case((4, 3, 3), (2, 3, 2), channels=(2, 1)),
    "no_batch": Case((5,), (3,), batch=()),
    "two_batch_axes": Case((5,), (3,), batch=(2, 3)),
    "empty_batch": Case((5, 5), (3, 3), batch=(0,)),
    "size_1": Case((1, 1), (1, 1), channels=(3, 2)),
    "size_1_same": Case((1,), (3,), padding="SAME"),
    "same_even_kernel": Case((6, 5), (2, 4), padding="SAME"),
    "same_lower_even_kernel": Case((6, 5), (2, 4), padding="SAME_LOWER"),
    "same_strided": Case((7, 8), (3, 3), stride=(2, 3), padding="SAME"),
    "full": Case((4, 3), (3, 2), padding="FULL"),
    "full_dilated": Case((5,), (3,), padding="FULL", dilation=(2,)),
    "causal": Case((6,), (3,), padding="CAUSAL", dilation=(2,)),
    "int_padding": Case((5, 4), (3, 3), padding=1),
    "word_per_axis": Case((5, 4), (3, 3), padding=("SAME", (2, 0))),
    "negative_padding": Case((8, 7), (3, 2), padding=((-1, -2), (2, -1))),
    "crops_to_one_window": Case((6,), (2,), padding=((-3, -1),)),
    "kernel_larger_than_input": Case((2, 3), (4, 4), padding=((2, 2), (0, 2))),
    "stride_larger_than_kernel": Case((9, 8), (2, 1), stride=(4, 3)),
    "remainder": Case((8,), (3,), stride=(3,)),
    "dilated": Case((7, 7), (3, 2), dilation=(2, 3)),
    "stretched": Case((4, 3), (3, 3), stretch=(2, 3), padding=1),
    "stretched_and_strided": Case((5,), (4,), stride=(2,), stretch=(3,), padding=((2, 1),), dilation=(2,)),
    "stretch_equals_stride": Case((5,), (3,), stride=(2,), stretch=(2,)),
    "stretched_out_of_reach": Case((2,), (1,), stride=(2,), stretch=(4,), padding=((1, 1),)),
    "empty_input": Case((0,), (2,), padding=((2, 1),)),
    "only_padding_read": Case((1,), (2,), stride=(3,), padding=((4, 4),)),
    "grouped": Case((4, 4), (3, 3), groups=2, channels=(2, 3)),
    "depthwise": Case((4, 4), (3, 3), groups=3),
    "depthwise_multiplied": Case((5,), (3,), groups=2, channels=(1, 2), stride=(2,), padding="SAME"),
    "flipped": Case((5, 4), (3, 2), flip=True, channels=(2, 1)),
    "flipped_padded_dilated": Case((6,), (3,), flip=True, padding=((2, 0),), dilation=(2,), stride=(2,)),
    "3d_everything": Case(
        (4, 3, 3),
        (2, 3, 2),
        stride=(2, 1, 3),
        padding=("SAME", (3, -1), "FULL"),
        dilation=(1, 2, 1),
        stretch=(2, 1, 1),
        groups=2,
        channels=(2, 1),
        flip=True,
    ),
}
