"""How many numbers does a convolution store, and how many operations does it take, beside other layers?

The edge detector of the book, each pixel of a 280×320 image less its neighbour on the left, is counted as a matrix that
is never built: its entries, its non-zeros, and the operations that they take. Then AlexNet's first layer is counted as
a fully connected, a local, a tiled and a convolutional layer. Last, sharing is shown to be linear: tying copies w to
the entries of C, and its transpose adds up the gradient of all copies of a tap.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, figure 9.6 and section 9.2; Krizhevsky, Sutskever & Hinton,
*ImageNet classification with deep convolutional neural networks* (2012), counted in the notes of CS231n.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_most, equal
from experiments.photographs import grey_photograph
from minicnn import nn
from minicnn.maps import LinearMap

ROWS = (9, 33, 34)
SMALL = {"sizes": 6}
FULL = {"sizes": 10}

BOOK = "Deep Learning, figure 9.6"
CS231N = "CS231n, after Krizhevsky et al. (2012)"
EDGES = np.array([[-1, 1]])  # of each pixel its neighbour on the left is subtracted


def run(sizes: int = 8, seed: int = 0) -> Result:
    """Count.

    Args:
        sizes: largest image, in pixels of a side, for which the non-zeros are counted in a loop.
        seed: of the integers with which tying is transposed.
    """
    claims: list[Claim] = [*_edge_detector(), *_small(sizes), *_alexnet(), *_tying(seed)]
    return Result(claims, (_edges_table(), _layers_table()), (_edges_picture(), _layers_picture()))


def edge_map() -> LinearMap:
    """The edge detector of the book, as a map."""
    return minicnn.conv_map(jnp.asarray(EDGES)[..., None, None], (280, 320))


def operations(C: LinearMap) -> int:
    """Multiplications and additions of C·x: one product for each non-zero, summed in each row."""
    return C.nnz + (C.nnz - C.shape[0])


def _edge_detector() -> list[Claim]:
    C = edge_map()
    tracemalloc.start()
    counts = operations(C), C.shape[0] * C.shape[1], C.nnz, C.nbytes
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    x = jnp.asarray(grey_photograph(280, 320), int)
    return [
        equal("operations by convolution", counts[0], 267_960, BOOK),
        equal("entries of the matrix", counts[1], 8_003_072_000, BOOK),
        equal("non-zeros of the matrix", counts[2], 2 * 319 * 280, f"{BOOK}: two for each output"),
        at_most("bytes allocated to count 32,012,288,000 bytes", allocated, 2**20, "tracemalloc"),
        equal(
            "the photograph's edges, largest difference",
            np.abs(np.asarray(C(x))[..., 0] - np.diff(np.asarray(x)[..., 0], axis=1)).max(),
            0,
            "numpy.diff",
        ),
    ]


def _small(sizes: int) -> list[Claim]:
    """Non-zeros, entries and distinct entries of small matrices, against loops."""
    differences = []
    for size in range(3, sizes + 1):
        for stride in (1, 2):
            for padding in (0, 1):
                C = minicnn.conv_map(
                    jnp.arange(1, 10).reshape(3, 3, 1, 1), (size, size), stride=stride, padding=padding
                )
                _, _, values = C.entries()
                found = (C.nnz, len(np.unique(values)))
                differences.append(np.subtract(found, _counted(size, stride, padding)))
    C = minicnn.conv_map(jnp.arange(1, 10).reshape(3, 3, 1, 1), (4, 4))
    return [
        equal(
            "3×3 kernel, 4×4 image: rows, columns, non-zeros", (*C.shape, C.nnz), (4, 16, 36), "Dumoulin & Visin (2016)"
        ),
        equal(
            "its density, and its distinct entries",
            (C.nnz / np.prod(C.shape), len(np.unique(C.entries()[2]))),
            (36 / 64, 9),
            "k²",
        ),
        equal(
            f"non-zeros and distinct entries of {len(differences)} matrices, largest difference",
            np.abs(differences).max(),
            0,
            "loop over outputs and taps",
        ),
    ]


def _counted(size: int, stride: int, padding: int) -> tuple[int, int]:
    outputs = (size + 2 * padding - 3) // stride + 1
    met = [
        (a, b)
        for y, x, a, b in np.ndindex(outputs, outputs, 3, 3)
        if 0 <= y * stride + a - padding < size and 0 <= x * stride + b - padding < size
    ]
    return len(met), len(set(met))


ALEXNET: dict[str, Any] = {"channels": 96, "kernel_size": (11, 11), "stride": 4}
ALEXNET_IN = (227, 227, 3)


def parameters(layer: Any, in_shape: tuple[int, ...]) -> int:
    """The parameters of a layer, from their shapes: none of them is drawn."""
    shapes = jax.eval_shape(partial(layer.init, in_shape=in_shape), jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def layers() -> dict[str, tuple[int, int]]:
    """Parameters, and non-zeros of the matrix, of AlexNet's first layer when it shares less and less."""
    conv = nn.Conv(**ALEXNET)
    outputs = conv.out_shape(ALEXNET_IN)
    inputs, units = np.prod(ALEXNET_IN, dtype=int), np.prod(outputs, dtype=int)
    C = minicnn.conv_map(jnp.zeros((11, 11, 3, 96)), ALEXNET_IN[:2], stride=4)
    return {
        "fully connected": (int(units * inputs + units), int(units * inputs)),
        "local": (parameters(nn.LocalConv(**ALEXNET), ALEXNET_IN), C.nnz),
        "tiled, 5×5": (parameters(nn.TiledConv(**ALEXNET, tile=(5, 5)), ALEXNET_IN), C.nnz),
        "convolution": (parameters(conv, ALEXNET_IN), C.nnz),
    }


