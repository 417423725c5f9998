"""Convolution, transposed convolution and pooling as functions: arrays in, arrays out.

Arrays are channels-last with any number of leading batch axes: x is (*batch, *spatial, c_in). The operation is
cross-correlation, as in every CNN library. Arguments are validated here, once; what lies below trusts them.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
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
from minicnn.forms.pools import input_positions, max_windows, pool_axes
from minicnn.maps.convolution import ConvMap, PatchMap, swap_channels
from minicnn.maps.pooling import AveragePool
from minicnn.maps.windows import Unfold
from minicnn.primitive import ArrayLike, Primitive

Ints = int | Sequence[int]


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


def _primitive(name: str, compute: Callable[..., Any]) -> Primitive:
    return Primitive(name, partial(_jitted, compute))


def _jitted(compute: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    return _jit(compute, tuple(params.items()), *operands)


@partial(jax.jit, static_argnums=(0, 1), inline=True)
def _jit(compute: Callable[..., Any], params: tuple[tuple[str, Any], ...], *operands: Any) -> Any:
    return compute(*operands, **dict(params))


conv_p = _primitive("conv", lambda x, w, geometry, form, arithmetic: form.product(geometry, x, w, arithmetic))
max_pool_p = _primitive("max_pool", lambda x, axes: max_windows(x, axes)[0])
avg_pool_p = _primitive("avg_pool", lambda x, axes, counted: AveragePool(axes, x.shape[-1], counted, x.dtype).apply(x))
unfold_p = _primitive("unfold", lambda x, axes: Unfold(axes, x.shape[-1], x.dtype).apply(x))
fold_p = _primitive("fold", lambda p, axes, channels: Unfold(axes, channels, p.dtype).apply_transpose(p))


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


def unfold(
    x: ArrayLike, kernel_size: Sequence[int], *, stride: Ints = 1, padding: Padding = "VALID", dilation: Ints = 1
) -> Any:
    """The windows of x side by side (im2col): (*batch, *out, prod(kernel)·c), the tap before the channel.

    Args:
        x: input, (*batch, *spatial, c).
        kernel_size: size of the window, one int per spatial axis.
        stride: input steps per window.
        padding: as in `conv`.
        dilation: steps between the positions of a window.

    Raises:
        ValueError: as `conv`.

    >>> unfold(jnp.arange(4.0).reshape(4, 1), (2,))
    Array([[0., 1.],
           [1., 2.],
           [2., 3.]], dtype=float32)
    """
    (x,) = operands(x=x)
    rank = len(kernel_size)
    check_rank("x", x, rank)
    axes = resolve(sliding_axes(kernel_size, stride, padding, dilation), x.shape[-rank - 1 : -1])
    return _batched(unfold_p, x, rank, axes=axes)


def fold(
    p: ArrayLike,
    in_size: Sequence[int],
    kernel_size: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> Any:
    """The transpose of `unfold`: windows added back where they overlap, (*batch, *in_size, c).

    Args:
        p: windows, (*batch, *out, prod(kernel)·c).
        in_size: spatial size of the result.
        kernel_size: size of the window, one int per spatial axis.
        stride: as in `unfold`.
        padding: as in `unfold`.
        dilation: as in `unfold`.

    Raises:
        ValueError: if p is not what `unfold` makes of an input of `in_size`.

    >>> fold(jnp.ones((3, 2)), (4,), (2,)).ravel()
    Array([1., 2., 2., 1.], dtype=float32)
    """
    (p,) = operands(p=p)
    rank = len(kernel_size)
    check_rank("p", p, rank)
    axes = resolve(sliding_axes(kernel_size, stride, padding, dilation), in_size)
    channels, rest = divmod(p.shape[-1], math.prod(kernel_size))
    expected = tuple(axis.out_size for axis in axes)
    if rest or p.shape[-rank - 1 : -1] != expected:
        raise ValueError(
            f"`p` has shape {p.shape}: unfolding {tuple(in_size)} gives {expected} and a multiple of "
            f"{math.prod(kernel_size)} channels"
        )
    return _batched(fold_p, p, rank, axes=axes, channels=channels)


def max_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window, channel by channel. Ties go to the first position; NaN propagates.

    The matrix at x is a selection S(x), one 1 per row, and the gradient is S(x)ᵀ: overlapping windows add.

    Args:
        x: input, (*batch, *spatial, c), real.
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`; padding never wins.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input.
        return_indices: also return the winners' flat int32 positions over the spatial axes, row-major.

    Returns:
        (*batch, *out, c), or a pair of such arrays.

    Raises:
        ValueError: as `conv`, and if a window lies wholly in the padding.
        TypeError: if x is complex.

    >>> max_pool(jnp.array([1.0, 5.0, 2.0, 3.0]).reshape(4, 1), (2,)).ravel()
    Array([5., 3.], dtype=float32)
    """
    (x,) = operands(x=x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"`x` is {x.dtype.name} and complex numbers have no order: pool the absolute value instead")
    rank = len(window)
    axes, _ = _pooling(x, window, stride, padding, dilation, ceil_mode)
    y = _batched(max_pool_p, x, rank, axes=axes)
    return (y, _batched(_winners, x, rank, axes=axes)) if return_indices else y


