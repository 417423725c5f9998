"""When is the matrix of a 2-D convolution circulant, and when is it Toeplitz?

C is read as C[o_y, o_x, i_y, i_x]. It is doubly block Toeplitz if moving one output and one input down, or right,
together changes no entry, and doubly block circulant if that holds around the border as well. Both are tested on
integers, for each padding; and C is built again as Σ w[a, b]·S_a ⊗ S_b from shifts S, cyclic or cut off. For periodic
padding the Fourier vectors are the eigenvectors and the transform of the kernel has the eigenvalues. With zeros it has
not: the sentence "convolution in two dimensions is a doubly block circulant matrix" needs a periodic image.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.1; Murphy, *Probabilistic Machine Learning*, whose
errata replace "circulant" by "Toeplitz" for zero padding; Davis, *Circulant Matrices* (1979), for the eigenvalues.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from minicnn.draw import matrix as draw_matrix

ROWS = (8,)
SMALL = {"size": 5}
FULL = {"size": 16}

KERNEL = np.array([[2, 7, -1], [1, 3, -8], [5, -3, 1]])
OTHER = np.array([[1, 0, 4], [-2, 6, 1], [3, 1, -5]])
# The eigenvalues of a few hundred rows with entries below ten: thousands of times the rounding of one product.
ROUNDING = 1e-10

# Each convolution with what it is expected to be: Toeplitz, circulant.
CASES: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "periodic": ({"padding": "SAME", "padding_mode": "circular"}, True, True),
    "zeros, SAME": ({"padding": "SAME"}, True, False),
    "zeros, VALID": ({"padding": "VALID"}, True, False),
    "zeros, FULL": ({"padding": "FULL"}, True, False),
    "zeros, SAME, dilation 2": ({"padding": "SAME", "dilation": 2}, True, False),
    "reflected": ({"padding": "SAME", "padding_mode": "reflect"}, False, False),
    "replicated": ({"padding": "SAME", "padding_mode": "replicate"}, False, False),
    "symmetric": ({"padding": "SAME", "padding_mode": "symmetric"}, False, False),
    "zeros, VALID, stride 2": ({"padding": "VALID", "stride": 2}, False, False),
    "periodic, stride 2": ({"padding": "SAME", "padding_mode": "circular", "stride": 2}, False, False),
}


def run(size: int = 8) -> Result:
    """Test the structure of C for images of size × size.

    Args:
        size: rows and columns of the image.
    """
    matrices = {name: matrix(KERNEL, size, **options) for name, (options, *_) in CASES.items()}
    structures = {name: (toeplitz(C, size), circulant(C, size)) for name, C in matrices.items()}
    claims: list[Claim] = [
        equal(
            f"{name}: doubly block Toeplitz, circulant", structures[name], expected, "the definitions, entry by entry"
        )
        for name, (_, *expected) in CASES.items()
    ]
    claims += _built_from_shifts(matrices, size) + _eigenvalues(matrices, size) + _commuting(size)
    rows = tuple((name, str(C.shape), *map(_said, structures[name])) for name, C in matrices.items())
    table = Table(f"The matrix for images of {size}×{size}", ("padding", "C", "Toeplitz", "circulant"), rows)
    return Result(claims, (table,), (_matrices(matrices), _spectra(matrices, size)))


def matrix(w: np.ndarray, size: int, **options: Any) -> np.ndarray:
    """C for a kernel of one channel, without rounding."""
    C = minicnn.conv_map(jnp.asarray(w)[..., None, None], (size, size), **options)
    return C.to_scipy().toarray()


def toeplitz(C: np.ndarray, size: int) -> bool:
    """Whether one step of both the output and the input, down or to the right, changes no entry."""
    C = _blocks(C, size)
    down = np.array_equal(C[1:, :, 1:, :], C[:-1, :, :-1, :])
    return down and np.array_equal(C[:, 1:, :, 1:], C[:, :-1, :, :-1])


def circulant(C: np.ndarray, size: int) -> bool:
    """Whether the same holds when what leaves the image enters it on the other side."""
    if C.shape[0] != C.shape[1]:
        return False
    C = _blocks(C, size)
    return all(np.array_equal(np.roll(C, (1, 1), (axis, axis + 2)), C) for axis in (0, 1))


def _blocks(C: np.ndarray, size: int) -> np.ndarray:
    outputs = round(C.shape[0] ** 0.5)
    return C.reshape(outputs, outputs, size, size)


def _said(holds: bool) -> str:
    return "yes" if holds else "no"


def _built_from_shifts(matrices: dict[str, np.ndarray], size: int) -> list[Claim]:
    """C = Σ w[a, b]·S_a ⊗ S_b, where S_a moves the image by a − 1 rows."""
    shifts = {
        "periodic": [np.roll(np.eye(size, dtype=int), step, axis=1) for step in (-1, 0, 1)],
        "zeros, SAME": [np.eye(size, k=step, dtype=int) for step in (-1, 0, 1)],
    }
    return [
        equal(
            f"{name}: C − Σ w[a, b]·S_a ⊗ S_b, largest entry",
            np.abs(matrices[name] - sum(KERNEL[a, b] * np.kron(S[a], S[b]) for a, b in np.ndindex(3, 3))).max(),
            0,
            f"{'cyclic' if name == 'periodic' else 'cut off'} shifts in NumPy",
        )
        for name, S in shifts.items()
    ]


def transform(size: int) -> np.ndarray:
    """The transform of the kernel, with its middle at the origin and flipped: C correlates."""
    placed = np.zeros((size, size))
    placed[:3, :3] = KERNEL[::-1, ::-1]
    return np.fft.fft2(np.roll(placed, (-1, -1), (0, 1)))


def _eigenvalues(matrices: dict[str, np.ndarray], size: int) -> list[Claim]:
    eigenvalues = transform(size).ravel()
    F = np.exp(2j * np.pi * np.outer(np.arange(size), np.arange(size)) / size)
    V = np.kron(F, F) / size
    found = {name: np.linalg.eigvals(matrices[name].astype(float)) for name in ("periodic", "zeros, SAME")}
    return [
        at_most(
            "periodic: C·V − V·diag(fft2 of the kernel), largest entry, V the 2-D Fourier vectors",
            float(np.abs(matrices["periodic"] @ V - V * eigenvalues).max()),
            ROUNDING,
            "Davis, Circulant Matrices",
        ),
        at_most(
            "periodic: eigenvalues by LAPACK to fft2 of the kernel, largest distance",
            apart(found["periodic"], eigenvalues),
            ROUNDING,
            "Davis, Circulant Matrices",
        ),
        at_least(
            "zeros, SAME: the same distance",
            apart(found["zeros, SAME"], eigenvalues),
            0.1,
            "not circulant, so that fft2 has not its eigenvalues",
        ),
    ]


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance between two spectra whose members are paired so that the sum of distances is least."""
    distances = np.abs(first[:, None] - second)
    return float(distances[linear_sum_assignment(distances)].max())


