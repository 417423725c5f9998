"""How much of the input one unit sees, layer after layer."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from minicnn.arguments import sizes
from minicnn.axis import Axis
from minicnn.draw.arguments import described, one_axes
from minicnn.draw.style import DASHES, is_dark, line_colors
from minicnn.draw.titles import write_title
from minicnn.maps import Compose, LinearMap, Pad
from minicnn.nn import Sequential
from minicnn.nn.layer import Layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Span = tuple[int, int]


def receptive_field(
    model: Layer | LinearMap, in_shape: Sequence[int] = (32, 32, 1), axes: "Axes | None" = None, *, image: Any = None
) -> "Axes":
    """Draw which part of the input the middle unit of each layer sees, as nested frames.

    Args:
        model: layers with windows; the picture ends where positions do, at a flatten. Or a map whose window slides, or
            a product of such maps.
        in_shape: shape of one input, (height, width, c); a map has its own.
        axes: where to draw; a new figure if None.
        image: drawn under the frames, (height, width) or (height, width, c).

    Raises:
        TypeError: for what has no layers and slides no window, or is not axes.
        ValueError: if the input has not two spatial axes, if no layer has a window, or if the image is not as large as
            the input.

    >>> from minicnn import zoo
    >>> [text.get_text() for text in receptive_field(zoo.LeNet5()).get_legend().get_texts()]
    ['C1 5×5', 'S2 6×6', 'C3 14×14', 'S4 16×16', 'C5 32×32']
    """
    from matplotlib.patches import Rectangle

    in_shape = sizes("in_shape", model.in_shape if isinstance(model, LinearMap) else in_shape)
    if len(in_shape) != 3:
        raise ValueError(f"`in_shape`={in_shape} must be (height, width, channels)")
    found = list(fields(model, in_shape))
    if not found:
        raise ValueError(f"no layer of `model` slides a window over an input of shape {in_shape}: {model!r}")
    height, width = in_shape[:2]
    picture = None if image is None else _gray(image, height, width)
    axes = one_axes(axes, (7.2, 5.4))
    if picture is not None:
        axes.imshow(picture, cmap="gray", extent=(0, width, height, 0), alpha=0.6)
    colors = line_colors(len(found), is_dark(axes))
    for n, (label, (rows, columns)) in reversed(list(enumerate(found))):
        size = (rows[1] - rows[0], columns[1] - columns[0])
        frame = Rectangle((columns[0], rows[0]), size[1], size[0], label=f"{label} {size[0]}×{size[1]}")
        dashes = DASHES[n % len(DASHES)]
        frame.set(linewidth=2.5, edgecolor=colors[n], linestyle=dashes, facecolor=(*colors[n][:3], 0.1))
        axes.add_patch(frame)
    spans = [((0, height), (0, width)), *(spans for _, spans in found)]
    (top, bottom), (left, right) = ((min(s[k][0] for s in spans), max(s[k][1] for s in spans)) for k in (0, 1))
    axes.set(xlim=(left - 0.5, right + 0.5), ylim=(bottom + 0.5, top - 0.5), aspect="equal")
    axes.set(xlabel="column of the input", ylabel="row of the input")
    write_title(axes, "What the middle unit of each layer sees")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=3)
    return axes


def fields(model: Layer | LinearMap, in_shape: Sequence[int]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """For each layer with windows its label, and from where to where its middle unit sees the input on each axis.

    Padding counts as seen, so that the size of a field does not depend on where it is.

    Raises:
        TypeError: for what has no layers and slides no window.
    """
    before = []
    for label, axes in _windows(model, tuple(in_shape)):
        before.append(axes)
        if label:
            yield label, tuple(_span([axes[k] for axes in before]) for k in range(len(in_shape) - 1))


def _windows(model: Any, in_shape: tuple[int, ...], label: str = "") -> Iterator[tuple[str, tuple[Axis, ...]]]:
    """The axes of each layer or factor with windows, and its label; "" for a padding, which is no layer of its own."""
    if isinstance(model, Sequential):
        for name, layer in zip(model.labels, model.layers, strict=True):
            yield from _windows(layer, in_shape, name)
            before, in_shape = in_shape, layer.out_shape(in_shape)
            if len(in_shape) != len(before):
                return
    elif isinstance(model, Layer):
        if axes := model.axes(in_shape):
            yield label or type(model).__name__, axes
    elif isinstance(model, Compose):
        for factor in reversed(model.factors):
            yield from _windows(factor, factor.in_shape)
    elif isinstance(model, Pad):
        yield "", tuple(Axis(padded.in_size, padded.out_size, 1, low=padded.low) for padded in model.padded)
    elif isinstance(model, LinearMap) and model.axes:
        yield type(model).__name__, model.axes
    elif not isinstance(model, LinearMap) or model.in_shape[:-1] != model.out_shape[:-1]:
        raise TypeError(
            f"`model` is {described(model)}: give layers, such as a minicnn.nn.Sequential, or a map whose window slides"
        )


def _gray(image: Any, height: int, width: int) -> Float[np.ndarray, "h w 1"]:
    """The first channel of an image of this size."""
    pixels = np.asarray(image)
    if pixels.shape[:2] != (height, width) or pixels.ndim > 3:
        raise ValueError(f"`image` has shape {pixels.shape} and the input is {height}×{width}: give one as large")
    return pixels.reshape(height, width, -1)[..., :1]


def _span(axes: Sequence[Axis]) -> Span:
    """What the middle position of the last axis sees of the input of the first."""
    first = last = (axes[-1].out_size - 1) // 2
    for axis in reversed(axes):
        ends = [axis.position(o, k) for o in (first, last) for k in (0, axis.kernel_size - 1)]
        first, last = -(-min(ends) // axis.stretch), max(ends) // axis.stretch
    return first, last + 1
