"""Stencils: maps that multiply the same weights into every window, with any border and any stride.

A stencil is y[o] = Σ w[k]·x[s·o + d·k − p] with a rule for positions that leave the input. A convolution is one, with
its padding and with a factor in front; so are pools that sum or average equal windows. What holds for all of them is
derived from here: their symbols, their norms, and which method is exact for them.
"""

import math
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from minicnn.axis import Axis
from minicnn.forms import Arithmetic, Geometry, as_form
from minicnn.forms.tables import MODES, PadAxis
from minicnn.forms.trilinear import masked
from minicnn.jax_internals import Tracer
from minicnn.maps import AveragePool, Compose, ConvMap, LinearMap, Pad, Scale, WindowSum, compose
from minicnn.maps.pooling import window_counts


@dataclass(frozen=True)
class Border:
    """One axis of a stencil: the relation to the unpadded input, and what is read beyond its ends.

    Attributes:
        axis: the relation, with stretch 1; its low padding counts from the input's first position.
        mode: a way of padding, as in `minicnn.pad`.
    """

    axis: Axis
    mode: str = "zeros"

    @property
    def offsets(self) -> Int[np.ndarray, " k"]:
        """Where each tap reads, relative to s·o: d·k − p."""
        return np.asarray(self.axis.position(0, np.arange(self.axis.kernel_size)))

    @property
    def stays_inside(self) -> bool:
        """Whether no window leaves the input, so that the border does not matter."""
        first, last = self.axis.span(self.axis.out_size)
        return first >= 0 and last < self.axis.in_size

    def reads(self) -> Int[np.ndarray, "out k"]:
        """The input position that each output reads through each tap, or the input's size where it reads a zero."""
        o = np.arange(self.axis.out_size)[:, None]
        return MODES[self.mode].copied(np, self.axis.stride * o + self.offsets[None], self.axis.in_size)

    def coincidences(self) -> Int[np.ndarray, "k k"]:
        """For each pair of taps the number of outputs that read one position through both: ⟨S_k, S_l⟩ of 0/1 matrices.

        >>> Border(Axis.of(3, 2, padding=((1, 0))), "replicate").coincidences()
        array([[3, 1],
               [1, 3]])
        """
        reads, n = self.reads(), self.axis.in_size
        if self.mode == "zeros" or self.stays_inside:  # where nothing is copied, the taps of a window do not meet
            return np.diag((reads < n).sum(0))
        return np.stack([((reads[:, [k]] == reads) & (reads < n)).sum(0) for k in range(self.axis.kernel_size)])

    def padded(self) -> tuple[Axis, PadAxis | None]:
        """The same relation as one to the padded input, and the padding; None where there is none to be made."""
        if self.mode == "zeros" or self.stays_inside:
            return self.axis, None
        first, last = self.axis.span(self.axis.out_size)
        pad = PadAxis(self.axis.in_size, max(-first, 0), max(last + 1 - self.axis.in_size, 0), self.mode)
        return replace(self.axis, in_size=pad.out_size, low=self.axis.low - pad.low), pad


