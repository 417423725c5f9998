"""What `jax.lax` is predicted to take for the products of a convolution on a CPU, in the unit of `minicnn.forms.cost`.

XLA has one fast kernel for convolutions on CPUs: of single and shorter floats, without groups. It packs windows and
multiplies them by the kernel, output channels side by side in vectors. Everything else is a loop over single numbers.
"""

import math

import jax.numpy as jnp

from minicnn.forms import Geometry

# All constants were read off the times of lax and of ours for the three products of 28 convolutions (those of
# `minicnn bench` and others, batches of 1 to 128), measured in turn on two shared cores of an AMD EPYC with AVX2.
# A multiply-add in XLA's kernel, in multiply-adds of a matrix product: 1.0 to 1.5 from 32 output channels on.
_KERNEL = 1.2
# Output channels below which that kernel is slower in proportion: 16 took 2.7, 6 took 6 and 3 took 8.
_LANES = 32
# The same, for a kernel of one tap, whose windows are packed nonetheless: 1.3 to 2.1.
_POINT = 1.5
# A multiply-add in a loop over single numbers: 17 with 4 groups and in float64, up to 600 for depthwise kernels.
_LOOP = 15.0


def lax_cost(geometry: Geometry, batch: int, dtype: jnp.dtype) -> float:
    """The predicted cost of one product; the zeros between stretched inputs are multiplied."""
    multiplied = batch * math.prod(geometry.out_shape) * math.prod(geometry.w_shape[:-1])
    return multiplied * _each(geometry, dtype)


def _each(geometry: Geometry, dtype: jnp.dtype) -> float:
    """The cost of a multiply-add."""
    if geometry.groups > 1 or dtype not in _FAST:
        return _LOOP
    taps = math.prod(axis.kernel_size for axis in geometry.axes)
    return (_POINT if taps == 1 else _KERNEL) * max(1.0, _LANES / geometry.c_out)


_FAST = {jnp.dtype(name) for name in ("float32", "float16", "bfloat16")}
