"""Pooling as layers."""

import math
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.axis import Axis
from minicnn.forms.resolve import Ints, Padding, sliding
from minicnn.functional import avg_pool, conv, conv_map, lp_pool, max_pool, patch_map
from minicnn.functional.convolution import summed_conv
from minicnn.functional.lp_pooling import exponent, lp_pool_map_at
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at, pooling_axes
from minicnn.maps import Broadcast, LinearMap, compose
from minicnn.nn.arguments import a_draw, a_flag, a_window, an_input, settle
from minicnn.nn.layer import Layer, Params, Shape, weights_of, with_bias


class Pool(Layer):
    """What the pools share: their windows, and the arguments of the function of the same name."""

    window: tuple[int, ...]
    stride: Ints | None
    padding: Padding
    dilation: Ints
    ceil_mode: bool

    def __post_init__(self) -> None:
        settle(self, window=a_window, ceil_mode=a_flag, count_include_pad=a_flag)
        sliding(self.window, 1 if self.stride is None else self.stride, self.padding, self.dilation)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw nothing: a pool has no parameters."""
        a_draw(key, in_shape, dtype, len(self.window))
        return {}

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of the function."""
        return {field.name: getattr(self, field.name) for field in fields(cast(Any, self)) if field.name != "window"}

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The windows on each spatial axis, padding counted as read."""
        x = jax.ShapeDtypeStruct(in_shape, jnp.float32)
        return pooling_axes(x, self.window, self.stride, self.padding, self.dilation, self.ceil_mode)[0]

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (*out, channels)."""
        in_shape = an_input(in_shape, len(self.window))
        return (*(axis.out_size for axis in self.axes(in_shape)), in_shape[-1])


@dataclass(frozen=True)
class MaxPool(Pool):
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
        """Take the maximum of each window."""
        return max_pool(x, self.window, **self.options)

    def lipschitz(self, params: Params, in_shape: Shape) -> float:
        """The root of the largest number of windows that share an input."""
        return _shared(self.axes(in_shape))

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """The selection S(x), with one 1 in each row."""
        return max_pool_map_at(x, self.window, **self.options)


@dataclass(frozen=True)
class AvgPool(Pool):
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
        """Average each window."""
        return avg_pool(x, self.window, **self.options)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix diag(1/count)·S."""
        return avg_pool_map(in_shape, self.window, **self.options)


@dataclass(frozen=True)
class LpPool(Pool):
    """The p-norm of each window; its matrix at x has a scaled row for each.

    Attributes:
        window: size of the window, one int per spatial axis.
        p: at least 1.
        stride: input steps per window; the window's size if None.
        padding: as in `minicnn.lp_pool`, like `dilation` and `ceil_mode`.

    >>> LpPool((2,)).apply({}, jnp.array([[3.0], [4.0]]))
    Array([[5.]], dtype=float32)
    """

    window: tuple[int, ...]
    p: float = 2
    stride: Ints | None = None
    padding: Padding = "VALID"
    dilation: Ints = 1
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        exponent(self.p)

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Take the norm of each window."""
        return lp_pool(x, self.window, **self.options)

    def lipschitz(self, params: Params, in_shape: Shape) -> float:
        """As of a max pool, times the norm of a window that p below 2 adds."""
        return _shared(self.axes(in_shape)) * math.prod(self.window) ** max(1 / self.p - 1 / 2, 0)

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """The Jacobian at x."""
        return lp_pool_map_at(x, self.window, **self.options)


@dataclass(frozen=True)
class Subsample(Layer):
    """LeNet's trainable sub-sampling: the sum of each window times a coefficient, plus a bias; two parameters per map.

    Attributes:
        window: size of the window and the stride, one int per spatial axis.

    >>> layer = Subsample((2, 2))
    >>> params = layer.init(jax.random.key(0), (28, 28, 6))
    >>> sum(leaf.size for leaf in params.values()), layer.map(params, (28, 28, 6)).nnz
    (12, 4704)
    """

    window: tuple[int, ...]

    def __post_init__(self) -> None:
        settle(self, window=a_window)

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The windows on each spatial axis."""
        return AvgPool(self.window).axes(in_shape)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Set the coefficients so that the sum is an average, and the biases to zero."""
        channels = a_draw(key, in_shape, dtype, len(self.window))[-1]
        return {"w": jnp.full(channels, 1 / math.prod(self.window), dtype), "b": jnp.zeros(channels, dtype)}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Compute w·Σ + b, map by map."""
        w = weights_of(params)
        multiply, summed = (partial(product, stride=self.window, groups=w.shape[0]) for product in (conv, summed_conv))
        return with_bias(multiply, x, self._kernel(w), params, summed)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (*out, channels)."""
        return AvgPool(self.window).out_shape(in_shape)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """A depthwise convolution whose taps are all equal."""
        w = weights_of(params)
        return conv_map(self._kernel(w), in_shape[:-1], stride=self.window, groups=w.shape[0])

    def weight_map(self, params: Params, x: Shaped[Array, "*spatial c"]) -> LinearMap:
        """The patch matrix X(x) @ B, with B the map that repeats a coefficient over the taps of its window."""
        w = weights_of(params)
        X = patch_map(x, (*self.window, 1, *w.shape), stride=self.window, groups=w.shape[0])
        return compose(X, Broadcast(tuple(range(len(self.window) + 1)), w.shape, X.in_shape, w.dtype))

    def _kernel(self, w: Any) -> Any:
        return ops.broadcast_to(ops.reshape(w, (1, *w.shape)), (*self.window, 1, *w.shape))


def _shared(axes: tuple[Axis, ...]) -> float:
    return math.sqrt(math.prod(int(axis.T.counts().max(initial=0)) for axis in axes))
