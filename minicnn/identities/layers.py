"""The three faces of a layer checked at one image: forward = C, vjp = Cᵀ, weight vjp = Xᵀ.

Each side is computed in its own way: by the layer and `jax.vjp` on one side, by the explicit matrices on the other.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.identities.bounds import product_bound
from minicnn.maps import LinearMap


@dataclass(frozen=True)
class Check:
    """One identity between two computed arrays.

    Attributes:
        identity: what is claimed.
        error: the largest difference between the two sides.
        bound: the rounding bound of that entry whose error comes closest to its own.
        ratio: error over bound, at most 1 where the identity holds.
    """

    identity: str
    error: float
    bound: float
    ratio: float

    @property
    def ok(self) -> bool:
        """The identity holds to rounding; a NaN holds to nothing."""
        return self.ratio <= 1


@dataclass(frozen=True)
class LayerReport:
    """The matrix of one layer, and the identities checked with it."""

    label: str
    shape: tuple[int, int]
    nnz: int
    nbytes: int
    checks: tuple[Check, ...]

    @property
    def density(self) -> float:
        """The fraction of entries that are structural non-zeros."""
        return self.nnz / max(self.shape[0] * self.shape[1], 1)

    @property
    def ok(self) -> bool:
        """All identities hold."""
        return all(check.ok for check in self.checks)


def check_layer(
    label: str,
    A: LinearMap,
    f: Any,
    x: Shaped[Array, "..."],
    y_bar: Shaped[Array, "..."],
    X: LinearMap | None = None,
    w: Shaped[Array, "..."] | None = None,
) -> LayerReport:
    """Check a layer f against its matrix A at x, and with its weights against X where it has any.

    Args:
        label: name of the layer.
        A: the layer's matrix at x.
        f: the layer without its bias: f(x), or f(x, w) for a layer with weights.
        x: one input.
        y_bar: a cotangent of the output.
        X: the matrix of the weights, X·vec(w) = A·vec(x).
        w: the weights.
    """
    operands = (x,) if w is None else (x, w)
    with jax.default_matmul_precision("highest"):
        y, (x_bar, *w_bar) = _forward_and_back(f, operands, y_bar)
        C = A.matrix()
        checks = [_compare("forward = C", y, C, x), _compare("vjp = Cᵀ", x_bar, C.T, y_bar)]
        if X is not None:
            checks.append(_compare("weights = Xᵀ", w_bar[0], X.matrix().T, y_bar))
    return LayerReport(label, A.shape, A.nnz, A.nbytes, tuple(checks))


@partial(jax.jit, static_argnums=0)
def _forward_and_back(f: Any, operands: tuple[Array, ...], y_bar: Array) -> tuple[Array, tuple[Array, ...]]:
    y, vjp = jax.vjp(f, *operands)
    return y, vjp(y_bar)


def _compare(identity: str, actual: Array, matrix: Shaped[Array, "out in"], x: Array) -> Check:
    """Compare an array with matrix·vec(x), against the rounding bound of every entry."""
    M, v = np.asarray(matrix), np.asarray(x).ravel()
    error = np.abs(np.asarray(actual).ravel() - M @ v)
    bound = product_bound(np.abs(M).astype(np.float64) @ np.abs(v), int((M != 0).sum(1).max(initial=1)), M.dtype)
    ratio = error / bound
    worst = int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio))) if ratio.size else 0
    return Check(identity, float(error.max(initial=0)), float(bound[worst]), float(ratio[worst]))
