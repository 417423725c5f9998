"""Drop-ins for `jax.lax`, and for Theano's convolution: the same arguments and results, and one more, the form.

They follow lax for finite values. A stored zero times Inf or NaN is NaN, so that a non-finite input may spread further
than in lax.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import ConvDimensionNumbers
from jax.sharding import NamedSharding, PartitionSpec
from jax.typing import DTypeLike
from jaxtyping import Array

from minicnn import ops
from minicnn.arguments import flag, integer, is_sequence, look_up, sizes
from minicnn.dtypes import operand, preferred
from minicnn.forms import Arithmetic, Diagonals, Form, Geometry, as_form
from minicnn.forms.arithmetic import checked_precision
from minicnn.forms.meshes import as_asked
from minicnn.forms.resolve import geometry_of, sliding
from minicnn.functional.convolution import convolve_p
from minicnn.functional.jitted import in_one_program
from minicnn.primitive import ArrayLike, Traced

LaxPadding = str | Sequence[tuple[int, int]]
LaxDimensions = None | ConvDimensionNumbers | tuple[str, str, str]


def conv_general_dilated(
    lhs: ArrayLike,
    rhs: ArrayLike,
    window_strides: Sequence[int],
    padding: LaxPadding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: LaxDimensions = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: jax.lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
    *,
    form: str | Form = "auto",
) -> Any:
    """`jax.lax.conv_general_dilated` as a matrix product.

    Args:
        lhs: input, its axes in the order of `dimension_numbers`.
        rhs: kernel, likewise.
        window_strides: input steps per output, one per spatial axis.
        padding: "VALID", "SAME", "SAME_LOWER" or (low, high) per spatial axis.
        lhs_dilation: steps between input positions.
        rhs_dilation: steps between taps.
        dimension_numbers: as in lax; ("NCHW", "OIHW", "NCHW") by default, for two spatial axes.
        feature_group_count: groups of input channels.
        batch_group_count: groups of images, each convolved with its own part of the output channels.
        precision: of the products.
        preferred_element_type: accumulation and result type.
        out_sharding: how the result lies across the explicit mesh in use, where the operands do not say.
        form: how the matrix is held, as in `minicnn.conv`.

    Raises:
        ValueError: if shapes, groups or padding do not fit.
        TypeError: if the dtypes differ.
        NotImplementedError: if `out_sharding` is no layout, or is given for a derivative of `minicnn.autodiff`.

    >>> x, w = jnp.ones((1, 1, 4, 4)), jnp.ones((1, 1, 3, 3))
    >>> conv_general_dilated(x, w, (1, 1), "VALID")[0, 0]
    Array([[9., 9.],
           [9., 9.]], dtype=float32)
    """
    lhs, rhs = _arrays(lhs=lhs, rhs=rhs)
    _check_axes(lhs.shape, rhs.shape)
    laid_out = isinstance(out_sharding, NamedSharding | PartitionSpec)
    if out_sharding is not None and (not laid_out or any(isinstance(a, Traced) for a in (lhs, rhs))):
        raise NotImplementedError(
            f"`out_sharding`={out_sharding!r} is not supported here: give a PartitionSpec, and none to "
            "minicnn.autodiff, or constrain the result's sharding instead"
        )
    if lhs.dtype != rhs.dtype:
        raise TypeError(f"`lhs` is {lhs.dtype.name} and `rhs` {rhs.dtype.name}: they must have one dtype, as in lax")
    feature_group_count = integer("feature_group_count", feature_group_count, 1)
    batch_group_count = integer("batch_group_count", batch_group_count, 1)
    product = Product.of(
        lhs.shape,
        rhs.shape,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        dimension_numbers,
        feature_group_count,
        batch_group_count,
    )
    arithmetic = Arithmetic(checked_precision(precision), preferred(lhs.dtype, preferred_element_type))
    held = as_form(form) if product.geometry.axes else Diagonals()
    if out_sharding is not None:
        multiply = partial(_multiplied, product=product, form=held, arithmetic=arithmetic)
        return as_asked(multiply, out_sharding)(lhs, rhs)
    return in_one_program(_multiplied, lhs, rhs, product=product, form=held, arithmetic=arithmetic)


def _multiplied(lhs: Any, rhs: Any, product: "Product", form: Form, arithmetic: Arithmetic) -> Any:
    geometry, (x, w) = product.geometry, product.operands(lhs, rhs)
    if 0 in (*x.shape, *w.shape, *geometry.out_shape):
        y = jnp.zeros((x.shape[0], *geometry.out_shape), arithmetic.result_type(lhs, rhs))
    else:
        y = convolve_p(x, w, geometry=geometry, form=form, arithmetic=arithmetic)
    return product.result(y)


@dataclass(frozen=True)
class Product:
    """A convolution of lax as one of ours: channels last, and groups of images as groups of channels.

    Attributes:
        geometry: of the convolution.
        images: how many images it has.
        numbers: where lax has its axes.
        batch_groups: how many groups of images lie side by side as channels.
    """

    geometry: Geometry
    images: int
    numbers: ConvDimensionNumbers
    batch_groups: int

    @staticmethod
    def of(
        lhs_shape: Sequence[int],
        rhs_shape: Sequence[int],
        window_strides: Sequence[int],
        padding: LaxPadding,
        lhs_dilation: Sequence[int] | None,
        rhs_dilation: Sequence[int] | None,
        dimension_numbers: LaxDimensions,
        feature_group_count: int,
        batch_group_count: int,
    ) -> "Product":
        """Read the arguments of lax.

        Raises:
            ValueError: if shapes, groups or padding do not fit.
        """
        numbers = ConvDimensionNumbers(
            *map(tuple, jax.lax.conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers))
        )
        images, *in_size, channels = (lhs_shape[axis] for axis in _last(numbers.lhs_spec))
        w_shape = tuple(rhs_shape[axis] for axis in _kernel_last(numbers.rhs_spec))
        if batch_group_count > 1:
            _check_batch_groups(images, w_shape[-1], batch_group_count, feature_group_count)
            images, channels = images // batch_group_count, channels * batch_group_count
        groups = feature_group_count * batch_group_count
        geometry = _geometry((*in_size, channels), w_shape, groups, window_strides, padding, lhs_dilation, rhs_dilation)
        return Product(geometry, images, numbers, batch_group_count)

    def operands(self, lhs: Any, rhs: Any) -> tuple[Any, Any]:
        """The images and the kernel, channels last."""
        x = ops.transpose(lhs, _last(self.numbers.lhs_spec))
        w = ops.transpose(rhs, _kernel_last(self.numbers.rhs_spec))
        return _side_by_side(x, self.batch_groups), w

    def result(self, y: Any) -> Any:
        """What lax returns, from (images, *out, channels)."""
        return ops.transpose(y, tuple(int(i) for i in np.argsort(_last(self.numbers.out_spec))))


def conv_transpose(
    lhs: ArrayLike,
    rhs: ArrayLike,
    strides: Sequence[int],
    padding: LaxPadding,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: LaxDimensions = None,
    transpose_kernel: bool = False,
    precision: jax.lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
    use_consistent_padding: bool = False,
    *,
    form: str | Form = "auto",
) -> Any:
    """`jax.lax.conv_transpose` as a matrix product. Only with `transpose_kernel=True` is it an adjoint.

    Args:
        lhs: input, its axes in the order of `dimension_numbers`.
        rhs: kernel, likewise.
        strides: steps between input positions, one per spatial axis.
        padding: "VALID" or "SAME" of the convolution that is transposed; pairs are the padding of the stretched input
            unless `use_consistent_padding`.
        rhs_dilation: steps between taps.
        dimension_numbers: as in lax; ("NHWC", "HWIO", "NHWC") by default, for two spatial axes.
        transpose_kernel: flip the kernel and exchange its channels.
        precision: of the products.
        preferred_element_type: accumulation and result type.
        use_consistent_padding: pairs, too, are the padding of the convolution that is transposed.
        form: how the matrix is held, as in `minicnn.conv`.

    Raises:
        ValueError: if shapes or padding do not fit.
        TypeError: if the dtypes differ.

    >>> x, w = jnp.ones((1, 2, 2, 1)), jnp.ones((2, 2, 1, 1))
    >>> conv_transpose(x, w, (2, 2), "VALID").shape
    (1, 4, 4, 1)
    """
    lhs, rhs = _arrays(lhs=lhs, rhs=rhs)
    _check_axes(lhs.shape, rhs.shape)
    rank = len(lhs.shape) - 2
    if dimension_numbers is None:
        if rank > 3:
            raise ValueError(f"`dimension_numbers` must be given for {rank} spatial axes: lax has defaults for up to 3")
        spatial = ("", "H", "HW", "HWD")[rank]
        dimension_numbers = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
    numbers = jax.lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    strides = _one_per_axis("strides", strides, rank)
    dilation = _one_per_axis("rhs_dilation", rhs_dilation, rank)
    padding, consistent = _checked_padding(padding, rank), flag("use_consistent_padding", use_consistent_padding)
    if isinstance(padding, str) and padding not in ("SAME", "VALID") and (consistent or max(strides, default=1) > 1):
        raise _unknown(padding)
    if consistent or padding in ("SAME", "VALID"):
        words = (padding,) * rank if isinstance(padding, str) else padding
        extents = _extents((rhs.shape[axis] for axis in numbers.rhs_spec[2:]), dilation)
        padding = [_transposed_padding(*row) for row in zip(extents, strides, words, strict=True)]
    if flag("transpose_kernel", transpose_kernel):
        out_axis, in_axis, *axes = numbers.rhs_spec
        rhs = rhs[tuple(slice(None, None, -1) if axis in axes else slice(None) for axis in range(rank + 2))]
        order = list(range(rank + 2))
        order[out_axis], order[in_axis] = in_axis, out_axis
        rhs = ops.transpose(rhs, order)
    ones = (1,) * rank
    return conv_general_dilated(
        lhs, rhs, ones, padding, strides, dilation, numbers, 1, 1, precision, preferred_element_type, form=form
    )


def theano_conv2d(
    input: ArrayLike,
    filters: ArrayLike,
    input_shape: Sequence[int | None] | None = None,
    filter_shape: Sequence[int | None] | None = None,
    border_mode: str | int | Sequence[int] | Sequence[tuple[int, int]] = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    *,
    form: str | Form = "auto",
) -> Any:
    """`theano.tensor.nnet.conv2d` as a matrix product: as there, the filters are flipped unless one says otherwise.

    Args:
        input: images, (batch, channels, rows, columns).
        filters: kernels, (outputs, channels, rows, columns).
        input_shape: what the shape of `input` must be; None where any will do.
        filter_shape: what the shape of `filters` must be, likewise.
        border_mode: "valid", "full", "half" (⌊k/2⌋ on every side), or the padding: one int, one per axis, or a pair
            (low, high) per axis.
        subsample: input steps per output, (rows, columns).
        filter_flip: convolve, as in mathematics; False correlates, as `conv` does.
        form: how the matrix is held, as in `minicnn.conv`.

    Returns:
        (batch, outputs, out_rows, out_columns), where an axis has ⌊(i + 2p − k)/s⌋ + 1 positions.

    Raises:
        ValueError: if shapes or padding do not fit, or a shape is not as stated.
        TypeError: if the dtypes differ.

    >>> x = jnp.arange(4.0).reshape(1, 1, 1, 4)
    >>> w = jnp.array([1.0, 0.0, -1.0]).reshape(1, 1, 1, 3)
    >>> theano_conv2d(x, w, (1, 1, 1, 4), (1, 1, 1, 3), border_mode=(0, 1)).ravel()
    Array([ 1.,  2.,  2., -2.], dtype=float32)
    """
    input, filters = _arrays(input=input, filters=filters)
    _check_stated("input", input.shape, input_shape)
    _check_stated("filter", filters.shape, filter_shape)
    padding = _theano_padding(border_mode, filters.shape[2:])
    if flag("filter_flip", filter_flip):
        filters = filters[:, :, ::-1, ::-1]
    return conv_general_dilated(input, filters, subsample, padding, form=form)


def _arrays(**values: ArrayLike) -> tuple[Array, ...]:
    arrays: list[Any] = [operand(name, a) for name, a in values.items()]
    return tuple(arrays)


def _check_axes(lhs_shape: Sequence[int], rhs_shape: Sequence[int]) -> None:
    """Refuse arrays that have no axes for images and channels, or not as many as each other."""
    if len(lhs_shape) != len(rhs_shape) or len(lhs_shape) < 2:
        raise ValueError(
            f"`lhs` has shape {tuple(lhs_shape)} and `rhs` {tuple(rhs_shape)}: both must have two axes more than there "
            "are spatial ones"
        )


def _transposed_padding(extent: int, stride: int, padding: str | tuple[int, int]) -> tuple[int, int]:
    """The padding of the stretched input from that of the convolution that is transposed, as lax has it."""
    if padding == "SAME":
        total = extent + stride - 2
        low = extent - 1 if stride > extent - 1 else -(-total // 2)
        return low, total - low
    if padding == "VALID":
        return extent - 1, stride - 1 + max(extent - stride, 0)
    low, high = map(int, padding)
    return extent - 1 - low, extent - 1 - high


def _extents(kernel_size: Iterable[int], dilation: Sequence[int]) -> list[int]:
    """How many positions a kernel spans on each axis, from its first tap to its last."""
    return [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]


def _last(spec: Sequence[int]) -> tuple[int, ...]:
    """From lax's order (batch, channel, *spatial) to (batch, *spatial, channel)."""
    batch, channel, *spatial = spec
    return (batch, *spatial, channel)


