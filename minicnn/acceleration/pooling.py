"""What takes the place of lax's maxima and sums of windows, and of the derivatives of maxima."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from minicnn.acceleration.decision import Decision, Setting, left
from minicnn.forms import pooling
from minicnn.functional.pooling import max_pool_p
from minicnn.lift.rules.windows import Windows
from minicnn.maps.windows import WindowSum

# Sums of so many positions are as fast in lax where channels lie side by side: 2×2 took ours 1.8 times as long, 3×3
# half as long, and 2×2 without channels a tenth (AMD EPYC, two cores). Maxima are replaced for the sake of their
# gradients, which took lax 5 to 55 times as long.
_FEW = 4

Compute = Callable[..., Array]  # from arrays (b, *spatial, c) and the axes to one of them


def _maximum(equation: Any, setting: Setting) -> Decision:
    del setting
    return _pool(equation, 0, lambda x, axes: max_pool_p(x, axes=axes), "max_pool", selects=True)


def _sum(equation: Any, setting: Setting) -> Decision:
    compute = lambda x, axes: WindowSum(axes, x.shape[-1], x.dtype).apply(x)
    found = _pool(equation, 0, compute, "window sum")
    taps, channels_last = (
        math.prod(equation.params["window_dimensions"]),
        equation.params["window_dimensions"][-1:] == (1,),
    )
    if not setting.always and taps <= _FEW and channels_last:
        return left("lax is predicted to be faster")
    return found


def _gathered(equation: Any, setting: Setting) -> Decision:
    """The tangents at the positions of the maxima of the second operand."""
    del setting
    compute = lambda x_dot, x, axes: pooling.select(x_dot, pooling.winners(x, axes), axes)
    return _pool(equation, 1, compute, "selection", selects=True)


def _scattered(equation: Any, setting: Setting) -> Decision:
    """Cotangents added at the positions of the maxima of the second operand."""
    del setting
    compute = lambda y_bar, x, axes: pooling.select_transpose(y_bar, pooling.winners(x, axes), axes)
    return _pool(equation, 1, compute, "selection, transposed", selects=True, back=True)


def _pool(equation: Any, n: int, compute: Compute, said: str, selects: bool = False, back: bool = False) -> Decision:
    """Compute with the windows over the n-th operand.

    Args:
        equation: of lax.
        n: which operand has the windows.
        compute: the replacement.
        said: what it is called.
        selects: whether windows choose one of their positions, which has to exist.
        back: whether it goes from the windows' results, which the first operand holds, to what they read.
    """
    avals, (result,) = [atom.aval for atom in equation.invars], [atom.aval for atom in equation.outvars]
    x, y = avals[n], avals[0] if back else result
    if str(equation.params.get("select_prim", "ge")) != "ge":
        return left("minima are left to lax")
    if why := _obstacle(avals, result):
        return left(why)
    windows = Windows.of(x.shape, y.shape, equation.params)
    if selects and any(axis.stretch > 1 or pooling.first_empty(axis) is not None for axis in windows.axes):
        return left("a window lies wholly in the padding, or the input is stretched")
    rows = {x.shape: windows.in_shape, y.shape: windows.out_shape}
    flat = [(aval.shape, rows[aval.shape]) for aval in avals]

    def apply(*operands: Array) -> Array:
        found = compute(*(a.reshape(shape) for a, (_, shape) in zip(operands, flat, strict=True)), axes=windows.axes)
        return found.reshape(result.shape)

    return Decision(apply, said)


def _obstacle(avals: Sequence[Any], result: Any) -> str | None:
    """Why arrays of these types are left to lax, if they are."""
    if not all(isinstance(n, int) for aval in avals for n in aval.shape):
        return "its shape is not known"
    if any(aval.weak_type for aval in avals) or not jnp.issubdtype(avals[0].dtype, jnp.number):
        return f"numbers of {avals[0].dtype.name} are left to lax"
    if not result.shape or 0 in (*result.shape, *(n for aval in avals for n in aval.shape)):
        return "there is nothing to pool"
    return None


RULES: dict[str, Callable[[Any, Setting], Decision]] = {
    "reduce_window_max": _maximum,
    "reduce_window_sum": _sum,
    "select_and_gather_add": _gathered,
    "select_and_scatter_add": _scattered,
}
