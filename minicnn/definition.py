"""The definition of everything in minicnn: one trilinear form, stated as one sum. Read this file first.

On each spatial axis a tensor T of zeros and ones says which output o meets which input i through which kernel tap k:
T[o, k, i] = 1 exactly where u·i = s·o + d·k − p (`minicnn.Axis`). Channels have such a tensor, too: J[d, e, f, c] = 1
where output channel d is f, and c is the e-th input channel of its group (and the mask, if there is one, joins them).
With them a convolution is one form in three arrays, linear in each of them:

    τ(x, w, y) = Σ y[o₁, o₂, …, d] · w[k₁, k₂, …, e, f] · x[i₁, i₂, …, c]
                 · T₁[o₁, k₁, i₁] · T₂[o₂, k₂, i₂] · … · J[d, e, f, c]

What is left out of the sum is what remains:

- without y, the convolution y = C(w)·x;
- without x, its transpose x̄ = C(w)ᵀ·ȳ, the gradient with respect to the input;
- without w, w̄ = X(x)ᵀ·ȳ, the gradient with respect to the weights;
- without x and y, the convolution matrix C(w); without w and y, the patch matrix X(x).

So convolution, transposed convolution and both gradients are one formula (Goodfellow, Bengio and Courville, *Deep
Learning*, section 9.5, has them as three operations), and C(w)·vec(x) = X(x)·vec(w) because both are τ without y.
`minicnn.forms` computes the same faster. This file is what they are tested against.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.geometry import Geometry


def tau(
    geometry: Geometry,
    x: Shaped[Array, "*in c_in"] | None = None,
    w: Shaped[Array, "*kernel c_group c_out"] | None = None,
    y: Shaped[Array, "*out c_out"] | None = None,
) -> Shaped[Array, "..."]:
    """The trilinear form of a geometry, or what is left of it where arrays are left out.

    It multiplies with every zero of T and is meant for small shapes.

    Args:
        geometry: the axes and channels, as `Convolution.of(w_shape, in_size).geometry` gives them.
        x: one input, (*in, c_in).
        w: the kernel, (*kernel, c_in / groups, c_out).
        y: one output, or a cotangent of it, (*out, c_out).

    Returns:
        The sum over the indices of all arrays given, with the indices of those left out as its axes: first those of y,
        then those of w, then those of x.

    >>> from minicnn.forms import Convolution
    >>> geometry = Convolution.of((2, 1, 1), (3,)).geometry
    >>> w = jnp.array([1.0, 2.0]).reshape(2, 1, 1)
    >>> tau(geometry, w=w).reshape(2, 3)
    Array([[1., 2., 0.],
           [0., 1., 2.]], dtype=float32)
    >>> tau(geometry, x=jnp.array([1.0, 10.0, 100.0]).reshape(3, 1), w=w).ravel()
    Array([ 21., 210.], dtype=float32)
    """
    rank = len(geometry.axes)
    o, k, i = (tuple(range(n * rank, (n + 1) * rank)) for n in range(3))
    d, e, f, c = range(3 * rank, 3 * rank + 4)
    arrays = ((y, (*o, d)), (w, (*k, e, f)), (x, (*i, c)))
    factors = [(array, index) for array, index in arrays if array is not None]
    factors += [(axis.taps(), index) for axis, index in zip(geometry.axes, zip(o, k, i, strict=True), strict=True)]
    factors += [(geometry.channel_taps(), (d, e, f, c))]
    left = [place for array, index in arrays if array is None for place in index]
    operands = [part for factor in factors for part in factor]
    return jnp.einsum(*operands, left, precision=jax.lax.Precision.HIGHEST)
