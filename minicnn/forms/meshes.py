"""What a primitive has to say about the devices that its arrays are spread over.

JAX keeps two facts with the type of every array: over which axes of a mesh its values differ, inside `jax.shard_map`,
and which of its axes lie across an explicit mesh. JAX's own primitives state both for their results, and so do ours.
All that reads or writes these parts of a type is here.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array

from minicnn.jax_internals import ShapedArray

SpecOf = Callable[..., PartitionSpec]  # how a result lies on an explicit mesh, from how its operands do


def vary_alike(*operands: Array) -> tuple[Array, ...]:
    """The operands, each marked as varying over all the mesh axes that one of them varies over.

    The mark moves no number. Its transpose is the sum over the devices, which the gradient of an operand that all of
    them share has to be.
    """
    return tuple(map(vary, operands, lacking(*operands)))


def lacking(*operands: Array) -> list[tuple[Any, ...]]:
    """For each operand the mesh axes over which it is the same and another of them varies; in order, for a program."""
    if not getattr(jax.config, "jax_auto_pcast", True):  # whoever sets this marks operands by hand
        return [()] * len(operands)
    known = [_varying(jax.typeof(operand)) for operand in operands]
    union = frozenset[Any]().union(*known)
    return [tuple(sorted(union - axes, key=str)) for axes in known]


def vary(x: Array, axes: Sequence[Any]) -> Array:
    """Mark x as varying over these mesh axes, where it does not vary already."""
    new = tuple(axis for axis in axes if axis not in _varying(jax.typeof(x)))
    return jax.lax.pcast(x, new, to="varying") if new else x


def sum_over_devices(x: Array, axes: Sequence[Any]) -> Array:
    """The transpose of `vary`: the sum of what the devices along these mesh axes hold, the same for all of them."""
    return jax.lax.psum(vary(x, axes), tuple(axes))


def spread_type(
    left: ShapedArray, right: ShapedArray, shape: tuple[int, ...], dtype: jnp.dtype, spec_of: SpecOf
) -> ShapedArray:
    """The type of a result of two operands that vary over the same mesh axes, laid out by the rule `spec_of`.

    Raises:
        TypeError: if the operands vary over different mesh axes.
    """
    if _varying(left) != _varying(right):
        raise TypeError(
            f"the operands {left} and {right} vary over different mesh axes: mark them with jax.lax.pcast, "
            "or leave that to JAX with jax.config.update('jax_auto_pcast', True)"
        )
    sharding = NamedSharding(_mesh(left, right), spec_of(left.sharding.spec, right.sharding.spec))
    return left.update(shape=shape, dtype=dtype, weak_type=False, sharding=sharding)


def spec_of_convolve(x: PartitionSpec, w: PartitionSpec) -> PartitionSpec:
    """C(w)·x lies as x does: the rule of `jax.lax.conv_general_dilated`.

    Raises:
        TypeError: if the channels of x, or any axis of w, lie across the mesh.
    """
    if x[-1] is not None or set(w) != {None}:
        raise TypeError(
            f"a convolution of x with the layout {x} and w with {w} has none of its own: only batch and spatial axes "
            "of x may lie across an explicit mesh; replicate the others with jax.reshard, or convolve in jax.shard_map"
        )
    return x


def spec_of_correlate(x: PartitionSpec, y: PartitionSpec) -> PartitionSpec:
    """X(x)ᵀ·y is whole on every device: the sum over the parts of the batch."""
    del y
    return PartitionSpec(*(None for _ in x))


def spec_of_images(x: PartitionSpec, *others: PartitionSpec) -> PartitionSpec:
    """The images of a result lie as those of x do; each is whole on its device."""
    del others
    return PartitionSpec(x[0])


def spec_of_many(spec_of: SpecOf, dims: Sequence[int | None]) -> SpecOf:
    """The rule for a result that `jax.vmap` maps, on its first axis, over these axes of the operands."""

    def rule(*specs: PartitionSpec) -> PartitionSpec:
        rows = list(zip(specs, dims, strict=True))
        mapped = {spec[dim] for spec, dim in rows if dim is not None} - {None}
        inner = (PartitionSpec(*(axis for n, axis in enumerate(spec) if n != dim)) for spec, dim in rows)
        return PartitionSpec(*(mapped or {None}), *spec_of(*inner))

    return rule


def laid_out(compute: Callable[..., Array], spec_of: SpecOf) -> Callable[..., Array]:
    """The same function, whose inner arrays XLA lays out by itself where the mesh is explicit.

    It is compiled there, and with it its derivatives: step by step, JAX cannot lay out a cotangent on a mesh that is
    not in use. An operand may be a tree of arrays.
    """

    def spread(*operands: Any, **static: Any) -> Array:
        types = [jax.typeof(leaf) for leaf in jax.tree.leaves(operands)]
        if not tell_a_layout(types):
            return compute(*operands, **static)
        spec = NamedSharding(_mesh(*types), spec_of(*(array.sharding.spec for array in types)))
        inner: Any = jax.sharding.auto_axes(partial(compute, **static), out_sharding=spec)
        return jax.jit(inner)(*operands)

    return spread


def tell_a_layout(types: Iterable[ShapedArray]) -> bool:
    """Whether the types of some arrays say how they lie on a mesh, an explicit one."""
    return AxisType.Explicit in _mesh(*types).axis_types


def layout_of(x: Any) -> PartitionSpec:
    """How an array, or one of this type, lies on an explicit mesh: an entry for each axis, None where it is whole."""
    kind = _type_of(x)
    return PartitionSpec(*kind.sharding.spec, *(None for _ in range(kind.ndim - len(kind.sharding.spec))))


def known_layout(x: Any) -> PartitionSpec | None:
    """As `layout_of`; None where there is no such mesh."""
    return layout_of(x) if tell_a_layout([_type_of(x)]) else None


def layout_as_long(x: Any, shape: tuple[int, ...]) -> PartitionSpec:
    """The layout of a result whose first axis lies as that of x does where it is as long; the others are whole."""
    return PartitionSpec(*(layout_of(x)[:1] if x.shape[:1] == shape[:1] else ()))


def layouts_together(arrays: Sequence[Any], shape: tuple[int, ...]) -> list[PartitionSpec | None]:
    """How each of some arrays is to lie on an explicit mesh, repeated to this shape: as those do that lie across it.

    None where there is nothing to say: no such mesh, or an array that lies across it in its own way.
    """
    types = [jax.typeof(array) for array in arrays]
    if not tell_a_layout(types):
        return [None for _ in arrays]
    layouts = [(*(None for _ in range(len(shape) - kind.ndim)), *layout_of(kind)) for kind in types]
    together = [next(filter(None, entries), None) for entries in zip(*layouts, strict=True)]
    agree = (all(own in (None, entry) for own, entry in zip(layout, together, strict=True)) for layout in layouts)
    return [PartitionSpec(*together) if agrees else None for agrees in agree]


def repeated(x: Any, shape: tuple[int, ...], layout: PartitionSpec | None) -> Array:
    """`jnp.broadcast_to`, the copies lying on an explicit mesh as a layout says: none of them is sent."""
    copies = partial(jnp.broadcast_to, shape=shape)
    return copies(x) if layout is None else laid_out(copies, lambda *_: layout)(x)


def sharding_of_product(x: Any, y: Any, spec: tuple[str, str, str]) -> NamedSharding | None:
    """How a contraction lies whose factors have summed axes across an explicit mesh: the other axes as in the factors.

    None where JAX knows: it asks for a layout only where the devices add up what they have.
    """
    types = [jax.typeof(factor) for factor in (x, y)]
    if not tell_a_layout(types):
        return None
    axes = zip(spec[0] + spec[1], (*layout_of(x), *layout_of(y)), strict=True)
    across = {letter: entry for letter, entry in axes if entry is not None}
    if across.keys() <= set(spec[2]):
        return None
    return NamedSharding(_mesh(*types), PartitionSpec(*map(across.get, spec[2])))


def as_asked(compute: Callable[..., Array], out_sharding: Any) -> Callable[..., Array]:
    """The same function, whose result lies on the mesh in use as lax's `out_sharding` asks; where None, as it comes."""
    if out_sharding is None:
        return compute
    inner: Any = jax.sharding.auto_axes(compute, out_sharding=out_sharding)
    return jax.jit(inner)


