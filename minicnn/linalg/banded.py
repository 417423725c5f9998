"""Singular values of matrices whose rows and columns have an order in which their non-zeros lie in a narrow band.

Windows along an axis meet their neighbours only. [[0, M], [Mᴴ, 0]] has the eigenvalues ±σ, and with rows and columns in
one order the same band: rotations make it tridiagonal in N²·b operations, a dense matrix takes N³. Nothing is squared,
so that small values are as accurate as those of the dense matrix.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Inexact

from minicnn.linalg.cholesky import doubled
from minicnn.maps import LinearMap
from minicnn.maps.base import hidden

# What N² of a diagonal take beside n³ of the dense matrix, and how many diagonals the eigenvalues of the tridiagonal
# matrix take as long as: on one core 2.5 ns and 20 ns for each N², and 0.5 ns for each n³.
ENTRY, TRIDIAGONAL = 5, 8
# How much sooner a band has to be: several cores share the products of a dense decomposition.
SOONER = 2


def values(A: LinearMap) -> Float[np.ndarray, " n"] | None:
    """All singular values, descending, in double precision; None where the dense matrix has them as soon."""
    if not _pays(A.shape, 1) or hidden(A) or not _pays(A.shape, A.nnz / sum(A.shape)):
        return None
    band = _band(doubled(A, A.to_scipy()))
    if band is None:
        return None
    from scipy.linalg import eigvals_banded

    ascending = eigvals_banded(band, lower=True, overwrite_a_band=True, check_finite=False)
    return np.maximum(ascending[::-1][: min(A.shape)], 0)


def _pays(shape: tuple[int, int], b: float) -> bool:
    """Whether a band of so many diagonals below the main one is less work than the dense matrix."""
    rows, columns = shape
    return SOONER * ENTRY * (rows + columns) ** 2 * (TRIDIAGONAL + b) < rows * columns * min(shape)


def _band(M: Any) -> Inexact[np.ndarray, "b n"] | None:
    """The diagonal of [[0, M], [Mᴴ, 0]] and those below it, in an order that keeps them few; None if they are many."""
    from scipy import sparse
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    whole: Any = sparse.block_array([[None, M], [M.conj().T, None]], format="csr")
    order = reverse_cuthill_mckee(whole, symmetric_mode=True)
    entries = whole[order][:, order].tocoo()
    distance = entries.row - entries.col
    b = int(distance.max(initial=0))
    if not _pays(M.shape, b):
        return None
    band, below = np.zeros((b + 1, whole.shape[0]), M.dtype), distance >= 0
    band[distance[below], entries.col[below]] = entries.data[below]
    return band
