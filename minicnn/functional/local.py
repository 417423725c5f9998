"""Locally connected and tiled layers: convolutions that share fewer weights, and what ties them to a convolution."""

import math
from collections.abc import Sequence
from typing import Any

import jax
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_channels, check_rank, keywords_explained, sizes
from minicnn.axis import Axis
from minicnn.dtypes import operands
from minicnn.forms.resolve import Ints, Padding, windows
from minicnn.forms.tables import PadAxis
from minicnn.functional.jitted import in_one_program
from minicnn.functional.padding import pad_p
from minicnn.functional.windows import unfold_p
from minicnn.maps.base import LinearMap
from minicnn.maps.local import LocalMap, TiledMap, split_shape, tile_spec, tiled_patches, whole_tiles
from minicnn.ops.primitives import slice_p
from minicnn.primitive import ArrayLike


@keywords_explained
def local_conv(x: ArrayLike, w: ArrayLike, *, stride: Ints = 1, padding: Padding = "VALID", dilation: Ints = 1) -> Any:
    """Locally connected layer: a convolution with a kernel of its own at every output.

    Args:
        x: input, (*batch, *spatial, c_in).
        w: kernels, (*out, *kernel, c_in, c_out).
        stride: input steps per output.
        padding: as in `conv`.
        dilation: steps between taps.

    Returns:
        (*batch, *out, c_out).

    Raises:
        ValueError: as `conv`, and if w has not one kernel for each output.
        TypeError: if an integer array meets a floating one.

    >>> local_conv(jnp.ones((3, 1)), jnp.arange(4.0).reshape(2, 2, 1, 1)).ravel()
    Array([1., 5.], dtype=float32)
    """
    x, w = operands(x=x, w=w)
    rank = _rank(w, "(*out, *kernel, c_in, c_out)")
    check_rank("x", x, rank)
    axes = _axes(w, x.shape[-rank - 1 : -1], stride, padding, dilation)
    _check_outputs(w, axes)
    return _of_tiles(x, w, axes)


@keywords_explained
def tiled_conv(x: ArrayLike, w: ArrayLike, *, stride: Ints = 1, padding: Padding = "VALID", dilation: Ints = 1) -> Any:
    """Tiled convolution: output o has the kernel w[o mod t].

    With t = 1 it is `conv`; with t the size of the output it is `local_conv`.

    Args:
        x: input, (*batch, *spatial, c_in).
        w: kernels, (*t, *kernel, c_in, c_out).
        stride: input steps per output.
        padding: as in `conv`.
        dilation: steps between taps.

    Returns:
        (*batch, *out, c_out).

    Raises:
        ValueError: as `conv`.
        TypeError: if an integer array meets a floating one.

    >>> tiled_conv(jnp.ones((4, 1)), jnp.array([1.0, 10.0]).reshape(2, 1, 1, 1)).ravel()
    Array([ 1., 10.,  1., 10.], dtype=float32)
    """
    x, w = operands(x=x, w=w)
    rank = _rank(w, "(*t, *kernel, c_in, c_out)")
    check_rank("x", x, rank)
    return _of_tiles(x, w, _axes(w, x.shape[-rank - 1 : -1], stride, padding, dilation))