def _kernel_last(spec: Sequence[int]) -> tuple[int, ...]:
    """From lax's order (output channel, input channel, *spatial) to (*spatial, input channel, output channel)."""
    out_channel, in_channel, *spatial = spec
    return (*spatial, in_channel, out_channel)


def _check_batch_groups(images: int, c_out: int, groups: int, feature_groups: int) -> None:
    if feature_groups > 1:
        raise ValueError(
            f"`feature_group_count`={feature_groups} and `batch_group_count`={groups}: only one may exceed 1"
        )
    if images % groups or c_out % groups:
        raise ValueError(f"`batch_group_count`={groups} must divide {images} images and {c_out} outputs")


def _side_by_side(x: Any, groups: int) -> Any:
    """Groups of images side by side as channels: a batch group is a feature group of another arrangement."""
    if groups == 1:
        return x
    images, spatial, channels = x.shape[0] // groups, x.shape[1:-1], x.shape[-1]
    apart = ops.reshape(x, (groups, images, *spatial, channels))
    side_by_side = ops.transpose(apart, (*range(1, len(spatial) + 2), 0, len(spatial) + 2))
    return ops.reshape(side_by_side, (images, *spatial, groups * channels))


def _geometry(
    in_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    groups: int,
    strides: Sequence[int],
    padding: LaxPadding,
    stretch: Sequence[int] | None,
    dilation: Sequence[int] | None,
) -> Geometry:
    *in_size, channels = in_shape
    rank = len(in_size)
    if groups < 1 or channels != w_shape[-2] * groups or w_shape[-1] % groups:
        raise ValueError(
            f"`lhs` has {channels} channels, `rhs` {w_shape[-2]} to {w_shape[-1]}: they do not fit {groups} groups"
        )
    strides = _one_per_axis("window_strides", strides, rank)
    stretch = _one_per_axis("lhs_dilation", stretch, rank)
    dilation = _one_per_axis("rhs_dilation", dilation, rank)
    pads = _pads(in_size, w_shape[:rank], strides, padding, stretch, dilation)
    _check_crops(in_size, pads, stretch)
    slidings = sliding(w_shape[:rank], strides, pads, dilation, stretch) if rank else ()
    axes = tuple(each.over(n) for each, n in zip(slidings, in_size, strict=True))
    return geometry_of(axes, w_shape, groups)


