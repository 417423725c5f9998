"""The literature's estimates of a convolution's spectral norm, beside the truth.

Each says what it assumes and whether it is an upper bound, a lower bound or neither *for the map at hand*: a bound for
circular padding bounds nothing where zeros are padded, and the other way round.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.linalg import norms
from minicnn.linalg.brackets import Bracket, bracket, embedded
from minicnn.linalg.fourier import circular
from minicnn.linalg.frames import framed
from minicnn.linalg.kronecker import joined_channels
from minicnn.linalg.magnitudes import length, magnitude, normalised
from minicnn.linalg.methods import check_map
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, largest_of, supremum
from minicnn.maps import LinearMap

Side = Literal["upper", "lower", "neither"]

# Squarings of a Gram matrix, as in the papers' experiments; the bound loses no more than dimension^(1/2^(t+1)).
SQUARINGS = 6
# Complex numbers that a Gram iteration may hold, a few hundred MB.
NUMBERS = 2**24
# Starts of the alternating maximisation for the tensor norm, and its steps.
STARTS, SWEEPS = 8, 100


class Estimate(NamedTuple):
    """One published way to the spectral norm.

    Attributes:
        name: the method, and who published it.
        value: what it says.
        side: what that is for this map.
        assumes: what it takes for granted.
        products: products with the map or its transpose.
        seconds: the time that it took, compilation included.
    """

    name: str
    value: float
    side: Side
    assumes: str
    products: int
    seconds: float


@dataclass(frozen=True)
class Bounds:
    """The estimates of one map.

    Attributes:
        bracket: between what σ₁ lies.
        estimates: each method's.
    """

    bracket: Bracket
    estimates: tuple[Estimate, ...]

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of a name, or of the one that begins like it."""
        return next(each for each in self.estimates if each.name.startswith(name))

    def table(self) -> str:
        """A line for each estimate, with its value relative to the truth."""
        lower, upper, method, products = self.bracket
        rows = [("", "value", "of σ₁", "bound", "products", "seconds", "assumes")]
        rows += [("σ₁ at least", f"{lower:.6g}", "", "lower", f"{products}", "", method)]
        rows += [("σ₁ at most", f"{upper:.6g}", "", "upper", "", "", "")]
        for each in self.estimates:
            share = each.value / lower if lower else math.nan
            cost = f"{each.products}", f"{each.seconds:.3f}"
            rows.append((each.name, f"{each.value:.6g}", f"{share:.4f}", each.side, *cost, each.assumes))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def __str__(self) -> str:
        """The table."""
        return self.table()


def bounds(A: LinearMap, rtol: float = 1e-3) -> Bounds:
    """Compute the published estimates of a convolution's largest singular value, and enclose it.

    Args:
        A: a convolution with any border and stride, or the transpose of one, that can be looked at: not under jit.
        rtol: of the `bracket`.

    Raises:
        TypeError: if the map is not a convolution.

    >>> w = jnp.array([1.0, -1.0]).reshape(2, 1, 1)
    >>> found = bounds(minicnn.conv_map(w, (3,), padding="SAME"))
    >>> estimate = found["circulant of the same size"]
    >>> round(estimate.value, 3), estimate.side, round(found.bracket.lower, 3)
    (1.732, 'neither', 1.802)
    """
    check_map(A)
    C, _ = oriented(framed(A).core)
    if C is None:
        raise TypeError(f"{A!r} is not a convolution: these estimates are of kernels; `bracket` takes any map")
    enclosed = bracket(A, rtol)
    return Bounds(enclosed, tuple(_estimates(A, C.in_float64())))


class _Kernel(NamedTuple):
    """What an estimate looks at: the map, its stencil, the kernel with all channels, and what holds of the border."""

    A: LinearMap
    C: Stencil
    w: Any
    upper: Side
    circular: Side

    @property
    def taps(self) -> int:
        """The number of taps."""
        return math.prod(self.w.shape[: self.C.rank])


def _estimates(A: LinearMap, C: Stencil) -> Iterator[Estimate]:
    is_circular = not circular(C)
    known: Side = "upper" if C.zero_padded or is_circular else "neither"
    kernel = _Kernel(A, C, joined_channels(C), known, "upper" if is_circular else "neither")
    for name, (assumes, estimate) in _TABLE.items():
        start = time.perf_counter()
        found = estimate(kernel)
        if found is not None:
            value, side, products = found
            yield Estimate(name, float(value), side, assumes, products, time.perf_counter() - start)


Found = tuple[float, Side, int] | None


def reshape(kernel: _Kernel) -> Found:
    """σ₁ of the kernel as a matrix (c_out, c_in·taps): the norm of one window's products, not of the convolution."""
    return _sigma(kernel.w.reshape(-1, kernel.w.shape[-1])), "neither", 0


