"""The cells of Fukushima's Neocognitron of 1980: S-cells that detect features, C-cells that allow them to move.

Planes are channels: an S-layer's a has the shape (5, 5, K, planes), and every cell of a plane has the same a, so that
its weighted sum is a convolution. Cells are one input step apart in every layer, as in the paper's sizes.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

import minicnn


def s_cell(excitation: ArrayLike, inhibition: ArrayLike, r: float) -> Array:
    """r·φ[(1 + Σ a·u)/(1 + 2r/(1 + r)·b·v) − 1], where φ is 0 below 0.

    Args:
        excitation: Σ a·u, the weighted sum of the C-cells before it.
        inhibition: b·v, the inhibiting cell's output times the modifiable synapse b.
        r: how much inhibition counts; a pattern must be more similar than r/(1 + r) to the learned one.

    >>> round(float(s_cell(3.0, 0.5, 1.0)), 3)
    1.667
    """
    x = (1 + jnp.asarray(excitation)) / (1 + 2 * r / (1 + r) * jnp.asarray(inhibition)) - 1
    return r * jax.nn.relu(x)


def c_cell(excitation: ArrayLike, inhibition: ArrayLike, alpha: float) -> Array:
    """ψ[(1 + Σ d·u)/(1 + v) − 1], where ψ[x] is x/(α + x) above 0 and 0 below.

    >>> round(float(c_cell(2.0, 0.5, 0.5)), 3)
    0.667
    """
    x = jax.nn.relu((1 + jnp.asarray(excitation)) / (1 + jnp.asarray(inhibition)) - 1)
    return x / (alpha + x)


def root_mean_square(u: Float[Array, "*n h w k"], c: Float[ArrayLike, "a b"], padding: int) -> Float[Array, "*n y x 1"]:
    """The inhibiting S-cell's output v = √(Σ c·u²), over an area of every plane; Σ c over all of it is 1."""
    spread = jnp.broadcast_to(jnp.asarray(c)[..., None, None] / u.shape[-1], (*np.shape(c), u.shape[-1], 1))
    return jnp.sqrt(minicnn.conv(u * u, spread, padding=padding))


def area(size: int, decay: float) -> Float[np.ndarray, "size size"]:
    """Fixed weights that fall with the distance from the middle, γ^|v|, and add up to 1.

    >>> area(3, 1.0).round(3)[0].tolist()
    [0.111, 0.111, 0.111]
    """
    at = np.arange(size) - (size - 1) / 2
    weights = decay ** np.hypot(at[:, None], at)
    return weights / weights.sum()


def s_layer(
    u: Float[Array, "*n h w k"], a: Any, b: Any, c: Any, r: float, padding: int
) -> tuple[Float[Array, "*n y x planes"], Float[Array, "*n y x 1"]]:
    """The S-planes, and the inhibiting cells beside them."""
    v = root_mean_square(u, c, padding)
    return s_cell(minicnn.conv(u, a, padding=padding), b * v, r), v


def c_layer(u: Float[Array, "*n h w k"], d: Float[ArrayLike, "a b"], alpha: float, padding: int) -> Array:
    """The C-planes: each pools its own S-plane, and the mean over all planes inhibits."""
    widths = ((padding, padding), (padding, padding))
    pooled = minicnn.weighted_pool(minicnn.pad(u, widths), jnp.asarray(d), stride=1, ndim=2)
    return c_cell(pooled, pooled.mean(-1, keepdims=True), alpha)
