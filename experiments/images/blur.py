"""Why is a separable blur a Kronecker product, and what do two blurs make?

A kernel that is an outer product w_y·w_xᵀ has the matrix C(w_y) ⊗ C(w_x): blur the columns, then the rows. This is
tested without rounding for every padding, with a stride and a dilation. A kernel of rank two is a sum of two such
products. Two blurs make a blur whose variance is the sum of theirs, in fractions of integers; so box filters, one after
the other, tend to a Gaussian. A photograph is blurred by the box and by a sampled Gaussian, and held against SciPy.

Sources: notes on convolutional networks after *Deep Learning*, box blur 1/9 and Gaussian blur; *Deep Learning*, section
9.8, for what separable kernels save; Van Loan, *The ubiquitous Kronecker product* (2000).
"""

from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_most, equal
from experiments.photographs import grey_photograph
from minicnn.maps import LinearMap, kronecker

ROWS = (20,)
SMALL = {"side": 48, "most": 4}
FULL = {"side": 400, "most": 16}

BINOMIAL = np.array([1, 4, 6, 4, 1])
RAMP = np.array([1, -2, 3])
# Second derivatives in both directions: of rank 2, and no outer product.
LAPLACE = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
OPTIONS: dict[str, dict[str, Any]] = {
    "VALID": {},
    "SAME": {"padding": "SAME"},
    "FULL": {"padding": "FULL"},
    "periodic": {"padding": "SAME", "padding_mode": "circular"},
    "replicated": {"padding": "SAME", "padding_mode": "replicate"},
    "stride 2": {"stride": 2},
    "dilation 2": {"padding": 2, "dilation": 2},
}
# The Gaussian for the photograph: its taps reach to three standard deviations.
SPREAD, REACH = 2.0, 6
# Sums of 9 to 169 products of bytes and weights that sum to 1, in double precision.
ROUNDING = 1e-12 * 255


def run(side: int = 256, most: int = 8) -> Result:
    """Compare matrices, variances and photographs.

    Args:
        side: rows and columns of the photograph.
        most: box filters one after the other.
    """
    boxes = repeated(np.ones(3, int), most)
    variances = [variance(w) for w in boxes]
    distances = {n: distance(w) for n, w in enumerate(boxes, 1)}
    with jax.enable_x64(True):
        pictures, rounding = blurred(side)
    claims: list[Claim] = [
        *_kronecker(),
        equal("variance of a box of 3, in fractions", str(variances[0]), "2/3", "((−1)² + 0² + 1²)/3"),
        equal(
            f"variances of 1 to {most} boxes are sums: those that are not",
            sum(found != n * variances[0] for n, found in enumerate(variances, 1)),
            0,
            "variances of independent variables add",
        ),
        equal(
            "variance of binomial ∗ (1, 2, 3)",
            str(variance(composed(BINOMIAL, np.array([1, 2, 3])))),
            str(variance(BINOMIAL) + variance(np.array([1, 2, 3]))),
            "variances add, in fractions",
        ),
        at_most(
            f"{most} boxes are nearer to the Gaussian than one by the factor",
            distances[most] / distances[1],
            1.5 / most,
            "central limit theorem",
        ),
        *(at_most(f"{name}, largest difference to SciPy", error, ROUNDING, source) for name, error, source in rounding),
    ]
    table = Table(
        "Box filters of 3 taps one after the other",
        ("boxes", "taps", "variance", "to the Gaussian"),
        tuple((n, len(w), str(variance(w)), distances[n]) for n, w in enumerate(boxes, 1)),
    )
    return Result(claims, (table, _costs(side)), (_photographs(pictures), _boxes(boxes)))


def matrix(w: np.ndarray, in_size: tuple[int, ...], **options: Any) -> LinearMap:
    """C(w) for one channel."""
    return minicnn.conv_map(jnp.asarray(w)[..., None, None], in_size, **options)


