"""Pooling as matrices: the average is diag(1/count)·S with a 0/1 matrix S, the maximum at a point is a selection."""

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import summing
from minicnn.forms.pooling import select, select_transpose
from minicnn.forms.tables import BinAxis
from minicnn.maps.base import Entries, LinearMap, Shape, TransposableMap, derived, linear_map, static
from minicnn.maps.windows import BinSum, OfImages, WindowSum


class Average(TransposableMap):
    """The matrix diag(1/count)·S: it averages what a 0/1 matrix S sums. Short floats are rounded after the division."""

    in_shape = derived(lambda self: self.S.in_shape)
    out_shape = derived(lambda self: self.S.out_shape)

    @property
    @abstractmethod
    def S(self) -> LinearMap:
        """The 0/1 part."""

    @property
    @abstractmethod
    def count(self) -> Float[Array, "..."]:
        """The number of positions that each window or bin averages, (*out_size, 1)."""

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros, the ones of S."""
        return self.S.nnz

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out c"]:
        """Sum every window, then divide by its count."""
        return self.averaged(self.S.apply(x.astype(summing(x.dtype)))).astype(x.dtype)

    def averaged(self, total: Shaped[Array, "b *out c"]) -> Shaped[Array, "b *out c"]:
        """Divide the sum of each window or bin, or its cotangent, by its count."""
        return total / self.count[None].astype(total.dtype)

    def apply_transpose(self, y: Shaped[Array, "b *out c"]) -> Shaped[Array, "b *in c"]:
        """Divide by the counts, then spread over the windows."""
        return self.S.T.apply(self.averaged(y.astype(summing(y.dtype)))).astype(y.dtype)

    def sparse(self) -> Entries:
        """List the ones of S, each divided by its count."""
        rows, columns, ones = self.S.sparse()
        count = np.broadcast_to(np.asarray(self.count), self.out_shape).ravel()
        return rows, columns, (ones / count[rows]).astype(self.dtype)


@linear_map
class AveragePool(Average):
    """The matrix of an average pool, diag(1/count)·S.

    `counted` is, for each axis, how much padding on its low and high side counts as part of a window.
    """

    axes: tuple[Axis, ...] = static()
    channels: int = static()
    counted: tuple[tuple[int, int], ...] = static()
    dtype: jnp.dtype = static()

    @property
    def S(self) -> WindowSum:
        """The 0/1 matrix that sums each window."""
        return WindowSum(self.axes, self.channels, self.dtype)

    @property
    def count(self) -> Float[Array, "..."]:
        """The number of positions that each window averages, (*out_size, 1)."""
        counts = (window_counts(axis, pads) for axis, pads in zip(self.axes, self.counted, strict=True))
        return outer_counts(counts, self.dtype)


@linear_map
class BinAverage(Average):
    """The matrix of an adaptive average pool: the average of each of the bins of nearly equal size."""

    bins: tuple[BinAxis, ...] = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    @property
    def S(self) -> BinSum:
        """The 0/1 part."""
        return BinSum(self.bins, self.channels, self.dtype)

    @property
    def count(self) -> Float[Array, "..."]:
        """The number of positions that each bin averages, (*out_size, 1)."""
        return outer_counts((axis.counts() for axis in self.bins), self.dtype)


@linear_map
class Selection(OfImages):
    """One 1 per row: every output is one input of its own window.

    The matrix of a max pool at a point, with `positions` the flat input position, row-major over the spatial axes, of
    every window's winner. Leading axes of `positions` before (*out, c) are `lead`: each selects from its own image.
    """

    positions: Int[Array, "*lead_out c"]
    axes: tuple[Axis, ...] = static()
    lead: Shape = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Take from every window the input that it chose."""
        return select(*self._images(x), self.axes).reshape(x.shape[0], *self.out_shape)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Send every output to the input that it chose; where windows chose the same one they add."""
        return select_transpose(*self._images(y), self.axes).reshape(y.shape[0], *self.in_shape)

    def _images(self, x: Shaped[Array, "b ..."]) -> tuple[Shaped[Array, "n *size c"], Int[Array, "n *out c"]]:
        """Make one batch of the batch and the leading axes, with the positions of each image."""
        count, first = x.shape[0] * math.prod(self.lead), 1 + len(self.lead)
        positions = jnp.broadcast_to(self.positions, (x.shape[0], *self.out_shape))
        return x.reshape(count, *x.shape[first:]), positions.reshape(count, *positions.shape[first:])

    def sparse(self) -> Entries:
        """List a 1 for every output, in the column of its chosen input."""
        chosen = np.asarray(self.positions).reshape(-1, *self.out_shape[len(self.lead) :])
        lead, *_, channel = np.indices(chosen.shape)
        sizes = (len(chosen), math.prod(axis.in_size for axis in self.axes), self.channels)
        columns = np.ravel_multi_index((lead, chosen, channel), sizes).ravel()
        return np.arange(len(columns)), columns, np.ones(len(columns), self.dtype)


def outer_counts(counts: Iterable[Int[np.ndarray, " out"]], dtype: jnp.dtype) -> Float[Array, "..."]:
    """Multiply the counts of windows on each axis to those on all of them, (*out, 1)."""
    product = reduce(np.multiply.outer, counts)
    return jnp.asarray(product[..., None], summing(dtype))


def window_counts(axis: Axis, counted: tuple[int, int]) -> Int[np.ndarray, " out"]:
    """Count the taps of each window that fall on the input or on this much padding around it."""
    low, high = counted
    return replace(axis, in_size=low + axis.in_size + high, low=axis.low - low).counts()
