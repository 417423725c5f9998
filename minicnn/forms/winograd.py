"""The winograd form: the matrix of a tile as A·diag(Gᵀw)·Bᵀ, with the least number of products.

Each axis is cut into tiles as in `Tiles`, and the tap tensor of a tile is decomposed (`minicnn.forms.decomposition`).
Over several axes the factors are Kronecker products, applied axis by axis; for each term there is one matrix product
over the channels. Where all factors are dyadic (two outputs and three taps, say) small integers stay exact.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from minicnn.arguments import look_up
from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost, bringing_groups_together, portions
from minicnn.forms.cuts import CUTS, Cut, Span, tile_sizes
from minicnn.forms.decomposition import Decomposition, Rationals, is_dyadic, is_local, kinds, terms
from minicnn.forms.fence import fence
from minicnn.forms.form import Costed
from minicnn.forms.gathering import gather, padded, scatter
from minicnn.forms.geometry import Geometry, run_backwards, swap_channels
from minicnn.forms.layout import groups_first, multiply
from minicnn.forms.shaping import moved, reshaped, swapped
from minicnn.forms.sums import Entries, along, columns, picked_sum

# Points of evaluation in one tile. The condition number of their Vandermonde matrix is 10⁵ with 10 points, 10⁷ with 12
# (all digits of float32) and 2·10¹² with 16 (three quarters of a double's).
_MOST_POINTS = 16
_LOOPS = 4  # that gather, add up the windows of x, bring the factors of w into order, and add up y
# Moved numbers of one portion of a batch. XLA divides the rows of a product among the cores, not the products of a
# batch of products, and narrow ones only from 1,000 to 2,000 rows on: 16 terms of 2,048 rows with 64 channels on both
# sides are so many, and 17 MB. Portions of 1, 2, 4, 5 to 7 and 12 million took ResNet-18 646, 593, 522, 535 and 700 ms.
_PORTION = 4_200_000
_LONGEST = 16  # positions of a window that `Auto` may take
_MOST = 4  # outputs of a tile: larger ones round too much for the products that they save


@dataclass(frozen=True)
class Winograd(Costed):
    """C cut into tiles whose matrices are A·diag(Gᵀw)·Bᵀ: for small kernels with many channels.

    Attributes:
        tile: outputs of a tile, one int for every axis or one each; None takes the largest up to four whose factors
            are dyadic, so that it rounds no more than sums and products by powers of two do.
        of: "outputs", or "inputs" for the transposed factors, as in `Tiles`.
    """

    tile: int | tuple[int, ...] | None = None
    of: str = "outputs"

    def __post_init__(self) -> None:
        if self.tile is not None:
            object.__setattr__(self, "tile", tile_sizes(self.tile))
        look_up("of", self.of, CUTS)

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse integers, which the factors would round, and a tile that does not fit the axes."""
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise TypeError(
                f'`form`="winograd" has halves among its factors and the operands are {dtype}: use "tiles", '
                "which computes integers exactly"
            )
        if isinstance(self.tile, tuple) and len(self.tile) != len(geometry.axes):
            raise ValueError(f"`tile`={self.tile!r} must give one size, or one for each of {len(geometry.axes)} axes")
        for cut in self.cuts(geometry):
            points = max((a + b - 1 for a, b in kinds(_decomposed(cut, self.of)) if min(a, b) > 1), default=0)
            if points > _MOST_POINTS:
                raise ValueError(
                    f"`tile`={self.tile} evaluates {cut.axis.kernel_size} taps at {points} points, and more than "
                    f"{_MOST_POINTS} leave no digit of a float: give a smaller tile, or None"
                )

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product."""
        images, cuts = batch * geometry.groups, self.cuts(geometry)
        c, d = geometry.c_in // geometry.groups, geometry.c_out // geometry.groups
        of_tiles = [terms(_decomposed(cut, self.of)) for cut in cuts]
        of_axes = [cut.x.count * n for cut, n in zip(cuts, of_tiles, strict=True)]
        kernel = geometry.groups * math.prod(of_tiles) * c * d
        inputs, outputs = geometry.in_shape[:-1], geometry.out_shape[:-1]
        gathered = images * c * (_written(of_axes, inputs) - math.prod(inputs))
        scattered = images * d * _written(of_axes, outputs)
        rows, apart = images * math.prod(of_axes), bringing_groups_together(geometry, batch)
        parts = portions(batch, rows * (c + d), kernel, _PORTION)
        return Cost(rows * c * d, gathered + kernel + apart, scattered, _LOOPS, parts)

    def parts(self, geometry: Geometry) -> tuple[tuple[Cut, Decomposition], ...]:
        """How each axis is cut, and the factors of its tiles."""
        return tuple((cut, _factors(cut, self.of)) for cut in self.cuts(geometry))

    def cuts(self, geometry: Geometry) -> tuple[Cut, ...]:
        """How each axis is cut."""
        return tuple(_cut(axis, tile, self.of) for axis, tile in zip(geometry.axes, self._tiles(geometry), strict=True))

    def _tiles(self, geometry: Geometry) -> tuple[int | None, ...]:
        return self.tile if isinstance(self.tile, tuple) else (self.tile,) * len(geometry.axes)

    def is_dyadic(self, geometry: Geometry) -> bool:
        """Whether every factor is a sum of powers of two: then small integers stay exact."""
        return all(is_dyadic(*kind) for cut in self.cuts(geometry) for kind in kinds(_decomposed(cut, self.of)))

    def suits(self, geometry: Geometry) -> bool:
        """Whether `Auto` may take it: dyadic, local, and windows short enough to be read entry by entry.

        It is known from the phases, without their factors: those of a long kernel take minutes to write down.
        """
        cuts = self.cuts(geometry)
        if any(cut.x.length > _LONGEST for cut in cuts):
            return False
        return all(is_dyadic(*kind) and is_local(*kind) for cut in cuts for kind in kinds(_decomposed(cut, self.of)))

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w): y = A((Gᵀw) ∘ (Bᵀx)) in every tile."""
        return _convolve(geometry, self.parts(geometry), x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: w̄ = G((Aᵀȳ) ∘ (Bᵀx)), summed over the tiles."""
        return _correlate(geometry, self.parts(geometry), x, y, arithmetic)

    def magnitude(self, geometry: Geometry, x: Array, w: Array) -> Array:
        """|A|((|G|ᵀ|w|) ∘ (|B|ᵀ|x|)): what the rounding errors of y are relative to, as those of C are to |C||x|."""
        parts = tuple((cut, abs(factors)) for cut, factors in self.parts(geometry))
        return _convolve(geometry, parts, abs(x), abs(w), Arithmetic())

    def roundings(self, geometry: Geometry) -> int:
        """The number of roundings that no number meets more of, on its way from x and w to y."""
        channels, parts = geometry.c_in // geometry.groups, self.parts(geometry)
        sums = [(G, 0) for G in _tap_factors(parts)]
        for _, factors in parts:
            sums += (factors.B, 0), (factors.A, 1)
        return channels + len(parts) + sum(_roundings(*each) for each in sums)


Parts = Sequence[tuple[Cut, Decomposition]]


@lru_cache(maxsize=1024)
def _cut(axis: Axis, tile: int | None, of: str) -> Cut:
    """One axis cut into tiles: without a size, into those with the fewest terms for an output, the factors dyadic."""
    if of == "inputs":
        return _cut(axis.T, tile, "outputs").T
    if tile is not None:
        return Cut.outputs(axis, tile)
    cuts = (Cut.outputs(axis, size) for size in range(1, _MOST + 1))
    dyadic = (cut for cut in cuts if all(is_dyadic(*kind) for kind in kinds(cut.axis)))
    return min(dyadic, key=lambda cut: terms(cut.axis) / cut.y.length)


def _decomposed(cut: Cut, of: str) -> Axis:
    """The axis whose outputs read inside a tile: of inputs, the transposed one."""
    return cut.T.axis if of == "inputs" else cut.axis


def _factors(cut: Cut, of: str) -> Decomposition:
    factors = Decomposition.of(_decomposed(cut, of))
    return factors.T if of == "inputs" else factors


def _written(transformed: Sequence[int], sizes: Sequence[int]) -> int:
    """The numbers of all stages when axis after axis changes from its positions to its terms, or back."""
    return sum(math.prod(transformed[:done]) * math.prod(sizes[done:]) for done in range(len(sizes) + 1))


def _roundings(factor: Rationals, axis: int) -> int:
    """The roundings of the sums of a factor: one for each term, and one for each number that is no integer."""
    return 1 + int(np.max(np.sum(factor != 0, axis)))


def _convolve(
    geometry: Geometry, parts: Parts, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """Multiply x by C(w): y = A((Gᵀw) ∘ (Bᵀx)), one product over the channels for each term."""
    x, w = (a.astype(arithmetic.result_type(x, w)) for a in (x, w))
    kernel, of_inputs = geometry, -2
    if run_backwards(geometry.axes):
        w, kernel, of_inputs = swap_channels(w, geometry), geometry.T, -1
    w = swapped(reshaped(fence(w, x), kernel.split_shape), -3, -2)
    x = _analysed(x, geometry.groups, [(cut.x, factors.B) for cut, factors in parts])
    taps = _tap_factors(parts)
    w = reshaped(w, (1, *map(len, taps), *w.shape[-3:]))
    for G in taps:
        w = _joined(_multiplied(G, w, 1, 0))
    y = multiply(_rows(x), _joined(w), (-1, of_inputs), arithmetic)
    y = reshaped(y, (*x.shape[:-1], y.shape[-1]))
    return fence(_synthesised(y, [(cut.y, factors.A) for cut, factors in parts], geometry.out_shape[:-1]))


def _correlate(
    geometry: Geometry,
    parts: Parts,
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    arithmetic: Arithmetic,
) -> Shaped[Array, "*k c co"]:
    """Multiply y by X(x)ᵀ: w̄ = G((Aᵀȳ) ∘ (Bᵀx)), all tiles summed by one product for each term."""
    x, y = (a.astype(arithmetic.result_type(x, y)) for a in (x, y))
    # One after the other: all terms at once are more than what the C library keeps for the next call, 32 MB, sooner.
    x = _analysed(fence(x, y), geometry.groups, [(cut.x, factors.B) for cut, factors in parts])
    y = _analysed(fence(y, x), geometry.groups, [(cut.y, factors.A) for cut, factors in parts])
    w = multiply(_rows(x), _rows(y), (-2, -2), arithmetic)
    w = reshaped(w, (*x.shape[:2], *w.shape[1:]))
    for G in reversed(_tap_factors(parts)):
        w = _multiplied(G.T, _apart(w, G.shape[1]), 0, 1)
    return reshaped(swapped(reshaped(w, (*geometry.w_shape[:-2], *w.shape[-3:])), -3, -2), geometry.w_shape)


def _tap_factors(parts: Parts) -> list[Rationals]:
    """The factors of the kernel: one for all axes where it is small, so that a kernel meets them in a single product.

    The terms of the last axis come first, as in `_analysed`.
    """
    factors = [each.G for _, each in parts]
    if math.prod(factor.size for factor in factors) > _AT_ONCE:
        return factors
    return [reduce(_side_by_side, factors)]


_AT_ONCE = 4096  # entries of a factor for all axes, which is a constant of the program; of pairs it has 16·9


def _side_by_side(first: Rationals, second: Rationals) -> Rationals:
    """The factor of two axes at once."""
    both = np.multiply.outer(first, second).transpose(0, 2, 3, 1)
    return both.reshape(len(first) * len(second), -1)


def _analysed(
    x: Shaped[Array, "b *n gc"], groups: int, sides: Sequence[tuple[Span, Rationals]]
) -> Shaped[Array, "terms g b *tiles c"]:
    """Apply Bᵀ to every tile of x, or Aᵀ to every tile of y; the terms of the last axis come first."""
    if _are_few(factor for _, factor in sides) and 0 not in x.shape:
        return _summed(fence(x), groups, sides)
    x = padded(x, [span for span, _ in sides])
    sides = [(replace(span, first=max(span.first, 0)), factor) for span, factor in sides]
    x = groups_first(x, groups)[None]
    for position, (span, factor) in enumerate(sides, start=3):
        before, behind = x.shape[:position], x.shape[position + 1 :]
        z = reshaped(x, (math.prod(before), x.shape[position], math.prod(behind)))
        if _are_few([factor]):
            terms = _summed(z, 1, [(span, factor)])
        else:
            terms = _multiplied(factor, gather(z, 1, [span])[0], 2, 0)
        x = _joined(reshaped(terms, (len(terms), *before, span.count, *behind)))
    return x


def _are_few(factors: Iterable[Rationals]) -> bool:
    """Tell whether every result of these factors is a sum of few enough entries to be written out."""
    return math.prod(int(np.max(np.sum(factor != 0, 0), initial=1)) for factor in factors) <= _WRITTEN_OUT


# A sum of so many entries is written out: those of four outputs and three taps on two axes have 25. Others are taken
# axis by axis, or as a product, so that a program does not grow with its kernel.
_WRITTEN_OUT = 32


def _summed(
    x: Shaped[Array, "b *n gc"], groups: int, sides: Sequence[tuple[Span, Rationals]]
) -> Shaped[Array, "terms g b *tiles c"]:
    """Apply the factors to all tiles at once."""
    rank, channels = len(sides), x.shape[-1] // groups
    shape = (*(factor.shape[1] for _, factor in reversed(sides)), groups, *(span.count for span, _ in sides))
    axes, width = [[Entries((0, along(range(groups), rank, len(shape))))]], groups
    for n in reversed(range(rank)):
        (span, factor), size = sides[n], x.shape[1 + n]
        others = [axis for axis in range(len(shape)) if axis not in (rank - 1 - n, rank + 1 + n)]
        of_terms_and_tiles = partial(np.expand_dims, axis=others)
        inside = [tuple(map(of_terms_and_tiles, each)) for each in _inside(span, factor, size)]
        axes.append([Entries((0, width * place), weight) for place, weight in inside])
        width *= size
    rows = reshaped(x, (1, x.shape[0], width, channels))
    result = math.prod(shape[:rank]), groups, x.shape[0], *shape[rank + 1 :], channels
    return picked_sum(rows, axes, shape, rank + 1, result)


def _inside(
    span: Span, factor: Rationals, size: int
) -> Iterator[tuple[Int[np.ndarray, "terms tiles"], Float[np.ndarray, "terms tiles"]]]:
    """The entries of the terms of one axis: their places in an image, and their weights.

    An entry beyond the ends is another one of the same term, by 0: so the image need not be padded, and no number meets
    one that its outputs do not read.
    """
    if not (entries := columns(factor)):
        return iter(())
    rows, weights = (np.array(each)[..., None] for each in zip(*entries, strict=True))
    place = span.first + span.step * np.arange(span.count) + span.spacing * rows
    is_inside = (place >= 0) & (place < size)
    other = np.take_along_axis(place, is_inside.argmax(0)[None], 0)
    return zip(np.where(is_inside, place, other).clip(0, size - 1), is_inside * weights, strict=True)


def _synthesised(
    y: Shaped[Array, "terms g b *tiles d"], sides: Sequence[tuple[Span, Rationals]], size: tuple[int, ...]
) -> Shaped[Array, "b *out gd"]:
    """Apply A to the terms of every tile and put the tiles where they belong: the adjoint of `_analysed`."""
    side_by_side = all(
        span.first == 0 and span.length == span.step and span.spacing == 1 and 0 < n <= span.count * span.step
        for (span, _), n in zip(sides, size, strict=True)
    )
    if side_by_side and _are_few(factor.T for _, factor in sides):
        return _summed_up(y, sides, size)
    for _, factor in reversed(sides):
        y = _multiplied(factor.T, _apart(y, factor.shape[1]), 0, 3 + len(sides))
    return scatter(y[0], [span for span, _ in sides], size)


def _summed_up(
    y: Shaped[Array, "terms g b *tiles d"], sides: Sequence[tuple[Span, Rationals]], size: tuple[int, ...]
) -> Shaped[Array, "b *out gd"]:
    """As `_synthesised`, where tiles lie side by side: every output is a sum of terms of its own tile."""
    _, groups, images, *tiles, channels = y.shape
    list_of = lambda numbers, axis: along(numbers, axis, len(size) + 1)
    axes, before, behind = [[Entries((list_of(range(groups), len(size)), 0))]], groups, math.prod(tiles)
    for n, (span, factor) in enumerate(sides):
        behind //= span.count
        tile, inside = np.divmod(np.arange(size[n]), span.step)
        places = [(before * list_of(row[inside], n), list_of(weight[inside], n)) for row, weight in columns(factor.T)]
        axes.append([Entries((place, behind * list_of(tile, n)), weight) for place, weight in places])
        before *= factor.shape[1]
    rows = reshaped(y, (before, images, math.prod(tiles), channels))
    return picked_sum(rows, axes, (*size, groups), 0, (images, *size, groups * channels))


def _multiplied(factor: Rationals, z: Array, position: int, to: int) -> Array:
    """Multiply an axis of z by the transpose of a factor, zeros included; its terms become an axis at `to`."""
    weights = jnp.asarray(factor.astype(float), z.dtype)
    product = jnp.tensordot(weights, z, ((0,), (position,)), precision=jax.lax.Precision.HIGHEST)
    return moved(product, 0, to)


def _joined(z: Array) -> Array:
    """The terms of one more axis before those there are, as one axis."""
    return reshaped(z, (z.shape[0] * z.shape[1], *z.shape[2:]))


def _apart(z: Array, count: int) -> Array:
    """The terms of the last axis apart from those of the others: the inverse of `_joined`."""
    return reshaped(z, (count, z.shape[0] // count, *z.shape[1:]))


def _rows(z: Shaped[Array, "terms g b *tiles c"]) -> Shaped[Array, "terms_and_g rows c"]:
    return reshaped(z, (z.shape[0] * z.shape[1], math.prod(z.shape[2:-1]), z.shape[-1]))
