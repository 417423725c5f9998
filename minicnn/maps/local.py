"""The relatives of convolution that share fewer weights: tiled layers, and locally connected ones, which share none.

Goodfellow, Bengio and Courville, *Deep Learning*, equations 9.9 and 9.10, with o mod t for the tile.
"""

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis, triples
from minicnn.maps.algebra import Compose
from minicnn.maps.base import Entries, Shape, TransposableMap, derived, linear_map, static
from minicnn.maps.contraction import Contraction
from minicnn.maps.elementary import Reshape
from minicnn.maps.indexing import Slice
from minicnn.maps.windows import Unfold


@linear_map
class TiledMap(TransposableMap):
    """The matrix of a tiled convolution: output o has the kernel w[o mod t]. With t = 1 it is C(w)."""

    w: Shaped[Array, "*tile_kernel c co"]
    w_shape: Shape = static()
    axes: tuple[Axis, ...] = static()
    dtype: jnp.dtype = static()

    in_shape = derived(lambda self: (*(axis.in_size for axis in self.axes), self.w_shape[-2]))
    out_shape = derived(lambda self: (*(axis.out_size for axis in self.axes), self.w_shape[-1]))
    tile = derived(lambda self: self.w_shape[: len(self.axes)])

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: those of the convolution with one of the kernels."""
        return math.prod(axis.nnz for axis in self.axes) * self.w_shape[-2] * self.w_shape[-1]

    @property
    def factors(self) -> Compose:
        """The same matrix as a product: unfold x, multiply every window by its kernel, drop what overhangs."""
        rank, tile, channels = len(self.axes), self.tile, self.w_shape[-1]
        axes, spec = whole_tiles(self.axes, tile), tile_spec(rank)
        U = Unfold(axes, self.w_shape[-2], self.dtype)
        split = split_shape(axes, tile)
        K = Contraction(
            self.w.reshape(*tile, U.out_shape[-1], channels),
            spec,
            (*split, U.out_shape[-1]),
            (*split, channels),
            None,
            self.dtype,
        )
        y_shape = (*U.out_shape[:-1], channels)
        crop = Slice((0,) * (rank + 1), self.out_shape, (1,) * (rank + 1), y_shape, self.dtype)
        return Compose(
            (crop, Reshape(K.out_shape, y_shape, self.dtype), K, Reshape(U.out_shape, K.in_shape, self.dtype), U)
        )

    def apply(self, x: Shaped[Array, "b *in ci"]) -> Shaped[Array, "b *out co"]:
        """Multiply every window of x by the kernel of its place in the tile."""
        return self.factors.apply(x)

    def apply_transpose(self, y: Shaped[Array, "b *out co"]) -> Shaped[Array, "b *in ci"]:
        """Send every output back through its own kernel."""
        return self.factors.T.apply(y)

    def sparse(self) -> Entries:
        """List, for every output, tap and input that meet, the weight of that tap in the output's kernel."""
        outputs, taps, inputs = triples(self.axes)
        places = np.unravel_index(outputs, self.out_shape[:-1])
        kernel = np.zeros_like(outputs)
        for place, t in zip(places, self.tile, strict=True):
            kernel = kernel * t + place % t
        size = math.prod(axis.kernel_size for axis in self.axes)
        weights = np.asarray(self.w).reshape(-1, *self.w_shape[-2:])[kernel * size + taps]
        c, d = (index.ravel() for index in np.indices(self.w_shape[-2:]))
        rows = np.add.outer(outputs * self.w_shape[-1], d).ravel()
        return rows, np.add.outer(inputs * self.w_shape[-2], c).ravel(), weights[:, c, d].ravel()


@linear_map
class LocalMap(TiledMap):
    """The matrix of a locally connected layer: a kernel for every output, a tile as large as the output.

    It has the non-zeros of a convolution, and every one of them is a weight of its own.
    """


def tiled_patches(x: Shaped[Array, "*in ci"], w_shape: Shape, axes: tuple[Axis, ...], dtype: jnp.dtype) -> Compose:
    """The matrix that multiplies vec(w) in a tiled convolution of one x: every window of x against its own kernel."""
    rank, channels = len(axes), w_shape[-1]
    tile, whole = w_shape[:rank], whole_tiles(axes, w_shape[:rank])
    windows, kernels, outputs = tile_spec(rank)
    U, split = Unfold(whole, w_shape[-2], dtype), split_shape(whole, tile)
    taps = U.out_shape[-1]
    patches = U(x).reshape(*split, taps)
    K = Contraction(patches, (kernels, windows, outputs), (*tile, taps, channels), (*split, channels), None, dtype)
    y_shape, out_shape = (*U.out_shape[:-1], channels), (*(axis.out_size for axis in axes), channels)
    crop = Slice((0,) * (rank + 1), out_shape, (1,) * (rank + 1), y_shape, dtype)
    return Compose((crop, Reshape(K.out_shape, y_shape, dtype), K, Reshape(w_shape, K.in_shape, dtype)))


def whole_tiles(axes: tuple[Axis, ...], tile: Shape) -> tuple[Axis, ...]:
    """Give the axes as many more outputs as fill the last tile."""
    return tuple(replace(axis, out_size=-(-axis.out_size // t) * t) for axis, t in zip(axes, tile, strict=True))


def split_shape(axes: tuple[Axis, ...], tile: Shape) -> Shape:
    """Split the outputs into (tile, place in tile) on every axis."""
    return tuple(size for axis, t in zip(axes, tile, strict=True) for size in (axis.out_size // t, t))


def tile_spec(rank: int) -> tuple[str, str, str]:
    """State the product of windows and kernels: m counts tiles, t places in a tile, k taps and channels, d outputs."""
    if rank > len("mnpq"):
        raise NotImplementedError(f"tiled convolution over {rank} spatial axes: at most 4 have index letters")
    places = "tuvw"[:rank]
    both = "".join(map("".join, zip("mnpq"[:rank], places, strict=True)))
    return f"{both}k", f"{places}kd", f"{both}d"
