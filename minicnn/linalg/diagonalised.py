"""Maps that an orthogonal transform of the axes takes apart into one small matrix for each frequency."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Shaped

from minicnn.linalg.stencils import Stencil
from minicnn.maps import Dense, LinearMap
from minicnn.maps.base import Entries, Shape, derived, linear_map, static

Transform = Literal["fourier", "dct", "none"]


@dataclass(frozen=True)
class Layout:
    """How the entries of a vector are arranged by frequency.

    Attributes:
        frequencies: their number on each axis.
        strides: positions for each frequency; they are phases, which the small matrices mix.
        groups: blocks of channels that do not meet.
        channels: of all groups together.
        transform: which transform of the axes.
    """

    frequencies: Shape
    strides: Shape
    groups: int
    channels: int
    transform: Transform

    @classmethod
    def of(cls, C: Stencil, transform: Transform) -> "tuple[Layout, Layout]":
        """The layouts of the outputs and the inputs between which a stencil is block diagonal."""
        frequencies = tuple(axis.out_size for axis in C.axes)
        ones, strides = (1,) * C.rank, tuple(axis.stride for axis in C.axes)
        outputs = cls(frequencies, ones, C.groups, C.w.shape[-1], transform)
        return outputs, replace(outputs, strides=strides, channels=C.w.shape[-2] * C.groups)

    @property
    def shape(self) -> Shape:
        """The shape of a vector, (*n, c)."""
        return *(m * s for m, s in zip(self.frequencies, self.strides, strict=True)), self.channels

    def there(self, x: Shaped[Array, "b *n c"]) -> Inexact[Array, "b *m g sc"]:
        """Transform vectors: for each frequency and group the phases of a stride and the channels."""
        rank = len(self.frequencies)
        pairs = [size for pair in zip(self.frequencies, self.strides, strict=True) for size in pair]
        x = x.reshape(x.shape[0], *pairs, self.groups, self.channels // self.groups)
        order = (0, *range(1, 2 * rank, 2), 2 * rank + 1, *range(2, 2 * rank + 1, 2), 2 * rank + 2)
        x = x.transpose(order).reshape(x.shape[0], *self.frequencies, self.groups, -1)
        return _THERE[self.transform](x, self._axes)

    def back(self, X: Inexact[Array, "b *m g sc"]) -> Inexact[Array, "b *n c"]:
        """Undo `there`."""
        x, rank = _BACK[self.transform](X, self._axes), len(self.frequencies)
        x = x.reshape(x.shape[0], *self.frequencies, self.groups, *self.strides, self.channels // self.groups)
        order = (0, *(axis for n in range(rank) for axis in (1 + n, rank + 2 + n)), rank + 1, 2 * rank + 2)
        return x.transpose(order).reshape(x.shape[0], *self.shape)

    @property
    def _axes(self) -> range:
        return range(1, 1 + len(self.frequencies))


def cosines(n: int) -> Float[np.ndarray, "n n"]:
    """The orthogonal matrix of the DCT-II, whose rows are cos(πj(i + ½)/n).

    >>> bool(np.allclose(cosines(3) @ cosines(3).T, np.eye(3)))
    True
    """
    j, i = np.indices((n, n))
    return np.sqrt(np.where(j == 0, 1, 2) / n) * np.cos(np.pi / (2 * n) * (j * (2 * i + 1) % (4 * n)))


def _along(x: Array, axes: range, matrix: Callable[[int], np.ndarray]) -> Array:
    """Multiply each axis by a matrix of its size."""
    for axis in axes:
        Q = jnp.asarray(matrix(x.shape[axis]), jnp.finfo(x.dtype).dtype)
        x = jnp.moveaxis(jnp.tensordot(Q, x, ((1,), (axis,))), 0, axis)
    return x


_THERE = {
    "fourier": lambda x, axes: jnp.fft.fftn(x, axes=axes, norm="ortho"),
    "dct": lambda x, axes: _along(x, axes, cosines),
    "none": lambda x, axes: x,
}
_BACK = {
    "fourier": lambda X, axes: jnp.fft.ifftn(X, axes=axes, norm="ortho"),
    "dct": lambda X, axes: _along(X, axes, lambda n: cosines(n).T),
    "none": lambda X, axes: X,
}


@linear_map
class Diagonalised(LinearMap):
    """Fᴴ·B·F with orthogonal transforms F of the inputs and outputs and one small matrix of B for each frequency.

    `conjugated` says that every entry of the matrix is conjugated.
    """

    blocks: Inexact[Array, "*m g d c"]
    outputs: Layout = static()
    inputs: Layout = static()
    conjugated: bool = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: self.inputs.shape)
    out_shape = derived(lambda self: self.outputs.shape)

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out d"]:
        """Transform, multiply frequency by frequency, transform back."""
        given, dtype = x, jnp.result_type(self.dtype, x.dtype)
        x = x.conj() if self.conjugated else x
        y = self.outputs.back(jnp.einsum("...dc,b...c->b...d", self.blocks, self.inputs.there(x)))
        y = y.conj() if self.conjugated else y
        real = not jnp.issubdtype(self.dtype, jnp.complexfloating) and not jnp.iscomplexobj(given)
        return (y.real if real else y).astype(dtype)

    @property
    def H(self) -> "Diagonalised":
        """The conjugate transpose: that of every small matrix."""
        blocks = self.blocks.conj().swapaxes(-1, -2)
        return Diagonalised(blocks, self.inputs, self.outputs, self.conjugated, self.dtype)

    @property
    def T(self) -> "Diagonalised":
        """The transpose: the conjugate transpose, conjugated."""
        return self.H.conj()

    def conj(self) -> "Diagonalised":
        """Conjugate the entries of the matrix, not the blocks: those of a real map come in conjugate pairs."""
        if not jnp.issubdtype(self.dtype, jnp.complexfloating):
            return self
        return replace(self, conjugated=not self.conjugated)

    @property
    def nnz(self) -> int:
        """The number of entries: in general none of them is zero."""
        return math.prod(self.shape)

    def sparse(self) -> Entries:
        """List every entry of the dense matrix."""
        return Dense(self.dense().reshape(self.shape), self.in_shape, self.out_shape, self.dtype).sparse()


def function_of(
    C: Stencil,
    blocks: Inexact[Array, "*m g d c"],
    transform: Transform,
    f: Callable[[Array], Array],
    dtype: jnp.dtype,
) -> Diagonalised:
    """U·f(Σ)·Vᴴ of a stencil that a transform takes apart into these blocks: that of every block."""
    U, s, Vh = jnp.linalg.svd(blocks, full_matrices=False)
    return Diagonalised((U * f(s)[..., None, :]) @ Vh, *Layout.of(C, transform), False, dtype)
