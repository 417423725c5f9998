"""The method `fourier`: with circular padding C is block circulant, and the DFT takes it apart.

For every frequency there is one small matrix, the symbol there (Sedghi, Gupta & Long, *The singular values of
convolutional layers*, arXiv 1805.10408), also with a stride that divides the input, and for each group by itself. The
symbol is a polynomial in few waves, so that nothing of the size of the image is transformed; and a real kernel has
conjugate matrices at opposite frequencies, so that half of them are enough.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from minicnn.linalg import diagonalised
from minicnn.linalg.diagonalised import Factored, Layout, function_of, vectors_of
from minicnn.linalg.frames import sign_of
from minicnn.linalg.magnitudes import determinant, length, normalised
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, largest_of
from minicnn.maps import LinearMap


def refusal(A: LinearMap) -> str:
    """Why the DFT does not diagonalise the map, or nothing."""
    C, _ = oriented(A)
    return "it is not a convolution, nor the transpose of one" if C is None else circular(C)


def circular(C: Stencil) -> str:
    """Why a stencil does not commute with shifts around the circle, or nothing."""
    for n, border in enumerate(C.borders):
        axis = border.axis
        if border.mode != "circular" and not border.stays_inside:
            return f"axis {n} has the padding mode {border.mode!r}, not circular"
        if axis.in_size != axis.stride * axis.out_size:
            steps = f"{axis.out_size} outputs of stride {axis.stride}"
            return f"on axis {n} {steps} do not go once around {axis.in_size} inputs"
    return ""


def values(A: LinearMap) -> Array:
    """All singular values, row after row of frequencies, so that no more than a row of matrices is held at once."""
    C, _ = oriented(A)
    assert C is not None
    rows, half = _half(C)
    symbol = Symbol.of(C)

    def row(wave: Array) -> Array:
        return jnp.linalg.svd(symbol.through([wave[None], *rows[1:]])[0], full_matrices=False, compute_uv=False)

    if C.rank == 1:
        found = jnp.linalg.svd(symbol.through(rows), full_matrices=False, compute_uv=False)
    else:
        found = jax.lax.map(row, jnp.asarray(rows[0]))
    return jnp.sort(jnp.take(found, half, axis=C.rank - 1).ravel(), descending=True)


def blocks(C: Stencil) -> Inexact[Array, "*m g d sc"]:
    """The symbol at every frequency of the circle."""
    return Symbol.of(C).around([axis.out_size for axis in C.axes])


def function(A: LinearMap, f: Callable[[Array], Array]) -> LinearMap:
    """U·f(Σ)·Vᴴ in the Fourier basis."""
    return function_of(A, blocks, "fourier", f)


def vectors(A: LinearMap) -> Factored:
    """All singular vectors."""
    return vectors_of(A, blocks, "fourier")


def several(A: LinearMap, k: int) -> tuple[Array, Array, Array]:
    """The k largest values with their vectors, (U, s, Vh)."""
    return diagonalised.several(vectors(A), k)


def slogdet(A: LinearMap) -> tuple[Array, Array]:
    """The sum over all frequencies of what the small matrices' determinants are; a stride permutes the inputs."""
    C, _ = oriented(A)
    assert C is not None
    signs, logs = determinant(blocks(C))
    sign = jnp.prod(signs) * _sign_of_phases(Layout.of(C, "fourier")[1])
    return (sign if jnp.iscomplexobj(C.w) else jnp.sign(sign.real)), jnp.sum(logs)


def top(A: LinearMap) -> tuple[Array, Array, Array]:
    """A left singular vector of the largest value, the value, and the right one: a plane wave, its real part if A is.

    The waves at opposite frequencies share one value, and the derivative of a real kernel is the same in both.
    """
    C, transposed = oriented(A)
    assert C is not None
    (first, *rest), _ = _half(C)
    symbol = Symbol.of(C)
    values = jax.lax.map(lambda wave: largest_of(symbol.through([wave[None], *rest])[0]), jnp.asarray(first))
    place = jnp.unravel_index(jnp.argmax(values), values.shape)
    block = symbol.through([jnp.asarray(wave)[j][None] for wave, j in zip((first, *rest), place, strict=True)])
    _, s, Vh = jnp.linalg.svd(block.reshape(block.shape[C.rank :]), full_matrices=False)
    group = jnp.argmax(s[:, 0])
    _, inputs = Layout.of(C, "fourier")
    spectrum = jnp.zeros((*inputs.frequencies, *Vh.shape[:1], Vh.shape[-1]), Vh.dtype)
    spectrum = spectrum.at[(*place, group)].set(Vh[group, 0].conj())
    v = inputs.back(spectrum[None])[0]
    if not jnp.iscomplexobj(C.w):
        largest = v.ravel()[jnp.argmax(jnp.abs(v))]
        v = (v * (largest.conj() / jnp.abs(largest).astype(v.dtype))).real
    v = normalised(v)
    forward = A.T if transposed else A
    u = forward(v.astype(A.dtype))
    sigma, u = length(u), normalised(u)
    return (v.conj(), sigma, u.conj()) if transposed else (u, sigma, v)


def _half(C: Stencil) -> tuple[list[Any], np.ndarray]:
    """The waves of the frequencies that are needed, and for each one of the last axis which of them stands for it."""
    symbol, sizes = Symbol.of(C), [axis.out_size for axis in C.axes]
    j = np.arange(sizes[-1])
    return symbol.half_waves(sizes), np.minimum(j, sizes[-1] - j) if symbol.real else j


def _sign_of_phases(inputs: Layout) -> int:
    """The sign of the permutation that puts the positions of a stride side by side."""
    if max(inputs.strides) == 1:
        return 1
    return sign_of(inputs.places.ravel())
