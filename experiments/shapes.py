"""Images of shapes with a class for every pixel: what a network that labels pixels is taught and tested on."""

import numpy as np
from jaxtyping import Float32, Int32
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

CLASSES = ("background", "ring", "square", "cross")
COLOURS = ("#000000", "#56B4E9", "#D55E00", "#F0E442")  # of the classes: black, sky blue, vermilion, yellow
CELL = 16  # pixels of the squares of a grid, each of which has at most one shape, so that none overlap
RADII = (3, 7)  # from the first up to the last, not included
EMPTY = 0.2  # share of the cells without a shape
BRIGHTNESS = (0.6, 1.4)  # of a shape, whatever its class


def shapes(
    images: int, size: tuple[int, int], seed: int, noise: float = 0.2
) -> tuple[Float32[np.ndarray, "n h w 1"], Int32[np.ndarray, "n h w"]]:
    """Draw images of shapes, and the class of every pixel.

    The shapes differ in their form alone: position, radius and brightness are drawn at random for all classes alike.

    Args:
        images: how many.
        size: rows and columns of each, multiples of 16.
        seed: of the shapes and the noise.
        noise: standard deviation of what is added to every pixel.

    >>> x, labels = shapes(2, (32, 32), seed=0)
    >>> x.shape, labels.shape, sorted(set(labels.ravel().tolist()))
    ((2, 32, 32, 1), (2, 32, 32), [0, 1, 2, 3])
    """
    rng = np.random.default_rng(seed)
    x, labels = np.zeros((images, *size)), np.zeros((images, *size), np.int32)
    for image, row, column in np.ndindex(images, *(n // CELL for n in size)):
        if rng.random() >= EMPTY:
            radius, kind = int(rng.integers(*RADII)), int(rng.integers(1, len(CLASSES)))
            middle = rng.integers(radius, CELL - radius, 2)
            cell = image, slice(CELL * row, CELL * (row + 1)), slice(CELL * column, CELL * (column + 1))
            rows, columns = np.indices((CELL, CELL)) - middle[:, None, None]
            shape = inside(CLASSES[kind], rows, columns, radius)
            labels[cell][shape] = kind
            x[cell][shape] = rng.uniform(*BRIGHTNESS)
    x += noise * rng.normal(size=x.shape)
    return x[..., None].astype(np.float32), labels


def inside(kind: str, rows: np.ndarray, columns: np.ndarray, radius: int) -> np.ndarray:
    """Which pixels, at these distances from its middle, belong to a shape."""
    near, far = np.minimum(abs(rows), abs(columns)), np.maximum(abs(rows), abs(columns))
    if kind == "ring":
        return abs(np.hypot(rows, columns) - radius + 0.5) <= 1
    return (far <= radius) & (near <= {"square": radius, "cross": 1}[kind])


def overlaps(found: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The intersection over the union of each class: its pixels that were found, over those in either map.

    >>> overlaps(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3])).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    pairs = [(found == k, labels == k) for k in range(len(CLASSES))]
    return np.array([(f & true).sum() / (f | true).sum() for f, true in pairs])


def draw_labels(axes: Axes, labels: np.ndarray, title: str) -> None:
    """Draw a map of classes, each in its colour."""
    axes.imshow(labels, cmap=ListedColormap(COLOURS), vmin=0, vmax=len(COLOURS) - 1, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title=title)


def name_classes(figure: Figure) -> None:
    """Say below the panels which colour is which class."""
    patches = [Patch(facecolor=colour, edgecolor="0.5") for colour in COLOURS]
    figure.legend(patches, CLASSES, loc="outside lower center", ncols=len(CLASSES), frameon=False)
