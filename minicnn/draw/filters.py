"""The kernels of a layer, as small pictures."""

import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float

from minicnn.arguments import untraced
from minicnn.draw.arguments import described
from minicnn.draw.mosaics import draw_mosaic, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 16_000_000  # weights that are drawn: more than a screen has pixels, and the picture takes 8 bytes for each


def filters(params: Any, axes: "Axes | None" = None, *, ndim: int = 2) -> "Axes":
    """Draw every kernel of a layer: blue below zero, vermilion above, the ground at zero.

    A row holds the kernels that read one input channel, a column those of one output channel. The kernels that a mask
    keeps, and those of a single input channel, are laid out in a rectangle.

    Args:
        params: a layer's parameters, its w, or the parameters of a network, of which the first layer with kernels is
            drawn.
        axes: where to draw; a new figure if None.
        ndim: the number of spatial axes, 1 or 2.

    Raises:
        TypeError: for what is not parameters or not axes.
        ValueError: if there are no kernels in `params`, or too many to draw.

    >>> filters(jnp.ones((5, 5, 1, 6))).get_title()
    '6 kernels of 5×5'
    """
    w = _kernels(params, ndim)
    kernels = np.expand_dims(w, 1) if ndim == 1 else w
    if kernels.ndim == 3 or kernels.shape[2] == 1:
        kernels = rectangle(kernels.reshape(*kernels.shape[:2], -1))
    lost = int(w.size - np.isfinite(w).sum())
    number, taps = math.prod(w.shape[ndim:]), "×".join(map(str, w.shape[:ndim]))
    title = f"{number} kernels of {taps}" + (f", {lost:,} weights not finite" if lost else "")
    return draw_mosaic(kernels, axes, title, "weight")


def _kernels(params: Any, ndim: int) -> Float[np.ndarray, "..."]:
    """The first leaf that has taps, and channels or kept kernels behind them."""
    if ndim not in (1, 2):
        raise ValueError(f"`ndim`={ndim!r} must be 1 or 2, the number of spatial axes")
    own = isinstance(params, dict) and "w" in params
    for leaf in [params["w"]] if own else jax.tree.leaves(params):
        untraced("params", leaf, "draw them outside of jax.jit, jax.grad and jax.vmap")
        if not hasattr(leaf, "dtype"):
            raise TypeError(f"`params` must be arrays, such as model.init(key, in_shape) gives, not {described(leaf)}")
        if leaf.ndim not in (ndim + 1, ndim + 2):
            continue
        if leaf.size > _MOST:
            raise ValueError(
                f"`params` has kernels of shape {leaf.shape}, {leaf.size:,} weights; at most {_MOST:,} are drawn: give "
                "some of them, such as w[..., :64, :64]"
            )
        if leaf.size:
            return np.real(np.asarray(leaf)).astype(float)
    raise ValueError(
        f"`params` holds no kernels with {ndim} spatial axes: give the parameters of a convolution, or another `ndim`"
    )
