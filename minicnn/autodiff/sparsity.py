"""A program multiplied out as sparse matrices: which entries some path reaches, and their values."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn.autodiff.program import Program
from minicnn.forms.arithmetic import summing
from minicnn.maps import LinearMap
from minicnn.maps.algebra import sparse_product


def nnz(program: Program) -> int:
    """The number of entries that some path through the maps reaches; for one arrow alone, without listing them."""
    if len(program.arrows) == 1 and len(program.nodes) == 2:
        return program.arrows[0].map.nnz
    return structure(program).nnz


def nnz_at_point(program: Program) -> int:
    """The number of entries that a path through entries other than zero reaches, as the maps are at this point."""
    return structure(program, _nonzeros).nnz


def structure(program: Program, pattern: Callable[[LinearMap], Any] | None = None) -> Any:
    """The structure of the whole matrix: a `scipy.sparse.csr_array` with a 1 wherever a path leads."""
    return multiplied(program, pattern or _places, lambda A: A.astype(bool).astype(np.int64))


def to_scipy(program: Program) -> Any:
    """The whole matrix as a `scipy.sparse.csr_array`: the sparse matrices of the maps, multiplied and added."""
    dtype = summing(jnp.result_type(*(program.nodes[n].dtype for n in program.outputs)))
    return multiplied(program, lambda A: A.to_scipy(), lambda A: A).astype(dtype)


def multiplied(program: Program, matrix: Callable[[LinearMap], Any], settle: Callable[[Any], Any]) -> Any:
    """Multiply and add matrices along the arrows, from whichever side is smaller.

    Args:
        program: whose matrix is meant.
        matrix: the sparse matrix of each map.
        settle: what becomes of each product, before it is multiplied again.
    """
    rows, columns = program.shape
    if rows < columns:
        return _forward(program.T, matrix, settle).T.tocsr()
    return _forward(program, matrix, settle)


def _forward(program: Program, matrix: Callable[[LinearMap], Any], settle: Callable[[Any], Any]) -> Any:
    from scipy import sparse

    _, columns = program.shape
    found, start = {}, 0
    for n in program.inputs:
        size = math.prod(program.nodes[n].shape)
        found[n] = sparse.csr_array(sparse.eye_array(size, columns, k=start).astype(np.int64))
        start += size
    left = Counter([*(arrow.source for arrow in program.arrows), *program.outputs])
    for n, arrows in program.equations():
        total: Any = sparse.csr_array((math.prod(program.nodes[n].shape), columns), dtype=np.int64)
        for arrow in arrows:
            total = total + sparse_product([matrix(arrow.map), found[arrow.source]])
        found[n] = settle(total)
        for arrow in arrows:
            left[arrow.source] -= 1
            if not left[arrow.source]:
                del found[arrow.source]  # what is not read again need not be kept
    return sparse.csr_array(sparse.vstack([found[n] for n in program.outputs]))


def _places(A: LinearMap) -> Any:
    return _of(A, *A.entries()[:2])


def _nonzeros(A: LinearMap) -> Any:
    rows, columns, values = A.entries()
    there = values != 0
    return _of(A, rows[there], columns[there])


def _of(A: LinearMap, rows: np.ndarray, columns: np.ndarray) -> Any:
    from scipy import sparse

    return sparse.coo_array((np.ones(len(rows), np.int64), (rows, columns)), shape=A.shape).tocsr()
