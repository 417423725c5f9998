"""A form is a way to hold C and to multiply by it. All forms give the same product."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Array, Shaped

from minicnn.forms import dense, diagonals, tiles
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.choice import backwards, best_tile
from minicnn.forms.geometry import Geometry
from minicnn.forms.memory import check_fits


class Form(Protocol):
    """Two products with a batch of images: C(w)·x, and X(x)ᵀ·y for the weights."""

    def product(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
    ) -> Shaped[Array, "b *out co"]:
        """C(w)·x."""
        ...

    def weights(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
    ) -> Shaped[Array, "*k c co"]:
        """X(x)ᵀ·y."""
        ...


@dataclass(frozen=True)
class Dense:
    """All of C, entry by entry: for small images, spectra and proofs."""

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        check_fits(geometry.out_shape, geometry.in_shape, w.dtype)
        return dense.product(geometry, x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        check_fits(geometry.out_shape, geometry.in_shape, y.dtype)
        return dense.weights(geometry, x, y, how)


@dataclass(frozen=True)
class Tiles:
    """C cut into tiles of outputs that share one small matrix.

    Attributes:
        tile: outputs per tile, one int for every axis or one each; None lets the cost model choose.
    """

    tile: int | Sequence[int] | None = None

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        if self.tile is None and backwards(geometry, x.shape[0]):
            return tiles.adjoint(geometry, self._tile(geometry.T, x), x, w, how)
        return tiles.product(geometry, self._tile(geometry, x), x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        if self.tile is None and backwards(geometry, x.shape[0]):
            swapped = tiles.weights(geometry.T, self._tile(geometry.T, x), y, x, how)
            return swapped.reshape(geometry.T.split_shape).swapaxes(-1, -3).reshape(geometry.w_shape)
        return tiles.weights(geometry, self._tile(geometry, x), x, y, how)

    def _tile(self, geometry: Geometry, x: Array) -> Sequence[int]:
        if self.tile is None:
            return best_tile(geometry, x.shape[0])
        sizes = (self.tile,) * len(geometry.axes) if isinstance(self.tile, int) else self.tile
        if len(sizes) != len(geometry.axes) or min(sizes) < 1:
            raise ValueError(
                f"`tile`={self.tile!r} must give a size of at least 1 for each of {len(geometry.axes)} axes"
            )
        return sizes


@dataclass(frozen=True)
class Diagonals:
    """C as a sum of shifted, scaled diagonals, one per tap: for depthwise and few-tap kernels."""

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        return diagonals.product(geometry, x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return diagonals.weights(geometry, x, y, how)


@dataclass(frozen=True)
class Auto:
    """Diagonals for depthwise kernels of few taps, tiles for all others."""

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        return _choose(geometry).product(geometry, x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return _choose(geometry).weights(geometry, x, y, how)


_MAX_DIAGONALS = 64


def _choose(geometry: Geometry) -> Form:
    depthwise = geometry.groups > 1 and geometry.groups == geometry.c_in
    few = math.prod(axis.kernel_size for axis in geometry.axes) <= _MAX_DIAGONALS
    return Diagonals() if depthwise and few else Tiles()


_NAMES: dict[str, Form] = {"auto": Auto(), "dense": Dense(), "tiles": Tiles(), "diagonals": Diagonals()}


def as_form(form: str | Form) -> Form:
    """A form from its name; a form object is returned as it is.

    Raises:
        ValueError: for an unknown name.
    """
    if not isinstance(form, str):
        return form
    if form not in _NAMES:
        raise ValueError(f"`form`={form!r} is no form: use one of {', '.join(_NAMES)}, or a form object")
    return _NAMES[form]
