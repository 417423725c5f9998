"""Locally connected and tiled layers, which share their weights less than a convolution does."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn.axis import Axis, Sliding
from minicnn.forms.resolve import Ints, Padding, over, sliding
from minicnn.functional import local_conv, tiled_conv
from minicnn.functional.local import local_map, tiled_map, tiled_patch_map
from minicnn.maps import LinearMap
from minicnn.nn.arguments import a_count, a_draw, a_flag, a_function, a_kernel, a_window, an_input, settle
from minicnn.nn.initializers import Initializer, he_normal
from minicnn.nn.layer import Layer, Params, Shape, weights_of, with_bias


@dataclass(frozen=True)
class LocalConv(Layer):
    """A convolution with a kernel and a bias of its own at every output (*Deep Learning*, eq. 9.9).

    Attributes:
        channels: output channels.
        kernel_size: taps per spatial axis.
        stride: as in `minicnn.local_conv`, like `padding` and `dilation`.
        bias: add b, one per output position and channel.
        w_init: initialiser of one kernel, given its shape (*kernel, c_in, c_out).

    >>> layer = LocalConv(2, (3, 3))
    >>> layer.init(jax.random.key(0), (5, 5, 1))["w"].shape
    (3, 3, 3, 3, 1, 2)
    """

    channels: int
    kernel_size: tuple[int, ...]
    stride: Ints = 1
    padding: Padding = "VALID"
    dilation: Ints = 1
    bias: bool = True
    w_init: Initializer = he_normal

    def __post_init__(self) -> None:
        settle(self, channels=a_count, kernel_size=a_kernel, bias=a_flag, w_init=a_function)
        _ = self._slidings

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The kernel on each spatial axis, padding counted as read."""
        return over(self._slidings, in_shape[:-1])

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw a kernel for every place with `w_init`; b is zero."""
        in_shape = a_draw(key, in_shape, dtype, len(self.kernel_size))
        places = self.places(in_shape)
        one = (*self.kernel_size, in_shape[-1], self.channels)
        keys = jax.random.split(key, places)
        draw = lambda key: self.w_init(key, one, dtype)
        for _ in places:
            draw = jax.vmap(draw)
        w = draw(keys)
        return {"w": w, "b": jnp.zeros((*places, self.channels), dtype)} if self.bias else {"w": w}

    def places(self, in_shape: Shape) -> Shape:
        """How many kernels there are on each spatial axis: as many as outputs."""
        return self.out_shape(in_shape)[:-1]

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Multiply by the matrix and add b."""
        return with_bias(partial(local_conv, **self._options), x, weights_of(params), params)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (*out, channels)."""
        axes = self.axes(an_input(in_shape, len(self.kernel_size)))
        return (*(axis.out_size for axis in axes), self.channels)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix: the non-zeros of a convolution's, untied."""
        return local_map(weights_of(params), in_shape[:-1], **self._options)

    def weight_map(self, params: Params, x: Shaped[Array, "*spatial c"]) -> LinearMap:
        """The matrix that multiplies vec(w): every window of x against its own kernel."""
        return tiled_patch_map(x, weights_of(params).shape, **self._options)

    @property
    def _slidings(self) -> tuple[Sliding, ...]:
        return sliding(self.kernel_size, self.stride, self.padding, self.dilation)

    @property
    def _options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}


@dataclass(frozen=True)
class TiledConv(LocalConv):
    """A convolution that cycles through t kernels and biases along each axis (*Deep Learning*, eq. 9.10).

    Attributes:
        tile: kernels per spatial axis; 1 is a convolution.

    >>> layer = TiledConv(2, (3, 3), tile=(2, 2))
    >>> layer.init(jax.random.key(0), (5, 5, 1))["w"].shape
    (2, 2, 3, 3, 1, 2)
    """

    tile: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        a_window("tile", self.tile)
        if len(self.tile) != len(self.kernel_size):
            raise ValueError(f"`tile`={self.tile} must have one int for each of {len(self.kernel_size)} axes")

    def places(self, in_shape: Shape) -> Shape:
        """How many kernels there are on each spatial axis."""
        return self.tile

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Multiply by the matrix and add b."""
        return with_bias(partial(tiled_conv, **self._options), x, weights_of(params), params)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix: that of a local layer, its kernels tied."""
        return tiled_map(weights_of(params), in_shape[:-1], **self._options)
