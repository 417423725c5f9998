"""Tiles copied out of images, and their adjoint: tiles added up where they lie in an image.

A tile is what one `Span` reads on each axis. Where tiles are copied, padded and added is all that is known here: which
tiles, and what they are multiplied by, is the affair of the forms.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.forms.cuts import Span
from minicnn.forms.fence import fence
from minicnn.forms.layout import as_matrix, groups_first, groups_last, pad_axis, pad_in_rows
from minicnn.forms.shaping import moved, reshaped
from minicnn.forms.sums import FEW, Entries, along, gathered, picked_sum, places_of, sources


def gather(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "g b *m_and_l c"]:
    """From (b, n₁, n₂, …, g·c) to (g, b, m₁, m₂, …, l₁, l₂, …, c): all tiles, then what is in them."""
    tiles = (*(span.count for span in spans), *(span.length for span in spans))
    return reshaped(_gathered(x, groups, spans), (groups, x.shape[0], *tiles, x.shape[-1] // groups))


def tile_rows(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "*g rows inside"]:
    """All tiles of all images, a row each."""
    tiles, inside = math.prod(span.count for span in spans), math.prod(span.length for span in spans)
    return as_matrix(_gathered(x, groups, spans), groups, x.shape[0] * tiles, inside * (x.shape[-1] // groups))


def _gathered(x: Shaped[Array, "b *n gc"], groups: int, spans: Sequence[Span]) -> Shaped[Array, "..."]:
    """The numbers of all tiles in the order of `gather`.

    Every tile is copied from the padded image in pieces that lie in one piece there, along its last axis where that is
    possible, all in one loop.
    """
    if in_place(spans, x.shape[1:-1]):
        return groups_first(fence(x), groups)
    channels, inner = x.shape[-1] // groups, tuple(span.length for span in spans)
    in_rows = groups == spans[-1].spacing == 1
    x = padded(x, spans)
    starts = _starts(x.shape[1:-1], x.shape[-1], groups, spans, inner[: len(spans) - in_rows])
    piece = inner[-1] * channels if in_rows else channels
    pieces = gathered(reshaped(x, (x.shape[0], math.prod(x.shape[1:]))), starts, (1,), (x.shape[0], piece))
    return fence(moved(reshaped(pieces, (*starts.shape[:-1], *pieces.shape[1:])), -2, 1))


def in_place(spans: Sequence[Span], sizes: Sequence[int]) -> bool:
    """Tell whether the tiles, and what is in them, lie in their order already."""
    for span, size in zip(spans, sizes, strict=True):
        apart = span.step if span.count > 1 else span.length
        if span.first or span.spacing > 1 < span.length or apart != span.length or span.count * span.length != size:
            return False
    return not any(span.length > 1 and behind.count > 1 for n, span in enumerate(spans) for behind in spans[n + 1 :])


def padded(x: Shaped[Array, "b *n c"], spans: Sequence[Span]) -> Shaped[Array, "b *n c"]:
    """The images with zeros where tiles reach over their ends, in memory."""
    ends = [(max(-span.first, 0), max(span.stop - size, 0)) for span, size in zip(spans, x.shape[1:-1], strict=True)]
    if any(map(any, ends)):
        *outer, (low, high) = ends
        x = pad_in_rows(x, [(*pair, 0) for pair in outer], low, high)
    return fence(x)


def _starts(
    sizes: Sequence[int], channels: int, groups: int, spans: Sequence[Span], inside: Sequence[int]
) -> Int[Array | np.ndarray, "g *m_and_l 1"]:
    """Where every piece of every tile begins in an image that is written down as one row."""
    rank, shape = len(spans), (groups, *(span.count for span in spans), *inside)
    place = lambda axis: along(range(shape[axis]), axis, len(shape))
    tables, width = [place(0) * (channels // groups)], channels
    for n in reversed(range(rank)):
        span = spans[n]
        tables.append(width * (max(span.first, 0) + span.step * place(1 + n)))
        if n < len(inside):
            tables.append(width * span.spacing * place(1 + rank + n))
        width *= sizes[n]
    return places_of([tables], shape)


def scatter(y: Shaped[Array, "g b *m_and_l c"], spans: Sequence[Span], size: tuple[int, ...]) -> Array:
    """The adjoint of `gather`: tiles added where they overlap, (b, *n, g·c).

    Rows of many channels are added for all axes at once; of few, one axis after the other, the first first: then rows
    are as long as all that is in the tiles of the other axes.
    """
    groups, images, channels, rank = *y.shape[:2], y.shape[-1], len(spans)
    if in_place(spans, size):
        return groups_last(reshaped(y, (groups, images, *size, channels)))
    reaching = [_reaching(span, length) for span, length in zip(spans, size, strict=True)]
    if channels >= _LONG_ROW and math.prod(map(len, reaching)) in range(1, FEW + 1):
        return _scatter_rows(y, reaching, size, 0, (images, *size, groups * channels))
    for n, (span, taken, length) in enumerate(zip(spans, reaching, size, strict=True)):
        is_last, behind = n == rank - 1, math.prod(y.shape[3 + n : 2 + rank])
        if in_place([span], [length]) and 1 in (span.length, behind) and (groups == 1 or not is_last):
            y = reshaped(y, (*y.shape[: 2 + n], length, *y.shape[3 + n : 2 + rank], *y.shape[3 + rank :]))
        elif not taken:
            y = _scatter_axis(y, span, length, n + 2, rank + 1)
        elif is_last:
            return _scatter_rows(y, [taken], (length,), n, (images, *size, groups * channels))
        else:
            y = _scatter_rows(y, [taken], (length,), n)
    return groups_last(y)


# Channels from which on adding the rows of all axes at once was as fast: 2.5 times slower with 1 channel and 6, and a
# transposed convolution of 32 channels 4 % faster, on two cores of an AMD EPYC (Zen 4), where a vector holds 16.
_LONG_ROW = 16


def _scatter_rows(
    y: Shaped[Array, "g b *n_and_m_and_l c"],
    reaching: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]],
    size: tuple[int, ...],
    n: int,
    result: tuple[int, ...] | None = None,
) -> Array:
    """Replace the tiles of some axes by the axes: every row is a sum of a few of them.

    The axes are as many as have sizes, from n on; those before it have no tiles any more. Behind the last axis of all
    the groups are brought to the channels: (b, *n, g, c).
    """
    groups, images, *done = y.shape[: 2 + n]
    many, last = len(size), (len(y.shape) - 3 + n) // 2  # axes that still are tiles have two
    count, aside = y.shape[2 + n : 2 + n + many], y.shape[2 + n + many : 2 + last]
    length, inside = y.shape[2 + last : 2 + last + many], y.shape[2 + last + many :]
    between = math.prod(aside)
    z = reshaped(
        y, (groups, images * math.prod(done), math.prod(count) * between * math.prod(length), math.prod(inside))
    )
    shape, at = ((groups, *size, between), 1) if aside else ((*size, groups), 0)
    list_of = lambda numbers, axis: along(numbers, axis, len(shape))
    axes = [[Entries((list_of(range(groups), 0 if aside else many), 0))]]
    for a, taken in enumerate(reaching):
        to_next, within = math.prod(count[a + 1 :]) * between * math.prod(length), math.prod(length[a + 1 :])
        places = ((list_of(to_next * tile + within * place, at + a), weight) for tile, place, weight in taken)
        axes.append([Entries((0, place), list_of(weight, at + a)) for place, weight in places])
    if aside:
        axes.append([Entries((0, list_of(math.prod(length) * np.arange(between), 1 + many)))])
    return picked_sum(z, axes, shape, at, (groups, images, *done, *size, *aside, *inside) if aside else result)


def _reaching(span: Span, size: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each position the tiles that hold it: tile, place inside and 1, or 0 where fewer do than elsewhere.

    There is none where more overlap than are written out, or where no tile holds a position.
    """
    if len(span.pieces) > FEW:
        return []
    tile, inside = np.divmod(np.arange(span.count * span.length), span.length)
    position = span.first + span.step * tile + span.spacing * inside
    return [(tile[each], inside[each], is_there) for each, is_there in sources(position, size)]