def avg_pool(
    x: ArrayLike,
    window: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """The average of each window, channel by channel: diag(1/count)·S with a 0/1 matrix S.

    Args:
        x: input, (*batch, *spatial, c), floating.
        window: size of the window, one int per spatial axis.
        stride: input steps per window; the window's size if None.
        padding: as in `conv`.
        dilation: steps between the positions of a window.
        ceil_mode: keep a last window that overhangs the input; the overhang is never counted.
        count_include_pad: divide by the positions in the padded input, not by those in the input alone.

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: as `conv`, and if a window lies wholly in the padding.
        TypeError: if x has an integer dtype.

    >>> avg_pool(jnp.array([1.0, 5.0, 2.0, 4.0]).reshape(4, 1), (2,)).ravel()
    Array([3., 3.], dtype=float32)
    """
    (x,) = operands(x=x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise TypeError(f"`x` is {x.dtype.name} and an average is no integer: convert it with x.astype(float)")
    axes, widths = _pooling(x, window, stride, padding, dilation, ceil_mode)
    counted = widths if count_include_pad else ((0, 0),) * len(window)
    return _batched(avg_pool_p, x, len(window), axes=axes, counted=counted)


def _winners(x: Array, axes: tuple[Axis, ...]) -> Array:
    return input_positions(max_windows(x, axes)[1], axes)


def _pooling(
    x: Any, window: Sequence[int], stride: Ints | None, padding: Padding, dilation: Ints, ceil_mode: bool
) -> tuple[tuple[Axis, ...], tuple[tuple[int, int], ...]]:
    """The axes of pooling windows and their requested padding."""
    rank = len(window)
    check_rank("x", x, rank)
    in_size = x.shape[-rank - 1 : -1]
    slidings = sliding_axes(window, tuple(window) if stride is None else stride, padding, dilation)
    resolve(slidings, in_size)
    widths = tuple(sliding.widths(size) for sliding, size in zip(slidings, in_size, strict=True))
    return pool_axes(slidings, in_size, ceil_mode), widths


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


def _batched(function: Callable[..., Any], x: Any, rank: int, **params: Any) -> Any:
    """Call a function of (b, *spatial, c) on an x with any number of leading batch axes."""
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    y = function(ops.reshape(x, (math.prod(batch), *image)), **params)
    return ops.reshape(y, (*batch, *y.shape[1:]))


def _geometry(axes: tuple[Axis, ...], w: Any, groups: int, flip: bool) -> Geometry:
    check_groups(w.shape[-2] * groups, w.shape[-1], groups)
    geometry = Geometry(axes, w.shape[-2] * groups, w.shape[-1], groups)
    return geometry.flipped if flip else geometry