def unmarked(array: ShapedArray) -> ShapedArray:
    """The same type, said to be alike on all devices."""
    return ShapedArray(array.shape, array.dtype, array.weak_type, sharding=array.sharding)


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """`jnp.reshape`, also where leading axes that stay as they are lie across an explicit mesh."""
    array = jax.typeof(x)
    if not tell_a_layout([array]):
        return jnp.reshape(x, shape)
    spec, kept = array.sharding.spec, 0
    while kept < min(len(spec), len(shape)) and x.shape[kept] == shape[kept]:
        kept += 1
    if any(axis is not None for axis in spec[kept:]):
        return jnp.reshape(x, shape)
    return jax.lax.reshape(x, shape, out_sharding=NamedSharding(_mesh(array), PartitionSpec(*spec[:kept])))


def _type_of(x: Any) -> ShapedArray:
    return x if isinstance(x, ShapedArray) else jax.typeof(x)


def _varying(array: ShapedArray) -> frozenset[Any]:
    """The mesh axes over which the values differ; the attribute moved into `mat` in JAX 0.10."""
    kind: Any = getattr(array, "mat", None)
    return kind.varying if kind is not None else array.vma  # pyright: ignore[reportAttributeAccessIssue]


def _mesh(*arrays: ShapedArray) -> Any:
    """The mesh of the arrays; a constant has none, and then it is the one in use."""
    meshes = [array.sharding.mesh for array in arrays]
    return next((mesh for mesh in meshes if not mesh.empty), jax.sharding.get_abstract_mesh())
