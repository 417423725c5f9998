"""Decompositions of the tap tensor: every form that multiplies less is one, proved in exact rationals.

On one axis T[o, k, i] is 1 where output o meets input i through tap k. A sum of rank-one terms

    T[o, k, i] = Σ_ρ A[o, ρ]·G[k, ρ]·B[i, ρ]

multiplies in all three directions with the same factors:

    y = A((Gᵀw) ∘ (Bᵀx))        x̄ = B((Gᵀw) ∘ (Aᵀȳ))        w̄ = G((Aᵀȳ) ∘ (Bᵀx))

Of t outputs and k taps side by side the least number of terms is t + k − 1 (Winograd, *Arithmetic complexity of
computations*, 1980). Toom and Cook reach it by polynomials: the product of two is known from its values at so many
points, each value one product.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count, islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from minicnn.axis import Axis
from minicnn.lattice import congruent

Rationals = Shaped[np.ndarray, "n terms"]  # of Python's integers and fractions, as objects


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Factors of a tap tensor T[o, k, i] = Σ_ρ A[o, ρ]·G[k, ρ]·B[i, ρ], as exact rationals.

    Attributes:
        A: one row per output.
        G: one row per tap.
        B: one row per input.

    >>> winograd = Decomposition.of(Axis(in_size=4, out_size=2, kernel_size=3))
    >>> winograd.terms, winograd.is_dyadic
    (4, True)
    """

    A: Rationals
    G: Rationals
    B: Rationals

    @classmethod
    def of(cls, axis: Axis) -> "Decomposition":
        """The decomposition of an axis by as few products as its phases need.

        Raises:
            ValueError: if outputs of the axis read beyond its input: a tile's do not.
        """
        return _of(axis)

    @classmethod
    def taps(cls, axis: Axis) -> "Decomposition":
        """The decomposition with one term for each triple that meets: nothing is saved, and nothing rounds."""
        factors = [np.zeros((n, axis.nnz), object) for n in (axis.out_size, axis.kernel_size, axis.in_size)]
        for factor, positions in zip(factors, axis.triples(), strict=True):
            factor[positions, range(axis.nnz)] = 1
        return cls(*factors)

    @property
    def T(self) -> "Decomposition":
        """The decomposition of the transposed axis: outputs and inputs exchanged."""
        return Decomposition(self.B, self.G, self.A)

    def __abs__(self) -> "Decomposition":
        """The factors' absolute values: what rounding errors are measured by."""
        return Decomposition(abs(self.A), abs(self.G), abs(self.B))

    @property
    def terms(self) -> int:
        """The number of products."""
        return self.A.shape[1]

    @property
    def is_dyadic(self) -> bool:
        """Whether every factor is a sum of powers of two, so that small integers stay exact in floating point."""
        return all(
            _power_of_two(Fraction(value).denominator) for each in (self.A, self.G, self.B) for value in each.flat
        )

    @property
    def is_local(self) -> bool:
        """Whether an output shares terms with its own inputs only.

        Elsewhere what it does not read cancels, so that a large number, or one that is not finite, is felt by
        neighbours that do not read it.
        """
        shared = (self.A != 0).astype(int) @ (self.B != 0).astype(int).T
        return bool(np.all((shared == 0) | (self.tensor() != 0).any(axis=1)))

    def tensor(self) -> Shaped[np.ndarray, "o k i"]:
        """The sum of all terms, exactly."""
        pairs = self.A[:, None, :] * self.G[None, :, :]
        return np.tensordot(pairs, self.B, (2, 1))

    def proves(self, axis: Axis) -> bool:
        """Whether the factors decompose this axis: an identity of rationals, true for all data at once.

        >>> axis = Axis(in_size=4, out_size=2, kernel_size=3)
        >>> Decomposition.of(axis).proves(axis)
        True
        """
        return np.array_equal(self.tensor(), axis.taps())


class Phase(NamedTuple):
    """A part of an axis on which the relation is i = o + k: progressions of outputs, taps and inputs."""

    outputs: range
    taps: range
    inputs: range


