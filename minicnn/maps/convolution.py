"""C(w) and X(x): the two matrices of the trilinear form τ(x, w, y) = Σ y[o]·w[k]·x[i]·T[o, k, i]."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis, triples
from minicnn.forms import Arithmetic, Form, Geometry, dense
from minicnn.forms.geometry import swap_channels
from minicnn.forms.memory import check_room
from minicnn.forms.trilinear import convolve, correlate, masked
from minicnn.forms.unfolding import unfold
from minicnn.maps.algebra import Compose
from minicnn.maps.base import Entries, LinearMap, Shape, TransposableMap, derived, linear_map, static
from minicnn.maps.elementary import Permute, Reshape


@linear_map
class ConvMap(LinearMap):
    """C(w): the matrix of a convolution, whose transpose is a convolution on the transposed axes."""

    w: Shaped[Array, "*kernel c co"]
    geometry: Geometry = static()
    form: Form = static()
    arithmetic: Arithmetic = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: self.geometry.in_shape)
    out_shape = derived(lambda self: self.geometry.out_shape)
    axes = derived(lambda self: self.geometry.axes)

    def with_axes(self, axes: tuple[Axis, ...]) -> "ConvMap":
        """Slide the same kernel along other axes."""
        return replace(self, geometry=replace(self.geometry, axes=axes))

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: on each axis the ones of T, times the joined channels."""
        return self.geometry.nnz

    def apply(self, x: Shaped[Array, "b *in ci"]) -> Shaped[Array, "b *out co"]:
        """Multiply by C(w) in the map's form."""
        return convolve(x, self.w, self.geometry, self.form, self.arithmetic)

    @property
    def T(self) -> "ConvMap":
        """C(w)ᵀ: the same relation with inputs and outputs exchanged."""
        w = swap_channels(self.w, self.geometry)
        return ConvMap(w, self.geometry.T, self.form, self.arithmetic, self.dtype)

    def dense(self) -> Shaped[Array, "..."]:
        """Lay out exact copies of the taps among zeros."""
        return dense.matrix(self.geometry, masked(self.w, self.geometry))

    def sparse(self) -> Entries:
        """List row, column and tap of every non-zero, without building the dense matrix."""
        rows, columns, flat = structure(self.geometry)
        return rows, columns, np.asarray(self.w).ravel()[flat]

    @property
    def names(self) -> list[str]:
        """The name of each tap, in the order of vec(w).

        A tap is named by its place in the kernel, w₀₁ for row 0 and column 1, with the channel indices appended where
        there is more than one channel.
        """
        single = self.w.shape[-2:] == (1, 1)
        return [_subscript(place[:-2] if single else place) for place in np.ndindex(self.w.shape)]

    def symbols(self) -> np.ndarray:
        """Lay out the name of each entry's tap, as in `names`, and "0" where there is none.

        Raises:
            MemoryError: if it would not fit, before anything is allocated.
        """
        names = np.array(self.names, str)
        self._check_names(names.itemsize)
        rows, columns, flat = structure(self.geometry)
        table = np.full(self.shape, "0", names.dtype)
        table[rows, columns] = names[flat]
        return table

    def symbolic(self) -> str:
        """Write `symbols` as text, one line per row of the matrix.

        Raises:
            MemoryError: if the text would not fit, before anything is allocated.
        """
        self._check_names(4 * max(map(len, self.names), default=1) + _STRING)  # NumPy takes four bytes for a letter
        table = self.symbols()
        width = max(map(len, table.ravel()), default=1)
        return "\n".join(" ".join(entry.rjust(width) for entry in row) for row in table)

    def _check_names(self, nbytes: int) -> None:
        rows, columns = self.shape
        instead = "take a smaller input: the pattern is the same at every size"
        check_room(f"the table of names has {rows}×{columns} entries", rows * columns * nbytes, instead)


