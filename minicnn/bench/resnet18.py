"""ResNet-18 for small images: one network in plain JAX that takes its convolution as an argument.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, with the 3×3 stem that is usual for
32×32 images. Batches are normalised by their own statistics, as in training. Whoever convolves is all that differs
between ours and lax's, so a difference in time is the convolutions'.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Convolve = Callable[[Any, Any, int], Any]  # images, kernel and stride to images, padded so that stride 1 keeps the size

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels, and the stride of the first of two blocks
_EPSILON = 1e-5  # added to variances, as in the paper's code


def kernels(c_in: int) -> Iterator[tuple[int, int, int, int]]:
    """(taps per axis, channels in, channels out, stride) of every convolution, in the order of their parameters."""
    yield 3, c_in, STAGES[0][0], 1
    channels = STAGES[0][0]
    for width, first in STAGES:
        for stride in (first, 1):
            yield 3, channels, width, stride
            yield 3, width, width, 1
            if (channels, stride) != (width, 1):
                yield 1, channels, width, stride
            channels = width


def init(c_in: int, classes: int) -> list[Any]:
    """Draw the parameters by a fixed seed: (kernel, scale, shift) of each convolution, then the last (w, b)."""
    rng = np.random.default_rng(0)
    normal = lambda *shape: jnp.asarray(rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1])), jnp.float32)
    params: list[Any] = [
        (normal(taps, taps, into, out), jnp.ones(out), jnp.zeros(out)) for taps, into, out, _ in kernels(c_in)
    ]
    return [*params, (normal(STAGES[-1][0], classes), jnp.zeros(classes))]


def apply(convolve: Convolve, params: list[Any], x: Any) -> Any:
    """Compute the scores of a batch of channels-last images."""
    *layers, (w, b) = params
    left = iter(zip(layers, kernels(x.shape[-1]), strict=True))

    def convolved(x: Any) -> Any:
        (kernel, scale, shift), (*_, stride) = next(left)
        y = convolve(x, kernel, stride)
        mean, variance = y.mean((0, 1, 2)), y.var((0, 1, 2))
        return (y - mean) * (scale * jax.lax.rsqrt(variance + _EPSILON)) + shift

    x = jax.nn.relu(convolved(x))
    for width, first in STAGES:
        for stride in (first, 1):
            y = convolved(jax.nn.relu(convolved(x)))
            x = jax.nn.relu(y + (convolved(x) if (x.shape[-1], stride) != (width, 1) else x))
    return x.mean((1, 2)) @ w + b
