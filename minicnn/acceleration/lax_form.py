"""`jax.lax` itself as a form: what a product is left to where none of ours is expected to gain.

It holds no matrix. As a form it stands beside the others, so that each product of a convolution and of its derivatives,
to any order and under `jax.vmap`, is left to lax or not by itself.
"""

from dataclasses import dataclass

import jax
from jaxtyping import Array

from minicnn.axis import Axis
from minicnn.forms import Arithmetic, Form, Geometry


@dataclass(frozen=True)
class Lax(Form):
    """`jax.lax.conv_general_dilated`, and its transpose in the kernel."""

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Convolve x with w."""
        backwards = [n for n, axis in enumerate(geometry.axes) if axis.dilation < 0]
        axes = [axis.flipped if axis.dilation < 0 else axis for axis in geometry.axes]
        rank = len(axes)
        spatial = tuple(range(1, rank + 1))
        kernel = tuple(range(rank))
        images = (0, rank + 1, *spatial)
        return jax.lax.conv_general_dilated(
            jax.numpy.asarray(x),
            jax.lax.rev(w, backwards) if backwards else w,
            [axis.stride for axis in axes],
            [_widths(axis) for axis in axes],
            [axis.stretch for axis in axes],
            [axis.dilation for axis in axes],
            jax.lax.ConvDimensionNumbers(images, (rank + 1, rank, *kernel), images),
            geometry.groups,
            precision=arithmetic.precision,
            preferred_element_type=arithmetic.result_type(x, w),
        )

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        dtype = arithmetic.result_type(x, y)
        w = jax.ShapeDtypeStruct(geometry.w_shape, dtype)
        times_x = lambda w: self.convolve(geometry, x.astype(dtype), w, Arithmetic(arithmetic.precision))
        (w_bar,) = jax.linear_transpose(times_x, w)(y.astype(dtype))
        return w_bar


def _widths(axis: Axis) -> tuple[int, int]:
    """The padding at both ends, which is negative where it crops, from the first tap read to the last."""
    last = axis.stride * (axis.out_size - 1) + axis.dilation * (axis.kernel_size - 1) - axis.low
    return axis.low, last + 1 - axis.stretched
