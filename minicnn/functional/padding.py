"""Padding: zeros, around the circle, by reflection about the last positions or the edges, by repetition."""

from collections.abc import Iterable, Sequence, Sized
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from minicnn.arguments import check_rank, integer, keywords_explained, numeric, sizes
from minicnn.dtypes import operands
from minicnn.forms.tables import PadAxis, check_mode
from minicnn.functional.batching import batched
from minicnn.functional.jitted import jitted_primitive
from minicnn.maps.padding import Pad
from minicnn.primitive import ArrayLike

pad_p = jitted_primitive("pad", lambda x, axes: Pad(axes, x.shape[-1], x.dtype).apply(x))
pad_transpose_p = jitted_primitive("pad_transpose", lambda y, axes: Pad(axes, y.shape[-1], y.dtype).apply_transpose(y))


@keywords_explained
def pad(x: ArrayLike, widths: Sequence[tuple[int, int]], mode: str = "zeros") -> Any:
    """Pad, or crop, the spatial axes.

    Args:
        x: input, (*batch, *spatial, c).
        widths: (low, high) per spatial axis; negative widths crop.
        mode: "zeros", "circular" (as often around as it takes), "reflect" (about the first and last positions, less
            than there are), "replicate" (the first and last positions) or "symmetric" (reflected about the edges, which
            repeats the first and last positions; as often as it takes).

    Returns:
        (*batch, *padded, c).

    Raises:
        ValueError: for an unknown mode, or widths that the axis is too small for.

    >>> pad(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1), ((2, 1),), "reflect").ravel()
    Array([3., 2., 1., 2., 3., 2.], dtype=float32)
    >>> pad(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1), ((2, 1),), "symmetric").ravel()
    Array([2., 1., 1., 2., 3., 3.], dtype=float32)
    """
    (x,), pairs = operands(x=x), _pairs(widths)
    check_rank("x", x, len(pairs))
    return batched(pad_p, x, len(pairs), axes=_axes(x.shape[-len(pairs) - 1 : -1], pairs, mode))


def pad_map(
    in_shape: Sequence[int], widths: Sequence[tuple[int, int]], mode: str = "zeros", dtype: DTypeLike = jnp.float32
) -> Pad:
    """The matrix of `pad`: one 1 per row, or none where a zero is added.

    Args:
        in_shape: shape of one input, (*spatial, c).
        widths: (low, high) per spatial axis.
        mode: as in `pad`.
        dtype: of the entries.

    >>> pad_map((2, 1), ((1, 1),), "circular").matrix()
    Array([[0., 1.],
           [1., 0.],
           [0., 1.],
           [1., 0.]], dtype=float32)
    """
    in_shape = sizes("in_shape", in_shape)
    return Pad(_axes(in_shape[:-1], _pairs(widths), mode), in_shape[-1], numeric("dtype", dtype))


def _pairs(widths: Any) -> list[tuple[int, int]]:
    pairs = list(widths) if isinstance(widths, Iterable) else []
    if not pairs or not all(isinstance(pair, Sized) and not isinstance(pair, str) and len(pair) == 2 for pair in pairs):
        raise ValueError(f"`widths`={widths!r} must hold one pair (low, high) for each of the spatial axes")
    return [(integer("widths", low), integer("widths", high)) for low, high in pairs]


def _axes(in_size: Sequence[int], pairs: Sequence[tuple[int, int]], mode: str) -> tuple[PadAxis, ...]:
    check_mode("mode", mode)
    if len(pairs) != len(in_size):
        raise ValueError(f"`widths`={pairs!r} must hold one pair (low, high) for each of the spatial axes")
    return tuple(PadAxis.of(n, pair, mode) for n, pair in zip(in_size, pairs, strict=True))
