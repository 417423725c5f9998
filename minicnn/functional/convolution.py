"""Convolution and transposed convolution, and the maps they multiply by.

The operation is cross-correlation, as in every CNN library; `flip=True` gives true convolution.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_channels, check_rank, operands, sizes, spatial_rank
from minicnn.axis import Axis, Sliding
from minicnn.forms import Arithmetic, Form, Geometry, as_form
from minicnn.forms.geometry import Padding, check_groups, check_mask, resolve, sliding_axes
from minicnn.forms.tables import PadAxis, check_mode, pad_axis
from minicnn.forms.trilinear import convolve, swap_channels
from minicnn.functional.common import Ints, batched, jitted_primitive
from minicnn.functional.padding import pad_p, pad_transpose_p
from minicnn.maps.algebra import compose
from minicnn.maps.base import LinearMap
from minicnn.maps.convolution import ConvMap, PatchMap, masked
from minicnn.maps.padding import Pad
from minicnn.primitive import ArrayLike

Table = np.ndarray | Array | Sequence[Sequence[int]]


class ConvOptions(TypedDict, total=False):
    """The keyword arguments of `conv`, with its defaults."""

    stride: Ints
    padding: Padding
    dilation: Ints
    stretch: Ints
    groups: int
    mask: Table | None
    padding_mode: str
    flip: bool
    form: str | Form
    precision: jax.lax.PrecisionLike
    preferred_element_type: DTypeLike | None


def _product(x: Array, w: Array, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> Array:
    return convolve(x, masked(w, geometry), geometry.unmasked, form, arithmetic)


conv_p = jitted_primitive("conv", _product)


def conv(
    x: ArrayLike,
    w: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    stretch: Ints = 1,
    groups: int = 1,
    mask: Table | None = None,
    padding_mode: str = "zeros",
    flip: bool = False,
    form: str | Form = "auto",
    precision: jax.lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Any:
    """Convolve: y[o] = Σ w[k]·x[i] over u·i = s·o + d·k − p.

    Args:
        x: input, (*batch, *spatial, c_in).
        w: kernel, (*kernel, c_in / groups, c_out), c_out group-major. It fixes the number of spatial axes.
        stride: input steps per output, one int for all axes or one each.
        padding: "VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL", an int, or per axis an int or (low, high).
            Negative widths crop.
        dilation: steps between taps.
        stretch: steps between input positions; 2 puts a zero between neighbours.
        groups: blocks of channels that do not meet.
        mask: table of zeros and ones, (c_in / groups, c_out): which channels meet. Where it is 0, w does not matter.
        padding_mode: what is padded: "zeros", "circular" (at most the input's size), "reflect" (less than it) or
            "replicate".
        flip: reverse the kernel: true convolution instead of cross-correlation.
        form: how the matrix is held: "auto", "dense", "tiles", "diagonals", or a form object.
        precision: of the products, as in `jax.lax.dot`.
        preferred_element_type: accumulation and result type, as in `jax.lax.dot`.

    Returns:
        (*batch, *out, c_out).

    Raises:
        ValueError: if shapes, groups, the mask or the padding do not fit, or the kernel is larger than the padded
            input.
        TypeError: if an integer array meets a floating one.

    >>> x = jnp.arange(5.0).reshape(5, 1)
    >>> w = jnp.array([1.0, 0.0, -1.0]).reshape(3, 1, 1)
    >>> conv(x, w).ravel()
    Array([-2., -2., -2.], dtype=float32)
    """
    x, w = operands(x=x, w=w)
    rank = spatial_rank(w)
    check_rank("x", x, rank)
    slidings = sliding_axes(w.shape[:rank], stride, padding, dilation, stretch)
    pads, axes = _padded(slidings, resolve(slidings, x.shape[-rank - 1 : -1]), padding_mode)
    geometry = _geometry(axes, w, groups, mask, flip)
    check_channels("x", x.shape[-1], geometry.c_in, f"w{w.shape} with `groups`={groups}")
    x = batched(pad_p, x, rank, axes=pads) if pads else x
    return _convolve(x, w, geometry, as_form(form), Arithmetic(precision, preferred_element_type))


def conv_transpose(
    y: ArrayLike,
    w: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    stretch: Ints = 1,
    groups: int = 1,
    mask: Table | None = None,
    padding_mode: str = "zeros",
    flip: bool = False,
    form: str | Form = "auto",
    precision: jax.lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    output_size: Sequence[int] | None = None,
    output_padding: Ints = 0,
) -> Any:
    """Multiply by Cᵀ: exactly the transpose of `conv` with the same w and the same arguments.

    With a stride several input sizes share one output size. Without `output_size` the smallest is returned, made
    larger by `output_padding`; SAME returns s·n.

    Args:
        y: what `conv` returns, (*batch, *out, c_out).
        w: the kernel of the convolution, (*kernel, c_in / groups, c_out).
        stride: of the convolution.
        padding: of the convolution.
        dilation: of the convolution.
        stretch: of the convolution.
        groups: of the convolution.
        mask: of the convolution.
        padding_mode: of the convolution; what it copied into the padding is added back.
        flip: of the convolution.
        form: how the matrix is held.
        precision: of the products.
        preferred_element_type: accumulation and result type.
        output_size: the spatial size of the convolution's input.
        output_padding: positions to add to the smallest size, 0 ≤ output_padding < stride.

    Returns:
        (*batch, *in, c_in).

    Raises:
        ValueError: as `conv`, and for an `output_size` that no convolution could have started from; it lists those
            that could.
        TypeError: if an integer array meets a floating one.

    >>> y = jnp.ones((2, 1))
    >>> w = jnp.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    >>> conv_transpose(y, w, stride=2).ravel()
    Array([1., 2., 4., 2., 3.], dtype=float32)
    """
    y, w = operands(y=y, w=w)
    rank = spatial_rank(w)
    check_rank("y", y, rank)
    slidings = sliding_axes(w.shape[:rank], stride, padding, dilation, stretch)
    requested = (None,) * rank if output_size is None else sizes("output_size", output_size)
    extra = (output_padding,) * rank if isinstance(output_padding, int) else tuple(output_padding)
    for name, value in (("output_size", requested), ("output_padding", extra)):
        if len(value) != rank:
            raise ValueError(f"`{name}`={value} has {len(value)} entries and w {rank} spatial axes: give one per axis")
    rows = zip(slidings, y.shape[-rank - 1 : -1], requested, extra, strict=True)
    in_size = [sliding.in_size(size, request, more) for sliding, size, request, more in rows]
    axes = tuple(sliding.over(size) for sliding, size in zip(slidings, in_size, strict=True))
    pads, axes = _padded(slidings, axes, padding_mode)
    geometry = _geometry(axes, w, groups, mask, flip)
    check_channels("y", y.shape[-1], geometry.c_out, f"w{w.shape}")
    arithmetic = Arithmetic(precision, preferred_element_type)
    x = _convolve(y, swap_channels(w, geometry), geometry.T, as_form(form), arithmetic)
    return batched(pad_transpose_p, x, rank, axes=pads) if pads else x


def conv_map(w: Shaped[Array, "*kernel c co"], in_size: Sequence[int], **options: Unpack[ConvOptions]) -> LinearMap:
    """The convolution as a linear map: C(w) for inputs of one spatial size.

    With a `padding_mode` other than "zeros" it is C(w) @ Pad.

    Args:
        w: kernel, (*kernel, c_in / groups, c_out).
        in_size: spatial size of the inputs, one int per axis.
        **options: the keyword arguments of `conv`.

    Raises:
        ValueError: as `conv`.

    >>> A = conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))
    >>> A
    ConvMap((4, 4, 1) → (2, 2, 1), 4×16 float32)
    >>> A.nnz
    36
    """
    w, pads, geometry, form, arithmetic = static_parts(w, in_size, options)
    C = ConvMap(w, geometry, form, arithmetic, arithmetic.result_type(w))
    return compose(C, Pad(pads, geometry.c_in, w.dtype)) if pads else C


def conv_matrix(
    w: Shaped[Array, "*kernel c co"], in_size: Sequence[int], **options: Unpack[ConvOptions]
) -> Shaped[Array, "out in"]:
    """The convolution matrix C: `conv(x, w).ravel() == C @ x.ravel()`.

    Rows and columns run over (*spatial, channel) in C order. The entries are exact copies of w, and zeros;
    differentiable in w.

    Args:
        w: kernel, (*kernel, c_in / groups, c_out).
        in_size: spatial size of the inputs, one int per axis.
        **options: the keyword arguments of `conv`.

    Raises:
        ValueError: as `conv`.
        MemoryError: if the matrix would not fit, before it is allocated.

    >>> conv_matrix(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (3,))
    Array([[1., 2., 0.],
           [0., 1., 2.]], dtype=float32)
    """
    return conv_map(w, in_size, **options).matrix()


def patch_map(x: Shaped[Array, "..."], w_shape: Sequence[int], **options: Unpack[ConvOptions]) -> PatchMap:
    """The convolution as a linear map of its weights: X(x), with X(x)·vec(w) = C(w)·vec(x).

    Its transpose is the gradient with respect to the weights. With a `padding_mode` other than "zeros", X is that of
    the padded x.

    Args:
        x: input, (*batch, *spatial, c_in); the batch axes lead `out_shape`.
        w_shape: shape of the kernel, (*kernel, c_in / groups, c_out).
        **options: the keyword arguments of `conv`.

    Raises:
        ValueError: as `conv`.

    >>> X = patch_map(jnp.arange(4.0).reshape(4, 1), (2, 1, 1))
    >>> X.matrix()
    Array([[0., 1.],
           [1., 2.],
           [2., 3.]], dtype=float32)
    """
    x = jnp.asarray(x)
    rank = len(w_shape) - 2
    check_rank("x", x, rank)
    w = jax.ShapeDtypeStruct(tuple(w_shape), x.dtype)
    _, pads, geometry, form, arithmetic = static_parts(w, x.shape[-rank - 1 : -1], options)
    check_channels("x", x.shape[-1], geometry.c_in, f"w_shape={tuple(w_shape)} with `groups`={geometry.groups}")
    x = Pad(pads, geometry.c_in, x.dtype)(x) if pads else x
    return PatchMap(x, geometry, x.shape[: -rank - 1], form, arithmetic, arithmetic.result_type(x))


def static_parts(
    w: Any, in_size: Sequence[int], options: ConvOptions
) -> tuple[Any, tuple[PadAxis, ...], Geometry, Form, Arithmetic]:
    """Everything about a convolution but its arrays, from the keyword arguments of `conv`."""
    known = ConvOptions.__optional_keys__
    if unknown := set(options) - known:
        raise TypeError(f"unknown argument {', '.join(sorted(unknown))}: a convolution has {', '.join(sorted(known))}")
    if not isinstance(w, jax.ShapeDtypeStruct):
        (w,) = operands(w=w)
    slidings = sliding_axes(
        w.shape[: spatial_rank(w)],
        options.get("stride", 1),
        options.get("padding", "VALID"),
        options.get("dilation", 1),
        options.get("stretch", 1),
    )
    pads, axes = _padded(slidings, resolve(slidings, sizes("in_size", in_size)), options.get("padding_mode", "zeros"))
    geometry = _geometry(axes, w, options.get("groups", 1), options.get("mask"), options.get("flip", False))
    arithmetic = Arithmetic(options.get("precision"), options.get("preferred_element_type"))
    return w, pads, geometry, as_form(options.get("form", "auto")), arithmetic


def _convolve(x: Any, w: Any, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> Any:
    batch = x.shape[: -len(geometry.in_shape)]
    images = ops.reshape(x, (math.prod(batch), *geometry.in_shape))
    y = conv_p(images, w, geometry=geometry, form=form, arithmetic=arithmetic)
    return ops.reshape(y, (*batch, *geometry.out_shape))


def _padded(
    slidings: Sequence[Sliding], axes: tuple[Axis, ...], mode: str
) -> tuple[tuple[PadAxis, ...], tuple[Axis, ...]]:
    """The padding that comes before the convolution, and the axes of the convolution of what it returns.

    Zeros need no padding: the relation reads them where it leaves the input.
    """
    check_mode("padding_mode", mode)
    if mode == "zeros":
        return (), axes
    if any(axis.stretch > 1 for axis in axes):
        raise ValueError(f'`padding_mode`={mode!r} has no meaning for a stretched input: use "zeros", or `minicnn.pad`')
    pads = tuple(
        pad_axis(axis.in_size, sliding.widths(axis.in_size), mode) for sliding, axis in zip(slidings, axes, strict=True)
    )
    return pads, tuple(replace(axis, in_size=pad.out_size, low=0) for axis, pad in zip(axes, pads, strict=True))


def _geometry(axes: tuple[Axis, ...], w: Any, groups: int, mask: Any, flip: bool) -> Geometry:
    check_groups(w.shape[-2] * groups, w.shape[-1], groups)
    geometry = Geometry(axes, w.shape[-2] * groups, w.shape[-1], groups, check_mask(mask, w.shape[-2:]))
    return geometry.flipped if flip else geometry
