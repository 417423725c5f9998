"""When does convolution commute, and how is that lost?

x * w = w * x, since i + j = j + i: for one channel and every overlap. Correlation, which networks compute, does not
commute: exchanging the two reverses the result. Nor does "same" or "valid", whose size is that of one of the two, and
nor do layers of several channels: C(v)·C(w) = C(w)·C(v) needs as many channels out as in, and matrices between the
channels with Σ v[i]·w[j] − w[j]·v[i] = 0 over i + j = n, for every n. It is enough that the matrices of all taps
commute, but that is more than is needed: every layer commutes with itself. Each failure is a counterexample in
integers.

Sources: *Deep Learning*, section 9.1, which says that flipping the kernel is there to make convolution commutative.
"""

from itertools import product

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure

from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.one_channel import convolve, correlate
from minicnn import compose_kernels, conv_map

ROWS = (3,)
SMALL = {"pairs": 2}
FULL = {"pairs": 1000}

X, W = np.array([1, 2, 3, 4, 5]), np.array([1, 0, 2])
# Two taps with a matrix between two channels each. ROTATION and SCALING commute with each other; SHEAR with neither.
ROTATION = jnp.array([[[0, 1], [-1, 0]], [[1, 2], [-2, 1]]])
SCALING = jnp.array([[[2, 0], [0, 2]], [[3, 0], [0, 3]]])
SHEAR = jnp.array([[[1, 1], [0, 1]], [[1, 3], [0, 1]]])
MIXED = jnp.stack([ROTATION[0], SHEAR[1]])
CASES = {
    "rotations and scalings": (ROTATION, SCALING),
    "rotations and shears": (ROTATION, SHEAR),
    "a mixed layer and itself": (MIXED, MIXED),
}
IN = 4  # positions that the layers see


def run(pairs: int = 50, seed: int = 0) -> Result:
    """Exchange kernels with signals, and layers with layers.

    Args:
        pairs: random signals and kernels.
        seed: of the signals.
    """
    rng = np.random.default_rng(seed)
    drawn = [tuple(rng.integers(-99, 100, rng.integers(1, 9)) for _ in range(2)) for _ in range(pairs)]
    commuting = sum(np.array_equal(convolve(x, w), convolve(w, x)) for x, w in drawn)
    reversing = sum(np.array_equal(correlate(x, w), correlate(w, x)[::-1]) for x, w in drawn)
    largest = {name: int(np.abs(commutator(*kernels)).max()) for name, kernels in CASES.items()}
    brackets = {name: np.abs(sums_of_brackets(*kernels)).max() for name, kernels in CASES.items()}
    commute, do_not, itself = CASES
    what = "largest entry of C(v)·C(w) − C(w)·C(v)"
    claims: list[Claim] = [
        equal("random pairs with x * w = w * x", commuting, pairs, "Deep Learning, section 9.1"),
        equal("random pairs whose correlation is reversed when exchanged", reversing, pairs, "i − j against j − i"),
        differs("a correlation and its exchange", correlate(X, W), correlate(W, X), "no flip, no commutativity"),
        differs("sizes of “same” and its exchange", len(convolve(X, W, "SAME")), len(convolve(W, X, "SAME")), "its x"),
        equal(f"{commute}: {what}", largest[commute], 0, "their matrices commute"),
        differs(f"{do_not}: {what}", largest[do_not], 0, "their matrices do not commute"),
        equal(f"{itself}: {what}", largest[itself], 0, "any matrix commutes with itself"),
        equal("the same from Σ v[i]·w[j] − w[j]·v[i]", [*largest.values()], [*brackets.values()], "products in NumPy"),
        differs("channels of v after w and of w after v, for w: 2 → 3, v: 3 → 2", *_channels(), "not square"),
    ]
    columns = ("v and w", "matrices of all taps commute", what)
    rows = tuple((name, taps_commute(*kernels), largest[name]) for name, kernels in CASES.items())
    return Result(claims, (Table("Two layers of two channels", columns, rows),), (_picture(),))


def commutator(v: Array, w: Array) -> np.ndarray:
    """C(v)·C(w) − C(w)·C(v), every overlap, as a matrix."""
    return layers(v, w) - layers(w, v)


def layers(v: Array, w: Array) -> np.ndarray:
    """The matrix of w's layer and then v's."""
    first = conv_map(w, (IN,), padding="FULL", flip=True)
    second = conv_map(v, first.out_shape[:1], padding="FULL", flip=True)
    return np.asarray((second @ first).matrix())


def taps_commute(v: Array, w: Array) -> bool:
    """Whether the channel matrices of all taps of v commute with those of w."""
    return not any(bracket(a, b).any() for a in v for b in w)


def sums_of_brackets(v: Array, w: Array) -> np.ndarray:
    """Σ v[i]·w[j] − w[j]·v[i] over i + j = n, for every n: NumPy's products of matrices, no convolution."""
    sums = np.zeros((len(v) + len(w) - 1, *v.shape[1:]), int)
    for (i, a), (j, b) in product(enumerate(v), enumerate(w)):
        sums[i + j] += bracket(a, b)
    return sums


def bracket(a: Array, b: Array) -> np.ndarray:
    """a·b − b·a."""
    left, right = np.asarray(a), np.asarray(b)
    return left @ right - right @ left


def _channels() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The channels, in and out, of two layers composed in both orders."""
    w, v = jnp.ones((2, 2, 3), int), jnp.ones((2, 3, 2), int)
    return compose_kernels(w, v).shape[1:], compose_kernels(v, w).shape[1:]


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        there, back = layers(ROTATION, SHEAR), layers(SHEAR, ROTATION)
        for axes, entries, title in zip(
            figure.subplots(1, 3), (there, back, there - back), ("C(v)·C(w)", "C(w)·C(v)", "difference"), strict=True
        ):
            cells(axes, entries, title, size=0.55)

    return Picture("commutator", "Rotations v and shears w of two channels, in both orders.", draw, 0.6)
