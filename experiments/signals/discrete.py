"""What is a discrete convolution, and what is its adjoint?

Three codes for (x * w)[n] = Σ x[i]·w[j] over i + j = n: the sum as it is written; the outer product of x and w, summed
along its antidiagonals; and the matrix C(w) times x. On integers they agree bit for bit. What libraries call a
convolution is the correlation, the convolution with the flipped kernel, and the correlation is the adjoint of the
convolution: ⟨C·x, y⟩ = ⟨x, Cᵀ·y⟩, where Cᵀ·y correlates y with the same kernel. For complex signals the adjoint is
Cᴴ, and signal processing conjugates the kernel of a correlation; networks do not.

Sources: notes on convolutional networks after *Deep Learning*, which state adjointness for continuous signals only;
*Deep Learning*, equations 9.3 and 9.6.
"""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import scipy.signal
from matplotlib.figure import Figure

from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.one_channel import convolution_map, convolve, correlate, matrix
from minicnn import conv_transpose

ROWS = (2, 4, 5)
SMALL = {"pairs": 2}
FULL = {"pairs": 1000}

X, W = [1, 2, 3], [4, 5, 6]


def run(pairs: int = 50, seed: int = 0) -> Result:
    """Convolve and correlate integers.

    Args:
        pairs: random signals and kernels, of up to 9 and 5 integers.
        seed: of the signals.
    """
    rng = np.random.default_rng(seed)
    drawn = [tuple(rng.integers(-99, 100, rng.integers(*sizes)) for sizes in ((5, 10), (1, 6))) for _ in range(pairs)]
    same = sum(by_sum(x, w) == by_antidiagonals(x, w).tolist() == (matrix(w, len(x)) @ x).tolist() for x, w in drawn)
    return Result(
        [
            equal("[1, 2, 3] * [4, 5, 6] by C(w)·x", matrix(W, 3) @ X, [4, 13, 28, 27, 18], "school multiplication"),
            equal("random pairs for which the three codes agree bit for bit", same, pairs, "the definition"),
            *_correlations(),
            equal("random pairs with ⟨C·x, y⟩ = ⟨x, Cᵀ·y⟩ exactly", sum(map(_adjoint, drawn)), pairs, "adjointness"),
            *_complex(rng),
        ],
        (_table(),),
        (_picture(),),
    )


def by_sum(x: np.ndarray, w: np.ndarray) -> list[int]:
    """The sum as it is written, in Python's integers."""
    y = [0] * (len(x) + len(w) - 1)
    for i, j in product(range(len(x)), range(len(w))):
        y[i + j] += int(x[i]) * int(w[j])
    return y


def by_antidiagonals(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The outer product, summed along its antidiagonals: the diagonals of its mirror image."""
    products = np.outer(x, w)[:, ::-1]
    return np.array([products.trace(len(w) - 1 - n) for n in range(len(x) + len(w) - 1)])


def _correlations() -> list[Claim]:
    x, w = np.array(X), np.array(W)
    lax = jax.lax.conv(jnp.array(x, float)[None, None], jnp.array(w, float)[None, None], (1,), "VALID").ravel()
    return [
        equal("correlation with w: convolution with w flipped", correlate(x, w), convolve(x, w[::-1]), "eq. 9.6"),
        differs("correlation against convolution", correlate(x, w), convolve(x, w), "a “misnomer” of the libraries"),
        equal("`jax.lax.conv` is the correlation", lax, correlate(x, w, "VALID"), "jax"),
        equal("`jnp.convolve` is the convolution", jnp.convolve(x, w), convolve(x, w), "jax"),
    ]


def _adjoint(pair: tuple[np.ndarray, ...]) -> bool:
    """Whether both inner products are one integer, and Cᵀ·y is the correlation that SciPy computes."""
    x, w = pair
    y = np.arange(len(x) + len(w) - 1) ** 2 - 7
    with jax.enable_x64(True):
        C = convolution_map(w, len(x))
        forward, backward = np.asarray(C(jnp.asarray(x)[:, None]))[:, 0], np.asarray(C.T(jnp.asarray(y)[:, None]))[:, 0]
    known = scipy.signal.correlate(y, w, "valid", method="direct")
    return bool(forward @ y == x @ backward and np.array_equal(backward, known))


def _complex(rng: np.random.Generator) -> list[Claim]:
    """Whole numbers a + ib, so that complex128 is exact."""
    x, w, y = (rng.integers(-9, 10, n) + 1j * rng.integers(-9, 10, n) for n in (6, 3, 8))
    with jax.enable_x64(True):
        C = convolution_map(w, 6)
        forward = np.asarray(C(jnp.asarray(x)[:, None]))[:, 0]
        hermitian, transposed = (np.asarray(A(jnp.asarray(y)[:, None]))[:, 0] for A in (C.H, C.T))
        library = np.asarray(conv_transpose(y[:, None], w[:, None, None], padding="FULL", flip=True))[:, 0]
    inner = np.vdot(forward, y)
    return [
        equal("complex: ⟨C·x, y⟩ = ⟨x, Cᴴ·y⟩", np.vdot(x, hermitian), inner, "adjointness"),
        differs("complex: Cᵀ instead of Cᴴ", np.vdot(x, transposed), inner, "the conjugate is missing"),
        equal("complex: Cᴴ·y is NumPy's correlation", hermitian, np.correlate(y, w, "valid"), "it conjugates w"),
        equal("complex: `conv_transpose` is Cᵀ·y, without conjugate", library, transposed, "as gradients in JAX"),
    ]


def _table() -> Table:
    x, w = np.array(X), np.array(W)
    rows = (
        ("x * w, the convolution", convolve(x, w)),
        ("w * x", convolve(w, x)),
        ("x correlated with w", correlate(x, w)),
        ("w correlated with x", correlate(w, x)),
        ("Cᵀ·(x * w), y correlated with w", correlate(convolve(x, w), w, "VALID")),
    )
    return Table("x = [1, 2, 3], w = [4, 5, 6]", ("operation", "result"), rows)


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        sums = np.add.outer(range(3), range(3)) + 1
        cells(left, np.outer(X, W), "x wᵀ: sum the antidiagonals", sums)
        cells(middle, matrix(W, 3), "C(w): x ↦ x * w")
        cells(right, matrix(W, 3).T, "Cᵀ: y ↦ y correlated with w")
        left.set(xlabel="w = 4, 5, 6", ylabel="x = 1, 2, 3")
        for axes in (left, middle, right):
            axes.title.set_fontsize("medium")

    return Picture("discrete", "The outer product, the matrix of the convolution and its transpose.", draw, 0.36)
