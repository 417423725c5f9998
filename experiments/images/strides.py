"""Is a strided convolution one that is downsampled, and a dilated one that of a kernel with zeros in between?

C_s = D·C₁, where D keeps every s-th row of the identity; and C(w, dilation d) = C(w̃), where w̃ has d − 1 zeros between
the taps of w. Both are tested without rounding for every size, kernel, stride, padding and dilation up to a bound, and
in two dimensions with channels against the sum of the book written as a loop with its 1-based indices. SAME is a
warning: with a stride it pads less in front, so that D keeps other rows, or none that C₁ has.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, equation 9.8; Dumoulin & Visin, *A guide to convolution
arithmetic for deep learning* (2016), relationships 6 and 15; CS231n counts dilation from 0, the guide and JAX from 1.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from minicnn.draw import matrix as draw_matrix

ROWS = (29, 30)
SMALL = {"most": 5}
FULL = {"most": 12}


def run(most: int = 8, seed: int = 0) -> Result:
    """Compare matrices for all configurations.

    Args:
        most: largest size of an axis; kernels, strides and dilations go up to 4.
        seed: of the kernels.
    """
    cases = list(configurations(most))
    rng = np.random.default_rng(seed)
    strided = [_strided_error(rng.integers(1, 10, k), i, s, p, d) for i, k, s, p, d in cases]
    dilated = [_dilated_error(rng.integers(1, 10, k), i, s, p, d) for i, k, s, p, d in cases]
    sizes = [minicnn.Axis.of(i, k, stride=s, padding=p, dilation=d).out_size for i, k, s, p, d in cases]
    by_relation = [(i + 2 * p - (k + (k - 1) * (d - 1))) // s + 1 for i, k, s, p, d in cases]
    number = f"{len(cases):,} configurations"
    claims: list[Claim] = [
        equal(f"C_s − D·C₁, largest entry in {number}", max(strided), 0, "Deep Learning, equation 9.8"),
        equal(f"C(w, d) − C(w̃), largest entry in {number}", max(dilated), 0, "w̃ has d − 1 zeros between taps"),
        equal(
            "sizes other than ⌊(i + 2p − k̂)/s⌋ + 1",
            np.sum(np.not_equal(sizes, by_relation)),
            0,
            "Dumoulin & Visin, relationship 15",
        ),
        *_two_dimensions(rng),
        *_same(),
        equal(
            "10 pixels, k = 3, s = 2: (W − F + 2P)/S + 1, outputs, pixels that none reads",
            [(10 - 3 + 2 * 0) / 2 + 1, (axis := minicnn.Axis.of(10, 3, stride=2)).out_size, len(axis.unread())],
            [4.5, 4, 1],
            "without the floor of relationship 6 it is no number of outputs",
        ),
        equal(
            "dilation d of CS231n is d + 1 here: 0 leaves the taps of a 3×3 kernel together",
            minicnn.Axis.of(7, 3, dilation=0 + 1).out_size,
            5,
            "the guide: k̂ = k + (k − 1)(d − 1)",
        ),
    ]
    return Result(claims, (_costs(),), (_strides_picture(), _dilation_picture()))


def configurations(most: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Size, taps, stride, padding and dilation of every axis on which the kernel fits."""
    for i, k, s, p, d in product(range(1, most + 1), range(1, 5), range(1, 5), range(3), range(1, 5)):
        if d * (k - 1) + 1 <= i + 2 * p:
            yield i, k, s, p, d


def matrix(w: np.ndarray, in_size: tuple[int, ...], **options: Any) -> np.ndarray:
    """C without rounding; a kernel of one channel may leave its channels away."""
    w = w if w.ndim > len(in_size) else w[..., None, None]
    return minicnn.conv_map(jnp.asarray(w), in_size, **options).to_scipy().toarray()


def stretched(w: np.ndarray, dilation: int) -> np.ndarray:
    """The kernel of one channel with zeros between its taps, on every axis."""
    wide = np.zeros([dilation * (taps - 1) + 1 for taps in w.shape], w.dtype)
    wide[(slice(None, None, dilation),) * w.ndim] = w
    return wide


def _strided_error(w: np.ndarray, i: int, s: int, p: int, d: int) -> int:
    C = matrix(w, (i,), padding=p, dilation=d)
    D = np.eye(len(C), dtype=int)[::s]
    return np.abs(matrix(w, (i,), stride=s, padding=p, dilation=d) - D @ C).max(initial=0)


def _dilated_error(w: np.ndarray, i: int, s: int, p: int, d: int) -> int:
    C = matrix(stretched(w, d), (i,), stride=s, padding=p)
    return np.abs(matrix(w, (i,), stride=s, padding=p, dilation=d) - C).max(initial=0)


