"""A form is a way to hold C and to multiply by it. All forms give the same product."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms import diagonals, fourier, tiles
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.choice import Cost, best_cuts, dense_cost, diagonals_cost, fourier_cost, tiles_cost
from minicnn.forms.geometry import Geometry
from minicnn.forms.memory import check_fits
from minicnn.forms.tiles import Cut


class Form(ABC):
    """Two products with a batch of images: C(w)·x, and X(x)ᵀ·y for the weights.

    A form is static under `jax.jit`, so it has to be hashable: a frozen dataclass.
    """

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:  # noqa: B027
        """Raise, before anything is traced, for what this form cannot do. Most can do everything."""

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> "Form":
        """The form that is taken for these shapes: this one, unless it is a choice."""
        return self

    def portions(self, geometry: Geometry, batch: int) -> int:
        """In how many parts a batch is best taken where a cache is what limits it."""
        return 1

    @abstractmethod
    def product(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], how: Arithmetic
    ) -> Shaped[Array, "b *out co"]:
        """C(w)·x."""

    @abstractmethod
    def weights(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], how: Arithmetic
    ) -> Shaped[Array, "*k c co"]:
        """X(x)ᵀ·y."""


class _Cuts(Form):
    """A form that is a way to cut the axes."""

    @abstractmethod
    def cuts(self, geometry: Geometry, batch: int) -> Sequence[Cut]:
        """How every axis is cut."""

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        return tiles.product(geometry, self.cuts(geometry, x.shape[0]), x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return tiles.weights(geometry, self.cuts(geometry, x.shape[0]), x, y, how)


@dataclass(frozen=True)
class Dense(_Cuts):
    """All of C, entry by entry, as one tile: for small images, spectra and proofs."""

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse a C that does not fit into memory."""
        check_fits(geometry.out_shape, geometry.in_shape, dtype)

    def cuts(self, geometry: Geometry, batch: int) -> Sequence[Cut]:
        """Not at all."""
        return tuple(map(Cut.whole, geometry.axes))

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """Predicted cost of a product."""
        return dense_cost(geometry, batch)


@dataclass(frozen=True)
class Tiles(_Cuts):
    """C cut into tiles that share one small matrix.

    Attributes:
        tile: size of a tile, one int for every axis or one each; None lets the cost model choose, `of` included.
        of: what a tile is a block of: "outputs", with the windows of x that they read, or "inputs", with the windows
            of y that they reach; one word for every axis or one each.
    """

    tile: int | tuple[int, ...] | None = None
    of: str | tuple[str, ...] = "outputs"

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """Predicted cost of a product."""
        return tiles_cost(geometry, self.cuts(geometry, batch), batch)

    def portions(self, geometry: Geometry, batch: int) -> int:
        """As the cost model says."""
        return self.cost(geometry, batch).portions

    def cuts(self, geometry: Geometry, batch: int) -> Sequence[Cut]:
        """How every axis is cut.

        Raises:
            ValueError: if the tile or its words do not fit the axes.
        """
        if self.tile is None:
            return best_cuts(geometry, batch)
        rank = len(geometry.axes)
        sizes = (self.tile,) * rank if isinstance(self.tile, int) else self.tile
        words = (self.of,) * rank if isinstance(self.of, str) else self.of
        if len(sizes) != rank or min(sizes) < 1:
            raise ValueError(f"`tile`={self.tile!r} must give a size of at least 1 for each of {rank} axes")
        if len(words) != rank or not set(words) <= set(_CUTS):
            raise ValueError(f'`of`={self.of!r} must be "outputs" or "inputs", or one of them for each of {rank} axes')
        return [_CUTS[word](axis, size) for axis, size, word in zip(geometry.axes, sizes, words, strict=True)]


_CUTS = {"outputs": Cut.outputs, "inputs": Cut.inputs}


class _Module(Form):
    """A form whose products are the two functions of a module."""

    module: ClassVar[ModuleType]

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        return self.module.product(geometry, x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return self.module.weights(geometry, x, y, how)


@dataclass(frozen=True)
class Diagonals(_Module):
    """C as a sum of shifted, scaled diagonals, one per tap: for depthwise and few-tap kernels."""

    module = diagonals

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """Predicted cost of a product."""
        return diagonals_cost(geometry, batch)


@dataclass(frozen=True)
class Fourier(_Module):
    """C embedded in a circulant, diagonalised by the DFT: for large kernels. It rounds, on integers too."""

    module = fourier

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """Predicted cost of a product."""
        return fourier_cost(geometry, batch)

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse integers, which the transform would round."""
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise TypeError(
                f'`form`="fourier" rounds and the operands are {dtype}: use "tiles", which computes integers exactly'
            )


@dataclass(frozen=True)
class Auto(Form):
    """The form of least predicted cost.

    Fourier, which rounds where the others are exact on integers, must be predicted to be twice as fast.
    """

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> Form:
        """The cheapest."""
        return choose(geometry, batch, dtype)

    def product(self, geometry: Geometry, x: Array, w: Array, how: Arithmetic) -> Array:
        """C(w)·x."""
        return choose(geometry, x.shape[0], jnp.result_type(x, w)).product(geometry, x, w, how)

    def weights(self, geometry: Geometry, x: Array, y: Array, how: Arithmetic) -> Array:
        """X(x)ᵀ·y."""
        return choose(geometry, x.shape[0], jnp.result_type(x, y)).weights(geometry, x, y, how)


CHOICES: tuple[Tiles | Diagonals | Fourier, ...] = (Tiles(), Diagonals(), Fourier())


@lru_cache(maxsize=4096)
def choose(geometry: Geometry, batch: int, dtype: jnp.dtype) -> Form:
    """What `Auto` takes."""
    allowed = CHOICES if jnp.issubdtype(dtype, jnp.inexact) else CHOICES[:2]
    return min(allowed, key=lambda form: form.cost(geometry, batch).total * (2 if form == Fourier() else 1))


_NAMES: dict[str, Form] = {
    "auto": Auto(),
    "dense": Dense(),
    "tiles": Tiles(),
    "diagonals": Diagonals(),
    "fourier": Fourier(),
}


def as_form(form: str | Form) -> Form:
    """A form from its name; a form object is returned as it is.

    Raises:
        ValueError: for an unknown name.
        TypeError: for what is no form object, or one that cannot be hashed.
    """
    if isinstance(form, str):
        if form not in _NAMES:
            raise ValueError(f"`form`={form!r} is no form: use one of {', '.join(_NAMES)}, or a form object")
        return _NAMES[form]
    if not isinstance(form, Form):
        raise TypeError(
            f"`form`={form!r} is no form: use one of {', '.join(_NAMES)}, "
            "or an object whose class inherits from minicnn.forms.Form"
        )
    try:
        hash(form)
    except TypeError as error:
        raise TypeError(f"`form`={form!r} cannot be hashed: give it tuples for lists, and freeze its class") from error
    return form