def _scatter_axis(y: Array, span: Span, size: int, position: int, last: int) -> Array:
    """Replace the tiles of an axis by the axis, piece by piece."""
    inside, whole = last + 1, span.count * span.step

    def side_by_side(piece: Array) -> Array:
        """One piece of every tile, where they lie: a step apart."""
        extent = span.extent(piece.shape[inside])
        piece = pad_axis(piece, inside, 0, span.step - extent, span.spacing - 1)
        piece = moved(piece, inside, position + 1)
        return piece.reshape(*piece.shape[:position], whole, *piece.shape[position + 2 :])

    if len(span.pieces) > _PIECES:
        return _added(y, span, size, position, inside, side_by_side)
    placed = []
    for start, stop in span.pieces:
        piece, low = side_by_side(jax.lax.slice_in_dim(y, start, stop, axis=inside)), span.start(start)
        # each piece goes to its final place before the sum: XLA's CPU compiler crops a bfloat16 sum wrongly
        placed.append(pad_axis(piece, position, low, size - low - whole))
    return reduce(add, placed)


# Windows of more pieces are added up by a loop, so that a program does not grow with its kernel: 40 pieces of 3.6
# million numbers compiled for 3 s.
_PIECES = 8


def _added(y: Array, span: Span, size: int, position: int, inside: int, side_by_side: Callable) -> Array:
    """The sum of all pieces, one after the other."""
    starts = [start for start, _ in span.pieces]
    width, whole = starts[1], span.count * span.step
    reach = span.spacing * starts[-1] + whole
    y = pad_axis(y, inside, 0, starts[-1] + width - span.length)

    def step(total: Array, start: Array) -> tuple[Array, None]:
        piece = side_by_side(jax.lax.dynamic_slice_in_dim(y, start, width, inside))
        here = jax.lax.dynamic_slice_in_dim(total, span.spacing * start, whole, position)
        return jax.lax.dynamic_update_slice_in_dim(total, here + piece, span.spacing * start, position), None

    shape = [n for axis, n in enumerate(y.shape) if axis != inside]
    shape[position] = reach
    total, _ = jax.lax.scan(step, jnp.zeros(shape, y.dtype), jnp.asarray(starts))
    return pad_axis(total, position, span.first, size - span.first - reach)
