"""Pictures of a tile and of what multiplies less than it: the factors A, G and B of its tap tensor."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from minicnn.axis import Axis
from minicnn.draw.arguments import many_axes
from minicnn.draw.matrices import matrix
from minicnn.draw.taps import taps
from minicnn.forms import Decomposition, Geometry
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.dense import Dense
from minicnn.maps import ConvMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROLES = {"A": "output", "G": "tap", "B": "input"}  # what a row of each factor belongs to


def decomposition(tile: Axis, axes: "Sequence[Axes] | None" = None) -> "tuple[Axes, ...]":
    """Draw a tile's matrix, each tap in its own colour, beside the factors A, G and B of its decomposition.

    Each column of the three is a term: one product, of a sum of inputs with a sum of taps, that is added to outputs.

    Args:
        tile: an axis whose outputs read no padding.
        axes: four axes to draw into; a new figure if None.

    Raises:
        TypeError: for what is not an axis or not four axes.
        ValueError: if outputs of the axis read beyond its input.

    >>> tile = minicnn.Axis(in_size=4, out_size=2, kernel_size=3)
    >>> [axes.get_title() for axes in decomposition(tile)][1:]
    ['A: 2×4', 'G: 3×4', 'B: 4×4']
    """
    if not isinstance(tile, Axis):
        raise TypeError(f"`tile` must be a minicnn.Axis, not {type(tile).__name__}")
    factors = Decomposition.of(tile)
    first, *others = many_axes(axes, 4, (13, 3.6))
    w = jnp.ones((tile.kernel_size, 1, 1))
    taps(ConvMap(w, Geometry((tile,), 1, 1), Dense(), Arithmetic(), w.dtype), first)
    first.set_title(f"C(w): {tile.nnz} products")
    for ax, (name, role) in zip(others, _ROLES.items(), strict=True):
        _factor(getattr(factors, name), name, role, ax)
    return first, *others


def _factor(factor: Any, name: str, role: str, axes: "Axes") -> None:
    """Draw one factor; its entries, where they are written, as the fractions that they are."""
    rows, terms = factor.shape
    matrix(np.array(factor, float), axes, f"{name}: {rows}×{terms}")
    entries = [str(Fraction(value)) for value in factor.flat if value]
    for text, entry in zip(axes.texts, entries, strict=False):
        text.set_text(entry.replace("-", "−"))
    axes.set(xlabel="term", ylabel=role, xticks=range(terms + 1), yticks=range(rows + 1))
