"""The geometry of a convolution: one `Axis` per spatial axis, and how the channels are joined."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Bool

from minicnn.axis import Axis, AxisPadding, PaddingWord, Sliding

Padding = PaddingWord | int | Sequence[AxisPadding]
Mask = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Geometry:
    """Everything static about the trilinear form τ(x, w, y): its axes, channels and groups.

    x is (*in_size, c_in), w is (*kernel, c_in / groups, c_out) with c_out group-major, y is (*out_size, c_out). `mask`,
    where there is one, says for each of the last two axes of w which channels are joined.
    """

    axes: tuple[Axis, ...]
    c_in: int
    c_out: int
    groups: int = 1
    mask: Mask | None = None

    @property
    def in_shape(self) -> tuple[int, ...]:
        """(*in_size, c_in)."""
        return (*(axis.in_size for axis in self.axes), self.c_in)

    @property
    def out_shape(self) -> tuple[int, ...]:
        """(*out_size, c_out)."""
        return (*(axis.out_size for axis in self.axes), self.c_out)

    @property
    def w_shape(self) -> tuple[int, ...]:
        """(*kernel, c_in / groups, c_out)."""
        return (*(axis.kernel_size for axis in self.axes), self.c_in // self.groups, self.c_out)

    @property
    def split_shape(self) -> tuple[int, ...]:
        """The kernel's shape with its groups apart: (*kernel, c_in / groups, groups, c_out / groups)."""
        return (*self.w_shape[:-1], self.groups, self.c_out // self.groups)

    @property
    def T(self) -> "Geometry":
        """The transposed geometry: every axis transposed, the channels exchanged."""
        mask = None
        if self.mask is not None:
            swapped = self.joined.reshape(self.split_shape[-3:]).swapaxes(0, 2)
            mask = as_mask(swapped.reshape(self.c_out // self.groups, self.c_in))
        return Geometry(tuple(axis.T for axis in self.axes), self.c_out, self.c_in, self.groups, mask)

    @property
    def flipped(self) -> "Geometry":
        """The same geometry with the kernel reversed on every axis."""
        return replace(self, axes=tuple(axis.flipped for axis in self.axes))

    def times(self, c_in: int = 1, c_out: int = 1, groups: int = 1) -> "Geometry":
        """The geometry with so many times the channels or the groups; more groups bring their channels along."""
        return replace(
            self, c_in=self.c_in * c_in * groups, c_out=self.c_out * c_out * groups, groups=self.groups * groups
        )

    @property
    def joined(self) -> Bool[np.ndarray, "c co"]:
        """Which channels of the kernel are joined: the mask, or all."""
        return np.ones(self.w_shape[-2:], bool) if self.mask is None else np.array(self.mask, bool)

    @property
    def unmasked(self) -> "Geometry":
        """The same geometry with all channels joined, for kernels that hold their zeros themselves."""
        return replace(self, mask=None)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros of C: on each axis the ones of T, times the joined channels."""
        return math.prod(axis.nnz for axis in self.axes) * int(self.joined.sum())


def sliding_axes(
    kernel_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    stretch: int | Sequence[int] = 1,
) -> tuple[Sliding, ...]:
    """Spread the arguments of a convolution over its axes.

    Raises:
        ValueError: naming the argument whose length is not the number of axes.
    """
    rank = len(kernel_size)
    if rank == 0:
        raise ValueError("a convolution needs at least one spatial axis; use a matrix product for none")
    columns = (
        tuple(kernel_size),
        _per_axis("stride", stride, rank),
        _padding(padding, rank),
        _per_axis("dilation", dilation, rank),
        _per_axis("stretch", stretch, rank),
    )
    return tuple(Sliding(*row) for row in zip(*columns, strict=True))


def resolve(slidings: Sequence[Sliding], in_size: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of kernels sliding over inputs of known size.

    Raises:
        ValueError: where the sizes and the axes differ in number, or a kernel is larger than its padded input.
    """
    if len(in_size) != len(slidings):
        raise ValueError(
            f"`in_size`={tuple(in_size)} has {len(in_size)} axes and the kernel {len(slidings)}: "
            "give one size per spatial axis"
        )
    for position, (sliding, size) in enumerate(zip(slidings, in_size, strict=True)):
        if sliding.kernel_size == 0:
            raise ValueError(f"the kernel has no taps on axis {position}: give it at least one")
        if sliding.room(size) < 0:
            raise ValueError(
                f"the kernel spans {sliding.extent} on axis {position} and the padded input only "
                f"{sliding.extent + sliding.room(size)}: pad by {-sliding.room(size)} more or use a smaller kernel"
            )
    return tuple(sliding.over(size) for sliding, size in zip(slidings, in_size, strict=True))


def check_groups(c_in: int, c_out: int, groups: int) -> None:
    """Refuse groups that do not divide the channels.

    Raises:
        ValueError: naming the channels that `groups` does not divide.
    """
    if groups < 1:
        raise ValueError(f"`groups`={groups} must be at least 1")
    for name, channels in (("c_in", c_in), ("c_out", c_out)):
        if channels % groups:
            raise ValueError(f"`groups`={groups} must divide {name}={channels}")


def as_mask(mask: Any) -> Mask:
    """A table of channels as something that can be compared and hashed."""
    return tuple(tuple(bool(joined) for joined in row) for row in np.asarray(mask))


def check_mask(mask: Any, shape: tuple[int, ...]) -> Mask | None:
    """The mask of a kernel, or None.

    Raises:
        ValueError: if it is no table of zeros and ones with one entry per kernel.
    """
    if mask is None:
        return None
    table = np.asarray(mask)
    if table.shape != shape:
        raise ValueError(
            f"`mask` has shape {table.shape} and the kernel's channels are {shape}: give one entry for each"
        )
    if not np.isin(table, (0, 1)).all():
        raise ValueError("`mask` must hold zeros and ones: multiply w by anything else")
    return as_mask(table)


def _per_axis(name: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    if isinstance(value, Sequence):
        _check_rank(name, value, rank)
        return tuple(value)
    return (value,) * rank


def _padding(padding: Padding, rank: int) -> tuple[AxisPadding, ...]:
    if isinstance(padding, str) or not isinstance(padding, Sequence):
        return (padding,) * rank
    _check_rank("padding", padding, rank)
    return tuple(cast(AxisPadding, tuple(p) if isinstance(p, list) else p) for p in padding)


def _check_rank(name: str, value: Sequence, rank: int) -> None:
    if len(value) != rank:
        raise ValueError(
            f"`{name}`={value!r} has {len(value)} entries and the kernel {rank} spatial axes: give one per axis"
        )
