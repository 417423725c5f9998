"""Convolution and transposed convolution as layers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.forms import Form
from minicnn.forms.geometry import Padding
from minicnn.functional import conv, conv_map, conv_transpose, patch_map
from minicnn.functional.convolution import ConvOptions
from minicnn.maps import Dense, LinearMap, compose
from minicnn.nn.initializers import Initializer, he_normal
from minicnn.nn.layer import Layer, Params, Shape

Ints = int | tuple[int, ...]


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution with a bias per channel: y = C(w)·x + b.

    Attributes:
        channels: output channels.
        kernel_size: taps per spatial axis; its length is the spatial rank.
        stride: as in `minicnn.conv`, like `padding`, `dilation`, `groups`, `padding_mode` and `form`.
        mask: which input channels each output channel reads, (c_in / groups, channels) of 0 and 1; only the kernels
            it keeps are stored, as w of shape (*kernel, kept).
        bias: add b, one per output channel.
        w_init: initialiser of w, given its shape (*kernel, c_in / groups, c_out).

    >>> layer = Conv(6, (5, 5))
    >>> params = layer.init(jax.random.key(0), (32, 32, 1))
    >>> layer.apply(params, jnp.zeros((2, 32, 32, 1))).shape
    (2, 28, 28, 6)
    >>> layer.map(params, (32, 32, 1)).shape
    (4704, 1024)
    """

    channels: int
    kernel_size: tuple[int, ...]
    stride: Ints = 1
    padding: Padding = "VALID"
    dilation: Ints = 1
    groups: int = 1
    mask: tuple[tuple[int, ...], ...] | None = None
    padding_mode: str = "zeros"
    bias: bool = True
    form: str | Form = "auto"
    w_init: Initializer = he_normal

    @property
    def options(self) -> ConvOptions:
        """The keyword arguments of `minicnn.conv`."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "mask": self.mask,
            "padding_mode": self.padding_mode,
            "form": self.form,
        }

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """w from `w_init`, b zero."""
        if self.mask is None:
            w = self.w_init(key, (*self.kernel_size, in_shape[-1] // self.groups, self.channels), dtype)
        else:
            w = self._kept_kernels(key, dtype)
        return {"w": w, "b": jnp.zeros(self.channels, dtype)} if self.bias else {"w": w}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """C(w)·x + b."""
        return add_bias(conv(x, self._kernel(params["w"]), **self.options), params)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(*out, channels)."""
        w = jax.ShapeDtypeStruct((*self.kernel_size, in_shape[-1] // self.groups, self.channels), jnp.float32)
        return jax.eval_shape(lambda x, w: conv(x, w, **self.options), _like(in_shape), w).shape

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """C(w)."""
        return conv_map(self._kernel(params["w"]), in_shape[:-1], **self.options)

    def weight_map(self, params: Params, x: Shaped[Array, "*spatial c"]) -> LinearMap:
        """X(x), or X(x) @ K for a masked kernel, with K the 0/1 matrix from the kept kernels to all."""
        w = params["w"]
        if self.mask is None:
            return patch_map(x, w.shape, **self.options)
        X = patch_map(x, (*self.kernel_size, *np.shape(self.mask)), **self.options)
        every_tap = jnp.kron(jnp.eye(math.prod(self.kernel_size), dtype=w.dtype), self._placement(w.dtype).T)
        return compose(X, Dense(every_tap, w.shape, X.in_shape, w.dtype))

    def _kept_kernels(self, key: jax.Array, dtype: DTypeLike) -> Array:
        """The kernels that the mask keeps, row by row of it; every channel's fan-in counts only those it reads."""
        mask = np.asarray(self.mask)
        kept = np.zeros(mask.shape, np.int64)
        kept[np.nonzero(mask)] = np.arange(np.count_nonzero(mask))
        w = jnp.zeros((*self.kernel_size, np.count_nonzero(mask)), dtype)
        for fan_in in np.unique(mask.sum(0)[mask.sum(0) > 0]):
            alike = np.flatnonzero(mask.sum(0) == fan_in)
            shape = (*self.kernel_size, int(fan_in), len(alike))
            drawn = self.w_init(jax.random.fold_in(key, int(fan_in)), shape, dtype)
            rows = np.stack([np.flatnonzero(mask[:, channel]) for channel in alike], axis=1)
            w = w.at[..., kept[rows, alike]].set(drawn)
        return w

    def _kernel(self, w: Any) -> Any:
        """The whole kernel: what the mask leaves out is zero."""
        if self.mask is None:
            return w
        return ops.reshape(ops.matmul(w, self._placement(w.dtype)), (*self.kernel_size, *np.shape(self.mask)))

    def _placement(self, dtype: jnp.dtype) -> Array:
        """K: where each kept kernel goes among all, 0 and 1, (kept, c_in / groups · channels)."""
        flat = np.ravel(np.asarray(self.mask))
        return jnp.asarray(np.eye(flat.size, dtype=dtype)[np.flatnonzero(flat)])


@dataclass(frozen=True)
class ConvTranspose(Layer):
    """Transposed convolution with a bias per channel: y = C(w)ᵀ·x + b.

    C is the convolution with these arguments from `channels` back to the layer's input channels.

    Attributes:
        channels: output channels, the input channels of C.
        kernel_size: taps per spatial axis.
        stride: of C, like `padding`, `dilation`, `groups` and `form`.
        output_size: spatial size of the output where the stride leaves it open.
        output_padding: positions to add to the smallest size.
        bias: add b, one per output channel.
        w_init: initialiser of w, given its shape (*kernel, channels / groups, c_in).

    >>> layer = ConvTranspose(3, (4, 4), stride=2, padding=1)
    >>> params = layer.init(jax.random.key(0), (8, 8, 5))
    >>> layer.apply(params, jnp.zeros((2, 8, 8, 5))).shape
    (2, 16, 16, 3)
    """

    channels: int
    kernel_size: tuple[int, ...]
    stride: Ints = 1
    padding: Padding = "VALID"
    dilation: Ints = 1
    groups: int = 1
    output_size: Sequence[int] | None = None
    output_padding: Ints = 0
    bias: bool = True
    form: str | Form = "auto"
    w_init: Initializer = he_normal

    @property
    def options(self) -> ConvOptions:
        """The keyword arguments of the `minicnn.conv` that is transposed."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "form": self.form,
        }

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """w from `w_init`, b zero."""
        w = self.w_init(key, (*self.kernel_size, self.channels // self.groups, in_shape[-1]), dtype)
        return {"w": w, "b": jnp.zeros(self.channels, dtype)} if self.bias else {"w": w}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """C(w)ᵀ·x + b."""
        return add_bias(self._transpose(x, params["w"]), params)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(*in, channels), where C maps from."""
        w = jax.ShapeDtypeStruct((*self.kernel_size, self.channels // self.groups, in_shape[-1]), jnp.float32)
        return jax.eval_shape(self._transpose, _like(in_shape), w).shape

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """C(w)ᵀ."""
        return conv_map(params["w"], self.out_shape(in_shape)[:-1], **self.options).T

    def _transpose(self, x: Any, w: Any) -> Any:
        return conv_transpose(x, w, output_size=self.output_size, output_padding=self.output_padding, **self.options)


def add_bias(y: Any, params: Params) -> Any:
    """y + b, where the layer has a bias."""
    return ops.add(y, params["b"]) if "b" in params else y


def _like(shape: Shape) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)
