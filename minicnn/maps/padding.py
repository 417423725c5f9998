"""Padding as a matrix: one 1 per row, or none where a zero is added. Its transpose adds what was copied."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import summing
from minicnn.forms.tables import PadAxis, gather, scatter
from minicnn.maps.base import Entries, TransposableMap, derived, linear_map, static
from minicnn.maps.windows import ones


@linear_map
class Pad(TransposableMap):
    """The 0/1 matrix that pads each axis through its own index table."""

    padded: tuple[PadAxis, ...] = static()
    channels: int = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*(axis.in_size for axis in self.padded), self.channels))
    out_shape = derived(lambda self: (*(axis.out_size for axis in self.padded), self.channels))

    def apply(self, x: Shaped[Array, "b *in c"]) -> Shaped[Array, "b *out c"]:
        """Pad axis by axis: the matrix is a Kronecker product over the axes."""
        copies = x.astype(summing(x.dtype))  # in which the transpose adds
        for position, axis in enumerate(self.padded, start=1):
            copies = gather(copies, axis.table(jnp), position)
        return copies.astype(x.dtype)

    def apply_transpose(self, y: Shaped[Array, "b *out c"]) -> Shaped[Array, "b *in c"]:
        """Add every padded position to the one it copies."""
        total = y.astype(summing(y.dtype))
        for position, axis in enumerate(self.padded, start=1):
            total = scatter(total, axis.table(jnp), position, axis.in_size)
        return total.astype(y.dtype)

    @property
    def nnz(self) -> int:
        """The number of ones: padded positions that are no zeros."""
        return math.prod(axis.nnz for axis in self.padded) * self.channels

    def sparse(self) -> Entries:
        """List a 1 for every padded position that copies another."""
        rows, columns = ones(self.padded, self.channels)
        return rows, columns, np.ones(len(rows), self.dtype)