@dataclass(frozen=True)
class Stencil:
    """Weights and borders.

    Attributes:
        w: (*kernel, c_in / groups, c_out), with zeros where a mask joins no channels.
        borders: one for each spatial axis.
        groups: blocks of channels that do not meet.
    """

    w: Any
    borders: tuple[Border, ...]
    groups: int = 1

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The relation on each axis."""
        return tuple(border.axis for border in self.borders)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.borders)

    @property
    def split(self) -> Any:
        """The weights with their groups apart, (*kernel, c_in / groups, groups, c_out / groups)."""
        return self.w.reshape(*self.w.shape[:-1], self.groups, self.w.shape[-1] // self.groups)

    @property
    def zero_padded(self) -> bool:
        """Whether nothing but zeros is read beyond the ends, so that C is part of a larger convolution's matrix."""
        return all(border.mode == "zeros" or border.stays_inside for border in self.borders)

    @property
    def entries_are_taps(self) -> bool:
        """Whether no entry of the matrix is a sum of several taps."""
        tables = (border.coincidences() for border in self.borders)
        return all(np.count_nonzero(table) == np.count_nonzero(np.diag(table)) for table in tables)

    @property
    def concrete(self) -> bool:
        """Whether the weights are numbers that can be looked at; under `jax.jit` they are not."""
        return not isinstance(self.w, Tracer)

    def in_float64(self) -> "Stencil":
        """The same stencil in NumPy's double precision, for certificates, whatever JAX computes in."""
        w = np.asarray(self.w)
        return replace(self, w=w.astype(np.complex128 if np.iscomplexobj(w) else np.float64))

    def with_weights(self, w: Shaped[Array, "*kernel c co"]) -> LinearMap:
        """The map of other weights with the same borders."""
        axes, pads = zip(*(border.padded() for border in self.borders), strict=True)
        geometry = Geometry(axes, w.shape[-2] * self.groups, w.shape[-1], self.groups)
        C = ConvMap(w, geometry, as_form("auto"), Arithmetic(), w.dtype)
        if not any(pads):
            return C
        pads = tuple(pad or PadAxis(axis.in_size, 0, 0) for axis, pad in zip(axes, pads, strict=True))
        return compose(C, Pad(pads, geometry.c_in, w.dtype))


def check_is_map(A: Any) -> None:
    """Refuse what is not a map.

    Raises:
        TypeError: naming what was given instead.
    """
    if not isinstance(A, LinearMap):
        raise TypeError(f"`A` is {type(A).__name__}: give a LinearMap, such as minicnn.conv_map makes")


@singledispatch
def stencil(A: LinearMap) -> Stencil | None:
    """The map as a stencil, or None if it is not one.

    >>> stencil(minicnn.conv_map(jnp.ones((3, 1, 1)), (5,), padding=1, padding_mode="circular")).borders[0].mode
    'circular'
    """
    return None


@stencil.register
def _conv(A: ConvMap) -> Stencil | None:
    geometry = A.geometry
    if any(axis.stretch > 1 for axis in geometry.axes) or 0 in (*A.w.shape, *A.in_shape, *A.out_shape):
        return None
    return Stencil(masked(A.w, geometry), tuple(map(Border, geometry.axes)), geometry.groups)


@stencil.register
def _window_sum(A: WindowSum) -> Stencil | None:
    kernel = tuple(axis.kernel_size for axis in A.axes)
    geometry = Geometry(A.axes, A.channels, A.channels, A.channels)
    return stencil(
        ConvMap(jnp.ones((*kernel, 1, A.channels), A.dtype), geometry, as_form("auto"), Arithmetic(), A.dtype)
    )


@stencil.register
def _average(A: AveragePool) -> Stencil | None:
    counts = [np.unique(window_counts(axis, pads)) for axis, pads in zip(A.axes, A.counted, strict=True)]
    S = stencil(A.S)
    return (
        replace(S, w=S.w / math.prod(int(each[0]) for each in counts))
        if S and all(len(each) == 1 for each in counts)
        else None
    )


@stencil.register
def _product(A: Compose) -> Stencil | None:
    """A factor, a convolution and the padding before it, all but the convolution optional."""
    numbers = [factor.c for factor in A.factors if isinstance(factor, Scale)]
    match [factor for factor in A.factors if not isinstance(factor, Scale)]:
        case [C]:
            found = stencil(C)
        case [C, Pad() as P]:
            found = _behind(P, stencil(C))
        case _:
            found = None
    return replace(found, w=math.prod(numbers, start=found.w)) if found else None


def _behind(P: Pad, C: Stencil | None) -> Stencil | None:
    """The stencil of padded inputs as one of the inputs themselves, if its windows stay within what is padded."""
    if C is None or not all(border.stays_inside for border in C.borders):
        return None
    borders = (
        Border(replace(axis, in_size=pad.in_size, low=axis.low + pad.low), pad.mode)
        for axis, pad in zip(C.axes, P.padded, strict=True)
    )
    return replace(C, borders=tuple(borders))


def oriented(A: LinearMap) -> tuple[Stencil | None, bool]:
    """The stencil of A, or of its transpose, and whether it is the transpose's."""
    found = stencil(A)
    return (found, False) if found else (stencil(A.T), True)
