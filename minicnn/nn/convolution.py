"""Convolution and transposed convolution as layers."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import numeric
from minicnn.axis import Axis, Sliding
from minicnn.forms import Form, as_form
from minicnn.forms.arithmetic import checked_precision
from minicnn.forms.resolve import ConvOptions, Ints, Padding, Table, check_groups, checked_mask, over, sliding
from minicnn.forms.tables import check_mode
from minicnn.functional import conv, conv_map, conv_transpose, patch_map
from minicnn.functional.convolution import summed_conv, summed_conv_transpose, transposed_patch_map
from minicnn.maps import Dense, LinearMap, compose
from minicnn.nn.arguments import a_count, a_draw, a_flag, a_function, a_kernel, an_input, settle
from minicnn.nn.initializers import Initializer, he_normal
from minicnn.nn.layer import Layer, Multiply, Params, Shape, weights_of, with_bias


class Convolutional(Layer):
    """What the convolution and its transpose share: the arguments of `minicnn.conv`, the kernel and the bias."""

    channels: int
    kernel_size: tuple[int, ...]
    stride: Ints
    padding: Padding
    dilation: Ints
    groups: int
    mask: Table | None
    padding_mode: str
    bias: bool
    form: str | Form
    w_init: Initializer
    stretch: Ints
    flip: bool
    precision: jax.lax.PrecisionLike
    preferred_element_type: DTypeLike | None

    def __post_init__(self) -> None:
        settle(
            self, channels=a_count, kernel_size=a_kernel, groups=a_count, bias=a_flag, flip=a_flag, w_init=a_function
        )
        check_mode("padding_mode", self.padding_mode)
        check_groups(self.groups, self.channels, self.groups)
        as_form(self.form)
        checked_precision(self.precision)
        if self.preferred_element_type is not None:
            numeric("preferred_element_type", self.preferred_element_type)
        _ = self.slidings

    @property
    def options(self) -> ConvOptions:
        """The keyword arguments of `minicnn.conv`."""
        return cast(ConvOptions, {name: getattr(self, name) for name in ConvOptions.__annotations__})

    @property
    def slidings(self) -> tuple[Sliding, ...]:
        """The kernel on each spatial axis of a convolution's input of any size."""
        return sliding(self.kernel_size, self.stride, self.padding, self.dilation, self.stretch)

    @abstractmethod
    def w_shape(self, in_shape: Shape) -> Shape:
        """The shape of the whole kernel, (*kernel, c_in / groups, c_out) of the convolution.

        Raises:
            ValueError: if `groups` does not divide the channels, or the mask is not one of theirs.
        """

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw w with `w_init`, or the kernels that the mask keeps; b is zero.

        Raises:
            TypeError: for what is no key, no shape or no dtype.
            ValueError: for an input of other spatial axes than the kernel's, and as `w_shape`.
        """
        shape = self.w_shape(a_draw(key, in_shape, dtype, len(self.kernel_size)))
        w = self.w_init(key, shape, dtype) if self.mask is None else self._kept_kernels(key, dtype)
        return {"w": w, "b": jnp.zeros(self.channels, dtype)} if self.bias else {"w": w}

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (*out, channels), for inputs that the groups and the mask fit."""
        in_shape = an_input(in_shape, len(self.kernel_size))
        self.w_shape(in_shape)
        return (*(axis.out_size for axis in self.axes(in_shape)), self.channels)

    def whole_kernel(self, w: Any) -> Any:
        """The kernel from what is stored of it: what the mask leaves out is zero."""
        if self.mask is None:
            return w
        return ops.reshape(ops.matmul(w, self.placement(w.dtype)), (*self.kernel_size, *np.shape(self.mask)))

    def placement(self, dtype: jnp.dtype) -> Array:
        """The matrix K that says where each kept kernel goes among all, 0 and 1, (kept, c_in / groups · c_out)."""
        flat = np.ravel(np.asarray(self.mask))
        return jnp.asarray(np.eye(flat.size, dtype=dtype)[np.flatnonzero(flat)])

    def _with_bias(self, multiply: Multiply, summed: Multiply, x: Any, params: Params, **how: Any) -> Any:
        """The output, by a product and by the same one in the dtype in which it is summed."""
        w, dtype = self.whole_kernel(weights_of(params)), self.preferred_element_type
        return with_bias(partial(multiply, **how), x, w, params, partial(summed, **how), dtype)

    def _of_kept(self, X: LinearMap, w: Array) -> LinearMap:
        """The map of all kernels as one of those that are stored."""
        if self.mask is None:
            return X
        every_tap = jnp.kron(jnp.eye(math.prod(self.kernel_size), dtype=w.dtype), self.placement(w.dtype).T)
        return compose(X, Dense(every_tap, w.shape, X.in_shape, w.dtype))

    def _checked(self, c_in: int, c_out: int) -> Shape:
        check_groups(c_in, c_out, self.groups)
        checked_mask(self.mask, (c_in // self.groups, c_out))
        return (*self.kernel_size, c_in // self.groups, c_out)

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


@dataclass(frozen=True)
class Conv(Convolutional):
    """Convolution with a bias per channel: y = C(w)·x + b.

    Attributes:
        channels: output channels.
        kernel_size: taps per spatial axis; its length is the spatial rank.
        stride: as in `minicnn.conv`, like `padding`, `dilation`, `groups`, `padding_mode` and `form`.
        mask: which input channels each output channel reads, (c_in / groups, channels) of 0 and 1; only the kernels
            it keeps are stored, as w of shape (*kernel, kept).
        bias: add b, one per output channel.
        w_init: initialiser of w, given its shape (*kernel, c_in / groups, c_out).
        stretch: as in `minicnn.conv`, like `flip`, `precision` and `preferred_element_type`.

    Raises:
        TypeError: if a size is not an int, or a flag is not True or False.
        ValueError: as `minicnn.conv`, as far as the arguments can be checked without an input.

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
    mask: Table | None = None
    padding_mode: str = "zeros"
    bias: bool = True
    form: str | Form = "auto"
    w_init: Initializer = he_normal
    stretch: Ints = 1
    flip: bool = False
    precision: jax.lax.PrecisionLike = None
    preferred_element_type: DTypeLike | None = None

    def w_shape(self, in_shape: Shape) -> Shape:
        """The shape (*kernel, c_in / groups, channels)."""
        return self._checked(in_shape[-1], self.channels)

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The relation of C on each spatial axis, padding counted as read."""
        axes = over(self.slidings, in_shape[:-1])
        return tuple(axis.flipped for axis in axes) if self.flip else axes

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Compute C(w)·x + b."""
        return self._with_bias(conv, summed_conv, x, params, **self.options)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix C(w)."""
        return conv_map(self.whole_kernel(weights_of(params)), in_shape[:-1], **self.options)

    def weight_map(self, params: Params, x: Shaped[Array, "*spatial c"]) -> LinearMap:
        """The patch matrix X(x); for a masked kernel X(x) @ K, with K the 0/1 matrix from the kept kernels to all."""
        return self._of_kept(patch_map(x, self.w_shape(x.shape), **self.options), weights_of(params))


@dataclass(frozen=True)
class ConvTranspose(Convolutional):
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
        mask: which channels C joins, (channels / groups, c_in) of 0 and 1; only the kernels it keeps are stored.
        padding_mode: of C, like `stretch`, `flip`, `precision` and `preferred_element_type`.

    Raises:
        TypeError: if a size is not an int, or a flag is not True or False.
        ValueError: as `minicnn.conv_transpose`, as far as the arguments can be checked without an input.

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
    mask: Table | None = None
    padding_mode: str = "zeros"
    stretch: Ints = 1
    flip: bool = False
    precision: jax.lax.PrecisionLike = None
    preferred_element_type: DTypeLike | None = None

    def w_shape(self, in_shape: Shape) -> Shape:
        """The shape (*kernel, channels / groups, c_in)."""
        return self._checked(self.channels, in_shape[-1])

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The relation of Cᵀ on each spatial axis, padding counted as read."""
        like = jax.ShapeDtypeStruct(in_shape, jnp.float32), jax.ShapeDtypeStruct(self.w_shape(in_shape), jnp.float32)
        transpose = partial(conv_transpose, **self._sizes, **self.options)
        axes = over(self.slidings, jax.eval_shape(transpose, *like).shape[:-1])
        return tuple(axis.flipped.T if self.flip else axis.T for axis in axes)

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Compute C(w)ᵀ·x + b."""
        return self._with_bias(conv_transpose, summed_conv_transpose, x, params, **self._sizes, **self.options)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix C(w)ᵀ."""
        return conv_map(self.whole_kernel(weights_of(params)), self.out_shape(in_shape)[:-1], **self.options).T

    def weight_map(self, params: Params, x: Shaped[Array, "*spatial c"]) -> LinearMap:
        """The matrix that multiplies vec(w), or the kernels that the mask keeps, in C(w)ᵀ·x."""
        X = transposed_patch_map(x, self.w_shape(x.shape), **self._sizes, **self.options)
        return self._of_kept(X, weights_of(params))

    @property
    def _sizes(self) -> dict[str, Any]:
        return {"output_size": self.output_size, "output_padding": self.output_padding}
