"""At how many points must two polynomials be multiplied to know their product?

Evaluate a and b at points, multiply, interpolate: with Vandermonde matrices V, C(b) = V⁻¹·diag(V·b)·V. The product has
N + M − 1 coefficients and needs as many points. In exact fractions it is then C(b)·a; at one point fewer it is the
remainder of the product by Π(z − zᵢ), which is another polynomial. At the roots of unity V is the DFT matrix, and the
remainder by zⁿ − 1 adds the last coefficient to the first. Any points do in fractions; in floating point the condition
of V decides, and roots of unity have the best there is, 1.

Sources: notes on convolutional networks after *Deep Learning*, whose "sample at len(a) and len(b) points" is too few;
Toom's and Cook's algorithm.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Result, Table, at_least, differs, equal
from experiments.one_channel import convolve, matrix

ROWS = (15,)
SMALL = {"most": 10}
FULL = {"most": 40}

A, B = [3, -1, 4, 2], [2, 7, -5]
ENOUGH = len(A) + len(B) - 1
POINTS = [0, 1, -1, 2, -2, 3]  # small ones, as in Toom's and Cook's algorithm


def run(most: int = 24) -> Result:
    """Multiply polynomials by their values.

    Args:
        most: points of the largest Vandermonde matrix.
    """
    full = convolve(A, B)
    exact = product_at(POINTS)
    fewer = product_at(POINTS[:-1])
    unity, unity_fewer = (by_roots_of_unity(count) for count in (ENOUGH, ENOUGH - 1))
    folded = full[:-1] + full[-1] * np.eye(1, ENOUGH - 1, dtype=int)[0]
    conditions = {
        name: [np.linalg.cond(vandermonde(n)) for n in range(2, most + 1)] for name, vandermonde in KINDS.items()
    }
    equally, chebyshev, roots = (condition[-1] for condition in conditions.values())
    claims: list[Claim] = [
        equal(f"fractions, {ENOUGH} points", exact, full, "as many points as coefficients"),
        equal("C(b) = V⁻¹·diag(V·b)·V in fractions", _factors(), matrix(B, len(A)), "Toom and Cook"),
        differs(f"fractions, {ENOUGH - 1} points", [*fewer, 0], full, "too few"),
        equal(
            "and what they give: the remainder by Π(z − zᵢ)",
            fewer,
            remainder(full.tolist(), POINTS[:-1]),
            "long division",
        ),
        differs("fractions, len(a) points", [*product_at(POINTS[: len(A)]), 0, 0], full, "the notes' count"),
        equal(f"roots of unity, {ENOUGH} points", unity, full, "the DFT", 1e-12),
        equal(
            f"roots of unity, {ENOUGH - 1} points: the last is added to the first", unity_fewer, folded, "zⁿ = 1", 1e-12
        ),
        equal(f"condition of {most} roots of unity", roots, 1, "V*V = n·I", 1e-9),
        at_least("Chebyshev points over roots of unity", chebyshev / roots, 10, "real points"),
        at_least("equally spaced over Chebyshev points", equally / chebyshev, 1.5, "crowded at the ends"),
    ]
    counts = [n for n in (4, 8, 16, 24, 32, 40) if n <= most]
    rows = tuple((n, *(condition[n - 2] for condition in conditions.values())) for n in counts)
    return Result(claims, (Table("Condition of V", ("points", *KINDS), rows),), (_picture(conditions),))


def product_at(points: Sequence[int]) -> list[Fraction]:
    """The polynomial of least degree with the values of a·b at some points: Newton's differences, in fractions."""
    return interpolated(points, [_value(A, z) * _value(B, z) for z in points])


def interpolated(points: Sequence[int], values: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients, lowest first, of the polynomial through points."""
    differences = list(values)
    for order in range(1, len(points)):
        for i in range(len(points) - 1, order - 1, -1):
            differences[i] = (differences[i] - differences[i - 1]) / (points[i] - points[i - order])
    coefficients = [Fraction(0)]
    for z, difference in zip(reversed(points), reversed(differences), strict=True):
        shifted = [Fraction(0), *coefficients]
        coefficients = [low - z * high for low, high in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
        coefficients[0] += difference
    return coefficients[: len(points)]


def remainder(coefficients: Sequence[int], points: Sequence[int]) -> list[int]:
    """What is left of a polynomial after long division by Π(z − zᵢ)."""
    divisor = np.array([1])
    for z in points:
        divisor = np.convolve(divisor, [-z, 1])
    left = np.array(coefficients)
    for top in range(len(left) - 1, len(points) - 1, -1):
        left[top - len(points) : top + 1] -= left[top] * divisor
    return left[: len(points)].tolist()


def by_roots_of_unity(count: int) -> np.ndarray:
    """Evaluate at roots of unity with the DFT matrix, multiply, and interpolate with its inverse."""
    V = roots_of_unity(count)
    return np.linalg.solve(V, (V[:, : len(A)] @ A) * (V[:, : len(B)] @ B)).real


def _value(coefficients: Sequence[int], z: int) -> Fraction:
    return Fraction(sum(c * z**k for k, c in enumerate(coefficients)))


def _factors() -> np.ndarray:
    """V⁻¹·diag(V·b)·V in fractions, from the integer points."""
    unit = lambda j: [Fraction(int(i == j)) for i in range(ENOUGH)]
    inverse = np.array([interpolated(POINTS, unit(j)) for j in range(ENOUGH)]).T
    V = np.array([[Fraction(z**k) for k in range(ENOUGH)] for z in POINTS])
    return inverse @ np.diag(V[:, : len(B)] @ B) @ V[:, : len(A)]


def roots_of_unity(count: int) -> np.ndarray:
    """The DFT matrix: powers of exp(−2πi/n)."""
    return np.exp(-2j * np.pi * np.outer(range(count), range(count)) / count)


def _real(points: np.ndarray) -> np.ndarray:
    return np.vander(points, increasing=True)


KINDS = {
    "equally spaced": lambda count: _real(np.linspace(-1, 1, count)),
    "Chebyshev": lambda count: _real(np.cos(np.pi * (np.arange(count) + 0.5) / count)),
    "roots of unity": roots_of_unity,
}


def _picture(conditions: dict[str, list[float]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        z = np.linspace(-2.2, 3.05, 300)
        power = lambda coefficients: np.polynomial.polynomial.polyval(z, [float(c) for c in coefficients])
        left.plot(z, power(convolve(A, B)), "0.6", linewidth=4, label="a·b")
        for count, style in ((ENOUGH, "C0--"), (ENOUGH - 1, "C1:")):
            left.plot(z, power(product_at(POINTS[:count])), style, label=f"from {count} points")
        left.plot(POINTS, [float(_value(A, p) * _value(B, p)) for p in POINTS], "ko", markersize=4)
        left.set(title="interpolating a product", xlabel="z", yscale="symlog", ylim=(-3e3, 1e5))
        left.legend(frameon=False, loc="upper left")
        for (name, found), style in zip(conditions.items(), ("o-", "s--", "^:"), strict=True):
            right.semilogy(range(2, 2 + len(found)), found, style, label=name, markersize=3)
        right.set(title="condition of V", xlabel="points")
        right.legend(frameon=False)

    return Picture("points", "Enough points and one too few; what floating point makes of points.", draw, 0.48)
