"""What a product costs: the model by which forms and cuts are chosen, a pure function of shapes, never timed.

A form multiplies and it moves. Its cost counts the multiply-adds of its matrix products, those with stored zeros
included, the numbers that it gathers before and scatters after them, and the loops that do so, each of which has to be
compiled and started. A batch that moves more than a cache holds is taken in portions.

docs/fast.md derives the model and compares it with measurements.
"""

import math
from dataclasses import dataclass

from minicnn.forms.geometry import Geometry

# Multiply-adds at the full speed of a matrix product in the time of moving one number into its place. Fitted, like the
# constants below, to the forward and backward products of 42 convolutions on two x86 cores.
MOVING = 30
# The same for a loop, whatever it moves: products of single images took some 10 µs less for every loop that another cut
# did without, on two cores of an AMD EPYC. XLA compiles each for 20 to 25 ms.
LOOP = 400_000
# Moved numbers up to which a whole batch is taken at once. Below it, portions of each case were measured not to pay: a
# second-level cache of 1 to 2 MB per core and what is shared beyond it hold about so many 4-byte numbers.
CACHE = 2_500_000
# Moved numbers of one portion of a larger batch: of 1 to 32 portions of each case the fastest moved about so many.
PORTION = 1_000_000


@dataclass(frozen=True)
class Cost:
    """What one product takes.

    Attributes:
        multiplied: multiply-adds, those with stored zeros included.
        gathered: numbers copied into their places before a product.
        scattered: numbers added up after it.
        loops: the loops that move them, beyond those that every form has.
        portions: the number of parts in which the batch is taken, one after the other.
    """

    multiplied: float
    gathered: float
    scattered: float
    loops: float = 0
    portions: int = 1

    @property
    def total(self) -> float:
        """The whole cost in multiply-adds at full speed."""
        return self.work + LOOP * self.loops

    @property
    def work(self) -> float:
        """The cost without what its loops cost whatever they move, which other ways of computing have as well."""
        return self.multiplied + MOVING * (self.gathered + self.scattered)


def portions(batch: int, moved: int, matrix: int, each: int = PORTION) -> int:
    """The number of portions of a batch, as equal ones as possible, from what a product of all of it moves.

    Each portion moves about so many numbers. It lays out the matrix anew, so that they are at least four times as many.
    """
    if moved <= max(CACHE, each):
        return 1
    least = min(batch, -(-moved // max(each, 4 * matrix)))
    return next((n for n in range(least, min(2 * least, batch) + 1) if batch % n == 0), least)


def bringing_groups_together(geometry: Geometry, batch: int) -> int:
    """What it costs to bring channels apart in memory together, group by group, one small piece after the other."""
    numbers = math.prod(geometry.in_shape) + math.prod(geometry.out_shape)
    return _APART * batch * numbers if geometry.groups > 1 else 0


_APART = 8  # numbers that are moved, in the time of bringing one number of x or y to its group
