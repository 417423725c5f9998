"""Maps that an orthogonal transform of the axes takes apart into one small matrix for each frequency."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Shaped

from minicnn.dtypes import complexes
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.maps import Dense, LinearMap
from minicnn.maps.base import Entries, Shape, derived, linear_map, static

Transform = Literal["fourier", "dct", "pairs", "none"]


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
        phases = math.prod(self.strides) * self.channels // self.groups
        x = x.transpose(order).reshape(x.shape[0], *self.frequencies, self.groups, phases)
        return _THERE[self.transform](x, self._axes)

    def back(self, X: Inexact[Array, "b *m g sc"]) -> Inexact[Array, "b *n c"]:
        """Undo `there`."""
        x, rank = _BACK[self.transform](X, self._axes), len(self.frequencies)
        x = x.reshape(x.shape[0], *self.frequencies, self.groups, *self.strides, self.channels // self.groups)
        order = (0, *(axis for n in range(rank) for axis in (1 + n, rank + 2 + n)), rank + 1, 2 * rank + 2)
        return x.transpose(order).reshape(x.shape[0], *self.shape)

    @property
    def places(self) -> Int[np.ndarray, "*m g sc"]:
        """The numbers of the entries of a vector as `there` arranges them."""
        entries: Any = np.arange(math.prod(self.shape)).reshape(1, *self.shape)
        arranged: Any = replace(self, transform="none").there(entries)
        return arranged[0]

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
        Q = jnp.asarray(matrix(x.shape[axis]), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(Q, x, ((1,), (axis,))), 0, axis)
    return x


def opposite(frequencies: Shape) -> Int[np.ndarray, "*m"]:
    """For each frequency j of the DFT the number of −j, whose wave is the conjugate.

    >>> opposite((4,))
    array([0, 3, 2, 1])
    """
    numbers = np.arange(math.prod(frequencies)).reshape(frequencies)
    for axis in range(len(frequencies)):
        numbers = np.roll(np.flip(numbers, axis), 1, axis)
    return numbers


def _pairs(x: Array, axes: range, *, back: bool) -> Array:
    """Make two real numbers, the shares of a cosine and a sine, the shares of two conjugate waves; or undo it."""
    frequencies = x.shape[1 : 1 + len(axes)]
    own = np.arange(math.prod(frequencies)).reshape(frequencies)
    other, rank = opposite(frequencies), x.ndim - 1 - len(axes)
    first, alone = (mask.reshape(1, *frequencies, *(1,) * rank) for mask in (own < other, own == other))
    x = x.astype(complexes(x))
    y = x.reshape(x.shape[0], other.size, *x.shape[1 + len(axes) :])[:, other.ravel()].reshape(x.shape)
    paired = jnp.where(first, x + y, 1j * (y - x)) if back else jnp.where(first, x - 1j * y, y + 1j * x)
    return jnp.where(alone, x, paired / math.sqrt(2))


_THERE = {
    "fourier": lambda x, axes: jnp.fft.fftn(x, axes=axes, norm="ortho"),
    "dct": lambda x, axes: _along(x, axes, cosines),
    "pairs": lambda x, axes: _pairs(x, axes, back=False),
    "none": lambda x, axes: x,
}
_BACK = {
    "fourier": lambda X, axes: jnp.fft.ifftn(X, axes=axes, norm="ortho"),
    "dct": lambda X, axes: _along(X, axes, lambda n: cosines(n).T),
    "pairs": lambda X, axes: _pairs(X, axes, back=True),
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


Blocks = Callable[[Stencil], Inexact[Array, "*m g d c"]]


def function_of(A: LinearMap, blocks: Blocks, transform: Transform, f: Callable[[Array], Array]) -> LinearMap:
    """U·f(Σ)·Vᴴ of a map whose stencil a transform takes apart into these blocks: that of every block."""
    C, transposed = oriented(A)
    assert C is not None
    U, s, Vh = jnp.linalg.svd(blocks(C), full_matrices=False)
    B = Diagonalised((U * f(s)[..., None, :].astype(U.dtype)) @ Vh, *Layout.of(C, transform), False, A.dtype)
    return B.T if transposed else B


class Factored(NamedTuple):
    """All singular vectors of a stencil, as maps from coefficients, and where the coefficients of each value are.

    Attributes:
        U: from coefficients to outputs, unitary.
        s: the values, (*m, g, max(d, c)), zeros where a small matrix has more rows or columns than the other.
        V: from coefficients to inputs, unitary.
        left: for each value the number of U's column; −1 where there is none.
        right: for each value the number of V's column; −1 where there is none.
    """

    U: Diagonalised
    s: Float[Array, "*m g r"]
    V: Diagonalised
    left: Int[np.ndarray, "*m g r"]
    right: Int[np.ndarray, "*m g r"]

    @property
    def T(self) -> "Factored":
        """The vectors of the transposed map: the conjugates, in the other order."""
        return Factored(self.V.conj(), self.s, self.U.conj(), self.right, self.left)


def vectors_of(A: LinearMap, blocks: Blocks, transform: Transform) -> Factored:
    """All singular vectors of a map whose stencil a transform takes apart into these blocks."""
    C, transposed = oriented(A)
    assert C is not None
    found = _factored(C, blocks(C), transform, A.dtype)
    return found.T if transposed else found


def _factored(C: Stencil, blocks: Inexact[Array, "*m g d c"], transform: Transform, dtype: jnp.dtype) -> Factored:
    """The vectors of a stencil that a transform takes apart: those of the blocks; real ones for a real kernel.

    Where conjugate waves carry a real kernel, the block at −ω is the conjugate of the one at ω and so are its vectors.
    """
    paired = transform == "fourier" and not jnp.iscomplexobj(C.w)
    *frequencies, groups, d, c = blocks.shape
    if paired:
        own, other = np.arange(math.prod(frequencies)), opposite(tuple(frequencies)).ravel()
        blocks = blocks.reshape(-1, groups, d, c)[np.minimum(own, other)]
        blocks = jnp.where((own == other)[:, None, None, None], blocks.real.astype(blocks.dtype), blocks)
        U, s, Vh = jnp.linalg.svd(blocks, full_matrices=True)
        second = (own > other)[:, None, None, None]
        U, Vh = (jnp.where(second, M.conj(), M).reshape(*frequencies, *M.shape[1:]) for M in (U, Vh))
        s = s.reshape(*frequencies, *s.shape[1:])
    else:
        U, s, Vh = jnp.linalg.svd(blocks, full_matrices=True)
    V, kept, most = Vh.conj().swapaxes(-1, -2), [(0, 0)] * (len(frequencies) + 1), max(d, c)
    coefficients: Transform = "pairs" if paired else "none"
    maps, places = [], []
    for M, layout in zip((U, V), Layout.of(C, transform), strict=True):
        maps.append(Diagonalised(M, layout, replace(layout, transform=coefficients), False, dtype))
        place = layout.places
        places.append(np.pad(place, [*kept, (0, most - place.shape[-1])], constant_values=-1))
    return Factored(maps[0], jnp.pad(s, [*kept, (0, most - s.shape[-1])]), maps[1], *places)


def several(found: Factored, k: int) -> tuple[Array, Array, Array]:
    """The k largest singular values with their vectors, (U, s, Vh)."""
    both = (found.left >= 0) & (found.right >= 0)
    order = jnp.argsort(jnp.where(both, found.s, -1).ravel(), descending=True)[:k]
    vectors = []
    for basis, places in ((found.U, found.left), (found.V, found.right)):
        x = jnp.asarray(places.ravel())[order][:, None] == jnp.arange(basis.shape[1])[None]
        vectors.append(basis(x.astype(basis.dtype).reshape(k, *basis.in_shape)).reshape(k, -1))
    return vectors[0].T, found.s.ravel()[order], vectors[1].conj()
