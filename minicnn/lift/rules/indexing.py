"""Primitives that read and write at places given by integers, which are constants at a point.

Where a primitive puts its entries is asked of the primitive itself: it is given the entries' numbers for entries.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import maps
from minicnn.lift.rules.rule import Equation, Rule, alone, product, together
from minicnn.lift.rules.structure import box
from minicnn.maps import LinearMap

_NOTHING = -1  # the number of no entry


def _numbers(shape: tuple[int, ...]) -> jax.Array:
    return jnp.arange(math.prod(shape), dtype=jnp.int32).reshape(shape)


def _starts(values: tuple[Any, ...], sizes: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """Where a box begins: it is moved until it lies inside."""
    rows = zip(values, sizes, shape, strict=True)
    return [min(max(int(np.asarray(start)), 0), whole - size) for start, size, whole in rows]


def _dynamic_slice(eq: Equation, n: int) -> LinearMap | None:
    x = eq.operands[0].shape
    return None if n else product(box(_starts(eq.values[1:], eq.shape, x), eq.shape, x, eq.dtype))


def _updated(eq: Equation, n: int) -> LinearMap | None:
    if n > 1:
        return None
    update = eq.operands[1].shape
    placed = box(_starts(eq.values[2:], update, eq.shape), update, eq.shape, eq.dtype).T
    if n == 1:
        return product(placed)
    return maps.Mask(placed.apply(jnp.ones((1, *update), eq.dtype))[0] == 0, eq.shape, eq.dtype)


def _gather(eq: Equation, n: int) -> LinearMap | None:
    if n:
        return None
    x = eq.operands[0].shape
    positions = jax.lax.gather(
        _numbers(x),
        jnp.asarray(eq.values[1]),
        eq["dimension_numbers"],
        eq["slice_sizes"],
        mode=eq["mode"],
        fill_value=_NOTHING,
    )
    return maps.Gather(positions, x, eq.shape, eq.dtype)


def _written(eq: Equation) -> jax.Array:
    """For every entry of the result the number of the update that is written there last."""
    nothing, updates = jnp.full(eq.shape, _NOTHING, jnp.int32), _numbers(eq.operands[2].shape)
    return jax.lax.scatter(nothing, jnp.asarray(eq.values[1]), updates, eq["dimension_numbers"], mode=eq["mode"])


def _scatter(eq: Equation, n: int) -> LinearMap | None:
    if n == 1:
        return None
    written = _written(eq)
    if n == 0:
        return maps.Mask(written == _NOTHING, eq.shape, eq.dtype)
    return maps.Gather(written, eq.operands[2].shape, eq.shape, eq.dtype)


def _targets(eq: Equation) -> LinearMap:
    """The map that adds every update where it belongs."""
    numbers, updates = eq["dimension_numbers"], eq.operands[2].shape
    dims = jax.lax.GatherDimensionNumbers(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )
    window = iter(updates[axis] for axis in numbers.update_window_dims)
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    sizes = tuple(1 if axis in single else next(window) for axis in range(len(eq.shape)))
    mode = eq["mode"]
    if mode != jax.lax.GatherScatterMode.CLIP:
        mode = jax.lax.GatherScatterMode.FILL_OR_DROP
    positions = jax.lax.gather(
        _numbers(eq.shape), jnp.asarray(eq.values[1]), dims, sizes, mode=mode, fill_value=_NOTHING
    )
    return maps.Gather(positions, eq.shape, updates, eq.dtype).T


def _scatter_add(eq: Equation, n: int) -> LinearMap | None:
    return (maps.identity(eq.shape, eq.dtype), None, _targets(eq))[n]


def _scatter_sub(eq: Equation, n: int) -> LinearMap | None:
    added = _scatter_add(eq, n)
    return -added if n == 2 and added is not None else added


def _scatter_mul(eq: Equation, n: int) -> LinearMap | None:
    """The operand is multiplied by all updates of its entries, an update by the entry that it alone belongs to."""
    if n == 0:
        indices, updates = map(jnp.asarray, eq.values[1:])
        ones = jnp.ones(eq.shape, eq.dtype)
        factors = jax.lax.scatter_mul(ones, indices, updates, eq["dimension_numbers"], mode=eq["mode"])
        return maps.Diagonal(factors, eq.shape, eq.dtype)
    if n == 2 and eq["unique_indices"]:
        return maps.compose(maps.Diagonal(jnp.asarray(eq.values[0]), eq.shape, eq.dtype), _targets(eq))
    return None


table: dict[str, Rule] = {
    "dynamic_slice": together(_dynamic_slice, "slice"),
    "dynamic_update_slice": together(_updated, "sliceᵀ"),
    "gather": together(_gather, "gather"),
    "scatter": together(_scatter, "scatter"),
    "scatter-add": together(_scatter_add, "gatherᵀ"),
    "scatter-sub": together(_scatter_sub, "−gatherᵀ"),
    "scatter-mul": alone(_scatter_mul, "diag({c})"),
}