def local_map(
    w: Shaped[Array, "*sizes ci co"],
    in_size: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> LocalMap:
    """The matrix of `local_conv`: the non-zeros of C, no two of them the same weight.

    Args:
        w: kernels, (*out, *kernel, c_in, c_out).
        in_size: spatial size of the inputs.
        stride: as in `local_conv`.
        padding: as in `local_conv`.
        dilation: as in `local_conv`.

    >>> local_map(jnp.arange(1.0, 5.0).reshape(2, 2, 1, 1), (3,)).matrix()
    Array([[1., 2., 0.],
           [0., 3., 4.]], dtype=float32)
    """
    (w,) = operands(w=w)
    _rank(w, "(*out, *kernel, c_in, c_out)")
    axes = _axes(w, in_size, stride, padding, dilation)
    _check_outputs(w, axes)
    return LocalMap(w, w.shape, axes, w.dtype)


def tiled_map(
    w: Shaped[Array, "*sizes ci co"],
    in_size: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> TiledMap:
    """The matrix of `tiled_conv`.

    Args:
        w: kernels, (*t, *kernel, c_in, c_out).
        in_size: spatial size of the inputs.
        stride: as in `tiled_conv`.
        padding: as in `tiled_conv`.
        dilation: as in `tiled_conv`.

    >>> tiled_map(jnp.array([1.0, 2.0]).reshape(2, 1, 1, 1), (3,)).matrix()
    Array([[1., 0., 0.],
           [0., 2., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    (w,) = operands(w=w)
    _rank(w, "(*t, *kernel, c_in, c_out)")
    return TiledMap(w, w.shape, _axes(w, in_size, stride, padding, dilation), w.dtype)


def tiled_patch_map(
    x: Shaped[Array, "*in ci"],
    w_shape: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> LinearMap:
    """The matrix that multiplies vec(w) in `tiled_conv`, and in `local_conv`: X(x), as `patch_map` is in `conv`.

    Args:
        x: one example, (*spatial, c_in).
        w_shape: shape of the kernels, (*t, *kernel, c_in, c_out).
        stride: as in `tiled_conv`.
        padding: as in `tiled_conv`.
        dilation: as in `tiled_conv`.

    >>> tiled_patch_map(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1), (2, 1, 1, 1)).matrix()
    Array([[1., 0.],
           [0., 2.],
           [3., 0.]], dtype=float32)
    """
    (x,) = operands(x=x)
    w = jax.ShapeDtypeStruct(sizes("w_shape", w_shape), x.dtype)
    rank = _rank(w, "(*t, *kernel, c_in, c_out)")
    check_rank("x", x, rank)
    check_channels("x", x.shape[-1], w.shape[-2], f"`w_shape`={w.shape}")
    return tiled_patches(x, w.shape, _axes(w, x.shape[:-1], stride, padding, dilation), x.dtype)


def tie(w: ArrayLike, tile: Sequence[int], out_size: Sequence[int]) -> Any:
    """Repeat what a tile holds over all outputs: entry o of the result is w[o mod t]. Its transpose adds the copies.

    It ties kernels (a tiled layer is the local layer with tied kernels, a convolution that with a tile of 1) and biases
    (per channel with a tile of 1, per position with a tile as large as the output).

    Args:
        w: one entry for each place in the tile, (*tile, *rest).
        tile: how many of the first axes of w are the tile's, by their sizes.
        out_size: number of outputs on each of these axes.

    Returns:
        (*out_size, *rest).

    Raises:
        ValueError: if w does not begin with the tile.

    >>> tie(jnp.array([1.0, 2.0]), (2,), (5,))
    Array([1., 2., 1., 2., 1.], dtype=float32)
    """
    (w,) = operands(w=w)
    tile, out_size = sizes("tile", tile), sizes("out_size", out_size)
    rank = len(tile)
    if w.shape[:rank] != tile or len(out_size) != rank or min(tile, default=0) < 1:
        raise ValueError(f"`w` has shape {w.shape}: it must begin with `tile`={tile}, one size for each of {out_size}")
    rest = w.shape[rank:]
    axes = tuple(PadAxis(t, 0, n - t, "circular") for t, n in zip(tile, out_size, strict=True))
    tied = pad_p(ops.reshape(w, (1, *tile, math.prod(rest))), axes=axes)
    return ops.reshape(tied, (*out_size, *rest))


def add_bias(y: ArrayLike, b: ArrayLike) -> Any:
    """The sum y + b, with b for each channel, for each position or for each place in a tile.

    Args:
        y: (*batch, *out, c).
        b: (c,), (*out, c) or (*tile, c); output o has b[o mod tile].

    Returns:
        (*batch, *out, c).

    Raises:
        ValueError: if b has other channels than y, or more axes.
        TypeError: if an integer array meets a floating one.

    >>> add_bias(jnp.zeros((3, 1)), jnp.array([[1.0], [2.0]])).ravel()
    Array([1., 2., 1.], dtype=float32)
    """
    y, b = operands(y=y, b=b)
    rank = len(b.shape) - 1
    check_rank("y", y, max(rank, 0))
    check_channels("b", b.shape[-1] if b.shape else 1, y.shape[-1], f"y{y.shape}")
    return ops.add(y, tie(b, b.shape[:rank], y.shape[-rank - 1 : -1]) if rank else b)


def _of_tiles(x: Any, w: Any, axes: tuple[Axis, ...]) -> Any:
    check_channels("x", x.shape[-1], w.shape[-2], f"w{w.shape}")
    return in_one_program(_tiled, x, w, axes=axes)


def _tiled(x: Any, w: Any, axes: tuple[Axis, ...]) -> Any:
    rank, c_out = len(axes), w.shape[-1]
    tile, batch = w.shape[:rank], x.shape[: -rank - 1]
    whole = whole_tiles(axes, tile)
    images = ops.reshape(x, (math.prod(batch), *x.shape[-rank - 1 :]))
    windows = unfold_p(images, axes=whole)
    taps = windows.shape[-1]
    windows = ops.reshape(windows, (math.prod(batch), *split_shape(whole, tile), taps))
    x_spec, w_spec, y_spec = tile_spec(rank)
    y = ops.einsum(f"b{x_spec},{w_spec}->b{y_spec}", windows, ops.reshape(w, (*tile, taps, c_out)))
    y = ops.reshape(y, (*batch, *(axis.out_size for axis in whole), c_out))
    if whole == axes:
        return y
    limits = (*batch, *(axis.out_size for axis in axes), c_out)
    return slice_p(y, starts=(0,) * len(limits), limits=limits, strides=(1,) * len(limits))


def _axes(w: Any, in_size: Sequence[int], stride: Ints, padding: Padding, dilation: Ints) -> tuple[Axis, ...]:
    rank = len(w.shape) // 2 - 1
    if min(w.shape[:rank]) < 1:
        raise ValueError(f"`w` has shape {w.shape}: its first {rank} axes must have at least one kernel each")
    return windows(w.shape[rank : 2 * rank], sizes("in_size", in_size), stride, padding, dilation)


def _rank(w: Any, wanted: str) -> int:
    if len(w.shape) < 4 or len(w.shape) % 2:
        raise ValueError(f"`w` has shape {w.shape}: it must be {wanted} with at least one spatial axis")
    return len(w.shape) // 2 - 1


def _check_outputs(w: Any, axes: tuple[Axis, ...]) -> None:
    out_size = tuple(axis.out_size for axis in axes)
    if w.shape[: len(axes)] != out_size:
        raise ValueError(f"`w` has shape {w.shape} and there are {out_size} outputs: it must begin with {out_size}")