def _two_dimensions(rng: np.random.Generator) -> list[Claim]:
    """Two strides and two channels against equation 9.8, and D = D_y ⊗ D_x ⊗ I."""
    x, w = rng.integers(-9, 10, (7, 6, 2)), rng.integers(-9, 10, (3, 2, 2, 3))
    stride = (2, 3)
    y = minicnn.conv(jnp.asarray(x), jnp.asarray(w), stride=stride)
    book_order = equation_9_8(x.transpose(2, 0, 1), w.transpose(3, 2, 0, 1), stride)
    book = book_order.transpose(1, 2, 0)
    C = matrix(w, (7, 6))
    D = np.kron(np.kron(np.eye(5, dtype=int)[::2], np.eye(5, dtype=int)[::3]), np.eye(3, dtype=int))
    return [
        equal(
            "strides 2 and 3, 2 → 3 channels: sum of the book, largest difference",
            np.abs(y - book).max(),
            0,
            "Deep Learning, equation 9.8, in a loop",
        ),
        differs(
            "equation 9.8 with indices from 0: results that differ",
            int(np.sum(equation_9_8(x.transpose(2, 0, 1), w.transpose(3, 2, 0, 1), stride, first=0) != book_order)),
            0,
            "j − 1 is the window before the first",
        ),
        equal(
            "C_s − (D_y ⊗ D_x ⊗ I)·C₁, largest entry",
            np.abs(matrix(w, (7, 6), stride=stride) - D @ C).max(),
            0,
            "one D for each axis",
        ),
    ]


def equation_9_8(V: np.ndarray, K: np.ndarray, stride: tuple[int, int], first: int = 1) -> np.ndarray:
    """Z[i, j, k] = Σ V[l, (j − 1)·s + m, (k − 1)·s + n]·K[i, l, m, n], channels first.

    Args:
        V: the input.
        K: the kernels.
        stride: s, on each axis.
        first: what indices begin with; with 0, which the book does not mean, Python reads from the other end.
    """
    outputs, channels, rows, columns = K.shape
    heights, widths = ((V.shape[1] - rows) // stride[0] + 1, (V.shape[2] - columns) // stride[1] + 1)
    Z = np.zeros((outputs, heights, widths), int)
    for i, j, k in np.ndindex(Z.shape):
        for c, m, n in np.ndindex(channels, rows, columns):
            # The book's j, k, m and n are ours plus `first`, where its arrays begin, too, and its l is c.
            row = (j + first - 1) * stride[0] + m + first
            column = (k + first - 1) * stride[1] + n + first
            Z[i, j, k] += V[c, row - first, column - first] * K[i, c, m, n]
    return Z


def _same() -> list[Claim]:
    """SAME of stride 2 on an even size begins one pixel later than SAME of stride 1."""
    w = np.array([1, 2, 3])
    C, strided = matrix(w, (8,), padding="SAME"), matrix(w, (8,), padding="SAME", stride=2)
    return [
        differs(
            "SAME, 8 pixels, stride 2: entries in which C_s is not rows 0, 2, … of C₁",
            int(np.sum(strided != C[::2])),
            0,
            "it pads (0, 1), not (1, 1)",
        ),
        equal("but rows 1, 3, …: C_s − C₁, largest entry", np.abs(strided - C[1::2]).max(), 0, "one pixel later"),
    ]


def _costs() -> Table:
    """What computing all outputs and throwing most away would cost."""
    w = jnp.ones((3, 3, 1, 1))
    dense = minicnn.conv_map(w, (64, 64), padding=1)
    rows = []
    for s in (1, 2, 3, 4):
        C = minicnn.conv_map(w, (64, 64), padding=1, stride=s)
        rows.append((f"stride {s}", str(C.out_shape[:2]), C.nnz, dense.nnz / C.nnz))
    for d in (2, 4):
        C = minicnn.conv_map(w, (64, 64), padding=d, dilation=d)
        wide = minicnn.conv_map(jnp.ones((2 * d + 1, 2 * d + 1, 1, 1)), (64, 64), padding=d)
        rows.append((f"dilation {d}", str(C.out_shape[:2]), C.nnz, wide.nnz / C.nnz))
    columns = ("3×3 on 64×64", "outputs", "multiplications", "times fewer than D·C₁, or C(w̃)")
    return Table("What a stride saves over downsampling, and a dilation over zeros", columns, tuple(rows))


def _strides_picture() -> Picture:
    def draw(figure: Figure) -> None:
        w = np.array([1.0, 2, 3])
        pictures = {
            "C₁": matrix(w, (10,)),
            "D": np.eye(8)[::2],
            "C₂ = D·C₁": matrix(w, (10,), stride=2),
        }
        _side_by_side(figure, pictures)

    return Picture("strides", "The rows of a strided convolution are every second row of C₁.", draw, 0.36)


def _dilation_picture() -> Picture:
    def draw(figure: Figure) -> None:
        w = np.array([[1.0, 2], [3, 4]])
        pictures = {"w": w, "with zeros": stretched(w, 2), "C(w, dilation 2)": matrix(w, (4, 4), dilation=2)}
        _side_by_side(figure, pictures)

    return Picture("dilation", "A kernel, the same with zeros between its taps, and the matrix of both.", draw, 0.28)


def _side_by_side(figure: Figure, pictures: dict[str, np.ndarray]) -> None:
    """Draw matrices in one scale."""
    widths = [entries.shape[1] for entries in pictures.values()]
    for axes, (title, entries) in zip(figure.subplots(1, 3, width_ratios=widths), pictures.items(), strict=True):
        draw_matrix(entries, axes, title)
        axes.set(xlabel="", ylabel="", xticks=(), yticks=())
