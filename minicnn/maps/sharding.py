"""Matrices over several devices: rows that are spread over them, and what they share."""

from collections.abc import Hashable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Shaped

from minicnn.forms.meshes import sum_over_devices, vary
from minicnn.maps.base import Entries, LinearMap, Shape, TransposableMap, derived, linear_map, static
from minicnn.maps.elementary import Dense


@linear_map
class Vary(TransposableMap):
    """Inside `jax.shard_map`: what all devices along some mesh axes share, as the own value of each of them.

    On each device it is the identity; over all of them it is a column of identities. So its transpose is the sum over
    the devices.
    """

    mesh_axes: tuple[Hashable, ...] = static()
    in_shape: Shape = static()
    dtype: jnp.dtype = static()
    one_to_one = True

    out_shape = derived(lambda self: self.in_shape)

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Mark x as varying over the mesh axes."""
        return vary(x, self.mesh_axes)

    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Add what the devices hold."""
        return sum_over_devices(y, self.mesh_axes)

    def sparse(self) -> Entries:
        """List the ones of one device: the diagonal."""
        i = np.arange(self.shape[0])
        return i, i, np.ones(len(i), self.dtype)


def shard_rows(A: LinearMap, mesh: Mesh) -> Dense:
    """The dense matrix of A with its rows spread over a mesh; it is never whole on one device.

    A(x) then comes out spread like the rows, and A.T(y) is a sum over the devices.

    Args:
        A: a linear map.
        mesh: the devices; with several axes, all of them share the rows.

    Raises:
        ValueError: if the rows cannot be shared evenly.

    >>> C = minicnn.conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))
    >>> minicnn.maps.shard_rows(C, jax.make_mesh((1,), ("rows",))).shape
    (4, 16)
    """
    rows = A.shape[0]
    if rows % mesh.size:
        raise ValueError(f"the {rows} rows of the matrix cannot be shared by {mesh.size} devices evenly")
    by_rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    M = jax.jit(lambda A: A.matrix(), out_shardings=by_rows)(A)
    return Dense(M, A.in_shape, A.out_shape, A.dtype)
