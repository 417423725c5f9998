"""Frames: what only renames entries around a map changes none of its singular values.

Programs of other libraries put a convolution between permutations of axes and around it a batch of one image. A = P·C·Q
with permutations P and Q has the values of C, and its vectors are those of C in other places.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Int

from minicnn.maps import Batched, Broadcast, Compose, LinearMap, Permute, Reshape, Scale, compose
from minicnn.maps.algebra import scale_by


class Framed(NamedTuple):
    """A map as P·C·Q.

    Attributes:
        left: factors of P, permutations of entries.
        core: C, with no permutation at its ends.
        right: factors of Q.
    """

    left: tuple[LinearMap, ...]
    core: LinearMap
    right: tuple[LinearMap, ...]

    def around(self, B: LinearMap) -> LinearMap:
        """Put another map of the core's shape into the frame, P·B·Q."""
        return compose(*self.left, B, *self.right) if self.left or self.right else B

    def triplet(self, u: Array, sigma: Array, v: Array) -> tuple[Array, Array, Array]:
        """Make singular vectors of the core those of the map: P·u and Qᵀ·v."""
        return forth(self.left, u), sigma, back(self.right, v)

    @property
    def sign(self) -> int:
        """The determinant of P·Q, for a square map."""
        return math.prod(sign_of(B.sparse()[1]) for B in (*self.left, *self.right))


def framed(A: LinearMap) -> Framed:
    """Take the permutations off both ends of a map; factors that are numbers, wherever they stand, go to the core.

    >>> A = minicnn.conv_map(jnp.ones((2, 1, 1)), (3,))
    >>> framed(Reshape((2, 1), (2,), A.dtype) @ A).core
    ConvMap((3, 1) → (2, 1), 2×3 float32)
    """
    left: list[LinearMap] = []
    right: list[LinearMap] = []
    numbers: list[Array] = []
    while True:
        if isinstance(A, Compose) and renames(A.factors[0]):
            left.append(A.factors[0])
            A = compose(*A.factors[1:])
        elif isinstance(A, Compose) and renames(A.factors[-1]):
            right.insert(0, A.factors[-1])
            A = compose(*A.factors[:-1])
        elif isinstance(A, Batched) and math.prod(A.batch) == 1:
            left.append(Reshape(A.A.out_shape, A.out_shape, A.dtype))
            right.insert(0, Reshape(A.in_shape, A.A.in_shape, A.dtype))
            A = A.A
        elif isinstance(A, Compose) and (others := [B for B in A.factors if not isinstance(B, Scale)]) != [*A.factors]:
            numbers += [B.c for B in A.factors if isinstance(B, Scale)]
            A = compose(*others) if others else Reshape(A.in_shape, A.out_shape, A.dtype)
        else:
            core = scale_by(math.prod(numbers[1:], start=numbers[0]), A) if numbers else A
            return Framed(tuple(left), core, tuple(right))


def renames(A: LinearMap) -> bool:
    """Whether a map only puts entries in other places, or gives their array another shape."""
    return isinstance(A, Reshape | Permute) or (isinstance(A, Broadcast) and A.shape[0] == A.shape[1])


def forth(factors: tuple[LinearMap, ...], x: Array) -> Array:
    """Multiply by permutations, the last one first."""
    for P in reversed(factors):
        x = P(x)
    return x


def back(factors: tuple[LinearMap, ...], x: Array) -> Array:
    """Multiply by the transposed permutations, the first one first."""
    for P in factors:
        x = P.T(x)
    return x


def sign_of(order: Int[np.ndarray, " n"]) -> int:
    """The sign of a permutation, from its cycles.

    >>> sign_of(np.array([1, 0, 2])), sign_of(np.array([1, 2, 0]))
    (-1, 1)
    """
    seen, cycles = np.zeros(len(order), bool), 0
    for start in range(len(order)):
        here, cycles = start, cycles + (not seen[start])
        while not seen[here]:
            seen[here], here = True, order[here]
    return -1 if (len(order) - cycles) % 2 else 1
