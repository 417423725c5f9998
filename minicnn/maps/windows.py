"""Windows as matrices: summing them (S), and laying them out side by side (im2col)."""

import math
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Never

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis, Windows, triples
from minicnn.forms.arithmetic import summing
from minicnn.forms.powers import power_sum
from minicnn.forms.shifts import reader, shift, taps
from minicnn.forms.tables import BinAxis, gather, scatter
from minicnn.forms.unfolding import few_taps, fold, unfold
from minicnn.forms.wide import is_wide, raised
from minicnn.forms.windows import transposed, window_sum
from minicnn.maps.base import Entries, LinearMap, Shape, TransposableMap, derived, linear_map, static


@linear_map
class WindowSum(LinearMap):
    """S: the 0/1 matrix that sums each window, channel by channel. Its transpose is S on the transposed axes."""

    axes: tuple[Axis, ...] = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*(axis.in_size for axis in self.axes), self.channels))
    out_shape = derived(lambda self: (*(axis.out_size for axis in self.axes), self.channels))

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out c"]:
        """Sum the windows, one axis after the other: S is a Kronecker product over the axes."""
        return window_sum(x.astype(summing(x.dtype)), self.axes).astype(x.dtype)

    @property
    def T(self) -> "WindowSum":
        """The window sum on the transposed axes: every input position collects the windows that cover it."""
        return WindowSum(tuple(axis.T for axis in self.axes), self.channels, self.dtype)

    @property
    def nnz(self) -> int:
        """The number of ones: positions of all windows that are no padding."""
        return math.prod(axis.nnz for axis in self.axes) * self.channels

    def sparse(self) -> Entries:
        """List a 1 for every window and each of its positions."""
        rows, columns = ones(self.axes, self.channels)
        return rows, columns, np.ones(len(rows), self.dtype)


class OfImages(TransposableMap):
    """A map whose entries were made from the windows of images, each of which has its own.

    Attributes:
        lead: the axes of the images, in front of those of a window's.
        channels: the number of channels.
    """

    lead: Shape
    channels: int

    in_shape = derived(lambda self: (*self.lead, *(axis.in_size for axis in self.axes), self.channels))
    out_shape = derived(lambda self: (*self.lead, *(axis.out_size for axis in self.axes), self.channels))

    def with_axes(self, axes: tuple[Axis, ...]) -> Never:
        """Refuse: windows along other axes would have made other entries."""
        name = type(self).__name__
        raise TypeError(f"a {name} belongs to the windows it was made from: pool along the other axes instead")


@linear_map
class PowerWindowSum(OfImages):
    """A window sum whose entries are powers, (columns[i]·rows[o])^power, and at most 1: the rows of an Lp pool.

    Leading axes before (*size, c) of `columns` and `rows` are `lead`: each image has its own.
    """

    columns: Shaped[Array, "*lead_in c"]
    rows: Shaped[Array, "*lead_out c"]
    power: float = static()
    axes: tuple[Axis, ...] = static()
    lead: Shape = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply by the transpose of the transpose, so that JAX's reverse mode is `apply_transpose`."""
        return transposed(self.apply_transpose, (x.shape[0], *self.out_shape), x)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Sum over the windows that hold each input, of which none is stored and no power over- or underflows.

        Where float64 has no room for them, those of a few taps are powers of ratios, one by one.
        """
        count = y.shape[0] * math.prod(self.lead)

        def images(z: Array, shape: Shape) -> Array:
            return jnp.broadcast_to(z, (y.shape[0], *shape)).reshape(count, *shape[len(self.lead) :])

        rows, columns = images(self.rows, self.out_shape), images(self.columns, self.in_shape)
        total = images(y.astype(summing(y.dtype)), self.out_shape)
        if few_taps(self.axes) and not is_wide(total.dtype, self.power):
            read, back = reader(columns, self.axes), [axis.T for axis in self.axes]
            x = reduce(add, (shift(raised(read(tap) * rows, self.power) * total, back, tap) for tap in taps(self.axes)))
        else:
            x = power_sum(rows, columns, total, self.axes, self.power)
        return x.reshape(y.shape[0], *self.in_shape).astype(y.dtype)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: positions of all windows that are no padding."""
        return math.prod(axis.nnz for axis in self.axes) * self.channels * math.prod(self.lead)

    def sparse(self) -> Entries:
        """List a power for every window and each of its positions."""
        image, (rows, columns) = np.arange(math.prod(self.lead))[:, None], ones(self.axes, self.channels)
        m, n = (math.prod(shape[len(self.lead) :]) for shape in (self.out_shape, self.in_shape))
        rows, columns = (image * m + rows).ravel(), (image * n + columns).ravel()
        bases = np.asarray(self.columns).ravel()[columns] * np.asarray(self.rows).ravel()[rows]
        return rows, columns, (bases**self.power).astype(self.dtype)