def _alexnet() -> list[Claim]:
    found = layers()
    outputs = nn.Conv(**ALEXNET).out_shape(ALEXNET_IN)
    return [
        equal("AlexNet's first layer: shape of its outputs", outputs, (55, 55, 96), CS231N),
        equal("parameters without sharing", found["local"][0], 105_705_600, CS231N),
        equal("parameters with sharing", found["convolution"][0], 34_944, CS231N),
        equal(
            "non-zeros of both matrices, and a bias for each unit",
            found["convolution"][1] + 55 * 55 * 96,
            105_705_600,
            "connections are parameters if none is shared",
        ),
        equal(
            "parameters fully connected",
            found["fully connected"][0],
            55 * 55 * 96 * (227 * 227 * 3 + 1),
            "Deep Learning, section 9.2: m·n, and n biases",
        ),
    ]


def _tying(seed: int) -> list[Claim]:
    """w → vec C is a matrix of zeros and ones; its transpose is how a gradient reaches shared weights."""
    rng = np.random.default_rng(seed)
    w, x, y_bar = (
        jnp.asarray(rng.integers(-9, 10, shape), jnp.float32) for shape in ((3, 3, 1, 1), (5, 5, 1), (3, 3, 1))
    )
    tied: Callable[[Any], Any] = lambda w: minicnn.conv_matrix(w, (5, 5))
    M = np.asarray(jax.jacobian(tied)(w)).reshape(-1, 9)
    C, pull = jax.vjp(tied, w)
    G = rng.integers(-9, 10, C.shape).astype(np.float32)
    rows, columns, taps = minicnn.conv_map(jnp.arange(9).reshape(3, 3, 1, 1), (5, 5)).entries()
    by_hand = np.zeros(9, np.float32)
    np.add.at(by_hand, taps, G[rows, columns])
    outer = np.outer(y_bar, x)
    X = minicnn.patch_map(x, w.shape)
    return [
        equal("tying w → vec C: its entries", np.unique(M), [0, 1], "each entry of C copies one tap or none"),
        equal("tying: how often each tap is copied", M.sum(0), np.full(9, 9), "once for each of 3×3 outputs"),
        equal(
            "its transpose applied to any gradient of C",
            np.asarray(pull(G)[0]).ravel(),
            by_hand,
            "sum over copies, in NumPy",
        ),
        equal(
            "applied to ȳ·xᵀ it is Xᵀ·ȳ",
            np.asarray(pull(outer)[0]).ravel(),
            np.asarray(X.T(y_bar)).ravel(),
            "the gradient of a convolution with respect to w",
        ),
    ]


def _edges_table() -> Table:
    C = edge_map()
    rows, columns = C.shape
    return Table(
        "The edge detector on a 280×320 image",
        ("as", "numbers stored", "operations"),
        (
            ("a convolution", EDGES.size, operations(C)),
            ("a sparse matrix", C.nnz, operations(C)),
            ("a dense matrix", rows * columns, rows * (2 * columns - 1)),
        ),
    )


def _layers_table() -> Table:
    rows = tuple((name, *counts, counts[1] / counts[0]) for name, counts in layers().items())
    columns = ("AlexNet's first layer", "parameters", "non-zeros of its matrix", "uses of a parameter")
    return Table("Fewer connections, then fewer parameters: 227×227×3 to 55×55×96", columns, rows)


def _edges_picture() -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        x = grey_photograph(280, 320)
        y = np.asarray(edge_map()(jnp.asarray(x, int)))
        left.imshow(x[..., 0], cmap="gray")
        left.set(title="280×320", xticks=(), yticks=())
        # Few edges are stronger than a third of the range: more contrast for the rest.
        right.imshow(y[..., 0], cmap="gray", vmin=-85, vmax=85)
        right.set(title="280×319, less its left neighbour", xticks=(), yticks=())

    return Picture("edges", "The book's edge detector, with two numbers for eight billion.", draw, 0.5)


def _layers_picture() -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        found = layers()
        places = np.arange(len(found))
        for index, (name, color) in enumerate((("parameters", "C0"), ("non-zeros", "0.75"))):
            numbers = [counts[index] for counts in found.values()]
            bars = axes.barh(places + 0.38 * index - 0.19, numbers, 0.36, label=name, color=color)
            axes.bar_label(bars, [f"{number:,}" for number in numbers], padding=3)
        axes.set(
            xscale="log", xlim=(1e4, 1e13), yticks=np.arange(len(found)), yticklabels=list(found), xlabel="numbers"
        )
        axes.invert_yaxis()
        axes.legend(frameon=False, loc="lower right")

    return Picture("layers", "AlexNet's first layer with less and less freedom.", draw, 0.5)