def _commuting(size: int) -> list[Claim]:
    """Circulant matrices commute; Toeplitz matrices do not, and their product is no longer Toeplitz."""
    periodic, zeros = CASES["periodic"][0], CASES["zeros, SAME"][0]
    A, B = (matrix(w, size, **periodic) for w in (KERNEL, OTHER))
    S, T = (matrix(w, size, **zeros) for w in (KERNEL, OTHER))
    source = "one basis of eigenvectors"
    return [
        equal("periodic: AB − BA of two kernels, largest entry", np.abs(A @ B - B @ A).max(), 0, source),
        equal("periodic: AB is circulant", circulant(A @ B, size), True, source),
        differs("zeros, SAME: AB − BA of two kernels, largest entry", np.abs(S @ T - T @ S).max(), 0, "counterexample"),
        equal("zeros, SAME: AB is doubly block Toeplitz", toeplitz(S @ T, size), False, "counterexample"),
    ]


def _matrices(matrices: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        names = ("periodic", "zeros, SAME", "zeros, VALID, stride 2")
        heights = [len(matrices[name]) for name in names]
        for axes, name, height in zip(figure.subplots(1, 3), names, heights, strict=True):
            draw_matrix(matrices[name].astype(float), axes, name)
            axes.set(xlabel="input pixel", ylabel="output pixel" if height == heights[0] and name == names[0] else "")

    return Picture("matrices", "C for a periodic image, for zeros around it, and for every second output.", draw, 0.4)


def _spectra(matrices: dict[str, np.ndarray], size: int) -> Picture:
    def draw(figure: Figure) -> None:
        predicted = transform(size).ravel()
        for axes, name in zip(figure.subplots(1, 2, sharex=True, sharey=True), list(CASES)[:2], strict=True):
            found = np.linalg.eigvals(matrices[name].astype(float))
            axes.plot(np.real(predicted), np.imag(predicted), "o", mfc="none", color="0.5", label="fft2 of the kernel")
            axes.plot(np.real(found), np.imag(found), "k.", label="eigenvalues of C")
            axes.set(title=name, xlabel="real part")
        figure.axes[0].set_ylabel("imaginary part")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)

    return Picture("spectra", "The transform of the kernel has the eigenvalues of the periodic C, not of C.", draw, 0.5)
