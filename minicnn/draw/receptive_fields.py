"""How much of the input one unit sees, layer after layer."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.axis import Axis
from minicnn.draw.style import is_dark, own, tap_colors
from minicnn.forms.resolve import sliding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from minicnn.nn import Sequential

Span = tuple[int, int]
_DASHES = ("-", "--", "-.", ":")


def receptive_field(
    model: "Sequential", in_shape: Sequence[int] = (32, 32, 1), axes: "Axes | None" = None, *, image: Any = None
) -> "Axes":
    """Draw which part of the input the middle unit of each layer sees, as nested frames.

    Args:
        model: layers with windows; the picture ends where positions do, at a flatten.
        in_shape: shape of one input, (height, width, c).
        axes: where to draw; a new figure if None.
        image: drawn under the frames, (height, width) or (height, width, c).

    Raises:
        ValueError: if the input has not two spatial axes.

    >>> from minicnn import zoo
    >>> [text.get_text() for text in receptive_field(zoo.LeNet5()).get_legend().get_texts()]
    ['C1 5×5', 'S2 6×6', 'C3 14×14', 'S4 16×16', 'C5 32×32']
    """
    from matplotlib.patches import Rectangle

    if len(in_shape) != 3:
        raise ValueError(f"`in_shape`={tuple(in_shape)} must be (height, width, channels)")
    axes = own(axes, (7.2, 5.4))
    height, width = in_shape[:2]
    if image is not None:
        picture = np.asarray(image).reshape(height, width, -1)[..., :1]
        axes.imshow(picture, cmap="gray", extent=(0, width, height, 0), alpha=0.6)
    found = list(fields(model, in_shape))
    colors = tap_colors(len(found), is_dark(axes))
    for n, (label, (rows, columns)) in reversed(list(enumerate(found))):
        size = (rows[1] - rows[0], columns[1] - columns[0])
        frame = Rectangle((columns[0], rows[0]), size[1], size[0], label=f"{label} {size[0]}×{size[1]}")
        frame.set(linewidth=2.5, edgecolor=colors[n], linestyle=_DASHES[n % 4], facecolor=(*colors[n][:3], 0.1))
        axes.add_patch(frame)
    spans = [((0, height), (0, width)), *(spans for _, spans in found)]
    (top, bottom), (left, right) = ((min(s[k][0] for s in spans), max(s[k][1] for s in spans)) for k in (0, 1))
    axes.set(xlim=(left - 0.5, right + 0.5), ylim=(bottom + 0.5, top - 0.5), aspect="equal")
    axes.set(xlabel="column of the input", ylabel="row of the input", title="What the middle unit of each layer sees")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=3)
    return axes


def fields(model: "Sequential", in_shape: Sequence[int]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """For each layer with windows its label, and from where to where its middle unit sees the input on each axis.

    Padding counts as seen, so that the size of a field does not depend on where it is.
    """
    shape, before = tuple(in_shape), []
    for label, layer in zip(model.labels, model.layers, strict=True):
        out = layer.out_shape(shape)
        if len(out) != len(in_shape):
            return
        axes = _axes(layer, shape, out)
        if axes:
            before.append(axes)
            yield label, tuple(_span([axes[k] for axes in before]) for k in range(len(in_shape) - 1))
        shape = out


def _axes(layer: Any, in_shape: Sequence[int], out_shape: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of a layer's windows; none if it works point by point."""
    from minicnn.nn import ConvTranspose

    window = getattr(layer, "kernel_size", None) or getattr(layer, "window", None)
    if window is None:
        return ()
    pooled = hasattr(layer, "window")
    stride = getattr(layer, "stride", None) or (tuple(window) if pooled else 1)
    slidings = sliding(window, stride, getattr(layer, "padding", "VALID"), getattr(layer, "dilation", 1))
    if isinstance(layer, ConvTranspose):
        return tuple(each.over(size).T for each, size in zip(slidings, out_shape, strict=False))
    return tuple(each.over(size) for each, size in zip(slidings, in_shape, strict=False))


def _span(axes: Sequence[Axis]) -> Span:
    """What the middle position of the last axis sees of the input of the first."""
    first = last = (axes[-1].out_size - 1) // 2
    for axis in reversed(axes):
        taps = (0, axis.dilation * (axis.kernel_size - 1))
        low, high = axis.stride * first + min(taps) - axis.low, axis.stride * last + max(taps) - axis.low
        first, last = -(-low // axis.stretch), high // axis.stretch
    return first, last + 1
