"""A device is a tile: the cut that fits a cache fits a mesh.

Where a spatial axis lies across a mesh, each device holds a block of the inputs and makes a block of the outputs. The
window that its outputs read says which rows its neighbours send: these are moved, no others, by `jax.lax.ppermute`
inside `jax.shard_map`, and what follows is the operation itself on the axis of one tile. Transposed, the windows are
those of the transposed axis; where JAX transposes the exchange, the overlap is sent back and added. Where only the
batch lies across a mesh there is nothing to send: each device does the same with its own images.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array

from minicnn.axis import Axis
from minicnn.forms.cuts import Cut
from minicnn.forms.meshes import layout_of

Names = tuple[Any, ...]  # of the axes of a mesh across which one axis of an array lies


class Rows(NamedTuple):
    """Rows `start` to `stop` of each device's block, which go to the device `hop` before it."""

    hop: int
    start: int
    stop: int


@dataclass(frozen=True)
class DeviceTiles:
    """One axis whose inputs and outputs lie in equal blocks on devices, in their order along the axis.

    >>> tiles = DeviceTiles(Axis.of(16, 3, padding=1), devices=4)
    >>> tiles.sent()
    [Rows(hop=-1, start=3, stop=4), Rows(hop=0, start=0, stop=4), Rows(hop=1, start=0, stop=1)]
    """

    axis: Axis
    devices: int

    @property
    def block(self) -> int:
        """The number of inputs that a device holds."""
        return self.axis.in_size // self.devices

    @property
    def outputs(self) -> int:
        """The number of outputs that a device makes."""
        return self.axis.out_size // self.devices

    @property
    def cut(self) -> Cut:
        """A tile that holds the outputs of any device: it begins where the pattern of a stretched axis repeats."""
        spare = self._period - 1 if self.outputs % self._period else 0
        return Cut.outputs(self.axis, self.outputs + spare)

    @property
    def skipped(self) -> list[int]:
        """How many outputs of its tile come before those of each device."""
        return [device * self.outputs % self._period for device in range(self.devices)]

    @property
    def starts(self) -> list[int]:
        """The first position that the tile of each device reads."""
        firsts = (device * self.outputs - skipped for device, skipped in enumerate(self.skipped))
        return [self.cut.x.first + first * self.axis.stride // self.axis.stretch for first in firsts]

    @property
    def extent(self) -> int:
        """How many positions lie from the first to the last that a tile reads."""
        return self.cut.x.extent(self.cut.x.length)

    @property
    def are_even(self) -> bool:
        """Whether there is something to do, and as much for each device."""
        return self.block > 0 and self.outputs > 0 and self.axis.out_size % self.devices == 0

    @property
    def are_near(self) -> bool:
        """Whether no tile reads further beyond the input than the input is long, as in absurd padding."""
        size = self.axis.in_size
        return all(start >= -size and start + self.extent <= 2 * size for start in self.starts)

    def sent(self) -> list[Rows]:
        """The rows that all tiles together need of the blocks at each distance; nothing of some that lie between."""
        reads = [(start - device * self.block, device) for device, start in enumerate(self.starts)]
        first = min(start for start, _ in reads) // self.block
        last = (max(start for start, _ in reads) + self.extent - 1) // self.block
        return [
            self._rows(hop, [start for start, at in reads if self._is_there(at + hop)])
            for hop in range(first, last + 1)
        ]

    def received(self) -> int:
        """The number of rows that come from other devices, for a device that has neighbours on all sides."""
        return sum(rows.stop - rows.start for rows in self.sent() if rows.hop)

    def window(self, x: Array, position: int, names: Names, fill: Any = 0) -> Array:
        """The inputs of this device's tile, from its own block and those of others; `fill` beyond the ends.

        It is called inside `jax.shard_map`.
        """
        parts = []
        for hop, start, stop in self.sent():
            rows = jax.lax.slice_in_dim(x, start, stop, axis=position)
            if hop and stop > start:
                pairs = [(at + hop, at) for at in range(self.devices) if self._is_there(at + hop)]
                rows = jax.lax.ppermute(rows, names, pairs)
            widths = [(0, 0)] * x.ndim
            widths[position] = (start, self.block - stop)
            parts.append(jnp.pad(rows, widths))
        strip = jnp.concatenate(parts, position)
        first = self.sent()[0].hop * self.block
        offsets = [start - device * self.block - first for device, start in enumerate(self.starts)]
        read = jax.lax.dynamic_slice_in_dim(strip, self.mine(offsets, names), self.extent, position)
        if fill != 0:
            at = self.mine(self.starts, names) + jnp.arange(self.extent)
            inside = (at >= 0) & (at < self.axis.in_size)
            read = jnp.where(jnp.expand_dims(inside, [n for n in range(x.ndim) if n != position]), read, fill)
        return jax.lax.slice_in_dim(read, 0, None, self.cut.x.spacing, position)

    def mine(self, table: Sequence[int], names: Names) -> Any:
        """The entry of this device; a plain number where all have the same."""
        return table[0] if len(set(table)) == 1 else jnp.array(table)[jax.lax.axis_index(names)]

    def own(self, y: Array, position: int, names: Names) -> Array:
        """The outputs of this device among those of its tile."""
        return jax.lax.dynamic_slice_in_dim(y, self.mine(self.skipped, names), self.outputs, position)

    def put(self, y: Array, position: int, names: Names) -> Array:
        """The outputs of this device in its tile, zeros around them: the adjoint of `own`."""
        shape = list(y.shape)
        shape[position] = self.cut.axis.out_size
        return jax.lax.dynamic_update_slice_in_dim(
            jnp.zeros_like(y, shape=shape), y, self.mine(self.skipped, names), position
        )

    @property
    def _period(self) -> int:
        return self.axis.stretch // math.gcd(self.axis.stride, self.axis.stretch)

    def _is_there(self, device: int) -> bool:
        return 0 <= device < self.devices

    def _rows(self, hop: int, reads: Sequence[int]) -> Rows:
        """What tiles that begin at these rows, counted from their own block, need of the block `hop` further on."""
        here = [start - hop * self.block for start in reads]
        start = max(min(here, default=0), 0)
        stop = min(max(here, default=0) + self.extent, self.block)
        return Rows(hop, start, stop) if here and start < stop else Rows(hop, 0, 0)


@dataclass(frozen=True)
class Spread:
    """How images lie across an explicit mesh: each device has some of them, or parts of them, or both.

    Attributes:
        mesh: the mesh.
        spec: how the images lie on it.
        tiles: of every axis in parts: its position in an array, its tiles, and the mesh axes that it lies across.
    """

    mesh: Any
    spec: PartitionSpec
    tiles: tuple[tuple[int, DeviceTiles, Names], ...]

    @classmethod
    def of(cls, x: Array, axes: Sequence[Axis]) -> "Spread | None":
        """How x lies, or None where it is empty or whole on every device, or outputs do not come out in equal parts."""
        mesh, layout = jax.typeof(x).sharding.mesh, layout_of(x)
        if not _is_explicit(mesh):
            return None
        across = list(map(_names, layout))
        tiles = tuple(
            (position, DeviceTiles(axis, math.prod(mesh.shape[name] for name in names)), names)
            for position, (axis, names) in enumerate(zip(axes, across[1:-1], strict=True), start=1)
            if names
        )
        is_spread = any(across) and not across[-1] and 0 not in x.shape
        fits = all(each.are_even and each.are_near for _, each, _ in tiles)
        return cls(mesh, layout, tiles) if is_spread and fits else None

    @classmethod
    def of_images(cls, operands: Sequence[Array]) -> "Spread | None":
        """How images alone lie across the mesh, those of the first array and no others; None where they do not."""
        mesh, (images, *_) = jax.typeof(operands[0]).sharding.mesh, layout_of(operands[0])
        if not _is_explicit(mesh) or not _names(images) or any(0 in operand.shape for operand in operands):
            return None
        rest = [entry for operand in operands for entry in layout_of(operand)[1:]]
        others = {layout_of(operand)[0] for operand in operands} - {None, images}
        return None if any(rest) or others else cls(mesh, PartitionSpec(images), ())

    def axes(self, axes: Sequence[Axis]) -> tuple[Axis, ...]:
        """The axes inside a tile."""
        inside = {position: tiles.cut.axis for position, tiles, _ in self.tiles}
        return tuple(inside.get(position, axis) for position, axis in enumerate(axes, start=1))

    def windows(self, x: Array, fill: Any = 0) -> Array:
        """The inputs of this device's tile, axis by axis, so that corners come through a neighbour."""
        for position, tiles, names in self.tiles:
            x = tiles.window(x, position, names, fill)
        return x

    def own(self, y: Array) -> Array:
        """The outputs of this device among those of its tile."""
        for position, tiles, names in self.tiles:
            y = tiles.own(y, position, names)
        return y

    def put(self, y: Array) -> Array:
        """The outputs of this device in its tile."""
        for position, tiles, names in self.tiles:
            y = tiles.put(y, position, names)
        return y

    def over_devices(
        self, local: Callable[..., Array], *specs: PartitionSpec, out: PartitionSpec, lowered: bool = False
    ) -> Callable[..., Array]:
        """A function of what each device holds as one of whole arrays.

        What is `lowered` has its derivatives behind it, and the loops inside need not know over which axes they vary.
        """
        return jax.jit(jax.shard_map(local, mesh=self.mesh, in_specs=specs, out_specs=out, check_vma=not lowered))

    @property
    def names(self) -> Names:
        """All mesh axes that the images lie across."""
        return tuple(name for entry in self.spec for name in _names(entry))


def _is_explicit(mesh: Any) -> bool:
    """Whether types say of all axes of a mesh what lies across them."""
    return not mesh.empty and set(mesh.axis_types) == {AxisType.Explicit}


def _names(entry: Any) -> Names:
    """The mesh axes of one entry of a PartitionSpec."""
    return () if entry is None else entry if isinstance(entry, tuple) else (entry,)


def images_on_mesh(compute: Callable[..., Array], elsewhere: Callable[..., Array]) -> Callable[..., Array]:
    """What is made of each image by itself: each device makes it of its own, where images alone are spread."""

    def made(*operands: Array, **static: Any) -> Array:
        spread = Spread.of_images(operands)
        if spread is None:
            return elsewhere(*operands, **static)
        own = spread.over_devices(partial(compute, **static), *[spread.spec] * len(operands), out=spread.spec)
        layout = NamedSharding(spread.mesh, spread.spec)
        return jax.jit(lambda *operands: own(*(jax.reshard(operand, layout) for operand in operands)))(*operands)

    return made


def windows_on_mesh(
    operate: Callable[[Array, tuple[Axis, ...]], Array], x: Array, axes: tuple[Axis, ...], fill: Any
) -> Array | None:
    """What `operate` makes of the windows of x, each device its own outputs; None where x is not spread so."""
    spread = Spread.of(x, axes)
    if spread is None:
        return None
    local = lambda x: spread.own(operate(spread.windows(x, fill), spread.axes(axes)))
    return spread.over_devices(local, spread.spec, out=spread.spec)(x)


def convolve_on_mesh(compute: Callable[..., Array], elsewhere: Callable[..., Array]) -> Callable[..., Array]:
    """C(w)·x by each device for its own outputs."""

    def convolve(x: Array, w: Array, *, geometry: Any, **static: Any) -> Array:
        spread = Spread.of(x, geometry.axes)
        if spread is None:
            return elsewhere(x, w, geometry=geometry, **static)
        inside = replace(geometry, axes=spread.axes(geometry.axes))
        local = lambda x, w: spread.own(compute(spread.windows(x), w, geometry=inside, **static))
        return spread.over_devices(local, spread.spec, PartitionSpec(), out=spread.spec, lowered=True)(x, w)

    return convolve


def correlate_on_mesh(compute: Callable[..., Array], elsewhere: Callable[..., Array]) -> Callable[..., Array]:
    """X(x)ᵀ·y as the sum of what the devices find in their own outputs; short floats are rounded after it."""

    def correlate(x: Array, y: Array, *, geometry: Any, arithmetic: Any, **static: Any) -> Array:
        spread = Spread.of(x, geometry.axes)
        if spread is None or layout_of(y) != layout_of(x):
            return elsewhere(x, y, geometry=geometry, arithmetic=arithmetic, **static)
        inside, total = replace(geometry, axes=spread.axes(geometry.axes)), arithmetic.summing(x, y)

        def local(x: Array, y: Array) -> Array:
            w = compute(spread.windows(x), spread.put(y), geometry=inside, arithmetic=total, **static)
            return jax.lax.psum(w, spread.names).astype(arithmetic.result_type(x, y))

        return spread.over_devices(local, spread.spec, spread.spec, out=PartitionSpec(), lowered=True)(x, y)

    return correlate
