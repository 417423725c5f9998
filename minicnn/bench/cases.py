"""What is measured: a table of shapes, each with the question it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.forms.resolve import Padding, sliding


@dataclass(frozen=True)
class Case:
    """One operation on arrays of one shape.

    Attributes:
        name: how reports call it.
        panel: the question it belongs to: "convolution", "network", "transposed", "pool", "scan", "other".
        operation: the key of every rival's table: "conv", "conv_transpose", "max_pool", "avg_pool", "lenet" or
            "resnet18".
        batch: leading batch axis of x.
        in_size: spatial size of x.
        c_in: channels of x.
        c_out: channels of the result.
        kernel: taps or window per axis.
        stride: one for all axes.
        padding: "VALID", "SAME" or the width on every side.
        dilation: one for all axes.
        groups: blocks of channels.
        dtype: of all arrays.
        layout: "NHWC", or "NCHW" where the caller's arrays are channels-first.
        mapped: batch axis of both x and w under vmap, or 0.
    """

    name: str
    panel: str
    operation: str
    batch: int
    in_size: tuple[int, ...]
    c_in: int
    c_out: int
    kernel: tuple[int, ...]
    stride: int = 1
    padding: Padding = "VALID"
    dilation: int = 1
    groups: int = 1
    dtype: str = "float32"
    layout: str = "NHWC"
    mapped: int = 0

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.in_size)

    @property
    def network(self) -> bool:
        """Whether it is a step of training a network, whose operands are parameters."""
        return self.panel == "network"

    @property
    def widths(self) -> tuple[tuple[int, int], ...]:
        """The padding in numbers, (low, high) per axis."""
        slidings = sliding(self.kernel, self.stride, self.padding, self.dilation)
        return tuple(each.widths(size) for each, size in zip(slidings, self.in_size, strict=True))

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of x, channels last."""
        return (self.batch, *self.in_size, self.c_in)

    @property
    def w_shape(self) -> tuple[int, ...]:
        """The shape of w, (*kernel, c_in / groups, c_out), a transposed convolution has that of its convolution."""
        if self.operation == "conv_transpose":
            return (*self.kernel, self.c_out, self.c_in)
        return (*self.kernel, self.c_in // self.groups, self.c_out)

    def operands(self) -> tuple[np.ndarray, ...]:
        """The arrays it is a function of: x, and w where there is one; drawn by a fixed seed."""
        rng = np.random.default_rng(0)
        shapes: Sequence[tuple[int, ...]] = [self.x_shape]
        if self.operation in ("conv", "conv_transpose"):
            shapes = [self.x_shape, self.w_shape]
        if self.mapped:
            shapes = [(self.mapped, *shape) for shape in shapes]
        return tuple(rng.standard_normal(shape).astype(self.dtype) for shape in shapes)


def _conv(name: str, batch: int, size: int, c_in: int, c_out: int, taps: int, **options: Any) -> Case:
    panel = options.pop("panel", "convolution")
    return Case(name, panel, "conv", batch, (size, size), c_in, c_out, (taps, taps), **options)


CASES: tuple[Case, ...] = (
    Case("LeNet-5 step", "network", "lenet", 128, (32, 32), 1, 10, (5, 5)),
    Case("ResNet-18 step", "network", "resnet18", 32, (32, 32), 3, 10, (3, 3), padding="SAME"),
    _conv("LeNet-5 C1", 128, 32, 1, 6, 5),
    _conv("LeNet-5 C3", 128, 14, 6, 16, 5),
    _conv("ResNet-20 stem", 32, 32, 3, 16, 3, padding="SAME"),
    _conv("ResNet-20 32²×16", 32, 32, 16, 16, 3, padding="SAME"),
    _conv("ResNet-20 16²×32", 32, 16, 32, 32, 3, padding="SAME"),
    _conv("ResNet-20 8²×64", 32, 8, 64, 64, 3, padding="SAME"),
    _conv("ResNet-18 56²×64", 8, 56, 64, 64, 3, padding="SAME"),
    _conv("ResNet-18 14²×256", 8, 14, 256, 256, 3, padding="SAME"),
    _conv("ImageNet stem 7×7/2", 4, 224, 3, 64, 7, stride=2, padding=3),
    _conv("depthwise 56²×64", 16, 56, 64, 64, 3, padding="SAME", groups=64),
    _conv("4 groups 28²×64", 8, 28, 64, 64, 3, padding="SAME", groups=4),
    _conv("dilation 2 28²×32", 8, 28, 32, 32, 3, padding="SAME", dilation=2),
    _conv("1×1 28²×128", 8, 28, 128, 128, 1),
    Case("transposed 4×4/2", "transposed", "conv_transpose", 8, (32, 32), 64, 32, (4, 4), stride=2, padding="SAME"),
    Case("max pool 2×2", "pool", "max_pool", 128, (28, 28), 16, 16, (2, 2), stride=2),
    Case("max pool 3×3/2", "pool", "max_pool", 32, (57, 57), 32, 32, (3, 3), stride=2),
    Case("average pool 2×2", "pool", "avg_pool", 128, (28, 28), 16, 16, (2, 2), stride=2),
    _conv("NCHW 14²×6→16", 128, 14, 6, 16, 5, layout="NCHW", panel="scan"),
    Case("1-D 100,000, k 1,000/100", "other", "conv", 1, (100_000,), 1, 1, (1000,), stride=100),
    _conv("float64 300², k 31", 1, 300, 1, 1, 31, dtype="float64", padding="SAME", panel="other"),
    _conv("vmap over x and w", 8, 16, 8, 8, 3, padding="SAME", mapped=8, panel="other"),
)


def find(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases whose names contain one of the words, or all of them without words.

    Raises:
        ValueError: listing the names there are.

    >>> [case.name for case in minicnn.bench.find(["depthwise"])]
    ['depthwise 56²×64']
    """
    found = tuple(case for case in CASES if not names or any(word.lower() in case.name.lower() for word in names))
    if not found:
        raise ValueError(f"`only`={list(names)} names no case: there are {', '.join(case.name for case in CASES)}")
    return found
