"""Convolution and transposed convolution, and the maps they multiply by.

The operation is cross-correlation, as in every CNN library; `flip=True` gives true convolution.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Unpack

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn.arguments import check_channels, check_kernel_shape, check_rank, keywords_explained, sizes
from minicnn.dtypes import operands, preferred
from minicnn.forms import Form
from minicnn.forms.geometry import Geometry, swap_channels
from minicnn.forms.layouts import channels_moved, hinting, in_front, warn_of_channels_in_front
from minicnn.forms.resolve import Convolution, ConvOptions, Ints, Padding, Table
from minicnn.forms.trilinear import convolve
from minicnn.functional.batching import batched
from minicnn.functional.jitted import compiled_primitive
from minicnn.functional.padding import pad_p, pad_transpose_p
from minicnn.maps.algebra import compose
from minicnn.maps.base import LinearMap
from minicnn.maps.convolution import ConvMap, PatchMap, exchanged_channels
from minicnn.maps.padding import Pad
from minicnn.primitive import ArrayLike, value_of

convolve_p = compiled_primitive("convolve", convolve)


@keywords_explained
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
        padding_mode: what is padded: "zeros", "circular", "reflect", "replicate" or "symmetric", as in `minicnn.pad`.
        flip: reverse the kernel: true convolution instead of cross-correlation.
        form: how the matrix is held: "auto" (the least predicted cost), "dense" (all of C), "tiles" (one small matrix
            that all tiles of C share), "diagonals" (one per tap), "winograd" (tiles by the fewest products, through
            sums and differences), "fourier" (a circulant around C: it spreads rounding errors and NaN over all outputs,
            so that "auto" never takes it), or a form object such as `minicnn.forms.Tiles(4)`.
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
    return _conv(
        x,
        w,
        stride=stride,
        padding=padding,
        dilation=dilation,
        stretch=stretch,
        groups=groups,
        mask=mask,
        padding_mode=padding_mode,
        flip=flip,
        form=form,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def summed_conv(x: ArrayLike, w: ArrayLike, **options: Unpack[ConvOptions]) -> Any:
    """`conv` in the dtype in which numbers of x and w are summed, for what is added before it is rounded to theirs.

    Its cotangents are taken to be of that dtype, as those of a rounded sum are.
    """
    return _conv(x, w, summed=True, **options)


def _conv(x: ArrayLike, w: ArrayLike, summed: bool = False, **options: Unpack[ConvOptions]) -> Any:
    x, w = operands(x=x, w=w)
    options = _accumulating(options, x.dtype)
    rank = check_kernel_shape(w.shape)
    check_rank("x", x, rank)
    groups = options.get("groups", 1)
    with hinting(partial(in_front, w.shape, x.shape[-rank - 1 :], groups)):
        resolved = Convolution.of(w.shape, x.shape[-rank - 1 : -1], **options)
        geometry = resolved.geometry
        check_channels("x", x.shape[-1], geometry.c_in, f"w{w.shape} with `groups`={groups}")
    warn_of_channels_in_front(w.shape, callers=3)
    arithmetic = resolved.arithmetic.rounded_later(value_of(x), value_of(w)) if summed else resolved.arithmetic
    x = batched(pad_p, x, rank, axes=resolved.pads) if resolved.pads else x
    return batched(convolve_p, x, rank, w, geometry=geometry, form=resolved.form, arithmetic=arithmetic)


def _accumulating(options: ConvOptions, dtype: jnp.dtype) -> ConvOptions:
    """The options with the dtype in which products of this one accumulate, which only their operands can tell."""
    return options | {"preferred_element_type": preferred(dtype, options.get("preferred_element_type"))}


@keywords_explained
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
    return _conv_transpose(
        y,
        w,
        stride=stride,
        padding=padding,
        dilation=dilation,
        stretch=stretch,
        groups=groups,
        mask=mask,
        padding_mode=padding_mode,
        flip=flip,
        form=form,
        precision=precision,
        preferred_element_type=preferred_element_type,
        output_size=output_size,
        output_padding=output_padding,
    )


def summed_conv_transpose(y: ArrayLike, w: ArrayLike, **options: Any) -> Any:
    """As `summed_conv`, of `conv_transpose`."""
    return _conv_transpose(y, w, summed=True, **options)


def _conv_transpose(
    y: ArrayLike,
    w: ArrayLike,
    summed: bool = False,
    output_size: Sequence[int] | None = None,
    output_padding: Ints = 0,
    **options: Unpack[ConvOptions],
) -> Any:
    y, w = operands(y=y, w=w)
    options = _accumulating(options, y.dtype)
    rank = check_kernel_shape(w.shape)
    check_rank("y", y, rank)
    resolved = Convolution.onto(w.shape, y.shape[-rank - 1 : -1], output_size, output_padding, **options)
    geometry = resolved.geometry
    hint = channels_moved(w.shape) if w.shape[0] == y.shape[-1] else ""
    check_channels("y", y.shape[-1], geometry.c_out, f"w{w.shape}", hint)
    arithmetic = resolved.arithmetic.rounded_later(value_of(y), value_of(w)) if summed else resolved.arithmetic
    x = batched(_transposed, y, rank, w, geometry=geometry, form=resolved.form, arithmetic=arithmetic)
    return batched(pad_transpose_p, x, rank, axes=resolved.pads) if resolved.pads else x


def _transposed(y: Any, w: Any, geometry: Geometry, **how: Any) -> Any:
    """Cᵀ·y, as the convolution on the transposed geometry that it is."""
    return convolve_p(y, swap_channels(w, geometry), geometry=geometry.T, **how)


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
    (w,) = operands(w=w)
    options = _accumulating(options, w.dtype)
    resolved = Convolution.of(w.shape, sizes("in_size", in_size), **options)
    warn_of_channels_in_front(w.shape, callers=1)
    geometry, arithmetic = resolved.geometry, resolved.arithmetic
    C = ConvMap(w, geometry, resolved.form, arithmetic, arithmetic.result_type(value_of(w)))
    return compose(C, Pad(resolved.pads, geometry.c_in, w.dtype)) if resolved.pads else C


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
    (x,) = operands(x=x)
    options = _accumulating(options, x.dtype)
    w_shape = sizes("w_shape", w_shape)
    rank = check_kernel_shape(w_shape, "w_shape")
    check_rank("x", x, rank)
    with hinting(partial(in_front, w_shape, x.shape[-rank - 1 :], options.get("groups", 1), "w_shape")):
        resolved = Convolution.of(w_shape, x.shape[-rank - 1 : -1], **options)
        geometry, arithmetic = resolved.geometry, resolved.arithmetic
        check_channels("x", x.shape[-1], geometry.c_in, f"`w_shape`={w_shape} with `groups`={geometry.groups}")
    warn_of_channels_in_front(w_shape, callers=1, name="w_shape")
    x = Pad(resolved.pads, geometry.c_in, x.dtype)(x) if resolved.pads else x
    return PatchMap(x, geometry, x.shape[: -rank - 1], resolved.form, arithmetic, arithmetic.result_type(value_of(x)))


def transposed_patch_map(
    y: Shaped[Array, "..."],
    w_shape: Sequence[int],
    *,
    output_size: Sequence[int] | None = None,
    output_padding: Ints = 0,
    **options: Unpack[ConvOptions],
) -> LinearMap:
    """The matrix that multiplies vec(w) in `conv_transpose`: C(w)ᵀ·vec(y) is a convolution with the kernel of Cᵀ.

    Args:
        y: one example, (*out, c_out).
        w_shape: shape of the kernel, (*kernel, c_in / groups, c_out).
        output_size: as in `conv_transpose`.
        output_padding: as in `conv_transpose`.
        **options: the keyword arguments of `conv`.

    Raises:
        ValueError: as `conv_transpose`.

    >>> X = transposed_patch_map(jnp.array([[1.0], [2.0]]), (3, 1, 1), stride=2)
    >>> X(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)).ravel()
    Array([1., 2., 5., 4., 6.], dtype=float32)
    """
    (y,), w_shape = operands(y=y), sizes("w_shape", w_shape)
    options = _accumulating(options, y.dtype)
    rank = check_kernel_shape(w_shape, "w_shape")
    check_rank("y", y, rank)
    resolved = Convolution.onto(w_shape, y.shape[:-1], output_size, output_padding, **options)
    geometry, arithmetic = resolved.geometry, resolved.arithmetic
    check_channels("y", y.shape[-1], geometry.c_out, f"`w_shape`={w_shape}")
    dtype = arithmetic.result_type(value_of(y))
    X = PatchMap(y, geometry.T, (), resolved.form, arithmetic, dtype)
    X = compose(X, exchanged_channels(geometry.T, dtype))
    return compose(Pad(resolved.pads, geometry.c_in, dtype).T, X) if resolved.pads else X