def root_reshape(kernel: _Kernel) -> Found:
    """The same, times the root of the taps: an input is read by so many windows."""
    return math.sqrt(kernel.taps) * _sigma(kernel.w.reshape(-1, kernel.w.shape[-1])), kernel.upper, 0


def _unfolding(*row_axes: bool) -> Callable[[_Kernel], Found]:
    """One of the matrices with some spatial axes beside c_out and the others beside c_in."""

    def estimate(kernel: _Kernel) -> Found:
        rank = kernel.C.rank
        if rank != 2:
            return None
        rows = [n for n in range(rank) if row_axes[n]]
        columns = [n for n in range(rank) if not row_axes[n]]
        M = kernel.w.transpose(*rows, rank + 1, *columns, rank)
        M = M.reshape(math.prod(M.shape[: len(rows) + 1]), -1)
        return math.sqrt(kernel.taps) * _sigma(M), kernel.upper, 0

    return estimate


def fantastic(kernel: _Kernel) -> Found:
    """The least of all such matrices."""
    found = (_unfolding(*choice)(kernel) for choice in product((False, True), repeat=2))
    values = [each[0] for each in found if each]
    return (min(values), kernel.upper, 0) if values else None


def toeplitz(kernel: _Kernel) -> Found:
    """The root of Σᵢ sup_ω Σⱼ |f̂ᵢⱼ(ω)|², over output channels i."""
    symbol = Symbol.of(kernel.C)
    rows = symbol.coefficients.reshape(*symbol.coefficients.shape[: kernel.C.rank], -1, symbol.coefficients.shape[-1])
    suprema = [supremum(Symbol(rows[..., i, None, None, :], symbol.offsets), 1e-4).upper for i in range(rows.shape[-2])]
    return math.sqrt(sum(value**2 for value in suprema)), kernel.upper, 0


def gram_circular(kernel: _Kernel) -> Found:
    """The Frobenius norm of (ĈᴴĈ)^(2^t) at every frequency of the circle, its 2^(t+1)-th root."""
    found = _around(kernel.C, tuple(axis.out_size for axis in kernel.C.axes))
    return None if found is None else (_frobenius_of_powers(found), kernel.circular, 0)


def gram_zero(kernel: _Kernel) -> Found:
    """The largest sum of |(C*C)^(2^(t−1))| over taps and channels of a row, its 2^t-th root, with kernels that grow."""
    symbol = Symbol.of(kernel.C)
    channels = kernel.C.groups * symbol.coefficients.shape[-1] ** 2

    def grown(t: int) -> list[int]:
        return [(len(powers) - 1) * 2**t + 1 for powers in symbol.offsets]

    t = next((t for t in range(SQUARINGS, 1, -1) if math.prod(grown(t)) * channels <= NUMBERS), 1)
    from_zero = replace(symbol, offsets=tuple(tuple(range(len(powers))) for powers in symbol.offsets))
    power, logarithm = _powers(from_zero.around(grown(t)), t - 1)
    taps = np.abs(np.fft.ifftn(power, axes=range(kernel.C.rank)))
    rows = taps.sum((*range(kernel.C.rank), -1)).max()
    return math.exp((math.log(rows) + logarithm) / 2**t) if rows else 0.0, kernel.upper, 0


def tensor(kernel: _Kernel) -> Found:
    """The root of the taps times the spectral norm of the kernel as a tensor, sought by alternating maximisation."""
    rng = np.random.default_rng(0)
    best = size = 0.0
    for _ in range(STARTS):
        vectors = [rng.standard_normal(n) + 0j for n in kernel.w.shape]
        for _ in range(SWEEPS):
            for n in range(len(vectors)):
                part = np.moveaxis(kernel.w, n, 0)
                for other in reversed([v for m, v in enumerate(vectors) if m != n]):
                    part = part @ other
                size = float(length(part))
                vectors[n] = part.conj() / size if size else vectors[n]
        best = max(best, size)
    return math.sqrt(kernel.taps) * best, kernel.upper, 0


def _power(steps: int) -> Callable[[_Kernel], Found]:
    """The length of A·v after so many multiplications of a random v by AᴴA."""

    def estimate(kernel: _Kernel) -> Found:
        return float(_power_iteration(kernel.A, steps)), "lower", 2 * steps + 1

    return estimate


@jax.jit
def _power_iteration(A: LinearMap, steps: int) -> Any:
    v = jax.random.normal(jax.random.key(0), A.in_shape, jnp.finfo(A.dtype).dtype).astype(A.dtype)
    H = A.H

    v = jax.lax.fori_loop(0, steps, lambda _, v: normalised(H(normalised(A(v)))), normalised(v))
    return length(A(v))


