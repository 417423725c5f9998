"""Does a transposed convolution undo a convolution?

A 3×3 kernel on a 4×4 image is a matrix C of 4×16. It is printed and compared with the published one, cell by cell. Cᵀ
leads from 4 numbers back to 16, so that the shape returns, but C has rank 4 and CᵀC is not the identity: the values do
not. For each configuration of the guide Cᵀ·y is computed as the guide says: s − 1 zeros between the entries of y,
k̂ − 1 − p around them, a more behind, and a direct convolution with the kernel turned by 180°. Without the turn, with
the kernel transposed in place of turned, or with the a zeros in front it is something else. Two sizes that share one
output size have a matrix each; the smaller is the default.

Sources: Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016), "Convolution as a matrix
operation" and relationships 8 to 14, with its animations; notes on deconvolution that follow it.
"""

import re
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import minicnn
from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, differs, equal

ROWS = (10, 12, 32)
SMALL = {"draws": 1}
FULL = {"draws": 100}

GUIDE = "Dumoulin & Visin (2016)"
# w_ij in row o and column i of the matrix, as the guide prints it; a dot is a zero.
PUBLISHED = """
00 01 02 . 10 11 12 . 20 21 22 . . . . .
. 00 01 02 . 10 11 12 . 20 21 22 . . . .
. . . . 00 01 02 . 10 11 12 . 20 21 22 .
. . . . . 00 01 02 . 10 11 12 . 20 21 22
"""


class Case(NamedTuple):
    """A configuration of the guide: size, taps, stride, padding and dilation of each axis."""

    i: int
    k: int
    s: int = 1
    p: int = 0
    d: int = 1

    @property
    def wide(self) -> int:
        """Taps of the kernel with its zeros."""
        return self.d * (self.k - 1) + 1

    @property
    def o(self) -> int:
        """Outputs of each axis."""
        return (self.i + 2 * self.p - self.wide) // self.s + 1

    @property
    def a(self) -> int:
        """Inputs that the last window leaves."""
        return (self.i + 2 * self.p - self.wide) % self.s


CASES = {
    "no padding, no strides": Case(4, 3),
    "arbitrary padding": Case(5, 4, p=2),
    "same padding": Case(5, 3, p=1),
    "full padding": Case(5, 3, p=2),
    "no padding, strides": Case(5, 3, s=2),
    "padding, strides": Case(5, 3, s=2, p=1),
    "padding, strides, odd": Case(6, 3, s=2, p=1),
    "dilation": Case(7, 3, d=2),
}
NNZ = (36, 324, 169, 225, 36, 49, 64, 81)  # of C, counted from the guide's configurations
ODD = CASES["padding, strides, odd"]


def run(draws: int = 10, seed: int = 0) -> Result:
    """Transpose the convolutions of the guide.

    Args:
        draws: random kernels and outputs for each configuration.
        seed: of the integers.
    """
    rng = np.random.default_rng(seed)
    drawn = {
        name: [(rng.integers(1, 10, (c.k, c.k)), rng.integers(-9, 10, (c.o, c.o))) for _ in range(draws)]
        for name, c in CASES.items()
    }

    def agreeing(**options: Any) -> list[int]:
        pairs = ((CASES[name], w, y) for name, every in drawn.items() for w, y in every)
        same = [np.array_equal(transposed(c, w, y), emulated(c, w, y, **options)) for c, w, y in pairs]
        return np.reshape(same, (len(CASES), draws)).sum(1).tolist()

    first = CASES["no padding, no strides"]
    w, y = drawn["no padding, no strides"][0]
    paddings = [p for p in range(4) if np.array_equal(transposed(first, w, y), emulated(first, w, y, padding=p))]
    turned = agreeing()
    claims: list[Claim] = [
        equal("cells of C that differ from the guide's 4×16 matrix", _different_cells(), 0, GUIDE),
        equal("non-zeros of C, for each configuration", [_map(c).nnz for c in CASES.values()], NNZ, "counted"),
        equal("Cᵀ·y is the convolution of y with the turned kernel", turned, [draws] * len(CASES), GUIDE),
        differs("the kernel is not turned: agreeing", agreeing(turn=False), turned, "the flip is hidden in figures"),
        differs("the kernel is transposed, not turned: agreeing", agreeing(swap=True), turned, "wᵀ is not Cᵀ"),
        equal("p = 0: zeros around y with which it is Cᵀ·y", paddings, [2], "“no padding” is that of the convolution"),
        *_values(first, w),
        *_sizes(rng),
    ]
    columns = ("configuration", "i", "k", "s", "p", "d", "o", "C", "non-zeros", "i′ → o′", "zeros between, around, a")
    rows = tuple((name, *c, c.o, *_described(c)) for name, c in CASES.items())
    return Result(claims, (Table("Convolutions and their transposes", columns, rows),), (_cells(), _there_and_back()))


