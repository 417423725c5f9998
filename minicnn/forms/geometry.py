"""The geometry of a convolution: one `Axis` per spatial axis, and how the channels are joined."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Int, Shaped

from minicnn.axis import Axis

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
        """The shape of one input, (*in_size, c_in)."""
        return (*(axis.in_size for axis in self.axes), self.c_in)

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of one output, (*out_size, c_out)."""
        return (*(axis.out_size for axis in self.axes), self.c_out)

    @property
    def w_shape(self) -> tuple[int, ...]:
        """The shape of the kernel, (*kernel, c_in / groups, c_out)."""
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
    def depthwise(self) -> bool:
        """Whether every channel is a group of its own."""
        return self.groups == self.c_in == self.c_out

    @property
    def joined(self) -> Bool[np.ndarray, "c co"]:
        """Which channels of the kernel are joined: the mask, or all."""
        return np.ones(self.w_shape[-2:], bool) if self.mask is None else np.array(self.mask, bool)

    def channel_taps(self) -> Int[np.ndarray, "d e f c"]:
        """The tap tensor of the channels: J[d, e, f, c] is 1 where two channels meet through a kernel.

        Output channel d has the kernels f = d and belongs to a group, whose e-th input channel is c; the mask says
        which of them are joined.

        >>> Geometry((), c_in=2, c_out=2, groups=2).channel_taps()[1, 0, 1]
        array([0, 1])
        """
        d, e, f, c = np.ogrid[: self.c_out, : self.w_shape[-2], : self.c_out, : self.c_in]
        group = d // (self.c_out // self.groups)
        return ((d == f) & (c == group * self.w_shape[-2] + e) & self.joined[:, :, None]).astype(int)

    @property
    def unmasked(self) -> "Geometry":
        """The same geometry with all channels joined, for kernels that hold their zeros themselves."""
        return replace(self, mask=None)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros of C: on each axis the ones of T, times the joined channels."""
        return math.prod(axis.nnz for axis in self.axes) * int(self.joined.sum())


def as_mask(mask: Any) -> Mask:
    """A table of channels as something that can be compared and hashed."""
    return tuple(tuple(bool(joined) for joined in row) for row in np.asarray(mask))


def swap_channels(w: Shaped[Array, "*k c co"], geometry: Geometry) -> Shaped[Array, "*k d ci"]:
    """The kernel of the transposed map: input and output channels exchanged within each group."""
    return w.reshape(geometry.split_shape).swapaxes(-1, -3).reshape(geometry.T.w_shape)


def run_backwards(axes: Iterable[Axis]) -> bool:
    """Whether the taps run backwards.

    Then the map is most often a transpose, made by exchanging the channels of a kernel, which lies in memory the other
    way round.
    """
    return any(axis.dilation < 0 for axis in axes)