@linear_map
class PatchMap(TransposableMap):
    """X(x): the matrix that multiplies vec(w), so that C(w)·vec(x) = X(x)·vec(w).

    x may be a batch; its leading axes then lead `out_shape`, and X(x)ᵀ·y sums over the batch.
    """

    x: Shaped[Array, "..."]
    geometry: Geometry = static()
    batch: Shape = static()
    form: Form = static()
    arithmetic: Arithmetic = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: self.geometry.w_shape)
    out_shape = derived(lambda self: (*self.batch, *self.geometry.out_shape))

    def apply(self, x: Shaped[Array, "b *kernel c co"]) -> Shaped[Array, "b ..."]:
        """Multiply X by vec(w) for every kernel of a batch."""
        y = jax.vmap(lambda w: convolve(self._images, w, self.geometry, self.form, self.arithmetic))(x)
        return y.reshape(x.shape[0], *self.out_shape)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b *kernel c co"]:
        """Multiply Xᵀ by vec(y): this is the gradient with respect to the weights."""
        y = y.reshape(y.shape[0], math.prod(self.batch), *self.geometry.out_shape)
        return jax.vmap(lambda y: correlate(self._images, y, self.geometry, self.form, self.arithmetic))(y)

    @property
    def _images(self) -> Shaped[Array, "b *in ci"]:
        return self.x.reshape(math.prod(self.batch), *self.geometry.in_shape)

    def dense(self) -> Shaped[Array, "..."]:
        """Lay out exact copies of x: the patches, once for each output channel."""
        geometry = self.geometry
        patches = unfold(self._images, geometry.axes)
        # b, *out, kernel, group, c
        patches = patches.reshape(*patches.shape[:-1], geometry.groups, geometry.w_shape[-2])
        split = geometry.split_shape
        joined = geometry.joined.reshape(split[-3:])
        diagonal = np.eye(geometry.c_out, dtype=bool).reshape(split[-2], split[-1], 1, 1, split[-2], split[-1]) & joined
        patches = jnp.moveaxis(patches, -2, -3)[..., None, :, :, None, None]  # b, *out, g, 1, kernel, c, 1, 1
        return jnp.where(diagonal, patches, jnp.zeros((), self.dtype))

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: those of C for every image, with tap and input exchanged."""
        return math.prod(self.batch) * self.geometry.nnz

    def sparse(self) -> Entries:
        """List row, tap and value of every non-zero: the non-zeros of C with tap and input exchanged."""
        rows, columns, flat = structure(self.geometry)
        images = np.asarray(self._images).reshape(math.prod(self.batch), math.prod(self.geometry.in_shape))
        offsets = np.arange(len(images))[:, None] * math.prod(self.geometry.out_shape)
        return (rows + offsets).ravel(), np.tile(flat, len(images)), images[:, columns].ravel()


def exchanged_channels(geometry: Geometry, dtype: jnp.dtype) -> LinearMap:
    """The permutation that makes of a kernel for the transposed geometry one for the geometry itself."""
    split, rank = geometry.T.split_shape, len(geometry.axes)
    order = (*range(rank), rank + 2, rank + 1, rank)
    return Compose(
        (
            Reshape(tuple(split[axis] for axis in order), geometry.w_shape, dtype),
            Permute(order, split, dtype),
            Reshape(geometry.T.w_shape, split, dtype),
        )
    )


def structure(geometry: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List row, column and flat tap index of every structural non-zero of C, in no particular order."""
    outputs, taps, inputs = triples(geometry.axes)
    c_group, d_group = geometry.c_in // geometry.groups, geometry.c_out // geometry.groups
    c, g, d = np.nonzero(geometry.joined.reshape(geometry.split_shape[-3:]))
    return (
        np.add.outer(outputs * geometry.c_out, g * d_group + d).ravel(),
        np.add.outer(inputs * geometry.c_in, g * c_group + c).ravel(),
        np.add.outer(taps * c_group * geometry.c_out, c * geometry.c_out + g * d_group + d).ravel(),
    )


_STRING = 64  # bytes of one entry as a Python string: its header of about 56, and a pointer to it


def _subscript(place: tuple[int, ...]) -> str:
    separator = "," if max(place) > 9 else ""
    return "w" + separator.join(map(str, place)).translate(_LOW)


_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
