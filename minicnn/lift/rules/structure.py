"""Primitives that move entries about, repeat them and add them up: their maps hold zeros and ones."""

from collections.abc import Sequence
from itertools import accumulate

import jax.numpy as jnp

from minicnn import maps
from minicnn.lift.rules.rule import Equation, Rule, product, together
from minicnn.maps import LinearMap


def _reshape(eq: Equation, n: int) -> LinearMap:
    return maps.Reshape(eq.operands[0].shape, eq.shape, eq.dtype)


def _permute(eq: Equation, n: int) -> LinearMap:
    return maps.Permute(tuple(eq["permutation"]), eq.operands[0].shape, eq.dtype)


def _reverse(eq: Equation, n: int) -> LinearMap:
    return maps.Reverse(tuple(eq["dimensions"]), eq.shape, eq.dtype)


def _broadcast(eq: Equation, n: int) -> LinearMap | None:
    if n:
        return None  # sizes that are not known to the program: there are none at a point
    place = dict(zip(eq["broadcast_dimensions"], eq.operands[0].shape, strict=True))
    repeated = tuple(axis for axis, size in enumerate(eq.shape) if place.get(axis) != size)
    return maps.Broadcast(repeated, eq.operands[0].shape, eq.shape, eq.dtype)


def _tile(eq: Equation, n: int) -> LinearMap:
    x = eq.operands[0].shape
    side_by_side = tuple(size for pair in zip(eq["reps"], x, strict=True) for size in pair)
    repeat = maps.Broadcast(tuple(range(0, 2 * len(x), 2)), x, side_by_side, eq.dtype)
    return maps.compose(maps.Reshape(side_by_side, eq.shape, eq.dtype), repeat)


def _sum(eq: Equation, n: int) -> LinearMap:
    return maps.Broadcast(tuple(eq["axes"]), eq.shape, eq.operands[n].shape, eq.dtype).T


def _mapped_sum(eq: Equation, n: int) -> LinearMap | None:
    """A sum over an axis that `jax.vmap` has named is one over the array's; what other devices hold is not at hand."""
    here = eq["axis_index_groups"] is None and all(isinstance(axis, int) for axis in eq["axes"])
    return _sum(eq, n) if here and n == eq.place else None


def _cumulative_sum(eq: Equation, n: int) -> LinearMap:
    return maps.CumulativeSum(eq["axis"], eq["reverse"], eq.shape, eq.dtype)


def box(starts: Sequence[int], sizes: Sequence[int], shape: tuple[int, ...], dtype: jnp.dtype) -> maps.Slice:
    """A box without gaps, cut out of an array."""
    limits = tuple(start + size for start, size in zip(starts, sizes, strict=True))
    return maps.Slice(tuple(starts), limits, (1,) * len(shape), shape, dtype)


def _part(axis: int, start: int, sizes: Sequence[int], shape: tuple[int, ...], dtype: jnp.dtype) -> maps.Slice:
    """A box that begins at a place of one axis and at the beginning of the others."""
    return box([start if a == axis else 0 for a in range(len(shape))], sizes, shape, dtype)


def _slice(eq: Equation, n: int) -> LinearMap:
    x, strides = eq.operands[0].shape, eq["strides"]
    return maps.Slice(
        tuple(eq["start_indices"]), tuple(eq["limit_indices"]), tuple(strides or (1,) * len(x)), x, eq.dtype
    )


def _concatenated(eq: Equation, n: int) -> LinearMap:
    axis = eq["dimension"]
    start = sum(x.shape[axis] for x in eq.operands[:n])
    return product(_part(axis, start, eq.operands[n].shape, eq.shape, eq.dtype).T)


def _split(eq: Equation, n: int) -> LinearMap:
    start = list(accumulate(eq["sizes"], initial=0))[eq.place]
    return _part(eq["axis"], start, eq.shape, eq.operands[0].shape, eq.dtype)


def _layer(axis: int, place: int, shape: tuple[int, ...], dtype: jnp.dtype) -> LinearMap:
    """One entry of an axis, which is then gone."""
    one = tuple(1 if a == axis else size for a, size in enumerate(shape))
    left = tuple(size for a, size in enumerate(shape) if a != axis)
    return maps.compose(maps.Reshape(one, left, dtype), _part(axis, place, one, shape, dtype))


def _stacked(eq: Equation, n: int) -> LinearMap:
    return _layer(eq["axis"] % len(eq.shape), n, eq.shape, eq.dtype).T


def _unstacked(eq: Equation, n: int) -> LinearMap:
    x = eq.operands[0].shape
    return _layer(eq["axis"] % len(x), eq.place, x, eq.dtype)


def _pad(eq: Equation, n: int) -> LinearMap:
    """The operand goes where its entries are kept; the padding value, everywhere else."""
    x = eq.operands[0].shape
    rows = [_kept(size, out, *config) for size, out, config in zip(x, eq.shape, eq["padding_config"], strict=True)]
    firsts, lasts, starts, steps = zip(*rows, strict=True) if rows else ((),) * 4
    kept = maps.Slice(firsts, lasts, (1,) * len(x), x, eq.dtype)
    placed_rows = zip(starts, steps, kept.out_shape, strict=True)
    limits = tuple(start + max(step * (size - 1) + 1, 0) for start, step, size in placed_rows)
    placed = maps.Slice(starts, limits, steps, eq.shape, eq.dtype).T
    if n == 0:
        return product(placed, kept)
    around = placed.apply(jnp.ones((1, *kept.out_shape), eq.dtype))[0] == 0
    everywhere = maps.Broadcast(tuple(range(len(eq.shape))), (), eq.shape, eq.dtype)
    return maps.compose(maps.Mask(around, eq.shape, eq.dtype), everywhere)


def _kept(size: int, out: int, low: int, high: int, interior: int) -> tuple[int, int, int, int]:
    """Of one padded axis the first entry kept and the one behind the last, where that first one goes, and the steps."""
    step = interior + 1
    first = min(max(-(low // step), 0), size)
    last = max(min(-(-(out - low) // step), size), first)
    return first, last, low + first * step if first < last else 0, step


table: dict[str, Rule] = {
    "reshape": together(_reshape, "vec"),
    "squeeze": together(_reshape, "vec"),
    "transpose": together(_permute, "permute"),
    "rev": together(_reverse, "reverse"),
    "broadcast_in_dim": together(_broadcast, "Σᵀ"),
    "tile": together(_tile, "Σᵀ"),
    "reduce_sum": together(_sum, "Σ"),
    "psum": together(_mapped_sum, "Σ"),
    "cumsum": together(_cumulative_sum, "Σ≤"),
    "slice": together(_slice, "slice"),
    "concatenate": together(_concatenated, "sliceᵀ"),
    "split": together(_split, "slice"),
    "stack": together(_stacked, "sliceᵀ"),
    "unstack": together(_unstacked, "slice"),
    "pad": together(_pad, "pad"),
}
