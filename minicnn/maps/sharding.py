"""A matrix whose rows are spread over several devices."""

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from minicnn.maps.base import LinearMap
from minicnn.maps.elementary import Dense


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
