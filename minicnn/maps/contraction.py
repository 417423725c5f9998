"""A contraction with an array, in index notation: a matrix product, a dot product, a weighted sum."""

import math
from string import ascii_lowercase, ascii_uppercase

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import contracted
from minicnn.maps.base import Entries, LinearMap, Shape, linear_map, static


@linear_map
class Contraction(LinearMap):
    """x ↦ einsum("x,y->z", x, y) with a fixed y: a matrix product, a dot product, a weighted sum.

    `spec` names the axes of x, of y and of the result, each letter once in each. The transpose exchanges x and z.
    """

    y: Shaped[Array, "..."]
    spec: tuple[str, str, str] = static()
    in_shape: Shape = static()
    out_shape: Shape = static()
    precision: jax.lax.PrecisionLike = static()
    dtype: jnp.dtype = static()

    @property
    def T(self) -> "Contraction":
        """The contraction of the result's axes with the same array."""
        x, y, z = self.spec
        return Contraction(self.y, (z, y, x), self.out_shape, self.in_shape, self.precision, self.dtype)

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Contract every vector of a batch with y."""
        return contracted(self.batched_spec, x, self.y, self.precision)

    @property
    def batched_spec(self) -> str:
        """The specification with a leading axis of x kept in the result."""
        x, y, z = self.spec
        batch = next(letter for letter in ascii_uppercase + ascii_lowercase if letter not in x + y + z)
        return f"{batch}{x},{y}->{batch}{z}"

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: one for every combination of the letters of x and of the result."""
        x, _, z = self.spec
        return math.prod(dict(zip(x + z, self.in_shape + self.out_shape, strict=True)).values())

    def sparse(self) -> Entries:
        """List, for every combination of letters, the row, the column and the entry of y."""
        x, y, z = self.spec
        sizes = dict(zip(x + z, self.in_shape + self.out_shape, strict=True))
        letters = "".join(sizes)
        index = dict(zip(letters, np.indices(tuple(sizes.values())), strict=True))
        row, column, value = (_flat(index, sizes, axes) for axes in (z, x, y))
        return row, column, np.asarray(self.y).ravel()[value]


def _flat(index: dict[str, np.ndarray], sizes: dict[str, int], axes: str) -> np.ndarray:
    """Find the row-major position along these axes, for every combination of all letters."""
    flat = np.zeros(tuple(sizes.values()), np.int64)
    for letter in axes:
        flat = flat * sizes[letter] + index[letter]
    return flat.ravel()
