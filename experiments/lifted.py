"""What experiments with lifted networks share: how far rounding can move the product of a program with vectors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.autodiff import Program
from minicnn.maps import LinearMap


def rounding(P: Program, *tangents: Any) -> np.ndarray:
    """Bounds for the difference of two results that both compute P·ẋ, in whatever order they add.

    Each is within γₙ·|A_k|…|A_1|·|ẋ| of the exact one, γₙ = n·u/(1 − n·u), where n counts the roundings along a path:
    for each map the terms of its longest row, and one more for the sum with other arrows.

    Args:
        P: a program with one result.
        *tangents: its arguments.
    """
    n = sum(_longest(arrow.map) + 1 for arrow in P.arrows)
    u = float(jnp.finfo(P.nodes[P.outputs[0]].dtype).eps) / 2
    magnitudes = _floats(jnp.abs, P)
    return 2 * n * u / (1 - n * u) * np.asarray(magnitudes(*jax.tree.map(jnp.abs, tangents)))


def _longest(A: LinearMap) -> int:
    """The terms of the longest row: what ones are mapped to, by the map with ones for its numbers."""
    ones = _floats(jnp.ones_like, A)
    return round(float(jnp.max(ones(jnp.ones(A.in_shape, A.dtype)))))


def _floats(change: Any, tree: Any) -> Any:
    return jax.tree.map(lambda leaf: change(leaf) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf, tree)