def composed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The kernel of one blur after the other."""
    kernels = (jnp.asarray(w)[:, None, None] for w in (first, second))
    return np.asarray(minicnn.compose_kernels(*kernels)).ravel()


def repeated(w: np.ndarray, most: int) -> list[np.ndarray]:
    """The kernels of 1, 2, …, `most` blurs one after the other."""
    kernels = [w]
    while len(kernels) < most:
        kernels.append(composed(kernels[-1], w))
    return kernels


def variance(w: np.ndarray) -> Fraction:
    """The variance of a kernel of integers as a distribution over its taps."""
    weights = [int(tap) for tap in w]
    total = sum(weights)
    mean = Fraction(sum(tap * place for place, tap in enumerate(weights)), total)
    return Fraction(sum(tap * place**2 for place, tap in enumerate(weights)), total) - mean**2


def distance(w: np.ndarray) -> float:
    """The largest difference between a kernel that sums to 1 and the Gaussian of its variance, times its width."""
    spread = float(variance(w)) ** 0.5
    places = np.arange(len(w)) - (len(w) - 1) / 2
    return float(np.abs(w / w.sum() * spread - np.exp(-((places / spread) ** 2) / 2) / np.sqrt(2 * np.pi)).max())


def sampled_gaussian(spread: float, reach: int) -> np.ndarray:
    """A Gaussian at −reach … reach, made to sum to 1."""
    w = np.exp(-((np.arange(-reach, reach + 1) / spread) ** 2) / 2)
    return w / w.sum()


def _kronecker() -> list[Claim]:
    w, errors = np.outer(BINOMIAL, RAMP), {}
    for name, options in OPTIONS.items():
        C = matrix(w, (9, 6), **options).to_scipy().toarray()
        Cy, Cx = (matrix(factor, (n,), **options).to_scipy().toarray() for factor, n in ((BINOMIAL, 9), (RAMP, 6)))
        errors[name] = np.abs(C - np.kron(Cy, Cx)).max()
    U, scales, Vh = np.linalg.svd(LAPLACE.astype(float))
    terms = [scale * np.kron(_dense(u), _dense(v)) for scale, u, v in zip(scales[:2], U.T, Vh, strict=False)]
    laplace = matrix(LAPLACE, (6, 6)).to_scipy().toarray()
    whole, product = matrix(w, (9, 6)), kronecker(matrix(BINOMIAL, (9,)), matrix(RAMP, (6,)))
    x = jnp.arange(54)
    y, also_y = (np.asarray(A(x.reshape(A.in_shape))).ravel() for A in (whole, product))
    return [
        *(equal(f"{name}: C − C_y ⊗ C_x, largest entry", error, 0, "numpy.kron") for name, error in errors.items()),
        equal("C·x − (C_y ⊗ C_x)·x as maps, largest entry", np.abs(y - also_y).max(), 0, "the product is never built"),
        equal("rank of the Laplacian: it is no outer product", np.linalg.matrix_rank(LAPLACE), 2, "singular values"),
        at_most(
            "the Laplacian's C − Σ σ_r·C(u_r) ⊗ C(v_r), largest entry",
            float(np.abs(np.sum(terms, axis=0) - laplace).max()),
            1e-14,
            "singular value decomposition",
        ),
    ]


def _dense(w: np.ndarray) -> np.ndarray:
    """C(w) of three taps on six pixels, as NumPy has it."""
    return np.array([np.concatenate((np.zeros(o), w, np.zeros(3 - o))) for o in range(4)])


def blurred(side: int) -> tuple[dict[str, np.ndarray], list[tuple[str, float, str]]]:
    """A photograph under several blurs, and how far they are from SciPy's."""
    x = grey_photograph(side, side).astype(float)
    gaussian = sampled_gaussian(SPREAD, REACH)
    border: dict[str, Any] = {"padding": "SAME", "padding_mode": "replicate"}
    blur = lambda x, w: np.asarray(minicnn.conv(x, w[..., None, None], **border))
    box, smooth = blur(x, np.full((3, 3), 1 / 9)), blur(x, np.outer(gaussian, gaussian))
    Cy = matrix(gaussian, (side,), **border)
    separable = np.asarray(kronecker(Cy, Cy)(jnp.asarray(x)[:, None])).reshape(x.shape)
    pictures = {
        "photograph": x,
        "box 3×3": box,
        f"Gaussian, σ = {SPREAD:g}": smooth,
        "Gaussian twice": blur(smooth, np.outer(gaussian, gaussian)),
    }
    their_box = ndimage.uniform_filter(x[..., 0], 3, mode="nearest")
    their_smooth = ndimage.gaussian_filter(x[..., 0], SPREAD, mode="nearest", radius=REACH)
    return pictures, [
        ("box blur", float(np.abs(box[..., 0] - their_box).max()), "scipy.ndimage.uniform_filter"),
        ("Gaussian blur", float(np.abs(smooth[..., 0] - their_smooth).max()), "scipy.ndimage.gaussian_filter"),
        ("C_y ⊗ C_x", float(np.abs(separable[..., 0] - their_smooth).max()), "scipy.ndimage.gaussian_filter"),
    ]


def _costs(side: int) -> Table:
    rows = []
    for taps in (3, 5, 13, 31):
        whole = matrix(np.ones((taps, taps)), (side, side), padding="SAME").nnz
        axis = matrix(np.ones(taps), (side,), padding="SAME").nnz
        rows.append((f"{taps}×{taps}", whole, 2 * side * axis, whole / (2 * side * axis)))
    columns = ("kernel", "non-zeros of C", "of C_y ⊗ 1 and 1 ⊗ C_x", "times fewer")
    return Table(f"Multiplications on {side}×{side} pixels", columns, tuple(rows))


def _photographs(pictures: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, (name, picture) in zip(figure.subplots(1, 4), pictures.items(), strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set(title=name, xticks=(), yticks=())

    return Picture("photographs", "A photograph, blurred by a box and by a Gaussian, once and twice.", draw, 0.3)


def _boxes(boxes: list[np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for n, style in zip((1, 2, 3, 4), ("-", "--", "-.", ":"), strict=True):
            w = boxes[n - 1]
            places = np.arange(len(w)) - (len(w) - 1) / 2
            left.plot(places, w / w.sum(), style, marker=".", label=f"{n}")
        left.set(title="boxes one after the other", xlabel="tap", ylabel="weight")
        left.legend(frameon=False, title="boxes")
        right.plot(range(1, len(boxes) + 1), [float(variance(w)) for w in boxes], "o", label="found")
        right.plot([0, len(boxes)], [0, 2 / 3 * len(boxes)], "k-", label="2n/3")
        right.set(title="their variances add", xlabel="boxes n", ylabel="variance")
        right.legend(frameon=False)

    return Picture("boxes", "Box filters tend to a Gaussian, and their variances add.", draw, 0.45)
