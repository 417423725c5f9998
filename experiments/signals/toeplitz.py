"""Is the matrix of a convolution Toeplitz, and which padding word is "same"?

C(w)[o, i] = w[o − i + p]: constant along its diagonals, so that as few numbers as w has taps fill it. It is compared,
entry by entry, with `scipy.linalg.convolution_matrix` and `jax.scipy.linalg.convolution_matrix` in their three modes,
for every kernel of up to 5 taps and signals of up to 7. Their "same" keeps the middle of every overlap; of an even
kernel there is no middle, and it starts a position earlier: with the flipped kernel that is SAME_LOWER, not SAME.

Sources: notes on convolutional networks after *Deep Learning*, section 9.1, Toeplitz matrices; the manuals of SciPy and
JAX.
"""

from collections.abc import Iterator
from functools import cache

import jax
import jax.scipy.linalg
import numpy as np
import scipy.linalg
from matplotlib.figure import Figure

from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.one_channel import matrix

ROWS = (7,)
SMALL = {"longest": 2}
FULL = {"longest": 12}

WORDS = {"full": "FULL", "same": "SAME_LOWER", "valid": "VALID"}
# The oldest supported JAX has none.
LIBRARIES = tuple(
    module.convolution_matrix for module in (scipy.linalg, jax.scipy.linalg) if hasattr(module, "convolution_matrix")
)


def run(longest: int = 5) -> Result:
    """Build matrices of every size.

    Args:
        longest: the largest number of taps; signals have up to two more.
    """
    sizes = list(_sizes(longest))
    claims: list[Claim] = [
        equal(
            "matrices that are constant along diagonals",
            sum(_toeplitz(*size) for size in sizes),
            len(sizes),
            "one number a diagonal",
        ),
        equal("different numbers in C besides 0", [_distinct(k) for k in (3, 5)], [3, 5], "shared weights"),
    ]
    for mode, word in WORDS.items():
        source = f"SciPy and JAX, “{mode}”"
        claims.append(equal(f"matrices of {word} that are theirs", _agreeing(sizes, mode, word), len(sizes), source))
    even, odd = ([size for size in sizes if size[0] % 2 == rest] for rest in (0, 1))
    claims += [
        equal("odd kernels: matrices of SAME that are theirs", _agreeing(odd, "same", "SAME"), len(odd), "one middle"),
        equal("even kernels: matrices of SAME that are theirs", _agreeing(even, "same", "SAME"), 0, "no middle"),
        equal("even kernels, not flipped: SAME is their “same”, read backwards", *_backwards(even), "lax's SAME"),
        equal("C·x is `np.convolve` in three modes", sum(_product(*size) for size in sizes), 3 * len(sizes), "NumPy"),
        differs("a strided C is not Toeplitz: its first two rows, shifted", *_strided(), "it steps by 2"),
    ]
    words = ("FULL", "SAME", "SAME_LOWER", "VALID", "CAUSAL")
    rows = tuple((k, *(_modes_of(k, longest + 2, word) for word in words)) for k in range(2, longest + 1))
    table = Table(f"SciPy's mode for each padding word, {longest + 2} positions", ("taps", *words), rows)
    return Result(claims, (table,), (_picture(),))


def _sizes(longest: int) -> Iterator[tuple[int, int]]:
    """Taps and positions, at least as many positions as taps."""
    return ((k, n) for k in range(1, longest + 1) for n in range(k, longest + 3))


def _kernel(taps: int) -> np.ndarray:
    return np.arange(1, taps + 1)


@cache
def _ours(taps: int, n: int, word: str) -> np.ndarray:
    return matrix(_kernel(taps), n, padding=word)


@cache
def _theirs(taps: int, n: int, mode: str) -> tuple[np.ndarray, ...]:
    """The matrices of SciPy and of JAX in a mode, of floats: on a GPU JAX's, which convolves, knows no others."""
    return tuple(np.asarray(library(_kernel(taps).astype(np.float32), n, mode)) for library in LIBRARIES)


def _is_theirs(C: np.ndarray, taps: int, n: int, mode: str) -> bool:
    return all(np.array_equal(C, theirs) for theirs in _theirs(taps, n, mode))


def _toeplitz(taps: int, n: int) -> bool:
    """Whether every word's matrix is the Toeplitz matrix of its own first column and row."""
    every = [_ours(taps, n, word) for word in WORDS.values()]
    return all(np.array_equal(C, scipy.linalg.toeplitz(C[:, 0], C[0])) for C in every)


def _distinct(taps: int) -> int:
    return len(set(_ours(taps, taps + 2, "FULL").ravel()) - {0})


def _agreeing(sizes: list[tuple[int, int]], mode: str, word: str) -> int:
    """How many matrices of a padding word are those of SciPy and JAX in a mode."""
    return sum(_is_theirs(_ours(*size, word), *size, mode) for size in sizes)


def _product(taps: int, n: int) -> int:
    """In how many modes C·x is NumPy's convolution."""
    x, w = np.arange(n) ** 2 + 1, _kernel(taps)
    known = {"full": np.convolve(x, w), "same": np.convolve(x, w, "same"), "valid": np.convolve(x, w, "valid")}
    return sum(np.array_equal(_ours(taps, n, word) @ x, known[mode]) for mode, word in WORDS.items())


def _backwards(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """How many correlations with SAME are SciPy's convolution matrices turned by 180°, and of how many."""
    turned = (matrix(_kernel(k), n, padding="SAME", flip=False)[::-1, ::-1] for k, n in sizes)
    same = sum(_is_theirs(C, *size, "same") for C, size in zip(turned, sizes, strict=True))
    return same, len(sizes)


def _strided() -> tuple[np.ndarray, np.ndarray]:
    C = matrix(_kernel(3), 6, padding="FULL", stride=2)
    return C[1, 1:], C[0, :-1]


def _modes_of(taps: int, n: int, word: str) -> str:
    """The modes of SciPy whose matrix is that of a padding word."""
    return ", ".join(mode for mode in WORDS if _is_theirs(_ours(taps, n, word), taps, n, mode)) or "—"


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        words = ("FULL", "SAME", "SAME_LOWER", "VALID")
        for axes, word in zip(figure.subplots(1, 4), words, strict=True):
            modes = [mode for mode, same in WORDS.items() if same == word]
            cells(
                axes,
                matrix(_kernel(4), 6, padding=word),
                f"{word}\n{'SciPy: ' + modes[0] if modes else 'jax.lax'}",
                size=0.7,
            )
            axes.title.set_fontsize("small")

    return Picture("toeplitz", "The matrices of an even kernel, 1 2 3 4, for a signal of 6.", draw, 0.46)
