"""What windows reach: inputs that no window reads, and outputs that read nothing but padding, are left out.

Padding and a stride far beyond the input would otherwise be laid out in memory, only to be multiplied as zeros.
"""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.geometry import Geometry
from minicnn.forms.shifts import is_sparse


def within_reach(geometry: Geometry) -> tuple[Geometry, tuple[range, ...], tuple[range, ...]]:
    """The geometry of what meets, and which inputs and outputs these are: all of them, unless padding prevails."""
    met = [_meeting(axis) for axis in geometry.axes]
    axes = tuple(axis for axis, _, _ in met)
    return replace(geometry, axes=axes), tuple(each for _, each, _ in met), tuple(each for _, _, each in met)


def taken(x: Shaped[Array, "b *n c"], ranges: Sequence[range]) -> Shaped[Array, "b *m c"]:
    """The entries of some ranges of the spatial axes."""
    if tuple(map(len, ranges)) == x.shape[1:-1]:
        return x
    return x[:, *(slice(each.start, each.stop) for each in ranges)]


def put_back(x: Shaped[Array, "b *m c"], ranges: Sequence[range], sizes: Sequence[int]) -> Shaped[Array, "b *n c"]:
    """The entries in their ranges of spatial axes of these sizes, zeros elsewhere: the adjoint of `taken`."""
    if x.shape[1:-1] == tuple(sizes):
        return x
    widths = [(each.start, size - each.stop, 0) for each, size in zip(ranges, sizes, strict=True)]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])


def _meeting(axis: Axis) -> tuple[Axis, range, range]:
    """The axis of what meets, with its inputs and outputs."""
    if not is_sparse(axis) and not is_sparse(axis.T):
        return axis, range(axis.in_size), range(axis.out_size)
    outputs = axis.met
    backwards = axis.cut(outputs).T
    inputs = backwards.met
    return backwards.cut(inputs).T, inputs, outputs