@linear_map
class Unfold(TransposableMap):
    """The windows of x side by side: (*in, c) to (*out, taps·c). Its transpose adds them back where they overlap."""

    axes: tuple[Axis, ...] = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*(axis.in_size for axis in self.axes), self.channels))
    out_shape = derived(lambda self: (*(axis.out_size for axis in self.axes), self.n_taps * self.channels))

    @property
    def n_taps(self) -> int:
        """The number of positions in a window."""
        return math.prod(axis.kernel_size for axis in self.axes)

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out kc"]:
        """Lay every window's entries side by side, the tap before the channel."""
        return unfold(x, self.axes).reshape(x.shape[0], *self.out_shape)

    def apply_transpose(self, y: Shaped[Array, "b *out kc"]) -> Shaped[Array, "b *in c"]:
        """Add every entry to the position that it was read from."""
        return fold(y.reshape(*y.shape[:-1], self.n_taps, self.channels), self.axes)

    @property
    def nnz(self) -> int:
        """The number of ones: positions of all windows that are no padding."""
        return math.prod(axis.nnz for axis in self.axes) * self.channels

    def sparse(self) -> Entries:
        """List a 1 for every window and tap, in the column of the input that they meet."""
        position, tap, column = triples(self.axes)
        rows, columns = per_channel(position * self.n_taps + tap, column, self.channels)
        return rows, columns, np.ones(len(rows), self.dtype)


@linear_map
class BinSum(TransposableMap):
    """The 0/1 matrix that sums each bin of positions, channel by channel."""

    bins: tuple[BinAxis, ...] = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*(axis.in_size for axis in self.bins), self.channels))
    out_shape = derived(lambda self: (*(axis.out_size for axis in self.bins), self.channels))

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out c"]:
        """Sum the bins, one axis after the other."""
        total = x.astype(summing(x.dtype))
        for position, axis in enumerate(self.bins, start=1):
            total = gather(total, axis.table(jnp), position).sum(position + 1, dtype=total.dtype)
        return total.astype(x.dtype)

    def apply_transpose(self, y: Shaped[Array, "b *out c"]) -> Shaped[Array, "b *in c"]:
        """Every input position collects the bins that hold it."""
        total = y.astype(summing(y.dtype))
        for position, axis in enumerate(self.bins, start=1):
            copies = jnp.repeat(jnp.expand_dims(total, position + 1), axis.width, position + 1)
            total = scatter(copies, axis.table(jnp), position, axis.in_size)
        return total.astype(y.dtype)

    @property
    def nnz(self) -> int:
        """The number of ones: positions that all bins hold together."""
        return math.prod(axis.nnz for axis in self.bins) * self.channels

    def sparse(self) -> Entries:
        """List a 1 for every bin and each of its positions."""
        rows, columns = ones(self.bins, self.channels)
        return rows, columns, np.ones(len(rows), self.dtype)


def ones(axes: Sequence[Windows], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """List row and column of every 1 of the matrix that treats all channels alike."""
    rows, _, columns = triples(axes)
    return per_channel(rows, columns, channels)


def per_channel(rows: np.ndarray, columns: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn the entries of a matrix M into those of M ⊗ I, one for each channel."""
    channel = np.arange(channels)
    return np.add.outer(rows * channels, channel).ravel(), np.add.outer(columns * channels, channel).ravel()
