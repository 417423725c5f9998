"""The discrete Fourier transform as a matrix, which is its own transpose."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map, static


@linear_map
class Fourier(LinearMap):
    """The discrete Fourier transform over the last `rank` axes, or its inverse, which divides by the number of points.

    On one axis its entries are exp(∓2πi·jk/n).
    """

    rank: int = static()
    inverse: bool = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> "Fourier":
        """The map itself, because jk = kj."""
        return self

    def conj(self) -> LinearMap:
        """Conjugate every entry: the other direction but for a factor."""
        points = math.prod(self._sizes)
        return (1 / points if self.inverse else points) * Fourier(
            self.rank, not self.inverse, self.in_shape, self.dtype
        )

    @property
    def _sizes(self) -> Shape:
        return self.in_shape[len(self.in_shape) - self.rank :]

    @property
    def nnz(self) -> int:
        """The number of entries: every point reaches every other of its block."""
        return math.prod(self.in_shape) * math.prod(self._sizes)

    def apply(self, x: Complex[Array, "b ..."]) -> Complex[Array, "b ..."]:
        """Transform fast."""
        transform = jnp.fft.ifftn if self.inverse else jnp.fft.fftn
        return transform(x, axes=tuple(range(x.ndim - self.rank, x.ndim))).astype(self.dtype)

    def sparse(self) -> Entries:
        """List every entry of each block."""
        points = math.prod(self._sizes)
        grid = np.indices(self._sizes).reshape(self.rank, points)
        turns = sum(np.multiply.outer(g, g) / n for g, n in zip(grid, self._sizes, strict=True))
        block = np.exp((2j if self.inverse else -2j) * np.pi * turns) / (points if self.inverse else 1)
        rows, columns = (index.ravel() for index in np.indices(block.shape))
        starts = np.arange(math.prod(self.in_shape) // points if points else 0)[:, None] * points
        values = np.tile(block.ravel(), len(starts)).astype(self.dtype)
        return (rows + starts).ravel(), (columns + starts).ravel(), values
