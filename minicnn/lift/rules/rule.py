"""What a row of the table says: one linear map per operand of a primitive of JAX."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from minicnn import maps
from minicnn.maps import LinearMap


@dataclass(frozen=True)
class Equation:
    """An equation of a linear program, as seen from one of its results.

    Attributes:
        params: the static parameters of its primitive.
        operands: shape and dtype of each operand.
        values: the operands that are constants, and None for those that vary.
        results: shape and dtype of each result.
        place: which of the results is meant.
    """

    params: Mapping[str, Any]
    operands: tuple[jax.ShapeDtypeStruct, ...]
    values: tuple[Any, ...]
    results: tuple[jax.ShapeDtypeStruct, ...]
    place: int = 0

    @property
    def y(self) -> jax.ShapeDtypeStruct:
        """Shape and dtype of the result that is meant."""
        return self.results[self.place]

    @property
    def dtype(self) -> jnp.dtype:
        """The dtype of that result."""
        return self.y.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of that result."""
        return self.y.shape

    def __getitem__(self, name: str) -> Any:
        """A static parameter."""
        return self.params[name]


Entry = Callable[[Equation, int], LinearMap | None]


@dataclass(frozen=True)
class Rule:
    """A primitive's row in the table.

    Attributes:
        labels: how programs print the map of each operand; the last holds for all further ones. `{c}` is a name for
            the constant that the map is made of.
        map: the map from the n-th operand to the result, or None where that operand does not reach it.
        together: whether the primitive is linear in all of its floating operands at once, so that one which is a
            constant must be zero; otherwise it is linear in each alone, the others being constants.
    """

    labels: tuple[str, ...]
    map: Entry
    together: bool

    def label(self, n: int) -> str:
        """How programs print the map of the n-th operand."""
        return self.labels[min(n, len(self.labels) - 1)]


def together(entry: Entry, *labels: str) -> Rule:
    """A primitive that is linear in all of its operands at once."""
    return Rule(labels, entry, True)


def alone(entry: Entry, *labels: str) -> Rule:
    """A primitive that is linear in each operand alone, or in one of them only."""
    return Rule(labels, entry, False)


def identity(eq: Equation, n: int = 0) -> LinearMap:
    """The map of an operand that is passed on, repeated along the axes where it is shorter."""
    return repeated(eq, n, maps.identity(eq.shape, eq.dtype))


def repeated(eq: Equation, n: int, A: LinearMap) -> LinearMap:
    """A map of arrays of the result's shape, after the operand has been repeated along axes of size 1."""
    x, y = eq.operands[n].shape, eq.shape
    if x == y:
        return A
    aligned = (None,) * (len(y) - len(x)) + x
    stretched = tuple(axis for axis, (n_x, n_y) in enumerate(zip(aligned, y, strict=True)) if n_x != n_y)
    return maps.compose(A, maps.Broadcast(stretched, x, y, eq.dtype))


def diagonal(eq: Equation, d: Any) -> LinearMap:
    """The diagonal matrix of a constant, a multiple of the identity where it is one number."""
    d = jnp.asarray(d, eq.dtype)
    if d.ndim == 0:
        return maps.Scale(d, eq.shape, eq.dtype)
    return maps.Diagonal(jnp.broadcast_to(d, eq.shape), eq.shape, eq.dtype)


def product(*factors: LinearMap) -> LinearMap:
    """The product of maps, the last applied first, without the identities among them."""
    proper = [A for A in factors if not is_identity(A)]
    return maps.compose(*proper) if proper else factors[0]


def is_identity(A: LinearMap) -> bool:
    """Whether a map is seen to change nothing, not even the shape."""
    unmoved = isinstance(A, maps.Permute) and A.order == tuple(range(len(A.order)))
    whole = isinstance(A, maps.Slice) and A.in_shape == A.out_shape
    return unmoved or whole or (isinstance(A, maps.Reshape) and A.in_shape == A.out_shape)
