"""Which of the three index forms of a two-dimensional convolution give the same, and which a flipped result?

S(i, j) = Σ I(m, n)·K(i − m, j − n), Σ I(i − m, j − n)·K(m, n) and Σ I(i + m, j + n)·K(m, n), as loops over Python's
integers. The first two are one convolution with image and kernel exchanged. The third is the correlation; it is the
convolution with the kernel turned by 180°, and it is what the matrix K′ of 3×3 kernels in lecture notes computes: such
notes often write the second form beside the matrix of the third. Theano's `conv2d` computes the first, unless it is
told not to flip.

Sources: *Deep Learning*, equations 9.4 to 9.6; lecture notes with the 4×16 matrix of a 3×3 kernel.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.signal
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.one_channel import convolve, correlate, matrix
from minicnn.compat import theano_conv2d

ROWS = (6, 31)
SMALL = {"pairs": 3}
FULL = {"pairs": 300}

F = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]])  # a letter that no turn or mirror leaves alone
Grid = np.ndarray


def run(pairs: int = 20, seed: int = 0) -> Result:
    """Compute all forms of random images and kernels.

    Args:
        pairs: images and kernels of up to 6×6 and 3×3 integers.
        seed: of both.
    """
    rng = np.random.default_rng(seed)
    sizes = [(rng.integers(3, 7, 2), rng.integers(1, 4, 2)) for _ in range(pairs)]
    drawn = [(rng.integers(-9, 10, image), rng.integers(-9, 10, kernel)) for image, kernel in sizes]
    count = lambda holds: sum(bool(holds(image, kernel)) for image, kernel in drawn)
    same = np.array_equal
    first, second, third = eq_9_4, eq_9_5, eq_9_6
    image, kernel = np.arange(1, 17).reshape(4, 4), np.arange(1, 10).reshape(3, 3)
    claims: list[Claim] = [
        equal("9.4 is the convolution", count(lambda i, k: same(first(i, k), convolve(i, k))), pairs, "loops"),
        equal("9.5 is 9.4", count(lambda i, k: same(second(i, k), first(i, k))), pairs, "commutativity"),
        equal("9.6 is the correlation", count(lambda i, k: same(third(i, k), correlate(i, k))), pairs, "loops"),
        equal(
            "9.6 is 9.4 with the kernel turned by 180°",
            count(lambda i, k: same(third(i, k), first(i, k[::-1, ::-1]))),
            pairs,
            "flipping both axes",
        ),
        equal(
            "SciPy's `convolve2d` and `correlate2d` are 9.4 and 9.6",
            count(lambda i, k: same(scipy.signal.convolve2d(i, k), first(i, k)))
            + count(lambda i, k: same(scipy.signal.correlate2d(i, k), third(i, k))),
            2 * pairs,
            "SciPy",
        ),
        equal(
            "the 4×16 matrix K′ times vec(I) is 9.6",
            (matrix(kernel, 4, 4, padding="VALID", flip=False) @ image.ravel()).reshape(2, 2),
            third(image, kernel)[2:-2, 2:-2],
            "lecture notes",
        ),
        differs(
            "K′·vec(I) against 9.5, which such notes write beside it",
            correlate(image, kernel, "VALID"),
            second(image, kernel)[2:-2, 2:-2],
            "an error in the source",
        ),
        equal(
            "Theano's `conv2d` as it is called by default is 9.4, complete overlaps",
            theano(image, kernel),
            first(image, kernel)[2:-2, 2:-2],
            "it flips its filters",
        ),
        equal(
            "and with `filter_flip=False` 9.6",
            theano(image, kernel, filter_flip=False),
            third(image, kernel)[2:-2, 2:-2],
            "as networks compute",
        ),
    ]
    rows = tuple((name, form(image, kernel)[2:-2, 2:-2].ravel()) for name, form in FORMS.items())
    table = Table("I = 1, …, 16 in 4×4, K = 1, …, 9 in 3×3: complete overlaps", ("form", "result"), rows)
    return Result(claims, (table,), (_picture(),))


def theano(image: Grid, kernel: Grid, **options: Any) -> Grid:
    """Theano's convolution of images and filters that have their batch and channels first."""
    return np.asarray(theano_conv2d(jnp.asarray(image)[None, None], jnp.asarray(kernel)[None, None], **options))[0, 0]


def eq_9_4(image: Grid, kernel: Grid) -> Grid:
    """Σ I(m, n)·K(i − m, j − n)."""
    return _summed(image, kernel, lambda i, j, m, n: ((m, n), (i - m, j - n)), image.shape)


def eq_9_5(image: Grid, kernel: Grid) -> Grid:
    """Σ I(i − m, j − n)·K(m, n)."""
    return _summed(image, kernel, lambda i, j, m, n: ((i - m, j - n), (m, n)), kernel.shape)


def eq_9_6(image: Grid, kernel: Grid) -> Grid:
    """Σ I(i + m, j + n)·K(m, n), from the first overlap on."""
    h, w = kernel.shape
    return _summed(image, kernel, lambda i, j, m, n: ((i + m - h + 1, j + n - w + 1), (m, n)), kernel.shape)


FORMS = {"9.4, I * K": eq_9_4, "9.5, K * I": eq_9_5, "9.6, correlation": eq_9_6}
Places = Callable[[int, int, int, int], tuple[tuple[int, int], tuple[int, int]]]


def _summed(image: Grid, kernel: Grid, places: Places, summed: tuple[int, ...]) -> Grid:
    """The sum over m and n < `summed` of what I and K hold at their places; outside they hold zero."""
    shape = tuple(a + b - 1 for a, b in zip(image.shape, kernel.shape, strict=True))
    y = np.zeros(shape, int)
    for i, j, m, n in _ranges(*shape, *summed):
        of_image, of_kernel = places(i, j, m, n)
        y[i, j] += _held(image, of_image) * _held(kernel, of_kernel)
    return y


def _ranges(*sizes: int) -> Iterator[tuple[int, ...]]:
    return product(*map(range, sizes))


def _held(grid: Grid, place: tuple[int, int]) -> int:
    inside = all(0 <= index < size for index, size in zip(place, grid.shape, strict=True))
    return int(grid[place]) if inside else 0


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        points = np.zeros((9, 13), int)
        points[2, 2], points[6, 9] = 1, 2
        shown = {
            "image: two points": points,
            "kernel": F,
            "convolution: the kernel": convolve(points, F, "SAME"),
            "correlation: turned by 180°": correlate(points, F, "SAME"),
        }
        for axes, (title, grid) in zip(figure.subplots(1, 4, width_ratios=(13, 5, 13, 13)), shown.items(), strict=True):
            axes.imshow(grid, cmap="gray_r", vmin=0, vmax=2)
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize="small")

    return Picture("points", "A convolution puts the kernel at every point, a correlation turns it.", draw, 0.26)
