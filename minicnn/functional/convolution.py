"""Convolution and transposed convolution, and the maps they multiply by.

The operation is cross-correlation, as in every CNN library; `flip=True` gives true convolution.
"""

import math
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_channels, check_rank, operands, spatial_rank
from minicnn.axis import Axis
from minicnn.forms import Arithmetic, Form, Geometry, as_form
from minicnn.forms.geometry import Padding, check_groups, resolve, sliding_axes
from minicnn.functional.common import Ints, jitted_primitive
from minicnn.maps.convolution import ConvMap, PatchMap, swap_channels
from minicnn.primitive import ArrayLike


class ConvOptions(TypedDict, total=False):
    """The keyword arguments of `conv`, with its defaults."""

    stride: Ints
    padding: Padding
    dilation: Ints
    stretch: Ints
    groups: int
    flip: bool
    form: str | Form
    precision: jax.lax.PrecisionLike
    preferred_element_type: DTypeLike | None


conv_p = jitted_primitive("conv", lambda x, w, geometry, form, arithmetic: form.product(geometry, x, w, arithmetic))


def conv(
    x: ArrayLike,
    w: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    stretch: Ints = 1,
    groups: int = 1,
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
        flip: reverse the kernel: true convolution instead of cross-correlation.
        form: how the matrix is held: "auto", "dense", "tiles", "diagonals", or a form object.
        precision: of the products, as in `jax.lax.dot`.
        preferred_element_type: accumulation and result type, as in `jax.lax.dot`.

    Returns:
        (*batch, *out, c_out).

    Raises:
        ValueError: if shapes, groups or the padding word do not fit, or the kernel is larger than the padded input.
        TypeError: if an integer array meets a floating one.

    >>> x = jnp.arange(5.0).reshape(5, 1)
    >>> w = jnp.array([1.0, 0.0, -1.0]).reshape(3, 1, 1)
    >>> conv(x, w).ravel()
    Array([-2., -2., -2.], dtype=float32)
    """
    x, w = operands(x=x, w=w)
    rank = spatial_rank(w)
    check_rank("x", x, rank)
    axes = resolve(sliding_axes(w.shape[:rank], stride, padding, dilation, stretch), x.shape[-rank - 1 : -1])
    geometry = _geometry(axes, w, groups, flip)
    check_channels("x", x.shape[-1], geometry.c_in, f"w{w.shape} with `groups`={groups}")
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
    requested = (None,) * rank if output_size is None else tuple(output_size)
    extra = (output_padding,) * rank if isinstance(output_padding, int) else tuple(output_padding)
    for name, value in (("output_size", requested), ("output_padding", extra)):
        if len(value) != rank:
            raise ValueError(f"`{name}`={value} has {len(value)} entries and w {rank} spatial axes: give one per axis")
    rows = zip(slidings, y.shape[-rank - 1 : -1], requested, extra, strict=True)
    sizes = [sliding.in_size(size, request, more) for sliding, size, request, more in rows]
    axes = tuple(sliding.over(size) for sliding, size in zip(slidings, sizes, strict=True))
    geometry = _geometry(axes, w, groups, flip)
    check_channels("y", y.shape[-1], geometry.c_out, f"w{w.shape}")
    arithmetic = Arithmetic(precision, preferred_element_type)
    return _convolve(y, swap_channels(w, geometry), geometry.T, as_form(form), arithmetic)


def conv_map(w: Shaped[Array, "*kernel c co"], in_size: Sequence[int], **options: Unpack[ConvOptions]) -> ConvMap:
    """The convolution as a linear map: C(w) for inputs of one spatial size.

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
    w, geometry, form, arithmetic = _static(w, in_size, options)
    return ConvMap(w, geometry, form, arithmetic, arithmetic.result_type(w))


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

    Its transpose is the gradient with respect to the weights.

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
    _, geometry, form, arithmetic = _static(w, x.shape[-rank - 1 : -1], options)
    check_channels("x", x.shape[-1], geometry.c_in, f"w_shape={tuple(w_shape)} with `groups`={geometry.groups}")
    return PatchMap(x, geometry, x.shape[: -rank - 1], form, arithmetic, arithmetic.result_type(x))


def _static(w: Any, in_size: Sequence[int], options: ConvOptions) -> tuple[Any, Geometry, Form, Arithmetic]:
    """Everything about a convolution but its arrays, from the keyword arguments of `conv`."""
    known = ConvOptions.__optional_keys__
    if unknown := set(options) - known:
        raise TypeError(f"unknown argument {', '.join(sorted(unknown))}: a convolution has {', '.join(sorted(known))}")
    if not isinstance(w, jax.ShapeDtypeStruct):
        (w,) = operands(w=w)
    sliding = sliding_axes(
        w.shape[: spatial_rank(w)],
        options.get("stride", 1),
        options.get("padding", "VALID"),
        options.get("dilation", 1),
        options.get("stretch", 1),
    )
    geometry = _geometry(resolve(sliding, in_size), w, options.get("groups", 1), options.get("flip", False))
    arithmetic = Arithmetic(options.get("precision"), options.get("preferred_element_type"))
    return w, geometry, as_form(options.get("form", "auto")), arithmetic


def _convolve(x: Any, w: Any, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> Any:
    batch = x.shape[: -len(geometry.in_shape)]
    images = ops.reshape(x, (math.prod(batch), *geometry.in_shape))
    y = conv_p(images, w, geometry=geometry, form=form, arithmetic=arithmetic)
    return ops.reshape(y, (*batch, *geometry.out_shape))


def _geometry(axes: tuple[Axis, ...], w: Any, groups: int, flip: bool) -> Geometry:
    check_groups(w.shape[-2] * groups, w.shape[-1], groups)
    geometry = Geometry(axes, w.shape[-2] * groups, w.shape[-1], groups)
    return geometry.flipped if flip else geometry
