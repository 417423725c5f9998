"""The cost model that chooses forms and cuts: a pure function of shapes, never timed.

A form multiplies and it moves. Its cost counts the multiply-adds of its matrix products, those with stored zeros
included, and the numbers that it gathers before and scatters after them: moving one takes as long as `MOVING`
multiply-adds at the full speed of a matrix product. A batch that moves more than a cache holds is taken in portions.

docs/fast.md derives the model and compares it with measurements.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from minicnn.axis import Axis
from minicnn.forms import fourier
from minicnn.forms.geometry import Geometry
from minicnn.forms.tiles import Cut

MOVING = 30  # multiply-adds in the time of moving one number
CACHE = 2_500_000  # numbers that a cache holds
PORTION = 1_000_000  # numbers that a portion of the batch moves, if one has to be taken at all
_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16)  # tiles that are tried, besides the whole axis


@dataclass(frozen=True)
class Cost:
    """What one product takes.

    Attributes:
        multiplied: multiply-adds, those with stored zeros included.
        gathered: numbers copied into their places before a product.
        scattered: numbers added up after it.
        portions: the number of parts in which the batch is taken, one after the other.
    """

    multiplied: float
    gathered: float
    scattered: float
    portions: int = 1

    @property
    def total(self) -> float:
        """In multiply-adds at full speed."""
        return self.multiplied + MOVING * (self.gathered + self.scattered)


@lru_cache(maxsize=4096)
def best_cuts(geometry: Geometry, batch: int) -> tuple[Cut, ...]:
    """The cuts of least predicted cost."""
    return min(product(*map(_candidates, geometry.axes)), key=lambda parts: tiles_cost(geometry, parts, batch).total)


def tiles_cost(geometry: Geometry, parts: Sequence[Cut], batch: int) -> Cost:
    """Of a product, or of the weights, by tiles."""
    count = batch * geometry.groups * math.prod(cut.x.count for cut in parts)
    inner = math.prod(cut.x.length for cut in parts) * geometry.c_in // geometry.groups
    outer = math.prod(cut.y.length for cut in parts) * geometry.c_out // geometry.groups
    # channels apart in memory are brought together group by group, one small piece after the other
    apart = _APART * batch * _numbers(geometry) if geometry.groups > 1 else 0
    portions = _portions(batch, count * (inner + outer), geometry.groups * inner * outer)
    return Cost(count * inner * outer, count * inner + apart, count * outer, portions)


def _portions(batch: int, moved: int, matrix: int) -> int:
    """How many portions of a batch, as equal ones as possible: each also lays out the matrix and must be worth that."""
    if moved <= CACHE:
        return 1
    least = min(batch, -(-moved // max(PORTION, 4 * matrix)))
    return next((n for n in range(least, min(2 * least, batch) + 1) if batch % n == 0), least)


def dense_cost(geometry: Geometry, batch: int) -> Cost:
    """Of a product with all of C: C itself is written and read."""
    entries = math.prod(geometry.out_shape) * math.prod(geometry.in_shape) // geometry.groups
    return Cost(batch * entries, entries, 0)


def diagonals_cost(geometry: Geometry, batch: int) -> Cost:
    """Of a product by diagonals: no zero is multiplied, but each tap passes over all images once."""
    taps = math.prod(axis.kernel_size for axis in geometry.axes)
    inputs, outputs = batch * math.prod(geometry.in_shape), batch * math.prod(geometry.out_shape)
    multiplied = taps * outputs * geometry.c_in // geometry.groups
    if geometry.c_in == geometry.c_out == geometry.groups:
        # one channel per group: the sum over the taps is one loop, which moves nothing in between
        return Cost(_ELEMENTWISE * multiplied, inputs, outputs)
    return Cost(_NARROW * multiplied, taps * inputs, taps * outputs)


def fourier_cost(geometry: Geometry, batch: int) -> Cost:
    """Of a product by the discrete Fourier transform."""
    size = math.prod(fourier.Circle.of(axis).size for axis in geometry.axes)
    kernels = geometry.c_in // geometry.groups * geometry.c_out
    spectra = size * (batch * (geometry.c_in + geometry.c_out) + kernels)
    return Cost(_COMPLEX * size * batch * kernels + _BUTTERFLY * spectra * math.log2(max(size, 2)), spectra, 0)


_APART = 8  # per number of x and y
_ELEMENTWISE = 4  # a loop over single numbers is so many times slower than a matrix product
_NARROW = 12  # and so is a product of matrices as small as one tap's
_COMPLEX = 30  # of half a spectrum, products of small complex matrices
_BUTTERFLY = 40  # per number and doubling of the transform


def _numbers(geometry: Geometry) -> int:
    return math.prod(geometry.in_shape) + math.prod(geometry.out_shape)


def _candidates(axis: Axis) -> Iterator[Cut]:
    for make, size in ((Cut.outputs, axis.out_size), (Cut.inputs, axis.in_size)):
        for tile in sorted({min(tile, max(size, 1)) for tile in (*_SIZES, size)}):
            yield make(axis, tile)
