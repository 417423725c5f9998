"""Choosing a tile: a small cost model, a pure function of shapes.

A larger tile reads fewer overlapping windows and makes wider products, but multiplies more stored zeros. The cost
counts the multiply-adds of the tile product, slowed where the product is too narrow for the vector units, and the
bytes of windows and outputs moved.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from minicnn.axis import Axis
from minicnn.forms.geometry import Geometry
from minicnn.forms.tiles import cuts

_WIDTH = 24  # product sides below this leave vector units idle
_MOVE = 24  # multiply-adds in the time of moving one number
_LARGEST = 16  # the largest tile tried, besides the whole axis


@lru_cache(maxsize=4096)
def best_tile(geometry: Geometry, batch: int) -> tuple[int, ...]:
    """The tile of least predicted cost."""
    return min(product(*map(_candidates, geometry.axes)), key=lambda tile: cost(geometry, tile, batch))


@lru_cache(maxsize=4096)
def backwards(geometry: Geometry, batch: int) -> bool:
    """Whether the tiles of Cᵀ, transposed, are the cheaper way to multiply by C."""
    there, back = ((g, best_tile(g, batch)) for g in (geometry, geometry.T))
    return cost(*back, batch) < cost(*there, batch)


def cost(geometry: Geometry, tile: tuple[int, ...], batch: int) -> float:
    """Predicted cost of one tile product, in multiply-adds at full speed."""
    parts = cuts(geometry, tile)
    windows = batch * geometry.groups * math.prod(cut.count for cut in parts)
    inner = math.prod(cut.axis.in_size for cut in parts) * geometry.c_in // geometry.groups
    outer = math.prod(cut.axis.out_size for cut in parts) * geometry.c_out // geometry.groups
    idle = (1 + _WIDTH / max(inner, 1)) * (1 + _WIDTH / max(outer, 1))
    return windows * inner * outer * idle + _MOVE * windows * (inner + outer)


def _candidates(axis: Axis) -> Iterator[int]:
    period = axis.stretch // math.gcd(axis.stride, axis.stretch)
    yield from range(period, min(_LARGEST, max(axis.out_size, 1)) + period, period)
    if axis.out_size > _LARGEST:
        yield axis.out_size
