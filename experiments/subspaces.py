"""Dense weights that few parameters describe, and the projection on them.

A map B with entries 0 and 1 takes parameters to the weights of a dense layer, each weight from one parameter at most:
the taps of a kernel to a matrix C, or a readout behind a pool to one before it. So BᵀB is diagonal, how often each
parameter is used, and Π = B·(BᵀB)⁻¹·Bᵀ puts the mean of all weights that share a parameter in the place of each.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

import minicnn
from experiments.frame import Claim, equal
from minicnn.maps import InverseDiagonal, LinearMap


def weights_of_taps(
    in_shape: tuple[int, ...], w_shape: tuple[int, ...], dtype: Any = np.int32, **as_conv: Any
) -> LinearMap:
    """The map B from a kernel to the weights of the dense layer that it is: X of all unit images."""
    size = prod(in_shape)
    return minicnn.patch_map(jnp.asarray(np.eye(size, dtype=dtype)).reshape(size, *in_shape), w_shape, **as_conv)


def uses(B: LinearMap) -> np.ndarray:
    """How many weights come from each parameter: the diagonal of BᵀB."""
    return (np.asarray(B.matrix()) != 0).sum(0).reshape(B.in_shape)


def projection(B: LinearMap) -> LinearMap:
    """The projection Π on the weights that B reaches. The column of a parameter that is used nowhere is zero."""
    count = jnp.asarray(np.maximum(uses(B), 1), B.dtype)
    return B @ InverseDiagonal(count, B.in_shape, B.dtype) @ B.T


def whole_projection(B: LinearMap) -> tuple[np.ndarray, int]:
    """The entries of L·Π, which are integers, and L, the least common multiple of all uses."""
    M = np.asarray(B.matrix()).astype(np.int64)
    count = uses(B).ravel()
    used = count > 0
    multiple = int(np.lcm.reduce(count[used]))
    return M[:, used] * (multiple // count[used]) @ M[:, used].T, multiple


def projection_claims(maps: Mapping[str, LinearMap], ranks: list[int], seed: int) -> list[Claim]:
    """Claim, for each B and without rounding, that Π is the orthogonal projection on the weights that B reaches."""
    rng = np.random.default_rng(seed)
    others, overlaps, squares, products, kept, traces = [], [], [], [], [], []
    for B in maps.values():
        M = np.asarray(B.matrix()).astype(np.int64)
        P, multiple = whole_projection(B)
        V, W = rng.integers(-9, 10, (2, len(M)))
        w = rng.integers(-9, 10, B.in_shape)
        fixed = np.asarray(B(jnp.asarray(w, B.dtype))).astype(np.int64).ravel()
        others.append(int((~np.isin(np.asarray(B.matrix()), (0, 1))).sum()))
        overlaps.append(int(np.max((M != 0).sum(1))))
        squares.append(int(np.abs(P @ P - multiple * P).max()))
        products.append(int((P @ V) @ W - V @ (P @ W)) + int(np.abs(P - P.T).max()))
        kept.append(int(np.abs(P @ M - multiple * M).max() + np.abs(P @ fixed - multiple * fixed).max()))
        traces.append(int(np.trace(P)) / multiple)
    zeros = [0] * len(maps)
    return [
        equal("entries of B that are neither 0 nor 1", others, zeros, "a weight is its parameter"),
        equal("parameters that a weight comes from, most", overlaps, [1] * len(maps), "one weight, one parameter"),
        equal("Π² − Π, largest entry of L² times it", squares, zeros, "a projection, in integers"),
        equal("⟨ΠV, W⟩ − ⟨V, ΠW⟩, L times it", products, zeros, "self-adjoint, in integers"),
        equal("ΠW − W for what B reaches, L times it", kept, zeros, "fixed, in integers"),
        equal("trace of Π: its rank", traces, ranks, "parameters that are used"),
    ]
