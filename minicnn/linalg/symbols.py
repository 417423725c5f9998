"""Symbols: what a convolution does to plane waves, C·e^{iωx} = e^{iωx}·Ĉ(ω), a small matrix for each frequency.

A stencil of stride s is one of stride 1 between vectors of s input positions each (polyphase components), so that one
definition serves all: Ĉ(θ) = Σ_q W_q·e^{iθq}. Its values on the grid 2πj/n are the blocks of a circulant, those on πj/n
the blocks of a reflected convolution, and its supremum bounds every zero-padded one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from minicnn.dtypes import array, complexes
from minicnn.linalg.stencils import Border, Stencil, check_is_map, oriented
from minicnn.maps import LinearMap


@dataclass(frozen=True)
class Symbol:
    """A trigonometric polynomial whose coefficients are matrices.

    Attributes:
        coefficients: (*powers, groups, c_out / groups, columns), a NumPy or a JAX array. Columns are the positions of a
            stride, row-major, with the input channels of the group innermost.
        offsets: for each axis the exponent of each coefficient.
    """

    coefficients: Any
    offsets: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, C: Stencil) -> "Symbol":
        """The symbol of a stencil, polyphase for a stride."""
        taps, phases, offsets = C.split, [], []
        xp = np if isinstance(taps, np.ndarray) else jnp
        for border in C.borders:
            table, powers = _polyphase(border)
            taps = xp.tensordot(taps, xp.asarray(table, taps.dtype), ((0,), (0,)))  # moves the axis to the end
            phases.append(table.shape[-1])
            offsets.append(powers)
        r = C.rank
        order = (*range(3, 3 + 2 * r, 2), 1, 2, *range(4, 4 + 2 * r, 2), 0)  # powers, group, output, phases, input
        taps = taps.transpose(order)
        return cls(taps.reshape(*taps.shape[: r + 2], -1), tuple(offsets))

    @property
    def degree(self) -> tuple[float, ...]:
        """Half the spread of the exponents on each axis, counted in their common step."""
        return tuple((len(powers) - 1) / 2 for powers in self.offsets)

    @property
    def digest(self) -> bytes:
        """What tells symbols in NumPy apart that differ by more than a shift, which changes no singular value."""
        W = self.coefficients
        steps = [powers[1] - powers[0] for powers in self.offsets if len(powers) > 1]
        return sha256(f"{W.dtype}{W.shape}{steps}".encode() + W.tobytes()).digest()

    @property
    def xp(self) -> Any:
        """The module of the coefficients: numpy or jax.numpy."""
        return np if isinstance(self.coefficients, np.ndarray) else jnp

    def at(self, omega: Float[Any, "... r"]) -> Complex[Any, "... g d c"]:
        """The matrices at any frequencies, in radians per output position."""
        xp = self.xp
        omega, total = xp.asarray(omega), self.coefficients
        batch, dtype = omega.shape[:-1], self._complex(omega)
        waves = [_wave(xp, omega[..., n, None].astype(dtype), powers) for n, powers in enumerate(self.offsets)]
        wave = reduce(lambda one, other: (one[..., :, None] * other[..., None, :]).reshape(*batch, -1), waves)
        return xp.tensordot(wave, total.astype(dtype).reshape(-1, *total.shape[len(self.offsets) :]), 1)

    def through(self, waves: Sequence[Any]) -> Any:
        """The matrices on a grid, from the waves e^{iωq} on each axis, (frequencies, powers)."""
        xp, dtype = self.xp, self._complex()
        blocks = self.coefficients.astype(dtype)
        for n, wave in enumerate(waves):
            blocks = xp.moveaxis(xp.tensordot(xp.asarray(wave, dtype), blocks, ((1,), (n,))), 0, n)
        return blocks

    def _complex(self, *others: Any) -> Any:
        """The dtype of products of the coefficients, and perhaps other arrays, with waves."""
        if self.xp is np:
            return np.result_type(self.coefficients, *others, np.complex64)
        return complexes(self.coefficients, *others)

    def in_the_middle(self, counts: Sequence[int]) -> Complex[np.ndarray, "cells g d c"]:
        """The matrices in the middle of equal cells, so many on each axis, each turned by a number of size 1, in NumPy.

        They take one fast Fourier transform, however many powers there are, if there are no more powers than cells.
        """
        blocks = self.coefficients
        for n, count in enumerate(counts):
            first = np.exp(1j * np.pi / count * np.arange(blocks.shape[n]))
            shifted = blocks * first.reshape(-1, *(1,) * (blocks.ndim - n - 1))
            blocks = np.fft.ifft(shifted, count, axis=n, norm="forward")
        return blocks.reshape(-1, *blocks.shape[len(counts) :])

    @property
    def real(self) -> bool:
        """Whether the coefficients are real: the matrix at −ω is then the conjugate of the one at ω."""
        return not self.xp.iscomplexobj(self.coefficients)

    def around(self, periods: Sequence[int]) -> Any:
        """The matrices at every frequency of a circle with so many outputs on each axis: those of the circulant."""
        return self.through([circular_waves(n, powers) for n, powers in zip(periods, self.offsets, strict=True)])

    def half_around(self, periods: Sequence[int]) -> Any:
        """The same without frequencies whose matrix is the conjugate of another's, which has its singular values."""
        return self.through(self.half_waves(periods))

    def half_waves(self, periods: Sequence[int]) -> list[Complex[np.ndarray, "f q"]]:
        """The waves on each axis of a circle, for real coefficients those of no more than half of the last axis."""
        needed = [*periods[:-1], periods[-1] // 2 + 1 if self.real else periods[-1]]
        return [circular_waves(*each) for each in zip(periods, self.offsets, needed, strict=True)]


def _wave(xp: Any, omega: Any, powers: Sequence[int]) -> Any:
    """The numbers e^{iωq}, whose powers q are as far apart from each other as the first two.

    They are products e^{iωa}·e^{iωb} of two short lists, for an exponential costs many products.
    """
    q = np.asarray(powers).reshape(*(1,) * (omega.ndim - 1), -1)
    step = math.isqrt(q.size - 1) + 1
    few = q[..., :step], q[..., ::step] - q[..., :1]
    fine, coarse = (xp.exp(1j * omega * xp.asarray(part, omega.dtype)) for part in few)
    return (coarse[..., :, None] * fine[..., None, :]).reshape(*omega.shape[:-1], -1)[..., : q.size]


def circular_waves(n: int, powers: Sequence[int], frequencies: int | None = None) -> Complex[np.ndarray, "f q"]:
    """The waves e^{2πijq/n} of the first frequencies j; angles are reduced in integers, so that none loses digits."""
    angles = np.outer(np.arange(n if frequencies is None else frequencies), powers) % n
    return np.exp(2j * np.pi / n * angles)


def cosine_waves(n: int, powers: Sequence[int]) -> Complex[np.ndarray, "f q"]:
    """The waves e^{πijq/n} of the n frequencies of the DCT-II."""
    angles = np.outer(np.arange(n), powers) % (2 * n)
    return np.exp(1j * np.pi / n * angles)


def symbol(A: LinearMap, omega: Any) -> Complex[Array, "... co ci"]:
    """The symbol Ĉ(ω) of a convolution: far from the border, C·(a·e^{iωx}) = (Ĉ(ω)·a)·e^{iωx}.

    Args:
        A: a convolution with any padding, or the transpose of one. Padding does not change the symbol.
        omega: frequencies in radians per position, (..., r) for r spatial axes.

    Returns:
        (..., c_out, c_in). With a stride s, ω counts per output position, and there is a column for each of the s
        positions (s on each axis, row-major) and each input channel, channels innermost; transposed for a transpose.

    Raises:
        TypeError: if the map is not a convolution.
        ValueError: if `omega` has not one frequency for each axis.

    >>> A = minicnn.conv_map(jnp.array([1.0, 0.0, -1.0]).reshape(3, 1, 1), (8,), padding=1)
    >>> symbol(A, jnp.array([jnp.pi / 2])).imag
    Array([[-2.]], dtype=float32)
    """
    check_is_map(A)
    C, transposed = oriented(A)
    if C is None:
        raise TypeError(f"{A!r} is not a convolution: only what shifts with its input has a symbol")
    omega = array("omega", omega)
    if omega.ndim == 0 or omega.shape[-1] != C.rank:
        raise ValueError(
            f"`omega` has shape {omega.shape}: the last axis must hold {C.rank}, one for each spatial axis"
        )
    blocks = Symbol.of(C).at(-omega if transposed else omega)
    whole = joined(blocks, C.groups)
    return whole.swapaxes(-1, -2) if transposed else whole


def joined(blocks: Any, groups: int) -> Any:
    """Matrices of groups (..., g, d, s·c) as one matrix (..., g·d, s·g·c) with zeros between the groups."""
    if groups == 1:
        return blocks[..., 0, :, :]
    *batch, g, d, columns = blocks.shape
    own = jnp.eye(g, dtype=bool).reshape(*(1,) * len(batch), g, 1, g, 1)
    return jnp.where(own, blocks[..., None, :], jnp.zeros((), blocks.dtype)).reshape(*batch, g * d, g * columns)


class Supremum(NamedTuple):
    """The largest singular value of a symbol over all frequencies, between two numbers.

    Attributes:
        lower: a value that is attained, at `omega`.
        upper: a value that is not exceeded.
        omega: where the largest known value is.
        evaluations: the number of matrices that were looked at.
    """

    lower: float
    upper: float
    omega: tuple[float, ...]
    evaluations: int


# Multiplications that a search for the supremum may cost, a few seconds; the least and the most matrices it looks at.
SEARCH, LEAST, MATRICES = 4e9, 256, 200_000
# Numbers of waves that are held at once, 64 MB, and the multiplications that make and use one.
WAVES, _OF_WAVE = 2**22, 8


def supremum(symbol: Symbol, rtol: float = 1e-6, most: int | None = None) -> Supremum:
    """Bound the largest singular value of a symbol in NumPy, by branch and bound.

    A trigonometric polynomial f of degree D that is largest at ω* has |f(ω)| ≥ |f(ω*)|·cos(D·|ω − ω*|) nearby (M.
    Riesz), on each axis. So a cell whose middle has the value σ holds no more than σ / Π cos(D·half its width), and
    cells that cannot hold the maximum are dropped, the others divided.

    What was found is kept: a bracket asks for the bound and for where it is, of a kernel with every border.

    Args:
        symbol: with NumPy coefficients.
        rtol: how far apart the two bounds may be, relative to the upper one.
        most: how many matrices may be looked at, by default as many as take seconds, those at opposite frequencies
            included; the bounds hold however few.

    >>> C = minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME")
    >>> round(supremum(Symbol.of(oriented(C)[0].in_float64())).upper, 4)
    2.0
    """
    key = symbol.digest, rtol, most
    found = _KNOWN.get(key)
    if found is None:
        found = _search(symbol, rtol, most)
        if len(_KNOWN) >= KEPT:
            _KNOWN.clear()
        _KNOWN[key] = found
    return found


# Suprema that are kept, a hundred bytes each.
KEPT = 1024
_KNOWN: dict[tuple[bytes, float, int | None], Supremum] = {}


def _search(symbol: Symbol, rtol: float, most: int | None) -> Supremum:
    rank, number = len(symbol.offsets), math.prod(map(len, symbol.offsets))
    work = max(symbol.coefficients.shape[rank + 1 :]) ** 3 + _OF_WAVE * number
    most = min(MATRICES, max(LEAST, int(SEARCH / work))) if most is None else most
    steps = [powers[1] - powers[0] if len(powers) > 1 else 1 for powers in symbol.offsets]
    halves = np.array([np.pi / max(math.ceil(4 * D), 1) for D in symbol.degree])  # D·half ≤ π/4 at the start
    counts = [max(math.ceil(4 * D), 1) for D in symbol.degree]
    grid = np.meshgrid(*((2 * np.arange(n) + 1) * h for n, h in zip(counts, halves, strict=True)), indexing="ij")
    centres = np.stack([axis.ravel() for axis in grid], -1)
    alike = 2 if symbol.real else 1  # cells opposite to each other, the first of which is in the first half of them
    first = -(-len(centres) // alike)
    centres = centres[:first]
    best, where, evaluations, settled = 0.0, np.zeros(rank), 0, 0.0
    values = largest_of(symbol.in_the_middle(counts)[:first])
    while True:
        evaluations += len(centres)
        if values.max() > best:
            best, where = float(values.max()), centres[values.argmax()]
        factor = math.prod(math.cos(D * h) for D, h in zip(symbol.degree, halves, strict=True))
        bounds = values / factor
        settled = max(settled, float(bounds[bounds <= best * (1 + rtol)].max(initial=0.0)))
        centres = centres[bounds > best * (1 + rtol)]
        if not len(centres) or alike * (evaluations + len(centres) * 2**rank) > most:
            upper = max(best, settled, float(bounds.max(initial=0.0)) if len(centres) else 0.0)
            return Supremum(best, upper, tuple(where / np.abs(steps)), evaluations)
        halves = halves / 2
        corners = np.stack(np.meshgrid(*[(-1, 1)] * rank, indexing="ij"), -1).reshape(-1, rank)
        centres = (centres[:, None, :] + corners * halves).reshape(-1, rank)
        pieces = -(-len(centres) * number // WAVES)
        values = np.concatenate(
            [largest_of(symbol.at(piece / np.abs(steps))) for piece in np.array_split(centres, pieces)]
        )


def largest_of(blocks: Any) -> Any:
    """The largest singular value among the groups of each matrix, from the eigenvalues of the smaller Gram matrix.

    The largest one loses nothing by squaring; small ones would. The largest entry is made 1 before, so that no square
    overflows or vanishes.
    """
    xp: Any = np if isinstance(blocks, np.ndarray) else jnp
    size = xp.abs(blocks).max()
    size = xp.where(size == 0, 1, size)
    blocks = blocks / size.astype(blocks.dtype)
    adjoint = blocks.conj().swapaxes(-1, -2)
    gram: Any = blocks @ adjoint if blocks.shape[-2] <= blocks.shape[-1] else adjoint @ blocks
    squares = gram[..., 0, 0].real if gram.shape[-1] == 1 else xp.linalg.eigvalsh(gram)[..., -1]
    return size * xp.sqrt(xp.maximum(squares, 0)).max(-1)


def _polyphase(border: Border) -> tuple[np.ndarray, tuple[int, ...]]:
    """The 0/1 table of tap, power and phase, with offset = s·power + phase, and the powers in their common step."""
    powers, phases = np.divmod(border.offsets, border.axis.stride)
    step = int(np.gcd.reduce(np.diff(np.unique(powers)), initial=0)) or 1
    first = powers.min()
    table = np.zeros((len(powers), (powers.max() - first) // step + 1, border.axis.stride))
    table[np.arange(len(powers)), (powers - first) // step, phases] = 1
    return table, tuple(range(int(first), int(powers.max()) + 1, step))
