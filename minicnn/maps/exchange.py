"""Linear maps for other libraries."""

from typing import Any

import jax

from minicnn.maps.base import LinearMap


def to_lineax(A: LinearMap) -> Any:
    """A map as a `lineax.FunctionLinearOperator`, for its solvers and norms; lineax must be installed.

    >>> from minicnn.maps import identity
    >>> to_lineax(identity((2, 3), jnp.dtype("float32"))).out_size()  # doctest: +SKIP
    6
    """
    import lineax

    return lineax.FunctionLinearOperator(A, jax.ShapeDtypeStruct(A.in_shape, A.dtype))
