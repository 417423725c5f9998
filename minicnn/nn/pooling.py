"""Pooling as layers."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.geometry import Padding
from minicnn.functional import avg_pool, max_pool
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from minicnn.maps import LinearMap
from minicnn.nn.layer import Layer, Params, Shape

Ints = int | tuple[int, ...]


@dataclass(frozen=True)
class MaxPool(Layer):
    """The maximum of each window; its matrix at x is the selection S(x).

    Attributes:
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `minicnn.max_pool`, like `dilation` and `ceil_mode`.

    >>> MaxPool((2, 2)).out_shape((28, 28, 6))
    (14, 14, 6)
    """

    window: tuple[int, ...]
    stride: Ints | None = None
    padding: Padding = "VALID"
    dilation: Ints = 1
    ceil_mode: bool = False

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """The maximum of each window."""
        return max_pool(x, self.window, **self._options)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(*out, channels)."""
        return _shape_of(self, in_shape)

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """S(x), one 1 per row."""
        return max_pool_map_at(x, self.window, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
        }


@dataclass(frozen=True)
class AvgPool(Layer):
    """The average of each window, diag(1/count)·S.

    Attributes:
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `minicnn.avg_pool`, like `dilation`, `ceil_mode` and `count_include_pad`.

    >>> AvgPool((2, 2)).map({}, (4, 4, 1)).nnz
    16
    """

    window: tuple[int, ...]
    stride: Ints | None = None
    padding: Padding = "VALID"
    dilation: Ints = 1
    ceil_mode: bool = False
    count_include_pad: bool = False

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """The average of each window."""
        return avg_pool(x, self.window, **self._options)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(*out, channels)."""
        return _shape_of(self, in_shape)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """diag(1/count)·S."""
        return avg_pool_map(in_shape, self.window, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
            "count_include_pad": self.count_include_pad,
        }


def _shape_of(layer: Layer, in_shape: Shape) -> Shape:
    x = jax.ShapeDtypeStruct(in_shape, jnp.float32)
    return jax.eval_shape(lambda x: layer.apply({}, x), x).shape
