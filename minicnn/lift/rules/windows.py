"""Sums of windows, and what maxima of windows chose."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import maps
from minicnn.axis import Axis
from minicnn.lift.rules.rule import Equation, Rule, alone, product
from minicnn.maps import LinearMap


class Windows(NamedTuple):
    """Windows over some axes of an array, between axes that they leave alone.

    Attributes:
        lead: the sizes of the axes before.
        axes: the relation on each axis with a window, and on those between.
        channels: the size of the axes after, all together.
    """

    lead: tuple[int, ...]
    axes: tuple[Axis, ...]
    channels: int

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of the array that the windows read, as images side by side."""
        return (math.prod(self.lead), *(axis.in_size for axis in self.axes), self.channels)

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of what the windows hold, likewise."""
        return (math.prod(self.lead), *(axis.out_size for axis in self.axes), self.channels)

    @classmethod
    def of(cls, in_shape: tuple[int, ...], out_shape: tuple[int, ...], params: Mapping[str, Any]) -> "Windows":
        """The windows that lead from one shape to the other."""
        rank = len(in_shape)
        dilations = ("window_dilation", "base_dilation")
        window_dilation, base_dilation = (params.get(name) or (1,) * rank for name in dilations)
        lows = (low for low, _ in params["padding"])
        rows = zip(in_shape, out_shape, params["window_dimensions"], params["window_strides"], window_dilation,
                   base_dilation, lows, strict=True)  # fmt: skip
        axes = [Axis(*row) for row in rows]
        moving = [a for a, axis in enumerate(axes) if axis != Axis(axis.in_size, axis.in_size, 1)] or [rank - 1]
        first, last = moving[0], moving[-1] + 1
        return cls(in_shape[:first], tuple(axes[first:last]), math.prod(in_shape[last:]))


def _window_sum(eq: Equation, n: int) -> LinearMap:
    x = eq.operands[0].shape
    if not x:
        return maps.identity((), eq.dtype)
    windows = Windows.of(x, eq.shape, eq.params)
    S = maps.Batched(maps.WindowSum(windows.axes, windows.channels, eq.dtype), windows.lead)
    return _between(S, x, eq.shape)


def _between(A: LinearMap, x: tuple[int, ...], y: tuple[int, ...]) -> LinearMap:
    return product(maps.Reshape(A.out_shape, y, A.dtype), A, maps.Reshape(x, A.in_shape, A.dtype))


def _power_sum(eq: Equation, n: int) -> LinearMap | None:
    """What is added over the windows of an Lp pool, by the powers that the first two operands make."""
    if n < 2:
        return None
    rows, columns, _ = eq.values
    return maps.PowerWindowSum(columns, rows, eq["power"], eq["axes"], columns.shape[:1], columns.shape[-1], eq.dtype).T


def _gathered(eq: Equation, n: int) -> LinearMap | None:
    """What the windows of the second operand chose, picked from the first."""
    return None if n else _selection(eq.values[1], eq.shape, eq)


def _scattered(eq: Equation, n: int) -> LinearMap | None:
    """The transpose: sources are added where the windows of the second operand chose."""
    return None if n else _selection(eq.values[1], eq.operands[0].shape, eq).T


def _selection(values: Any, out_shape: tuple[int, ...], eq: Equation) -> LinearMap:
    values = jnp.asarray(values)
    positions = _chosen(values, eq)
    windows = Windows.of(values.shape, out_shape, eq.params)
    if (positions < 0).any() or any(axis.stretch > 1 for axis in windows.axes):
        return maps.Gather(positions, values.shape, out_shape, eq.dtype)
    size = (math.prod(axis.in_size for axis in windows.axes), windows.channels)
    out_size = tuple(axis.out_size for axis in windows.axes)
    spatial = (positions // size[1] % size[0]).reshape(*windows.lead, *out_size, windows.channels)
    S = maps.Selection(spatial, windows.axes, windows.lead, windows.channels, eq.dtype)
    return _between(S, values.shape, out_shape)


def _chosen(values: jax.Array, eq: Equation) -> jax.Array:
    """The flat position that each window chooses, as XLA does, and −1 where it chooses its start: −∞, or ∞."""
    numbers = jnp.arange(values.size, dtype=jnp.int32).reshape(values.shape)
    better = getattr(jax.lax, str(eq["select_prim"]))

    def choose(a: Any, b: Any) -> Any:
        first = better(a[0], b[0])
        return jax.lax.select(first, a[0], b[0]), jax.lax.select(first, a[1], b[1])

    worst = -jnp.inf if str(eq["select_prim"]) == "ge" else jnp.inf
    rank = values.ndim
    _, positions = jax.lax.reduce_window(
        (values, numbers),
        (np.array(worst, values.dtype), np.array(-1, np.int32)),
        choose,
        eq["window_dimensions"],
        eq["window_strides"],
        eq["padding"],
        eq.params.get("base_dilation") or (1,) * rank,
        eq.params.get("window_dilation") or (1,) * rank,
    )
    return positions


table: dict[str, Rule] = {
    "power_sum": alone(_power_sum, "P({c})ᵀ"),
    "reduce_window_sum": alone(_window_sum, "S"),
    "select_and_gather_add": alone(_gathered, "S({x})"),
    "select_and_scatter_add": alone(_scattered, "S({c})ᵀ"),
}
