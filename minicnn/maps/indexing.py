"""Maps that move entries about: repeat them, cut them out, pick them by index."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.forms.arithmetic import summing
from minicnn.jax_internals import Tracer
from minicnn.maps.base import Entries, LinearMap, Shape, TransposableMap, derived, linear_map, static


@linear_map
class Broadcast(TransposableMap):
    """Repeat an array along the axes `repeated` of `out_shape`, where `in_shape` has size 1 or no axis.

    Its transpose is a sum.
    """

    repeated: tuple[int, ...] = static()
    in_shape: Shape = static()
    out_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Put copies side by side."""
        kept = (1 if axis in self.repeated else size for axis, size in enumerate(self.out_shape))
        single = x.astype(summing(x.dtype)).reshape(x.shape[0], *kept)  # in the dtype in which the transpose adds
        return jnp.broadcast_to(single, (x.shape[0], *self.out_shape)).astype(x.dtype)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Add the copies of each entry."""
        total = y.sum(tuple(axis + 1 for axis in self.repeated), dtype=summing(y.dtype))
        return total.astype(y.dtype).reshape(y.shape[0], *self.in_shape)

    def sparse(self) -> Entries:
        """List the 1 of each row."""
        columns = jnp.arange(self.shape[1], dtype=jnp.int32).reshape(1, *self.in_shape)
        return _ones(np.asarray(self.apply(columns)), self.dtype)


def _count(start: int, limit: int, stride: int) -> int:
    """How many entries a slice has, in the words of JAX: those of another formula are other symbols of `jax.export`."""
    return max((limit - start - 1) // stride + 1, 0)


@linear_map
class Slice(TransposableMap):
    """A box cut out of an array, every `stride`-th entry of it. Its transpose puts the box among zeros."""

    starts: tuple[int, ...] = static()
    limits: tuple[int, ...] = static()
    strides: tuple[int, ...] = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: tuple(map(_count, self.starts, self.limits, self.strides)))

    @property
    def _boxes(self) -> list[tuple[int, int, int]]:
        return list(zip(self.starts, self.limits, self.strides, strict=True))

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Cut out the entries of the box."""
        return x[(slice(None), *(slice(*box) for box in self._boxes))]

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Put zeros around the box and between its entries."""
        rows = zip(self._boxes, y.shape[1:], self.in_shape, strict=True)
        widths = [
            (start, size - start - stride * (length - 1) - 1, stride - 1) if length != 0 else (0, size, 0)
            for (start, _, stride), length, size in rows
        ]
        return jax.lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *widths])

    def sparse(self) -> Entries:
        """List the 1 of each row."""
        positions = np.arange(self.shape[1]).reshape(self.in_shape)
        return _ones(positions[tuple(slice(*box) for box in self._boxes)], self.dtype)


@linear_map
class Reverse(LinearMap):
    """The entries of an array in the opposite order along some axes."""

    reversed: tuple[int, ...] = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()
    one_to_one = True

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> "Reverse":
        """The map itself, because to turn around twice is to stay."""
        return self

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Turn the axes around."""
        return jnp.flip(x, tuple(axis + 1 for axis in self.reversed))

    def sparse(self) -> Entries:
        """List the 1 of each row."""
        return _ones(np.flip(np.arange(self.shape[1]).reshape(self.in_shape), self.reversed), self.dtype)


@linear_map
class CumulativeSum(LinearMap):
    """The sums of the entries up to each along one axis, a triangle of ones; from each to the last if `reverse`."""

    axis: int = static()
    reverse: bool = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()

    out_shape = derived(lambda self: self.in_shape)

    @property
    def T(self) -> "CumulativeSum":
        """The same sums from the other end."""
        return CumulativeSum(self.axis, not self.reverse, self.in_shape, self.dtype)

    @property
    def nnz(self) -> int:
        """The number of ones: half a square for each line along the axis."""
        return math.prod(self.in_shape) * (self.in_shape[self.axis] + 1) // 2

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Add up along the axis."""
        return jax.lax.cumsum(x.astype(summing(x.dtype)), self.axis + 1, self.reverse).astype(x.dtype)

    def sparse(self) -> Entries:
        """List the ones of the triangle, for each line along the axis."""
        lines = np.moveaxis(np.arange(self.shape[0]).reshape(self.in_shape), self.axis, -1)
        lines = lines.reshape(-1, self.in_shape[self.axis])
        later, earlier = np.tril_indices(lines.shape[1])
        rows, columns = (earlier, later) if self.reverse else (later, earlier)
        return lines[:, rows].ravel(), lines[:, columns].ravel(), np.ones(self.nnz, self.dtype)


@linear_map
class Gather(TransposableMap):
    """Entries picked by their flat positions, as often as they are named. Its transpose adds them back.

    A position outside of the array names no entry: a zero is picked, and what would be added there is dropped.
    """

    positions: Int[Array, "..."]
    in_shape: Shape = static()
    out_shape: Shape = static()
    dtype: jnp.dtype = static()

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Pick the entries at the positions."""
        flat = x.astype(summing(x.dtype)).reshape(x.shape[0], math.prod(self.in_shape))  # in which the transpose adds
        picked = flat.at[:, self.positions].get(mode="fill", fill_value=0, wrap_negative_indices=False)
        return picked.astype(x.dtype)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Add every entry to its position."""
        flat = jnp.zeros((y.shape[0], math.prod(self.in_shape)), summing(y.dtype)).at[:, self.positions]
        total = flat.add(y.astype(summing(y.dtype)), mode="drop", wrap_negative_indices=False)
        return total.astype(y.dtype).reshape(y.shape[0], *self.in_shape)

    @property
    def nnz(self) -> int:
        """The number of ones: positions that name an entry; all of them while they are traced and not known."""
        return self.shape[0] if isinstance(self.positions, Tracer) else int(self._named().sum())

    def sparse(self) -> Entries:
        """List the 1 of each row that has one."""
        rows = np.flatnonzero(self._named())
        return rows, np.asarray(self.positions).ravel()[rows], np.ones(rows.size, self.dtype)

    def _named(self) -> np.ndarray:
        positions = np.asarray(self.positions).ravel()
        return (positions >= 0) & (positions < self.shape[1])


def _ones(columns: np.ndarray, dtype: jnp.dtype) -> Entries:
    """List a 1 in each row, at these columns."""
    return np.arange(columns.size), columns.ravel(), np.ones(columns.size, dtype)