def _one_per_axis(name: str, value: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """The entries of a sequence, or ones where there is none."""
    entries = (1,) * rank if value is None else sizes(name, value, 1)
    if len(entries) != rank:
        raise ValueError(f"`{name}`={entries} must have {rank} entries, one per spatial axis")
    return entries


def _pads(
    in_size: Sequence[int],
    kernel_size: Sequence[int],
    strides: Sequence[int],
    padding: LaxPadding,
    stretch: Sequence[int],
    dilation: Sequence[int],
) -> Sequence[tuple[int, int]]:
    padding = _checked_padding(padding, len(strides))
    if not isinstance(padding, str):
        return padding
    if any(u != 1 for u in stretch):
        raise ValueError("a padding word has no meaning with `lhs_dilation`: give pairs, or use `conv_transpose`")
    pairs = jax.lax.padtype_to_pads(in_size, _extents(kernel_size, dilation), strides, padding)
    return [(int(low), int(high)) for low, high in pairs]


def _checked_padding(padding: Any, rank: int) -> str | list[tuple[int, int]]:
    """A word, as it is written, or a pair for each axis."""
    if isinstance(padding, str):
        if padding.upper() not in ("VALID", "SAME", "SAME_LOWER"):
            raise _unknown(padding)
        return padding
    if not is_sequence(padding) or any(not is_sequence(pair) or len(pair) != 2 for pair in padding):
        raise ValueError(f"`padding`={padding!r} must be a word or (low, high) per spatial axis")
    pads = [(integer("padding", low), integer("padding", high)) for low, high in padding]
    if len(pads) != rank:
        raise ValueError(f"`padding`={padding!r} has {len(pads)} pairs for {rank} spatial axes: give one per axis")
    return pads


def _unknown(padding: str) -> ValueError:
    return ValueError(f'`padding`={padding!r} is not known: use "SAME", "VALID" or pairs (low, high)')


def _check_crops(in_size: Sequence[int], pads: Sequence[tuple[int, int]], stretch: Sequence[int]) -> None:
    """Refuse to crop more than there is, as lax does."""
    for axis, (length, (low, high)) in enumerate(zip(_extents(in_size, stretch), pads, strict=True)):
        if length + low + high < 0:
            raise ValueError(
                f"`padding`={(low, high)} crops more than the {length} positions of spatial axis {axis}: crop by less"
            )


def _check_stated(name: str, shape: Sequence[int], stated: Sequence[int | None] | None) -> None:
    """Refuse an array that is not of four axes, or not as large as was stated."""
    if len(shape) != 4:
        raise ValueError(f"`{name}` has shape {tuple(shape)}: it must have four axes, the images or filters first")
    if stated is not None and (len(stated) != 4 or any(n not in (None, m) for n, m in zip(stated, shape, strict=True))):
        raise ValueError(f"`{name}_shape`={tuple(stated)} and the shape is {tuple(shape)}: they must agree")


def _theano_padding(border_mode: Any, kernel_size: Sequence[int]) -> list[tuple[int, int]]:
    """The padding of each axis in pairs, from a word, an int, ints or pairs."""
    words: dict[str, list[int]] = {
        "valid": [0, 0],
        "half": [k // 2 for k in kernel_size],
        "full": [k - 1 for k in kernel_size],
    }
    if isinstance(border_mode, str):
        widths: Sequence[Any] = look_up("border_mode", border_mode, words, beside="the padding")
    else:
        widths = border_mode if is_sequence(border_mode) else (border_mode, border_mode)
    if len(widths) != 2:
        raise ValueError(f"`border_mode`={border_mode!r} has {len(widths)} entries: give one for rows, one for columns")
    pairs: list[Any] = [width if is_sequence(width) else (width, width) for width in widths]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"`border_mode`={border_mode!r}: a pair has two entries, (low, high)")
    return [(integer("border_mode", low, 0), integer("border_mode", high, 0)) for low, high in pairs]
