"""A linear map as a setting of the page, in the words of its address."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import jax.numpy as jnp
import numpy as np

from minicnn.axis import Axis, Sliding
from minicnn.explore.limits import LIMITS
from minicnn.forms.pooling import winners
from minicnn.forms.tables import PadAxis
from minicnn.maps import (
    AveragePool,
    Compose,
    ConvMap,
    LinearMap,
    LocalMap,
    Pad,
    Selection,
    TiledMap,
    Transposed,
)

Setting = dict[str, str]


def setting_of(A: LinearMap, x: Any = None, y_bar: Any = None, *, transposed: bool | None = None) -> Setting:
    """Write a map as a setting of the page, with the map's own numbers.

    Args:
        A: a convolution, padded in any way, or the transpose of one; a locally connected or tiled layer; an average;
            the selection of a max pool, with the x at which it was made.
        x: the input, `A.in_shape`; the page's own numbers if None.
        y_bar: the cotangent, `A.out_shape`; the page's own numbers if None.
        transposed: whether the page calls A the transpose of a convolution; found out if None.

    Raises:
        TypeError: for any other map, or complex numbers.
        ValueError: for what is too large for the page to draw, or arrays of another shape.

    >>> setting_of(minicnn.conv_map(jnp.array([1.0, 2.0]).reshape(2, 1, 1), (5,), stride=2))
    {'dims': '1', 'input': '5', 'kernel': '2', 'stride': '2', 'w': '1,2'}
    """
    check_size(A)
    arrays = {}
    for name, array, shape in (("x", x, A.in_shape), ("y_bar", y_bar, A.out_shape)):
        if array is not None:
            if np.shape(array) != shape:
                said = f"`{name}` has shape {np.shape(array)} and A is from {A.in_shape} to {A.out_shape}: give {shape}"
                raise ValueError(said)
            arrays[name] = numbers(name, array)
    return _setting(A, x, transposed) | arrays


def _setting(A: LinearMap, x: Any, transposed: bool | None) -> Setting:
    match A:
        case Compose(factors=(ConvMap() as C, Pad() as pad)):
            return _convolution(C, pad.padded, transpose=False)
        case Compose(factors=(Transposed(of=Pad() as pad), ConvMap() as C)):
            return _convolution(C.T, pad.padded, transpose=True)
        case ConvMap():
            turned = _is_transposed(A.axes) if transposed is None else transposed
            return _convolution(A.T if turned else A, (), transpose=turned)
        case TiledMap():  # a local map is one, too, whose tile is as large as its output
            kind, tile = ("local", {}) if isinstance(A, LocalMap) else ("tiled", {"tile": _each(A.tile)})
            return _sizes(kind, A.axes, A.in_shape[-1], A.out_shape[-1]) | tile | {"w": numbers("A", A.w)}
        case AveragePool():
            return _pool("average", A.axes, A.channels, A.counted)
        case Selection(lead=()) if x is not None and (winners(jnp.asarray(x)[None], A.axes)[0] == A.positions).all():
            return _pool("max", A.axes, A.channels)
    raise TypeError(
        f"{A!r} is not a setting of the explorer: it shows convolutions, their transposes, locally connected and tiled "
        "layers, averages, and the selection of a max pool together with its x"
    )


def address(state: Mapping[str, str]) -> str:
    """Write a setting, and what else the page's address may say, as the address has it, without its #.

    >>> address({"input": "5x7", "x": "1,-2"})
    'input=5x7&x=1,-2'
    """
    return urlencode(state, safe=",:")


def numbers(name: str, array: Any) -> str:
    """Write the numbers of an array, in C order.

    Raises:
        TypeError: if they are complex.
        ValueError: if one of them is not finite.

    >>> numbers("x", np.array([[1.0, -0.5]], np.float32))
    '1,-0.5'
    """
    values = np.asarray(array)
    if np.iscomplexobj(values):
        raise TypeError(f"`{name}` is complex: the explorer shows real numbers")
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` holds NaN or infinity: the explorer shows finite numbers")
    return ",".join(np.format_float_positional(value, trim="-") for value in values.ravel())


def check_size(A: LinearMap) -> None:
    """Refuse a map that is too large for the page to draw.

    Raises:
        ValueError: with its size and the limit.
    """
    *in_size, channels = A.in_shape
    rank, channels = len(in_size), max(channels, A.out_shape[-1])
    if rank not in (1, 2):
        raise ValueError(f"{A!r} has {rank} spatial axes: the explorer shows 1 or 2")
    if channels > LIMITS.channels:
        raise ValueError(f"{A!r} has {channels} channels: the explorer shows up to {LIMITS.channels}")
    most = LIMITS.input[rank - 1]
    if max(in_size) > most:
        raise ValueError(f"{A!r} has an axis of {max(in_size)} positions: the explorer shows up to {most} in {rank}-D")
    if A.nnz > LIMITS.terms:
        raise ValueError(f"{A!r} has {A.nnz:,} non-zeros: the explorer shows up to {LIMITS.terms:,}")


def _is_transposed(axes: Sequence[Axis]) -> bool:
    """Whether a map whose dilation is negative is the transpose of a convolution rather than one with a flipped kernel.

    It is a transpose if the inputs are stretched, or if as a transpose it needs less padding than as a flipped kernel.
    """
    if any(axis.dilation > 0 for axis in axes):
        return False
    stretched = any(axis.stretch > 1 for axis in axes)
    return stretched or sum(abs(axis.T.low) for axis in axes) <= sum(abs(axis.flipped.low) for axis in axes)


def _convolution(C: ConvMap, pads: Sequence[PadAxis], *, transpose: bool) -> Setting:
    """Write C·Pad, or its transpose, with C a convolution or one whose kernel is flipped."""
    geometry = C.geometry
    flip = any(axis.dilation < 0 for axis in geometry.axes)
    axes = [axis.flipped if flip else axis for axis in geometry.axes]
    if pads:
        axes = [
            Axis(p.in_size, a.out_size, a.kernel_size, a.stride, a.dilation, 1, p.low)
            for a, p in zip(axes, pads, strict=True)
        ]
    widths = [(p.low, p.high) for p in pads] or [_widths(axis, transpose=transpose) for axis in axes]
    setting = _sizes("convolution", axes, geometry.c_in, geometry.c_out, widths)
    if geometry.groups > 1:
        setting["groups"] = str(geometry.groups)
    if geometry.mask is not None:
        setting["mask"] = "".join(str(int(joined)) for row in geometry.mask for joined in row)
    if flip:
        setting["flip"] = "1"
    if pads and pads[0].mode != "zeros":
        setting["padding_mode"] = pads[0].mode
    if transpose:
        extra = [_sliding(axis, pair).remainder(axis.in_size) for axis, pair in zip(axes, widths, strict=True)]
        setting |= {"transpose": "1", "input": _each([axis.out_size for axis in axes])}
        setting |= {"output_padding": _each(extra)} if any(extra) else {}
        setting |= {"channels": f"{geometry.c_out}x{geometry.c_in}"} if geometry.c_in != geometry.c_out else {}
    return setting | {"w": numbers("A", C.w)}


def _pool(kind: str, axes: Sequence[Axis], channels: int, counted: Sequence[tuple[int, int]] = ()) -> Setting:
    """Write a pool: its last windows may overhang, and of an average the padding may count."""
    counts = any(any(pair) for pair in counted)
    widths = list(counted) if counts else [_widths(axis, transpose=False) for axis in axes]
    pairs = zip(axes, widths, strict=True)
    ceil = any(_sliding(axis, pair).out_size(axis.in_size) < axis.out_size for axis, pair in pairs)
    setting = _sizes(kind, axes, channels, channels, widths)
    setting["stride"] = _each([axis.stride for axis in axes])
    return setting | ({"count_padding": "1"} if counts else {}) | ({"ceil": "1"} if ceil else {})


def _sizes(
    kind: str, axes: Sequence[Axis], c_in: int, c_out: int, widths: Sequence[tuple[int, int]] | None = None
) -> Setting:
    """Write the numbers of the axes; what is usual is left out."""
    widths = [_widths(axis, transpose=False) for axis in axes] if widths is None else widths
    columns = {
        "input": [axis.in_size for axis in axes],
        "kernel": [axis.kernel_size for axis in axes],
        "stride": [axis.stride for axis in axes],
        "dilation": [axis.dilation for axis in axes],
        "stretch": [axis.stretch for axis in axes],
    }
    setting = {"kind": kind} if kind != "convolution" else {}
    setting |= {"dims": "1"} if len(axes) == 1 else {}
    setting |= {
        name: _each(column) for name, column in columns.items() if name in ("input", "kernel") or set(column) != {1}
    }
    if any(any(pair) for pair in widths):
        setting["padding"] = "x".join(f"{low}:{high}" for low, high in widths)
    return setting | ({"channels": f"{c_in}x{c_out}"} if (c_in, c_out) != (1, 1) else {})


def _widths(axis: Axis, *, transpose: bool) -> tuple[int, int]:
    """The padding that gives an axis its outputs: the same on both sides if that does, else as little as can be."""
    if _sliding(axis, (axis.low, axis.low)).out_size(axis.in_size) == axis.out_size and not (
        transpose and axis.stretch > 1
    ):
        return axis.low, axis.low
    return axis.low, axis.stride * (axis.out_size - 1) + axis.extent - axis.low - axis.stretched


def _sliding(axis: Axis, widths: tuple[int, int]) -> Sliding:
    return Sliding(axis.kernel_size, axis.stride, widths, axis.dilation, axis.stretch)


def _each(column: Sequence[int]) -> str:
    """One number if they are all the same."""
    return str(column[0]) if len(set(column)) == 1 else "x".join(map(str, column))
