"""The bar beside a picture of values: which colour is which value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 0.9  # inches that a bar takes of the width of a figure, with its numbers and its label
_WIDE, _HIGH = 3.0, 1.0  # inches that axes measure at the least that give some of their room to a bar


def color_bar(image: Any, axes: "Axes | Sequence[Axes]", label: str) -> None:
    """Draw a bar beside the axes, which reaches from the smallest value to the largest, and to zero.

    Axes of less than 3×1 inches, such as those of many small pictures, keep their room and get none; nor do those of a
    figure that does not lay itself out (`layout="constrained"`), where its numbers would cover what is beside them.
    """
    each = list(np.ravel(np.asarray(axes, object)))
    figure, boxes = each[0].figure, [ax.get_window_extent() for ax in each]
    least = np.array([_WIDE, _HIGH]) * figure.dpi
    if figure.get_layout_engine() is None or any((np.array(box.size) < least).any() for box in boxes):
        return
    bar = figure.colorbar(image, ax=each, label=label)
    if (span := span_of(image.get_array())) != (0, 0):
        bar.ax.set_ylim(*span)


def limit_of(values: Float[np.ndarray, "..."]) -> float:
    """The largest finite magnitude, which has the strongest colour; 1 if there is none but zero.

    >>> limit_of(np.array([-3.0, 2.0, np.inf])), limit_of(np.zeros(2))
    (3.0, 1.0)
    """
    return max(map(abs, span_of(values))) or 1.0


def span_of(values: Any) -> tuple[float, float]:
    """The smallest and the largest finite value, zero among them.

    >>> span_of(np.array([2.0, 5.0, np.nan]))
    (0.0, 5.0)
    """
    filled = np.ma.filled(np.ma.asarray(values, float), np.nan)
    finite = filled[np.isfinite(filled)]
    return float(finite.min(initial=0)), float(finite.max(initial=0))
