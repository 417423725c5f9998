"""A whole program as one linear map, so that whatever takes a map takes a network."""

import math
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.autodiff import sparsity
from minicnn.autodiff.program import Program
from minicnn.maps.algebra import compose, values_at
from minicnn.maps.base import Entries, LinearMap, Shape, derived, linear_map


@linear_map
class ProgramMap(LinearMap):
    """The matrix of a program. Several inputs, or outputs, make one vector, one after the other."""

    program: Program

    in_shape = derived(lambda self: _shape(self.program, self.program.inputs))
    out_shape = derived(lambda self: _shape(self.program, self.program.outputs))
    dtype = derived(lambda self: jnp.result_type(*(self.program.nodes[n].dtype for n in self.program.outputs)))

    @property
    def T(self) -> "ProgramMap":
        """The map of the transposed program."""
        return ProgramMap(self.program.T)

    @property
    def nnz(self) -> int:
        """The number of entries that some path reaches."""
        return self.program.nnz

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Send a batch of vectors along the arrows."""
        nodes = [self.program.nodes[n] for n in self.program.inputs]
        ends = accumulate((math.prod(node.shape) for node in nodes), initial=0)
        flat = x.reshape(x.shape[0], self.shape[1])
        parts = [
            _of_dtype(flat[:, start:end], node.dtype).reshape(x.shape[0], *node.shape)
            for node, (start, end) in zip(nodes, pairwise(ends), strict=True)
        ]
        images: list[Any] = jax.tree.leaves(self.program(*jax.tree.unflatten(self.program.in_tree, parts)))
        if len(images) == 1:
            return images[0]
        return jnp.concatenate([image.reshape(x.shape[0], -1) for image in images], 1)

    def sparse(self) -> Entries:
        """List the places that some path reaches, with their values."""
        return values_at(sparsity.structure(self.program), sparsity.to_scipy(self.program))

    def to_scipy(self) -> Any:
        """Multiply the sparse matrices of the maps and add them."""
        return sparsity.to_scipy(self.program)


def as_map(program: Program) -> LinearMap:
    """The program as one map: the product of its maps where they form a chain, and else a `ProgramMap`."""
    dtypes = {node.dtype for node in program.nodes}
    chain = len(program.inputs) == len(program.outputs) == 1 and len(dtypes) == 1 and bool(program.arrows)
    steps = [(arrow.source, arrow.target) for arrow in program.arrows]
    path = [*program.inputs, *(target for _, target in steps)]
    if chain and steps == list(pairwise(path)) and path[-1] == program.outputs[0]:
        return compose(*(arrow.map for arrow in reversed(program.arrows)))
    return ProgramMap(program)


def _of_dtype(x: Array, dtype: jnp.dtype) -> Array:
    """Convert an array, of complex numbers for real inputs the real parts: all that a unit vector has."""
    real = not jnp.issubdtype(dtype, jnp.complexfloating)
    return (jnp.real(x) if real else x).astype(dtype)


def _shape(program: Program, places: tuple[int, ...]) -> Shape:
    shapes = [program.nodes[n].shape for n in places]
    return shapes[0] if len(shapes) == 1 else (sum(map(math.prod, shapes)),)