def phases(axis: Axis) -> Iterator[Phase]:
    """Take an axis apart into phases that know nothing of each other.

    With u·i = s·o + d·k − p, a step of L/s outputs and one of L/|d| taps both go L/u inputs on, L being the least
    common multiple of s, |d| and u. So outputs and taps fall into residues, and a pair of residues that meets
    anywhere is a phase. Strides, dilations, stretches and flipped kernels are all of this kind.

    >>> [tuple(map(list, phase)) for phase in phases(Axis(in_size=5, out_size=2, kernel_size=3, stride=2))]
    [([0, 1], [0, 2], [0, 2, 4]), ([0, 1], [1], [1, 3])]
    """
    s, d, u, p = axis.stride, axis.dilation, axis.stretch, axis.low
    period = math.lcm(s, abs(d), u)
    for first in range(min(period // s, axis.out_size)):
        outputs = range(first, axis.out_size, period // s)
        for residue in range(min(period // abs(d), axis.kernel_size)):
            taps = range(residue, axis.kernel_size, period // abs(d))
            taps = taps if d > 0 else taps[::-1]
            start, apart = divmod(s * first + d * taps[0] - p, u)
            if not apart:
                step = period // u
                yield Phase(outputs, taps, range(start, start + step * (len(outputs) + len(taps) - 1), step))


def kinds(axis: Axis) -> dict[tuple[int, int], int]:
    """How many phases of an axis have so many outputs and taps, without going through them.

    Residues come in two lengths, one apart, on either side; the pairs of residues that meet are counted.

    >>> kinds(Axis(in_size=5, out_size=2, kernel_size=3, stride=2))
    {(2, 2): 1, (2, 1): 1}
    """
    s, d, u = axis.stride, axis.dilation, axis.stretch
    period = math.lcm(s, abs(d), u)
    found = {}
    for outputs, firsts in _residues(axis.out_size, period // s):
        for taps, residues in _residues(axis.kernel_size, period // abs(d)):
            start = s * firsts.start + d * residues.start - axis.low
            phases = congruent((s, d), start, u, (len(firsts), len(residues)))
            if phases:
                found[outputs, taps] = phases
    return found


def _residues(size: int, step: int) -> list[tuple[int, range]]:
    """The residues of positions `step` apart, together with how many positions each of them has."""
    least, longer = divmod(size, step)
    return [(n, which) for n, which in ((least + 1, range(longer)), (least, range(longer, step))) if n and which]


def terms(axis: Axis) -> int:
    """The number of terms of `Decomposition.of`, without their factors."""
    return max(sum(phases * (outputs + taps - 1) for (outputs, taps), phases in kinds(axis).items()), 1)


@lru_cache(maxsize=1024)
def _of(axis: Axis) -> Decomposition:
    blocks = []
    for outputs, taps, inputs in phases(axis):
        if inputs[0] < 0 or inputs[-1] >= axis.in_size:
            raise ValueError(
                f"output {outputs[0]} of {axis} reads beyond its input: decompose a tile that reads {inputs}"
            )
        block = toom_cook(len(outputs), len(taps))
        sides = ((block.A, outputs, axis.out_size), (block.G, taps, axis.kernel_size), (block.B, inputs, axis.in_size))
        blocks.append([_spread(factor, positions, size) for factor, positions, size in sides])
    if not blocks:
        blocks.append([np.zeros((size, 1), object) for size in (axis.out_size, axis.kernel_size, axis.in_size)])
    return Decomposition(*(np.concatenate(side, axis=1) for side in zip(*blocks, strict=True)))


def _spread(factor: Rationals, positions: range, size: int) -> Rationals:
    """The rows of a factor at their positions among so many, zeros elsewhere."""
    spread = np.zeros((size, factor.shape[1]), object)
    spread[positions] = factor
    return spread


@lru_cache(maxsize=256)
def toom_cook(outputs: int, taps: int) -> Decomposition:
    """The decomposition of y[o] = Σ_k w[k]·x[o + k] with outputs + taps − 1 products.

    The trilinear form Σ a[o]·b[k]·c[o + k] is that of polynomial multiplication read backwards: a and b are evaluated
    at the points, so A and G are Vandermonde matrices, and c is met by the inverse one. All that is not a whole number
    is put into G, since the kernel is smaller than the images.

    >>> toom_cook(2, 3).G.tolist()[0]
    [Fraction(-1, 1), Fraction(1, 2), Fraction(1, 2), Fraction(0, 1)]
    """
    terms = outputs + taps - 1
    if 1 in (outputs, taps):
        side_by_side = np.array([[int(n == m) for m in range(terms)] for n in range(terms)], object).reshape(
            terms, terms
        )
        ones = np.ones((1, terms), object)
        return Decomposition(*((ones, side_by_side) if outputs == 1 else (side_by_side, ones)), side_by_side)
    finite = list(islice(points(), terms - 1))
    A, G, B = [], [], []
    for point in finite:
        others = [other for other in finite if other != point]
        scale = math.prod((point - other for other in others), start=Fraction(1))
        a, whole_a = _whole([point**o for o in range(outputs)])
        b, whole_b = _whole(_product_of(others))
        A.append(a)
        G.append([point**k / scale / whole_a / whole_b for k in range(taps)])
        B.append([*b, 0])
    last, whole = _whole(_product_of(finite))
    A.append([0] * (outputs - 1) + [1])
    G.append([Fraction(0)] * (taps - 1) + [1 / whole])
    B.append(last)
    return Decomposition(*(np.array(side, object).T for side in (A, G, B)))


def is_dyadic(outputs: int, taps: int) -> bool:
    """Whether `toom_cook` has dyadic factors: the differences of 0, 1 and −1 are powers of two, those of more are not.

    >>> is_dyadic(2, 3), is_dyadic(4, 3), is_dyadic(1, 9)
    (True, False, True)
    """
    return 1 in (outputs, taps) or outputs + taps <= 5


def is_local(outputs: int, taps: int) -> bool:
    """Whether `toom_cook` has local factors: see `Decomposition.is_local`."""
    return 1 in (outputs, taps) or toom_cook(outputs, taps).is_local


def points() -> Iterator[Fraction]:
    """The points of evaluation besides infinity: those of small powers first, for they round least.

    >>> [str(point) for point in islice(points(), 8)]
    ['0', '1', '-1', '2', '-2', '1/2', '-1/2', '3']
    """
    yield Fraction(0)
    for n in count(1):
        for point in dict.fromkeys((Fraction(n), Fraction(1, n))):
            yield from (point, -point)


def _product_of(roots: list[Fraction]) -> list[Fraction]:
    """The coefficients of Π (z − root), the constant one first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [*(-root * c for c in coefficients), Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def _whole(values: list[Fraction]) -> tuple[list[int], Fraction]:
    """The values as whole numbers without a common factor, and what they were multiplied by."""
    factor = Fraction(math.lcm(*(value.denominator for value in values)))
    factor /= math.gcd(*(int(value * factor) for value in values))
    return [int(value * factor) for value in values], factor


def _power_of_two(n: int) -> bool:
    return n & (n - 1) == 0
