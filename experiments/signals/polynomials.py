"""Are the coefficients of a product of polynomials a convolution?

The coefficient of zⁿ in a(z)·b(z) is Σ a[i]·b[j] over i + j = n: C(b)·a. It is held against values: the product at
integers is the product of the values. Multiplying by 1 + z again and again gives Pascal's triangle, and modulo 2 the
triangle of Sierpiński. Polynomials of two variables are images, and multiply by a two-dimensional convolution.
Dividing is solving C(b)·q = c.

Sources: notes on convolutional networks after *Deep Learning*; the binomial theorem; Lucas's theorem.
"""

from math import comb

import numpy as np
from matplotlib.figure import Figure

from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, equal
from experiments.one_channel import convolve, matrix

ROWS = (16,)
SMALL = {"pairs": 2, "order": 16}
FULL = {"pairs": 1000, "order": 256}

A, B = [1, 2, 3], [4, 5, 6]
HIGHEST = 61  # the largest power of 1 + z whose coefficients fit twice into 64 bits


def run(pairs: int = 20, order: int = 64, seed: int = 0) -> Result:
    """Multiply polynomials.

    Args:
        pairs: random ones of degrees up to 9 with coefficients up to 99.
        order: rows of Pascal's triangle modulo 2.
        seed: of the coefficients.
    """
    rng = np.random.default_rng(seed)
    drawn = [tuple(rng.integers(-99, 100, size) for size in (10, rng.integers(1, 7))) for _ in range(pairs)]
    power = pascal(HIGHEST + 1)[-1]
    parity = pascal(order, modulo=2)
    p, q = np.array([[1, 2], [3, 4]]), np.array([[1, 0, -1], [2, 5, 0]])
    claims: list[Claim] = [
        equal("(1 + 2z + 3z²)·(4 + 5z + 6z²) by C(b)·a", matrix(B, 3) @ A, [4, 13, 28, 27, 18], "by hand"),
        equal(
            "random products with the right values at −8, …, 8", sum(_values(*pair) for pair in drawn), pairs, "Python"
        ),
        equal(f"(1 + z)^{HIGHEST}", power, [comb(HIGHEST, k) for k in range(HIGHEST + 1)], "the binomial theorem"),
        equal(f"odd coefficients of (1 + z)ⁿ, n < {order}", parity.sum(), _odd(order), "Lucas's theorem"),
        equal("two variables: value at (3, −2)", _at(convolve(p, q), 3, -2), _at(p, 3, -2) * _at(q, 3, -2), "Python"),
        equal("dividing: least squares of C(b)·q = c", _divided(), A, "the inverse of multiplying", 1e-12),
    ]
    rows = tuple((n, row[: n + 1]) for n, row in enumerate(pascal(9)))
    return Result(claims, (Table("Powers of 1 + z", ("n", "coefficients"), rows),), (_picture(parity),))


def pascal(rows: int, modulo: int | None = None) -> np.ndarray:
    """The coefficients of (1 + z)ⁿ for n < `rows`, one row each, each the convolution of the one before with 1, 1."""
    found = [np.eye(1, rows, dtype=np.int64)[0]]
    for _ in range(rows - 1):
        following = convolve(found[-1], [1, 1], "CAUSAL")
        found.append(following % modulo if modulo else following)
    return np.array(found)


def _values(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the product has the values of a times those of b at 17 integers, more than its degree."""
    product = convolve(a, b)
    return all(_value(product, z) == _value(a, z) * _value(b, z) for z in range(-8, 9))


def _value(coefficients: np.ndarray, z: int) -> int:
    return sum(int(c) * z**k for k, c in enumerate(coefficients))


def _at(coefficients: np.ndarray, y: int, z: int) -> int:
    return sum(int(c) * y**i * z**j for (i, j), c in np.ndenumerate(coefficients))


def _odd(rows: int) -> int:
    """Σ 2^(ones in the binary n): so many binomials of a row are odd."""
    return sum(2 ** n.bit_count() for n in range(rows))


def _divided() -> np.ndarray:
    return np.linalg.lstsq(matrix(B, len(A)).astype(float), convolve(A, B).astype(float))[0]


def _picture(parity: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        cells(left, pascal(8), "coefficients of (1 + z)ⁿ", colours=np.log(pascal(8) + 1))
        right.imshow(parity, cmap="gray_r", interpolation="nearest")
        right.set(title="the odd ones", xlabel="power of z")
        left.set(xlabel="power of z", ylabel="n")

    return Picture(
        "pascal", "Convolving with 1, 1 again and again: Pascal's triangle, and modulo 2 Sierpiński's.", draw, 0.5
    )
