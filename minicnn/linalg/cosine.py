"""The method `dct`: with symmetric padding and an even kernel C is diagonalised by the DCT-II.

Half-sample symmetric padding continues the image by its mirror image. A kernel that is its own mirror image on every
axis keeps that symmetry, so that cosines are its eigenvectors, and the symbol at the frequencies πj/n its small
matrices. Padding by reflection about the last positions ("reflect") is another symmetry, which the DCT-II does not
have.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from minicnn.linalg import diagonalised
from minicnn.linalg.diagonalised import Factored, Layout, function_of, vectors_of
from minicnn.linalg.magnitudes import determinant
from minicnn.linalg.stencils import Stencil, oriented
from minicnn.linalg.symbols import Symbol, cosine_waves
from minicnn.maps import LinearMap


def refusal(A: LinearMap) -> str:
    """Why the DCT-II does not diagonalise the map, or nothing."""
    C, _ = oriented(A)
    return "it is not a convolution, nor the transpose of one" if C is None else _border(C) or _kernel(C)


def _border(C: Stencil) -> str:
    """Why the borders do not keep the mirror image, or nothing."""
    for n, border in enumerate(C.borders):
        axis = border.axis
        if border.mode != "symmetric" and not border.stays_inside:
            return f"axis {n} has the padding mode {border.mode!r}, not symmetric"
        if axis.stride > 1 or axis.in_size != axis.out_size:
            return f"axis {n} has {axis.in_size} inputs and {axis.out_size} outputs: it takes as many, and stride 1"
        if (border.offsets + border.offsets[::-1]).any():
            return (
                f"on axis {n} the kernel is not centred: its taps read from {border.offsets[0]} to {border.offsets[-1]}"
            )
    return ""


def _kernel(C: Stencil) -> str:
    """Why the kernel does not keep the mirror image, or nothing."""
    if not C.concrete:
        return "whether its kernel is symmetric is not known while it is traced"
    w = np.asarray(C.w)
    for n in range(C.rank):
        if not np.array_equal(w, np.flip(w, n)):
            return f"its kernel is not its own mirror image on axis {n}"
    return ""


def blocks(C: Stencil) -> Inexact[Array, "*n g d c"]:
    """The symbol at the frequencies of the DCT-II, real for a real kernel."""
    symbol = Symbol.of(C)
    waves = [cosine_waves(axis.out_size, powers) for axis, powers in zip(C.axes, symbol.offsets, strict=True)]
    found = symbol.through(waves)
    return found if jnp.iscomplexobj(C.w) else found.real


def values(A: LinearMap) -> Array:
    """All singular values."""
    return jnp.sort(jnp.linalg.svd(blocks(_of(A)), full_matrices=False, compute_uv=False).ravel(), descending=True)


def function(A: LinearMap, f: Callable[[Array], Array]) -> LinearMap:
    """U·f(Σ)·Vᴴ in the basis of cosines."""
    return function_of(A, blocks, "dct", f)


def vectors(A: LinearMap) -> Factored:
    """All singular vectors."""
    return vectors_of(A, blocks, "dct")


def several(A: LinearMap, k: int) -> tuple[Array, Array, Array]:
    """The k largest values with their vectors, (U, s, Vh)."""
    return diagonalised.several(vectors(A), k)


def slogdet(A: LinearMap) -> tuple[Array, Array]:
    """The product and the sum over all frequencies."""
    signs, logs = determinant(blocks(_of(A)))
    return jnp.prod(signs), jnp.sum(logs)


def top(A: LinearMap) -> tuple[Array, Array, Array]:
    """A left singular vector of the largest value, the value, and the right one: a wave of cosines."""
    C, transposed = oriented(A)
    assert C is not None
    U, s, Vh = jnp.linalg.svd(blocks(C), full_matrices=False)
    place = jnp.unravel_index(jnp.argmax(s[..., 0]), s.shape[:-1])
    outputs, inputs = Layout.of(C, "dct")

    def wave(layout: Layout, direction: Any) -> Array:
        spectrum = jnp.zeros((*s.shape[:-1], len(direction)), direction.dtype).at[place].set(direction)
        return layout.back(spectrum[None])[0]

    u, v = wave(outputs, U[place][:, 0]), wave(inputs, Vh[place][0].conj())
    return (v.conj(), s[place][0], u.conj()) if transposed else (u, s[place][0], v)


def _of(A: LinearMap) -> Stencil:
    C, _ = oriented(A)
    assert C is not None
    return C
