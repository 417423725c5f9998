"""The fourier form: C embedded in a circulant matrix, which the discrete Fourier transform diagonalises.

The window of x that any output reads is as long as the outputs and the kernel together, so that circular correlation
over it never wraps into an output: the convolution theorem with enough zeros. It rounds, also on integers, and takes
floating dtypes only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.form import Costed
from minicnn.forms.geometry import Geometry


@dataclass(frozen=True)
class Fourier(Costed):
    """C embedded in a circulant, diagonalised by the DFT: for large kernels. It rounds, on integers too."""

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse integers, which the transform would round."""
        if not jnp.issubdtype(dtype, jnp.inexact):
            raise TypeError(
                f'`form`="fourier" rounds and the operands are {dtype}: use "tiles", which computes integers exactly'
            )

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product."""
        size = math.prod(Circle.of(axis).size for axis in geometry.axes)
        kernels = geometry.c_in // geometry.groups * geometry.c_out
        spectra = size * (batch * (geometry.c_in + geometry.c_out) + kernels)
        return Cost(
            _COMPLEX * size * batch * kernels + _BUTTERFLY * spectra * math.log2(max(size, 2)), spectra, 0, _LOOPS
        )

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return _convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        return _correlate(geometry, x, y, arithmetic)


_COMPLEX = 30  # of half a spectrum, products of small complex matrices; fitted as `MOVING` was
_BUTTERFLY = 40  # per number and doubling of the transform
_LOOPS = 3  # that wind x and w up, and cut y out


@dataclass(frozen=True)
class Circle:
    """One axis wound up.

    Attributes:
        axis: the relation that is embedded.
        first: stretched input position that the first window starts at.
        outputs: length of the outputs with their strides in between.
        size: length of the circle, with no prime factor above 5, so that the transform is fast.
    """

    axis: Axis
    first: int
    outputs: int
    size: int

    @classmethod
    def of(cls, axis: Axis) -> "Circle":
        """The smallest fast circle on which no window wraps."""
        from scipy.fft import next_fast_len

        first, _ = axis.span(1)
        outputs = max(axis.T.stretched, 1)
        size = next_fast_len(outputs + axis.extent - 1, real=True)
        return cls(axis, first, outputs, cast(int, size))


def _convolve(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """Multiply x by C(w): transform, multiply frequency by frequency, transform back."""
    circles = [Circle.of(axis) for axis in geometry.axes]
    X = _transform(_inputs(x, circles, geometry.groups), circles, 1)
    W = _transform(_kernel(w.reshape(geometry.split_shape), circles), circles, 0, conjugate=True)
    # the spectra stay complex; the type that was asked for is that of the result
    y = _back(arithmetic.plain.einsum("b...gc,...cgd->b...gd", X, W), circles, 1, jnp.result_type(x, w))
    for position, circle in enumerate(circles, start=1):
        y = jax.lax.slice_in_dim(y, 0, circle.outputs, circle.axis.stride, position)
    return y.reshape(x.shape[0], *geometry.out_shape).astype(arithmetic.result_type(x, w))


def _correlate(
    geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], arithmetic: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """Multiply y by X(x)ᵀ: the correlation of x with y, at the taps."""
    circles = [Circle.of(axis) for axis in geometry.axes]
    X = _transform(_inputs(x, circles, geometry.groups), circles, 1)
    y_bar = y.reshape(*y.shape[:-1], geometry.groups, geometry.c_out // geometry.groups)
    Y = _transform(_strided(y_bar, circles), circles, 1, conjugate=True)
    w = _back(arithmetic.plain.einsum("b...gc,b...gd->...cgd", X, Y), circles, 0, jnp.result_type(x, y))
    for position, circle in enumerate(circles):
        w = jax.lax.slice_in_dim(w, 0, circle.axis.extent, abs(circle.axis.dilation), position)
        w = jnp.flip(w, position) if circle.axis.dilation < 0 else w
    return w.reshape(geometry.w_shape).astype(arithmetic.result_type(x, y))


def _inputs(x: Array, circles: Sequence[Circle], groups: int) -> Array:
    """The stretched input from the first window on, as long as the circle."""
    widths = [(0, 0, 0)] * x.ndim
    for position, circle in enumerate(circles, start=1):
        axis = circle.axis
        widths[position] = (-circle.first, circle.size + circle.first - axis.stretched, axis.stretch - 1)
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), widths)
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def _kernel(w: Array, circles: Sequence[Circle]) -> Array:
    """The taps |d| apart, in the order in which they meet the input."""
    widths = [(0, 0, 0)] * w.ndim
    for position, circle in enumerate(circles):
        w = jnp.flip(w, position) if circle.axis.dilation < 0 else w
        widths[position] = (0, circle.size - circle.axis.extent, abs(circle.axis.dilation) - 1)
    return jax.lax.pad(w, jnp.zeros((), w.dtype), widths)


def _strided(y: Array, circles: Sequence[Circle]) -> Array:
    """The outputs s apart."""
    widths = [(0, 0, 0)] * y.ndim
    for position, circle in enumerate(circles, start=1):
        length = circle.outputs if circle.axis.out_size else 0
        widths[position] = (0, circle.size - length, circle.axis.stride - 1)
    return jax.lax.pad(y, jnp.zeros((), y.dtype), widths)


def _transform(a: Array, circles: Sequence[Circle], start: int, conjugate: bool = False) -> Complex[Array, "..."]:
    """The DFT over the circles' axes, half of it where a is real; `conjugate` reverses the circle."""
    axes = range(start, start + len(circles))
    if jnp.iscomplexobj(a):
        return jnp.conj(jnp.fft.fftn(jnp.conj(a), axes=axes)) if conjugate else jnp.fft.fftn(a, axes=axes)
    wide = a.dtype if a.dtype == jnp.float64 else jnp.float32
    transformed = jnp.fft.rfftn(a.astype(wide), axes=axes)
    return jnp.conj(transformed) if conjugate else transformed


def _back(a: Complex[Array, "..."], circles: Sequence[Circle], start: int, dtype: jnp.dtype) -> Array:
    """The inverse DFT, real where both operands were."""
    axes = range(start, start + len(circles))
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return jnp.fft.ifftn(a, axes=axes)
    return jnp.fft.irfftn(a, s=[circle.size for circle in circles], axes=axes)
