"""The kernels of a layer, as small pictures."""

import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float

from minicnn.draw.arguments import described, one_axes
from minicnn.draw.style import SIGNED
from minicnn.jax_internals import Tracer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONG = 6.4  # inches of the longer side, as matplotlib's own figures
_SHORT = 1.6  # inches, at the least, of the other: a title has room in it
_MOST = 16_000_000  # weights that are drawn: more than a screen has pixels, and the picture takes 8 bytes for each


def filters(params: Any, axes: "Axes | None" = None, *, ndim: int = 2) -> "Axes":
    """Draw every kernel of a layer: dark below zero, light above.

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
        kernels = _rectangle(kernels.reshape(*kernels.shape[:2], -1))
    picture = mosaic(kernels)
    height, width = (max(size / max(picture.shape) * _LONG, _SHORT) for size in picture.shape)
    axes = one_axes(axes, (width, height + 0.4))
    finite = np.isfinite(w)
    limit = float(np.abs(w[finite]).max(initial=0)) or 1.0
    image = axes.imshow(picture, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    lost = "" if finite.all() else f", {w.size - finite.sum():,} weights not finite"
    number, taps = math.prod(w.shape[ndim:]), "×".join(map(str, w.shape[:ndim]))
    axes.set_title(f"{number} kernels of {taps}{lost}", fontsize="medium")
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="weight")
    return axes


def mosaic(kernels: Float[np.ndarray, "h w rows columns"]) -> Float[np.ndarray, "m n"]:
    """The kernels side by side with a gap of NaN between them.

    >>> mosaic(np.ones((2, 2, 1, 2)))
    array([[ 1.,  1., nan,  1.,  1.],
           [ 1.,  1., nan,  1.,  1.]])
    """
    framed = np.pad(kernels.astype(float), ((0, 1), (0, 1), (0, 0), (0, 0)), constant_values=np.nan)
    height, width, rows, columns = framed.shape
    return framed.transpose(2, 0, 3, 1).reshape(rows * height, columns * width)[:-1, :-1]


def _kernels(params: Any, ndim: int) -> Float[np.ndarray, "..."]:
    """The first leaf that has taps, and channels or kept kernels behind them."""
    if ndim not in (1, 2):
        raise ValueError(f"`ndim`={ndim!r} must be 1 or 2, the number of spatial axes")
    own = isinstance(params, dict) and "w" in params
    for leaf in [params["w"]] if own else jax.tree.leaves(params):
        if isinstance(leaf, Tracer):
            raise TypeError("`params` are traced and have no numbers yet: draw them outside of jax.jit")
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


def _rectangle(kernels: Float[np.ndarray, "h w n"]) -> Float[np.ndarray, "h w rows columns"]:
    """A row of kernels broken into rows, wider than high and as full as can be; missing ones are NaN."""
    number = kernels.shape[-1]
    root = max(math.ceil(math.sqrt(number)), 1)
    columns = min(range(root, 2 * root), key=lambda columns: -number % columns)
    rest = np.full((*kernels.shape[:2], -number % columns), np.nan)
    return np.concatenate([kernels, rest], axis=-1).reshape(*kernels.shape[:2], -1, columns)
