"""The winograd form: the matrix of a tile as A·diag(Gᵀw)·Bᵀ, with the least number of products.

Each axis is cut into tiles as in `Tiles`, and the tap tensor of a tile is decomposed (`minicnn.forms.decomposition`).
Over several axes the factors are Kronecker products, applied axis by axis; for each term there is one matrix product
over the channels. Where all factors are dyadic (two outputs and three taps, say) small integers stay exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.arguments import look_up
from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost, portions
from minicnn.forms.cuts import CUTS, Cut, Span, tile_sizes
from minicnn.forms.decomposition import Decomposition, Rationals, is_dyadic, is_local, kinds, terms
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import groups_first, groups_last, multiply, pad_axis
from minicnn.forms.tiles import bringing_groups_together, gather_axis, scatter

# Points of evaluation in one tile. The condition number of their Vandermonde matrix is 10⁵ with 10 points, 10⁷ with 12
# (all digits of float32) and 2·10¹² with 16 (three quarters of a double's).
_MOST_POINTS = 16
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
        return Cost(rows * c * d, gathered + kernel + apart, scattered, portions(batch, rows * (c + d), kernel))

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
        """Whether `Auto` may take it: dyadic, local, and windows short enough to be read slice by slice.

        It is known from the phases, without their factors: those of a long kernel take minutes to write down.
        """
        cuts = self.cuts(geometry)
        if any(cut.x.length > _SLICED for cut in cuts):
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
        channels = geometry.c_in // geometry.groups
        return channels + sum(_roundings(factors) for _, factors in self.parts(geometry))


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


def _roundings(factors: Decomposition) -> int:
    """The roundings along one axis: a sum rounds once for each term, and once for each factor that is no integer."""
    sums = ((factors.B, 0), (factors.G, 0), (factors.A, 1))
    return sum(1 + int(np.max(np.sum(factor != 0, axis))) for factor, axis in sums) + 1


def _convolve(
    geometry: Geometry, parts: Parts, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """Multiply x by C(w): y = A((Gᵀw) ∘ (Bᵀx)), one product over the channels for each term."""
    x, w = (a.astype(arithmetic.result_type(x, w)) for a in (x, w))
    x = _analysed(groups_first(x, geometry.groups), [(cut.x, factors.B) for cut, factors in parts])
    w = w.reshape(geometry.split_shape).swapaxes(-3, -2)[None]
    for _, factors in parts:
        w = _joined(_applied(factors.G, w, 1, 0))
    y = multiply("bi,io->bo", _rows(x), _joined(w), arithmetic)
    y = y.reshape(*x.shape[:-1], y.shape[-1])
    for _, factors in reversed(parts):
        y = _applied(factors.A.T, _apart(y, factors.terms), 0, 3 + len(parts))
    return groups_last(scatter(y[0], [cut.y for cut, _ in parts], [axis.out_size for axis in geometry.axes]))


def _correlate(
    geometry: Geometry,
    parts: Parts,
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    arithmetic: Arithmetic,
) -> Shaped[Array, "*k c co"]:
    """Multiply y by X(x)ᵀ: w̄ = G((Aᵀȳ) ∘ (Bᵀx)), all tiles summed by one product for each term."""
    x, y = (groups_first(a.astype(arithmetic.result_type(x, y)), geometry.groups) for a in (x, y))
    x = _analysed(x, [(cut.x, factors.B) for cut, factors in parts])
    y = _analysed(y, [(cut.y, factors.A) for cut, factors in parts])
    w = multiply("bi,bo->io", _rows(x), _rows(y), arithmetic)
    w = w.reshape(*x.shape[:2], *w.shape[1:])
    for _, factors in reversed(parts):
        w = _applied(factors.G.T, _apart(w, factors.terms), 0, 1)
    return w[0].swapaxes(-3, -2).reshape(geometry.w_shape)


def _analysed(
    x: Shaped[Array, "g b *n c"], sides: Sequence[tuple[Span, Rationals]]
) -> Shaped[Array, "terms g b *tiles c"]:
    """Apply Bᵀ to every tile of x, or Aᵀ to every tile of y, axis by axis; the terms of the last axis come first."""
    x = x[None]
    for position, (span, factor) in enumerate(sides, start=3):
        if span.length <= _SLICED:
            x = jnp.stack(_sums(_slices(x, span, position), factor))
        else:
            tiles = gather_axis(x, span, position, x.ndim - 2)
            x = _applied(factor, tiles, tiles.ndim - 2, 0)
        x = _joined(x)
    return x


# A window of so many positions is read slice by slice, each sum of slices being one loop without windows in between.
# Longer ones are laid out first, so that a program does not grow with its kernel.
_SLICED = 16


def _slices(x: Array, span: Span, position: int) -> list[Array]:
    """What lies at each place of a tile: for each the axis of all tiles instead of that of all positions."""
    last = (span.count - 1) * span.step + 1 if span.count else 0
    reach = last + span.spacing * (span.length - 1)
    x = pad_axis(x, position, -span.first, span.first + reach - x.shape[position])
    starts = (span.spacing * place for place in range(span.length))
    return [jax.lax.slice_in_dim(x, start, start + last, span.step, position) for start in starts]


def _applied(factor: Rationals, z: Array, position: int, to: int) -> Array:
    """Multiply an axis of z by the transpose of a factor; its terms become an axis at `to`."""
    if factor.size <= _SLICED**2:
        return jnp.stack(_sums([jax.lax.index_in_dim(z, n, position, False) for n in range(len(factor))], factor), to)
    weights = jnp.asarray(factor.astype(float), z.dtype)
    product = jnp.tensordot(weights, z, ((0,), (position,)), precision=jax.lax.Precision.HIGHEST)
    return jnp.moveaxis(product, 0, to)


def _sums(pieces: Sequence[Array], factor: Rationals) -> list[Array]:
    """For each term the sum of the pieces times its column of the factor."""
    return [
        reduce(add, scaled) if (scaled := [_scaled(*pair) for pair in zip(pieces, column, strict=True) if pair[1]])
        else jnp.zeros_like(pieces[0])
        for column in factor.T
    ]  # fmt: skip


def _scaled(piece: Array, value: Any) -> Array:
    return piece if value == 1 else -piece if value == -1 else float(value) * piece


def _joined(z: Array) -> Array:
    """The terms of one more axis before those there are, as one axis."""
    return z.reshape(z.shape[0] * z.shape[1], *z.shape[2:])


def _apart(z: Array, count: int) -> Array:
    """The terms of the last axis apart from those of the others: the inverse of `_joined`."""
    return z.reshape(count, z.shape[0] // count, *z.shape[1:])


def _rows(z: Shaped[Array, "terms g b *tiles c"]) -> Shaped[Array, "terms_and_g rows c"]:
    return z.reshape(z.shape[0] * z.shape[1], math.prod(z.shape[2:-1]), z.shape[-1])
