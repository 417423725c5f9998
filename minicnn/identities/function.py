"""A function of pytrees seen as a function of vectors: its floating leaves, one after the other."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

Leaves = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """One number among the leaves of a pytree.

    Attributes:
        leaf: the way to the leaf, empty where there is only one.
        index: the place in the leaf, the channel last.
    """

    leaf: str
    index: tuple[int, ...]

    @property
    def pixel(self) -> tuple[int, ...]:
        """The index without the channel; a vector has entries and no channels."""
        return self.index[:-1] if len(self.index) > 1 else self.index

    @property
    def channel(self) -> int | None:
        """The last index of an array with more than one axis."""
        return self.index[-1] if len(self.index) > 1 else None

    def __str__(self) -> str:
        """Write the place as "pixel (2, 3) channel 1"."""
        at = f"pixel {self.pixel} channel {self.channel}" if len(self.index) > 1 else f"entry {(*self.index, 0)[0]}"
        return f"{self.leaf} {at}".lstrip()


@dataclass(frozen=True)
class Layout:
    """The shapes and dtypes of leaves that are laid out as one vector."""

    names: tuple[str, ...]
    like: tuple[jax.ShapeDtypeStruct, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size of each leaf."""
        return tuple(math.prod(leaf.shape) for leaf in self.like)

    @property
    def size(self) -> int:
        """The length of the vector."""
        return sum(self.sizes)

    @property
    def dtype(self) -> jnp.dtype:
        """The dtype of the vector."""
        return jnp.result_type(*(leaf.dtype for leaf in self.like))

    def split(self, vector: Shaped[Array, " n"]) -> Leaves:
        """Cut a vector into the leaves."""
        ends = np.cumsum(self.sizes)[:-1].tolist()
        parts = jnp.split(vector, ends)
        return tuple(part.reshape(leaf.shape).astype(leaf.dtype) for part, leaf in zip(parts, self.like, strict=True))

    def join(self, leaves: Sequence[Any]) -> Shaped[Array, " n"]:
        """Lay the leaves out as one vector."""
        return jnp.concatenate([jnp.ravel(leaf).astype(self.dtype) for leaf in leaves])

    def place(self, position: int) -> Place:
        """Find the place in the pytree of an entry of the vector."""
        for name, leaf, size in zip(self.names, self.like, self.sizes, strict=True):
            if position < size:
                return Place(name, tuple(int(i) for i in np.unravel_index(position, leaf.shape)))
            position -= size
        raise IndexError(f"there is no entry {position} beyond the last of {self.size}")


@dataclass(frozen=True, eq=False)
class Function:
    """The function f from floating leaves to floating leaves; other leaves of the arguments are constants.

    Attributes:
        f: the function of pytrees.
        args: its arguments.
    """

    f: Callable[..., Any]
    args: tuple[Any, ...]

    @cached_property
    def primals(self) -> Leaves:
        """The floating leaves of the arguments."""
        return tuple(jnp.asarray(leaf) for leaf, varies in zip(self._leaves, self._varying, strict=True) if varies)

    @cached_property
    def inputs(self) -> Layout:
        """The layout of the floating leaves of the arguments."""
        paths, _ = jax.tree.flatten_with_path(self.args)
        names = [_name(path) for (path, _), varies in zip(paths, self._varying, strict=True) if varies]
        return _layout(names, self.primals)

    @cached_property
    def outputs(self) -> Layout:
        """The layout of the floating leaves of the result."""
        paths, _ = jax.tree.flatten_with_path(jax.eval_shape(self._called, *self.primals))
        named = [(_name(path), leaf) for path, leaf in paths if _is_floating(leaf)]
        return _layout([name for name, _ in named], [leaf for _, leaf in named])

    def __call__(self, *leaves: Any) -> Leaves:
        """Compute the floating leaves of the result."""
        return tuple(leaf for leaf in jax.tree.leaves(self._called(*leaves)) if _is_floating(leaf))

    def at(self, leaves: Sequence[Any]) -> "Function":
        """Take the same function with other floating leaves."""
        return Function(self.f, self._arguments(leaves))

    def face(self, position: int) -> "Function":
        """Take the function of one argument alone, the others held where they are."""
        before, after = self.args[:position], self.args[position + 1 :]
        return Function(lambda x: self.f(*before, x, *after), (self.args[position],))

    @cached_property
    def _leaves(self) -> list[Any]:
        return jax.tree.leaves(self.args)

    @cached_property
    def _varying(self) -> list[bool]:
        return [_is_floating(leaf) for leaf in self._leaves]

    def _called(self, *leaves: Any) -> Any:
        return self.f(*self._arguments(leaves))

    def _arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        given = iter(leaves)
        filled = [next(given) if varies else leaf for leaf, varies in zip(self._leaves, self._varying, strict=True)]
        return jax.tree.unflatten(jax.tree.structure(self.args), filled)


def each(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of every vector of a batch: all at once, or one by one where JAX does not know how to batch a step.

    Callbacks without a `vmap_method` are such steps, and primitives without a batching rule.
    """

    def batched(vectors: Any) -> Any:
        try:
            return jax.vmap(f)(vectors)
        except NotImplementedError:
            return jax.lax.map(f, vectors)

    return batched


def check_leaves(function: Function) -> None:
    """Refuse a function without floating arguments and results, or with real and complex ones among them.

    Raises:
        TypeError: naming what is missing or mixed.
    """
    for what, layout in (("`args`", "inputs"), ("the result of `f`", "outputs")):
        if not getattr(function, layout).like:
            raise TypeError(f"{what} holds no floating array, and only floats have derivatives: use .astype(float)")
    leaves = (*function.inputs.like, *function.outputs.like)
    if len({bool(jnp.issubdtype(leaf.dtype, jnp.complexfloating)) for leaf in leaves}) > 1:
        raise TypeError("`f` joins real and complex arrays: make all of them complex with .astype(complex)")


def _layout(names: Sequence[str], leaves: Sequence[Any]) -> Layout:
    shown = tuple(names) if len(names) > 1 else ("",) * len(names)
    return Layout(shown, tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves))


def _is_floating(leaf: Any) -> bool:
    # dtype of a traced value of ours is asked, too, hence no jnp.asarray; models hold functions among their leaves
    dtype = getattr(leaf, "dtype", type(leaf) if isinstance(leaf, float | complex) else int)
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