def same_circulant(kernel: _Kernel) -> Found:
    """σ₁ with circular padding instead of the map's own, on an image of the same size."""
    found = _around(kernel.C, tuple(axis.out_size for axis in kernel.C.axes))
    return None if found is None else (float(largest_of(found).max()), kernel.circular, 0)


def larger_circulant(kernel: _Kernel) -> Found:
    """σ₁ of the smallest circulant that the map is a part of."""
    found = _around(kernel.C, embedded(kernel.C)) if kernel.C.zero_padded else None
    return None if found is None else (float(largest_of(found).max()), "upper", 0)


def symbol_supremum(kernel: _Kernel) -> Found:
    """The supremum of the symbol over all frequencies, certified by branch and bound."""
    return supremum(Symbol.of(kernel.C)).upper, kernel.upper, 0


def frobenius(kernel: _Kernel) -> Found:
    """The root of the sum of all squared entries."""
    return float(norms.frobenius(kernel.A, "auto")), "upper", 0


def rows_and_columns(kernel: _Kernel) -> Found:
    """The root of ‖C‖₁·‖C‖∞."""
    return magnitude(kernel.A).norm, "upper", 0


_ZERO_OR_CIRCULAR = "zero or circular padding"
# name: (what it assumes, how it is computed)
_TABLE: dict[str, tuple[str, Callable[[_Kernel], Found]]] = {
    "reshape (Miyato et al. 2018)": ("one window at a time", reshape),
    "√taps · reshape (Tsuzuku et al. 2018)": (_ZERO_OR_CIRCULAR, root_reshape),
    "√taps · R (Singla & Feizi 2021)": (_ZERO_OR_CIRCULAR, _unfolding(True, False)),
    "√taps · S (Singla & Feizi 2021)": (_ZERO_OR_CIRCULAR, _unfolding(False, True)),
    "√taps · T (Singla & Feizi 2021)": (_ZERO_OR_CIRCULAR, _unfolding(False, False)),
    "√taps · U (Singla & Feizi 2021)": (_ZERO_OR_CIRCULAR, _unfolding(True, True)),
    "least of the four (Singla & Feizi 2021)": (_ZERO_OR_CIRCULAR, fantastic),
    "Toeplitz symbol (Araujo et al. 2021)": (_ZERO_OR_CIRCULAR, toeplitz),
    "Gram iteration, circular (Delattre et al. 2023)": ("circular padding", gram_circular),
    "Gram iteration, zeros (Delattre et al. 2024)": (_ZERO_OR_CIRCULAR, gram_zero),
    "tensor norm (Grishina et al. 2024)": (f"{_ZERO_OR_CIRCULAR}; that the maximum was found", tensor),
    "power iteration, 10 steps": ("a start that is not orthogonal", _power(10)),
    "power iteration, 100 steps": ("a start that is not orthogonal", _power(100)),
    "circulant of the same size (Sedghi et al. 2019)": ("circular padding", same_circulant),
    "circulant around it": ("zero padding", larger_circulant),
    "supremum of the symbol": (_ZERO_OR_CIRCULAR, symbol_supremum),
    "Frobenius norm": ("nothing", frobenius),
    "√(‖C‖₁·‖C‖∞)": ("nothing", rows_and_columns),
}


def _around(C: Stencil, periods: tuple[int, ...]) -> Any:
    """The small matrices of a circulant, those of conjugate pairs once, or None if they are too many to hold."""
    symbol = Symbol.of(C)
    if math.prod(periods) * math.prod(symbol.coefficients.shape[C.rank :]) > NUMBERS:
        return None
    return symbol.half_around(periods)


def _powers(blocks: Any, squarings: int) -> tuple[Any, float]:
    """(ĈᴴĈ)^(2^squarings), kept near 1, and the logarithm of what was divided out."""
    power, logarithm = blocks.conj().swapaxes(-1, -2) @ blocks, 0.0
    for n in range(squarings + 1):
        size = _largest_frobenius(power)
        if size == 0:
            return power, 0.0
        power, logarithm = power / size, logarithm + math.log(size)
        if n < squarings:
            power, logarithm = power @ power, 2 * logarithm
    return power, logarithm


def _frobenius_of_powers(blocks: Any) -> float:
    power, logarithm = _powers(blocks, SQUARINGS)
    size = _largest_frobenius(power)
    return math.exp((math.log(size) + logarithm) / 2 ** (SQUARINGS + 1)) if size else 0.0


def _largest_frobenius(blocks: Any) -> float:
    return float(np.sqrt((np.abs(blocks) ** 2).sum((-1, -2)).max()))


def _sigma(M: Any) -> float:
    return float(np.linalg.norm(M, 2))
