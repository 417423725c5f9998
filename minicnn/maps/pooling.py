"""Pooling as matrices: the average is diag(1/count)·S with a 0/1 matrix S, the maximum at a point is a selection."""

import math
from dataclasses import replace
from functools import reduce
from typing import Never

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from minicnn.axis import Axis
from minicnn.forms.pools import select, select_transpose
from minicnn.forms.tables import BinAxis
from minicnn.maps.algebra import Compose
from minicnn.maps.base import Entries, Shape, TransposableMap, derived, linear_map, static
from minicnn.maps.elementary import InverseDiagonal
from minicnn.maps.windows import BinSum, WindowSum


@linear_map
class AveragePool(TransposableMap):
    """The matrix of an average pool, diag(1/count)·S.

    `counted` is, for each axis, how much padding on its low and high side counts as part of a window.
    """

    axes: tuple[Axis, ...] = static()
    channels: int = static()
    counted: tuple[tuple[int, int], ...] = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: self.S.in_shape)
    out_shape = derived(lambda self: self.S.out_shape)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros, the ones of S."""
        return self.S.nnz

    @property
    def S(self) -> WindowSum:
        """The 0/1 matrix that sums each window."""
        return WindowSum(self.axes, self.channels, self.dtype)

    @property
    def count(self) -> Float[Array, "..."]:
        """The number of positions that each window averages, (*out_size, 1)."""
        counts = [window_counts(axis, pads) for axis, pads in zip(self.axes, self.counted, strict=True)]
        return jnp.asarray(reduce(np.multiply.outer, counts)[..., None], self.dtype)

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out c"]:
        """Sum every window, then divide by its count."""
        return self.S.apply(x) / self.count

    def apply_transpose(self, y: Shaped[Array, "b *out c"]) -> Shaped[Array, "b *in c"]:
        """Divide by the counts, then spread over the windows."""
        return self.S.T.apply(y / self.count)

    def sparse(self) -> Entries:
        """List the ones of S, each divided by its count."""
        rows, columns, ones = self.S.sparse()
        return rows, columns, ones / np.asarray(self.count).ravel()[rows // self.channels]


@linear_map
class Selection(TransposableMap):
    """One 1 per row: every output is the input that it meets through its own tap.

    The matrix of a max pool at a point, with `taps` the flat index of the winning tap of every window. Leading axes of
    `taps` before (*out, c) are `lead`: each selects from an image of its own.
    """

    taps: Int[Array, "*lead_out c"]
    axes: tuple[Axis, ...] = static()
    lead: Shape = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*self.lead, *(axis.in_size for axis in self.axes), self.channels))
    out_shape = derived(lambda self: (*self.lead, *(axis.out_size for axis in self.axes), self.channels))

    def with_axes(self, axes: tuple[Axis, ...]) -> Never:
        """Refuse: windows along other axes would have chosen other taps."""
        raise TypeError("a Selection belongs to the windows it was made from: pool along the other axes instead")

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Take from every window the input that it chose."""
        return select(*self._images(x), self.axes).reshape(x.shape[0], *self.out_shape)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Send every output to the input that it chose; where windows chose the same one they add."""
        return select_transpose(*self._images(y), self.axes).reshape(y.shape[0], *self.in_shape)

    def _images(self, x: Shaped[Array, "b ..."]) -> tuple[Shaped[Array, "n *size c"], Int[Array, "n *out c"]]:
        """Make one batch of the batch and the leading axes, with the taps of each image."""
        count, first = x.shape[0] * math.prod(self.lead), 1 + len(self.lead)
        taps = jnp.broadcast_to(self.taps, (x.shape[0], *self.out_shape))
        return x.reshape(count, *x.shape[first:]), taps.reshape(count, *taps.shape[first:])

    def sparse(self) -> Entries:
        """List a 1 for every output, in the column of its chosen input."""
        chosen = np.asarray(self.taps).reshape(-1, *self.out_shape[len(self.lead) :])
        lead, *out, channel = np.indices(chosen.shape)
        tap = np.unravel_index(chosen, [axis.kernel_size for axis in self.axes])
        inputs = [axis.position(o, k) // axis.stretch for axis, o, k in zip(self.axes, out, tap, strict=True)]
        sizes = (len(chosen), *(axis.in_size for axis in self.axes), self.channels)
        columns = np.ravel_multi_index((lead, *inputs, channel), sizes).ravel()
        return np.arange(len(columns)), columns, np.ones(len(columns), self.dtype)


def bin_average(axes: tuple[BinAxis, ...], channels: int, dtype: jnp.dtype) -> Compose:
    """Build diag(1/count)·S for bins of nearly equal size."""
    S = BinSum(axes, channels, dtype)
    count = reduce(np.multiply.outer, [axis.counts() for axis in axes])[..., None]
    counts = jnp.asarray(np.broadcast_to(count, S.out_shape), dtype)
    return Compose((InverseDiagonal(counts, S.out_shape, dtype), S))


def window_counts(axis: Axis, counted: tuple[int, int]) -> Int[np.ndarray, " out"]:
    """Count the taps of each window that fall on the input or on this much padding around it."""
    low, high = counted
    return replace(axis, in_size=low + axis.in_size + high, low=axis.low - low).counts()
