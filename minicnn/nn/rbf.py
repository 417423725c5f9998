"""Euclidean radial basis function units: the output layer of LeNet-5."""

import reprlib
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from minicnn import maps, ops
from minicnn.arguments import number
from minicnn.maps import LinearMap
from minicnn.nn.arguments import a_draw, features
from minicnn.nn.layer import Layer, Params, Shape
from minicnn.ops.operands import rounded_once


@dataclass(frozen=True)
class Rbf(Layer):
    """The squared distance from x to each of some fixed centres: yᵢ = Σⱼ (xⱼ − wᵢⱼ)².

    The centres are part of the network and are not trained. The smallest output is the best match.

    Attributes:
        centres: one tuple of numbers per output.

    >>> layer = Rbf(((1, 1), (1, -1)))
    >>> layer.apply({}, jnp.array([1.0, 0.0]))
    Array([1., 1.], dtype=float32)
    >>> layer.map_at({}, jnp.array([1.0, 0.0])).matrix()
    Array([[ 0., -2.],
           [ 0.,  2.]], dtype=float32)
    """

    centres: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Refuse what is not a table of numbers, with a row for each output."""
        table = self.centres if isinstance(self.centres, tuple | list | np.ndarray | jax.Array) else ()
        rows = [tuple(row) if isinstance(row, tuple | list | np.ndarray | jax.Array) else () for row in table]
        if not rows or len(set(map(len, rows))) > 1 or not rows[0]:
            raise TypeError(f"`centres`={reprlib.repr(self.centres)} must hold one tuple of numbers for each output")
        object.__setattr__(self, "centres", tuple(tuple(number("centres", v) for v in row) for row in rows))

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw nothing: the centres are not trained."""
        features(a_draw(key, in_shape, dtype), "Rbf")
        return {}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Compute the squared distances, (*batch, centres)."""

        @rounded_once
        def distances(x: Any) -> Any:
            away = ops.sub(ops.reshape(x, (*x.shape[:-1], 1, x.shape[-1])), self._centres(x.dtype))
            return ops.sum(ops.mul(away, away), axis=-1)

        return distances(x)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (centres,)."""
        features(in_shape, "Rbf")
        return (len(self.centres),)

    def map_at(self, params: Params, x: Float[Array, " c"]) -> LinearMap:
        """The matrix whose rows are 2·(x − wᵢ)."""
        return maps.Dense(2 * (x[None] - self._centres(x.dtype)), x.shape, self.out_shape(x.shape), x.dtype)

    def _centres(self, dtype: jnp.dtype) -> Array:
        return jnp.asarray(np.array(self.centres), dtype)