def _map(c: Case, w: np.ndarray | None = None) -> Any:
    kernel = np.ones((c.k, c.k), int) if w is None else w
    return minicnn.conv_map(jnp.asarray(kernel)[..., None, None], (c.i, c.i), stride=c.s, padding=c.p, dilation=c.d)


def transposed(c: Case, w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cᵀ·y as an image."""
    return np.asarray(_map(c, w).T(jnp.asarray(y)[..., None]))[..., 0]


def emulated(
    c: Case,
    w: np.ndarray,
    y: np.ndarray,
    *,
    turn: bool = True,
    swap: bool = False,
    front: bool = False,
    padding: int | None = None,
) -> np.ndarray:
    """The direct convolution of the guide that is said to be Cᵀ·y, in loops.

    Args:
        c: the configuration.
        w: the kernel.
        y: the outputs that are led back.
        turn: turn the kernel by 180°.
        swap: transpose the kernel in place of turning it.
        front: put the a zeros in front, above and on the left, where old copies of the animation have them.
        padding: zeros around y; by default k̂ − 1 − p.
    """
    kernel = np.zeros((c.wide, c.wide), int)
    kernel[:: c.d, :: c.d] = w.T if swap else w[::-1, ::-1] if turn else w
    around = c.wide - 1 - c.p if padding is None else padding
    inside = c.s * (len(y) - 1) + 1
    paper = np.zeros((inside + 2 * around + c.a,) * 2, int)
    begin = around + c.a * front
    paper[begin : begin + inside : c.s, begin : begin + inside : c.s] = y
    side = max(len(paper) - c.wide + 1, 0)
    found = np.zeros((side, side), int)
    for row, column in np.ndindex(side, side):
        found[row, column] = (paper[row : row + c.wide, column : column + c.wide] * kernel).sum()
    return found


def _different_cells() -> int:
    """Cells in which C of the kernel 1, …, 9 has not the tap that the guide prints there."""
    names = np.array([".", *(f"{row}{column}" for row in range(3) for column in range(3))])
    C = np.asarray(minicnn.conv_matrix(jnp.arange(1, 10).reshape(3, 3, 1, 1), (4, 4)))
    return int(np.sum(names[C] != np.array([line.split() for line in PUBLISHED.split("\n") if line])))


def _values(c: Case, w: np.ndarray) -> list[Claim]:
    C = np.asarray(_map(c, w).matrix())
    x = np.arange(16)
    back = C.T @ (C @ x)
    return [
        equal("Cᵀ·C·x: as many numbers as x", back.shape, x.shape, "the shape returns"),
        differs("Cᵀ·C·x against x", back, x, "the values do not: Cᵀ is no inverse"),
        equal("rank of C", int(np.linalg.matrix_rank(C)), 4, "12 of 16 dimensions are lost"),
        equal("vec(x) is led from 16 to 4 and back to", transposed(c, w, np.ones((2, 2), int)).shape, (4, 4), GUIDE),
    ]


def _sizes(rng: np.random.Generator) -> list[Claim]:
    """What a size, a stride and a place of zeros decide."""
    w, y = rng.integers(1, 10, (3, 3)), rng.integers(1, 10, (3, 3))
    five, six = CASES["padding, strides"], ODD
    kernel, outputs = jnp.asarray(w)[..., None, None], jnp.asarray(y)[..., None]
    back = lambda **options: np.asarray(minicnn.conv_transpose(outputs, kernel, stride=2, padding=1, **options))[..., 0]
    apart = lambda image, c: int(np.abs(image - transposed(c, w, y)).max())
    unstrided, strided = (minicnn.conv(jnp.ones((5, 5, 1)), jnp.ones((3, 3, 1, 1)), stride=s).shape[:2] for s in (1, 2))
    return [
        differs("5×5, k = 3: outputs with stride 1, against those drawn", unstrided, (2, 2), "a caption says s = 1"),
        equal("5×5, k = 3: outputs with stride 2", strided, (2, 2), "the animation"),
        differs("outputs of the 6×6 image of figure 4.7", _map(six).out_shape[:2], (2, 2), "its caption says 2×2"),
        equal("outputs of 5 and of 6 pixels, k = 3, s = 2, p = 1", (five.o, six.o), (3, 3), "the floor"),
        equal("default size: largest difference to C of 5×5, transposed", apart(back(), five), 0, "the smaller"),
        equal("`output_size`: to C of 6×6, transposed", apart(back(output_size=(6, 6)), six), 0, "as chosen"),
        equal("`output_padding`: to C of 6×6, transposed", apart(back(output_padding=1), six), 0, "as chosen"),
        equal("a size of 7 is refused; sizes that it lists", _refused(outputs, kernel), [5, 6], "⌊(i − 1)/2⌋ + 1 = 3"),
        equal("6×6, the row and column of zeros behind: largest difference", apart(emulated(six, w, y), six), 0, GUIDE),
        differs(
            "6×6, the zeros in front: largest difference",
            apart(emulated(six, w, y, front=True), six),
            0,
            "old copies of the drawing",
        ),
    ]


def _refused(y: Any, w: Any) -> list[int]:
    """The sizes that an error names for one that is impossible, but for that one."""
    try:
        minicnn.conv_transpose(y, w, stride=2, padding=1, output_size=(7, 7))
    except ValueError as error:
        return sorted(set(map(int, re.findall(r"\b[456789]\b", str(error)))) - {7})
    return []


def _described(c: Case) -> tuple[str, int, str, str]:
    C = _map(c)
    return f"{C.shape[0]}×{C.shape[1]}", C.nnz, f"{c.o} → {c.i}", f"{c.s - 1}, {c.wide - 1 - c.p}, {c.a}"


def _cells() -> Picture:
    def draw(figure: Figure) -> None:
        C = np.asarray(minicnn.conv_matrix(jnp.arange(1, 10).reshape(3, 3, 1, 1), (4, 4)))
        upper, lower = figure.subplots(2, 1, height_ratios=(1, 1.3))
        cells(upper, C, "C: 16 numbers to 4")
        w, y = np.arange(1, 10).reshape(3, 3), np.array([[1, 2], [3, 4]])
        left, middle, right = (lower.inset_axes((x, 0, 0.3, 1)) for x in (0, 0.35, 0.7))
        lower.set_axis_off()
        cells(left, np.pad(y, 2), "y, 2 zeros around")
        cells(middle, w[::-1, ::-1], "the kernel, turned")
        cells(right, transposed(CASES["no padding, no strides"], w, y), "Cᵀ·y")

    return Picture("cells", "The guide's matrix, and what its transpose does as a convolution.", draw, 0.62)


def _there_and_back() -> Picture:
    def draw(figure: Figure) -> None:
        x = load_digits(return_X_y=True)[0][0].reshape(8, 8)
        C = np.asarray(minicnn.conv_matrix(jnp.ones((3, 3, 1, 1)) / 9, (8, 8)))
        y = C @ x.ravel()
        pictures = {"x": x, "y = C·x": y.reshape(6, 6), "Cᵀ·y": C.T @ y, "C⁺·y": np.linalg.pinv(C) @ y}
        for axes, (title, picture) in zip(figure.subplots(1, 4), pictures.items(), strict=True):
            axes.imshow(picture.reshape(-1, int(picture.size**0.5)), cmap="gray_r")
            axes.set(title=title, xticks=(), yticks=())

    return Picture("back", "A digit blurred, led back by the transpose, and by least squares.", draw, 0.3)
