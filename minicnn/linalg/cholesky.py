"""Proofs by Cholesky: μ²·I − AᴴA has a decomposition exactly if σ₁ < μ.

Windows meet only their neighbours, so that the smaller of AᴴA and AAᴴ is zero outside a band around its diagonal, and
its factor too. The factor that proves a bound from above finds one from below as well: what is solved with it is
lengthened most along the singular vector of σ₁ (inverse iteration).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Inexact

from minicnn.forms.memory import memory
from minicnn.linalg.frames import framed
from minicnn.linalg.magnitudes import magnitude
from minicnn.maps import LinearMap

# Multiplications of a decomposition, a few seconds: 3000 rows without a band.
MOST = 1e10
# Non-zeros of a matrix that is stored by them, and multiplications for its Gram matrix: about a second each.
ENTRIES, PRODUCTS = 5e6, 1e9
# From this share of non-zeros on, all entries are stored.
FULL = 1 / 8
# Decompositions until the bounds are as close as asked for, and solutions with each: a few of both are enough, since
# every decomposition at least halves the logarithm of what is left between the bounds.
DECOMPOSITIONS, SOLUTIONS = 60, 30
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Gram:
    """The smaller Gram matrix of a map, G = M·Mᴴ, in double precision.

    Attributes:
        M: a matrix with the map's singular values, no more rows than columns, scaled by `scale`; full or sparse.
        band: G's diagonal and what is below it: band[d, j] = G[j + d, j].
        rounding: how far rounding may have moved an eigenvalue of G.
        scale: a power of two, near the reciprocal of σ₁, so that squares neither overflow nor vanish.
    """

    M: Any
    band: Inexact[np.ndarray, "b n"]
    rounding: float
    scale: float

    @classmethod
    def of(cls, A: LinearMap, above: float) -> "Gram | None":
        """The Gram matrix of a map whose norm is at most `above`, or None where a decomposition is too much work."""
        M = _stored(framed(A).core)
        if M is None or not above:
            return None
        M = M if M.shape[0] <= M.shape[1] else M.conj().T
        scale = 0.5 ** math.frexp(above)[1]
        rows, columns = M.nonzero()
        n, b = M.shape[0], _band(rows, columns)
        if multiplications(n, b) > MOST or 3 * 16 * n * (b + 1) > memory() // 2:
            return None
        if (np.bincount(columns).astype(float) ** 2).sum() > PRODUCTS and not isinstance(M, np.ndarray):
            return None
        M = M * scale
        size = abs(M)
        # ‖|M|‖² is at most the largest row sum times the largest column sum
        most = float(size.sum(0).max()) * float(size.sum(1).max()) * (1 + 1e-12)
        return cls(M, _banded(M @ M.conj().T, b), (np.bincount(rows, minlength=1).max() + 4) * _EPS * most, scale)

    @property
    def work(self) -> float:
        """Multiplications of a decomposition."""
        return multiplications(self.band.shape[1], len(self.band) - 1)

    def factor(self, mu: float) -> Inexact[np.ndarray, "b n"] | None:
        """The Cholesky factor of μ²·I − G, which proves σ₁ < μ; None if there is none.

        A decomposition that succeeds in floating point proves its matrix positive definite up to n·(b + 3)·eps·μ² for a
        band of b (S. M. Rump, *Verification of positive definiteness*, 2006), which is taken off before, with the
        rounding of G itself.
        """
        from scipy.linalg import cholesky_banded

        square, (b, n) = (mu * self.scale) ** 2, self.band.shape
        rest = -self.band
        rest[0] += square - (n * (b + 2) + 4) * _EPS * square - self.rounding
        try:
            return cholesky_banded(rest, overwrite_ab=True, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return None

    def enclose(self, below: float, above: float, rtol: float) -> tuple[float, float, int]:
        """Bring two bounds on σ₁ together until they differ by rtol; also the products that it took.

        The lower one is a quotient ‖Mᴴ·v‖/‖v‖; that is rounded, which the caller allows for.
        """
        from scipy.linalg import cho_solve_banded

        v = np.random.default_rng(0).standard_normal(self.M.shape[0]).astype(self.M.dtype)
        refuted, products, mu = 0.0, 0, above * (1 + rtol / 2)
        negligible = _EPS * above
        for _ in range(DECOMPOSITIONS):
            L = self.factor(mu)
            if L is None:
                refuted = mu
            else:
                above = min(above, mu)
                for _ in range(SOLUTIONS):
                    v = cho_solve_banded((L, True), v, check_finite=False)
                    v, products, reached = v / np.linalg.norm(v), products + 1, below
                    below = max(below, float(np.linalg.norm(self.M.conj().T @ v)) / self.scale)
                    if below <= reached * (1 + rtol / 10):
                        break
            if above - below <= max(rtol * above, negligible):
                break
            mu = below * (1 + 0.8 * rtol)
            mu = mu if refuted < mu < above else math.sqrt(max(max(refuted, below) / above, rtol**2)) * above
        return below, above, products


def multiplications(n: int, b: int) -> float:
    """What a Cholesky decomposition of n rows with a band of b takes: n³/3 for a full matrix."""
    b = min(b, n)
    return n * b**2 - 2 / 3 * b**3


def _stored(A: LinearMap) -> Any:
    """The matrix in double precision, full or sparse, or None if it is too large for either."""
    (rows, columns), entries = A.shape, A.shape[0] * magnitude(A).terms
    full = entries > FULL * rows * columns
    if full and (multiplications(*sorted(A.shape)) > MOST or 3 * 16 * rows * columns > memory() // 2):
        return None
    if entries <= ENTRIES:
        M = A.to_scipy()  # for which nothing is compiled
        return doubled(A, M.toarray() if full else M)
    return doubled(A, np.asarray(A.matrix())) if full else None


def doubled(A: LinearMap, M: Any) -> Any:
    """The matrix of a map in double precision, whatever JAX computes in."""
    return M.astype(np.complex128 if np.issubdtype(A.dtype, np.complexfloating) else np.float64)


def _band(rows: np.ndarray, columns: np.ndarray) -> int:
    """How far apart two rows are at most that have an entry in one column."""
    if not len(rows):
        return 0
    order = np.lexsort((rows, columns))
    starts = np.flatnonzero(np.diff(columns[order], prepend=-1))
    first = rows[order][starts]
    last = rows[order][np.append(starts[1:], len(rows)) - 1]
    return int((last - first).max())


def _banded(G: Any, b: int) -> Float[np.ndarray, "b n"]:
    """The diagonal of a matrix and so many below it, LAPACK's way."""
    from scipy import sparse

    G = sparse.coo_array(G)
    distance = G.row - G.col
    kept = (distance >= 0) & (distance <= b)
    band = np.zeros((b + 1, G.shape[0]), G.dtype)
    band[distance[kept], G.col[kept]] = G.data[kept]
    return band
