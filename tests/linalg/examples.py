"""Small maps of every kind, and their dense matrices from NumPy."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn import maps

# The kernel of the published comparisons of padding modes.
TAPS = np.array([[2.0, 7, -1], [1, 3, -8], [5, -3, 1]])[..., None, None]


def kernel(*shape: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def separable(rows: int = 3, columns: int = 3, channels: tuple[int, int] = (2, 3)) -> Any:
    parts = [np.asarray(kernel(n, seed=n)).ravel() for n in (rows, columns)]
    return jnp.asarray(np.multiply.outer(np.multiply.outer(*parts), np.asarray(kernel(*channels))))


def mirrored(*shape: int) -> Any:
    w = kernel(*shape)
    w = w + w[::-1]
    return w + w[:, ::-1]


def conv(w: Any, in_size: tuple[int, ...] = (6, 4), **options: Any) -> maps.LinearMap:
    return minicnn.conv_map(w, in_size, **options)


EVEN = ((1, 0), (1, 0))
SAME: dict[str, Any] = {"padding": "SAME"}
# Each with the method that finds all of its values.
MAPS: dict[str, tuple[str, Callable[[], maps.LinearMap]]] = {
    "circular": ("fourier", lambda: conv(kernel(3, 3, 2, 3), **SAME, padding_mode="circular")),
    "circular, complex": ("fourier", lambda: conv(kernel(3, 2, 2, 2) * (1 + 2j), **SAME, padding_mode="circular")),
    "circular, stride": (
        "fourier",
        lambda: conv(kernel(3, 3, 2, 3), stride=2, padding=EVEN, padding_mode="circular"),
    ),
    "circular, stride and channels for it": (
        "fourier",
        lambda: conv(kernel(3, 3, 1, 4), stride=2, padding=EVEN, padding_mode="circular"),
    ),
    "circular, dilation and groups": (
        "fourier",
        lambda: conv(kernel(3, 3, 2, 4), dilation=2, groups=2, padding=2, padding_mode="circular"),
    ),
    "circular, transposed": ("fourier", lambda: conv(kernel(3, 3, 2, 3), **SAME, padding_mode="circular").T),
    "circular, one axis": ("fourier", lambda: conv(kernel(4, 2, 2), (7,), padding=((1, 2),), padding_mode="circular")),
    "circular, a multiple": ("fourier", lambda: 3 * conv(kernel(3, 3, 1, 1), **SAME, padding_mode="circular")),
    "one tap": ("kron", lambda: conv(kernel(1, 1, 2, 3) + kernel(1, 1, 2, 3, seed=1) * 1j)),
    "symmetric": ("dct", lambda: conv(mirrored(3, 3, 2, 3), **SAME, padding_mode="symmetric")),
    "symmetric, transposed": ("dct", lambda: conv(mirrored(3, 5, 2, 2), **SAME, padding_mode="symmetric").T),
    "separable, zeros": ("kron", lambda: conv(separable(), **SAME)),
    "separable, reflected, stride": ("kron", lambda: conv(separable(3, 2), **SAME, stride=2, padding_mode="reflect")),
    "separable, dilated, replicated": (
        "kron",
        lambda: conv(separable(), padding=2, dilation=2, padding_mode="replicate"),
    ),
    "average pool": (
        "kron",
        lambda: minicnn.avg_pool_map((6, 5, 2), (3, 2), stride=1, padding="SAME", dtype=jnp.float64),
    ),
    "bins": ("kron", lambda: minicnn.adaptive_avg_pool_map((5, 4, 2), (3, 2), dtype=jnp.float64)),
    "padding": ("kron", lambda: minicnn.pad_map((4, 3, 2), ((1, 2), (0, 1)), "reflect", jnp.float64)),
    "images": ("kron", lambda: maps.Batched(conv(kernel(3, 3, 1, 1)), (2,))),
    "between permutations": (
        "fourier",
        lambda: (
            maps.Permute((2, 0, 1), (6, 4, 3), jnp.dtype("float64"))
            @ maps.Reshape((1, 6, 4, 3), (6, 4, 3), jnp.dtype("float64"))
            @ maps.Batched(conv(kernel(3, 3, 2, 3), **SAME, padding_mode="circular"), (1,))
            @ maps.Permute((0, 2, 3, 1), (1, 2, 6, 4), jnp.dtype("float64"))
        ),
    ),
    "wide by tall": (
        "kron",
        lambda: maps.kronecker(*(maps.Dense(kernel(*s), s[1:], s[:1], jnp.dtype("float64")) for s in ((2, 4), (5, 3)))),
    ),
    "zeros": ("dense", lambda: conv(kernel(3, 3, 2, 3), **SAME)),
    "full, stride, groups, mask": (
        "dense",
        lambda: conv(kernel(3, 2, 2, 4), padding="FULL", stride=(2, 1), groups=2, mask=[[1, 0, 1, 1], [1, 1, 0, 1]]),
    ),
    "transposed": ("dense", lambda: conv(kernel(3, 3, 2, 3), stride=2).T),
    "composed": ("dense", lambda: conv(kernel(3, 3, 3, 2), (4, 2), **SAME) @ conv(kernel(3, 3, 2, 3))),
    "sum": ("dense", lambda: conv(kernel(3, 3, 2, 2), **SAME) + conv(kernel(5, 5, 2, 2), **SAME)),
    "blocks": ("dense", lambda: maps.block([[conv(kernel(3, 3, 1, 1)), None], [None, conv(kernel(2, 2, 1, 1))]])),
}


def dense(A: maps.LinearMap) -> np.ndarray:
    """The matrix from its non-zeros, so that nothing is compiled."""
    return A.to_scipy().toarray()
