"""Windows laid side by side, and added back."""

import math
from collections.abc import Sequence
from functools import reduce
from operator import add

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import summing
from minicnn.forms.shifts import reader, shift, taps
from minicnn.forms.tables import window_positions


def unfold(x: Shaped[Array, "b *in c"], axes: Sequence[Axis]) -> Shaped[Array, "b *out taps c"]:
    """Lay every window's entries side by side, 0 where it sees padding; the derivative adds in the dtype of sums."""
    if few_taps(axes):
        read = reader(x, axes)
        return jnp.stack([read(tap) for tap in taps(axes)], axis=-2)
    flat = x.astype(summing(x.dtype)).reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])
    return jnp.take(flat, window_positions(axes), axis=1, mode="fill", fill_value=0).astype(x.dtype)


def fold(y: Shaped[Array, "b *out taps c"], axes: Sequence[Axis]) -> Shaped[Array, "b *in c"]:
    """Add windows back where they overlap: the adjoint of `unfold`."""
    in_size, total = tuple(axis.in_size for axis in axes), y.astype(summing(y.dtype))
    if few_taps(axes):
        back = tuple(axis.T for axis in axes)
        x = reduce(add, (shift(total[..., n, :], back, tap) for n, tap in enumerate(taps(axes))))
    else:
        flat = jnp.zeros((y.shape[0], math.prod(in_size), y.shape[-1]), total.dtype)
        x = flat.at[:, window_positions(axes)].add(total, mode="drop").reshape(y.shape[0], *in_size, y.shape[-1])
    return x.astype(y.dtype)


def few_taps(axes: Sequence[Axis]) -> bool:
    """Whether a window has so few taps that they are taken one by one, in one loop over the outputs."""
    return math.prod(axis.kernel_size for axis in axes) <= _FEW_TAPS


# One by one, each tap makes the program longer. Nine are chosen, not fitted: 3×3 windows stay as they were measured.
_FEW_TAPS = 9
