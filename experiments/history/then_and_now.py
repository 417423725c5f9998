"""What do the first layers from simple cells to LeNet-5 make of one image, and what is C in each?

Six systems, one shape: a first layer that multiplies the image by a matrix C whose rows hold the same few weights at
every place, a function of each number, and a second layer that pools. Simple cells have Gabor functions as weights, and
complex cells the energy of two that differ by a quarter of a wave. S-cells of the Neocognitron weigh what they like,
C·u, against how much there is, the root of a mean of squares; C-cells add up and saturate. S1 of HMAX has second
derivatives of Gaussians, divided by the length of what they see; C1 takes the largest. LeNet-1 and LeNet-5 of 1998
learn their weights by the gradient, through a squashing function and a mean with a coefficient and a bias for each map;
LeNet-5 of today has max(0, ·) and the maximum. One image passes through all.

The same is asked of each: whether its first layer is C·x, how many numbers C has and how few are different, and by how
much its two layers change when the image moves by one pixel. What the second layer says changes less, except where a
mean is taken of responses of both signs: that also cancels what does not change, in LeNet-1 so much of it that the
second layer changes more.

The S-cells have lines here, which are not learned, and the selectivity r = 1.5 that the paper has in deeper layers;
sizes are those that a digit of 32×32 pixels allows.

Sources: Hubel & Wiesel (1962); Fukushima, *Neocognitron* (1980); Riesenhuber & Poggio, *Hierarchical models of object
recognition in cortex* (1999); LeCun et al., *Handwritten digit recognition with a back-propagation network* (1990);
LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998), table of layers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_most, equal
from experiments.gabor import across, gabor
from experiments.neocognitron_cells import area, c_cell, s_layer
from minicnn.data.registry import load_data
from minicnn.maps import LinearMap
from minicnn.train import config_of, fit
from minicnn.zoo.registry import network

ROWS = (70, 85)
SMALL = {"passes": 0}
FULL = {"data": "mnist", "train": 60_000, "passes": 3}

SIDE, ANGLES = 7, (0, 45, 90, 135)  # of kernels, in pixels and in degrees
PAPER, INK = -0.1, 1.175
LINE, LEARNED = 1.5, 16.0  # half the width of a stroke in pixels; q of the layers that Fukushima lets learn fast


@dataclass(frozen=True)
class System:
    """The first two layers of a system.

    Attributes:
        name: of the system and its year.
        names: of its two layers.
        C: the matrix of the first.
        first: from an image, (32, 32, 1) with paper as 0 and ink as 1, to the maps of the first layer.
        second: from those to the maps of the second layer.
        weights: different numbers in C.
        tied: which rows share them.
        learned: where they come from.
        pooled: what the second layer does.
    """

    name: str
    names: tuple[str, str]
    C: LinearMap
    first: Callable[[Any], Any]
    second: Callable[[Any], Any]
    weights: int
    tied: str
    learned: str
    pooled: str


def run(data: str = "digits", train: int = 1437, passes: int = 3, which: int = 7, seed: int = 0) -> Result:
    """Send one image through all systems.

    Args:
        data: "digits", or "mnist", for the image and for what networks learn from.
        train: images that they learn from, at most.
        passes: over them; 0 leaves the weights as they were drawn.
        which: of the new images is sent.
        seed: of the networks.
    """
    dataset = load_data(data)
    ink = (dataset.test.images[which] - PAPER) / (INK - PAPER)
    systems = [
        simple_and_complex(),
        neocognitron(),
        hmax(),
        *(lenet(name, dataset, train, passes, seed) for name in ("lenet1", "lenet5-1998", "lenet5")),
    ]
    seen = {system.name: layers(system, ink) for system in systems}
    moved = {system.name: layers(system, np.roll(ink, 1, 1)) for system in systems}
    changes = {name: [change(*pair) for pair in zip(seen[name], moved[name], strict=True)] for name in seen}
    claims = [*_linear(systems, ink), *_counted(systems), *_calmer(systems, changes)]
    return Result(claims, (_whose(systems), _numbers(systems, changes)), (_picture(ink, systems, seen),))


def layers(system: System, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the two layers make of an image."""
    first = system.first(jnp.asarray(ink))
    return np.asarray(first), np.asarray(system.second(first))


def change(before: np.ndarray, after: np.ndarray) -> float:
    """How far maps are from what they were, over how large they were."""
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def centred(drawn: np.ndarray) -> np.ndarray:
    """Kernels, (n, side, side), less their means and of length 1."""
    less = drawn - drawn.mean((1, 2), keepdims=True)
    return less / np.linalg.norm(less, axis=(1, 2), keepdims=True)


def weights(drawn: np.ndarray) -> Any:
    """Kernels, (n, side, side), as the weights of a convolution, (side, side, 1, n)."""
    return jnp.asarray(np.moveaxis(drawn, 0, -1)[:, :, None].astype(np.float32))


def simple_and_complex(wave: float = 6.0, deviation: float = 2.0) -> System:
    """Gabor functions in two phases, and the energy of the two."""
    w = weights(np.concatenate([gabor(SIDE, ANGLES, wave, phase, deviation) for phase in (0, 90)]))
    energy = lambda y: jnp.sqrt(y[..., :4] ** 2 + y[..., 4:] ** 2)
    first = lambda x: minicnn.conv(x, w)
    return System(
        "simple, complex cells, 1962", ("simple", "complex"), minicnn.conv_map(w, (32, 32)), first, energy, w.size,
        "by map", "Gabor functions", "energy of two phases",
    )  # fmt: skip


def neocognitron(selectivity: float = 1.5, half: float = 0.5) -> System:
    """S-cells for four lines, and C-cells that add up 5×5 of them; the formulas of 1980."""
    lines = np.maximum(centred(np.exp(-(across(SIDE, ANGLES) ** 2) / (2 * LINE**2))), 0)
    # So large that the 1 of numerator and denominator hardly counts, as after many presentations.
    a, c = weights(LEARNED * lines), area(SIDE, 1)
    # As learning makes it: to what has the similarity s with its pattern a cell answers φ[(r + 1)·s − r].
    b = jnp.sqrt((a**2 / c[..., None, None]).sum((0, 1, 2))) / 2
    s_cells = lambda u: s_layer(u, a, b, c, selectivity, padding=0)[0]

    def c_cells(u: Any) -> Any:
        whole = minicnn.avg_pool(u, (5, 5), stride=2)
        return c_cell(whole, whole.mean(-1, keepdims=True), half)

    return System(
        "Neocognitron, 1980", ("S1", "C1"), minicnn.conv_map(a, (32, 32)), s_cells, c_cells, a.size,
        "by plane", "lines here; seed cells in 1980", "weighted mean, saturated",
    )  # fmt: skip


def hmax(deviation: float = 1.6) -> System:
    """Second derivatives of Gaussians over the length of what is seen, and the largest of 8×8."""
    x, along = across(SIDE, ANGLES), across(SIDE, np.add(ANGLES, 90))
    w = weights(centred((1 - x**2 / deviation**2) * np.exp(-(x**2 + along**2 / 4) / (2 * deviation**2))))

    def s1(x: Any) -> Any:
        length = jnp.sqrt(minicnn.conv(x**2, jnp.ones((SIDE, SIDE, 1, 1))))
        return jnp.abs(minicnn.conv(x, w)) / jnp.maximum(length, 0.1)

    first_max = lambda y: minicnn.max_pool(y, (8, 8), stride=4)
    return System(
        "HMAX, 1999", ("S1", "C1"), minicnn.conv_map(w, (32, 32)), s1, first_max, w.size,
        "by map", "second derivatives", "maximum",
    )  # fmt: skip


def lenet(name: str, data: Any, train: int, passes: int, seed: int) -> System:
    """The first four layers of a LeNet: convolution, squashing, pooling, squashing."""
    model = network(name).build()
    if passes:
        config = config_of(
            name, data=data.name, epochs=passes, seed=seed, batch=64, optimizer="adamw", schedule="cosine",
            learning_rate=3e-3, augment="none",
        )  # fmt: skip
        params = fit(model, type(data)(data.name, data.classes, data.train[:train], data.test), config)
    else:
        params = model.init(jax.random.key(seed), data.in_shape)
    today = name == "lenet5"
    stop = 3 if today else 4
    inked = lambda x: x * (INK - PAPER) + PAPER

    def through(y: Any, start: int, end: int) -> Any:
        for layer, own in zip(model.layers[start:end], params[start:end], strict=True):
            y = layer.apply(own, y)
        return y

    year = {"lenet1": "LeNet-1, 1990", "lenet5-1998": "LeNet-5, 1998", "lenet5": "LeNet-5 of today"}[name]
    return System(
        year, (model.labels[0], model.labels[2]), model.layers[0].map(params[0], data.in_shape),
        lambda x: through(inked(x), 0, 2), lambda y: through(y, 2, stop), params[0]["w"].size,
        "by map", "gradient" if passes else "drawn at random", "maximum" if today else "mean, coefficient, bias",
    )  # fmt: skip


def _linear(systems: list[System], ink: np.ndarray) -> Iterator[Claim]:
    """C·x against a loop over windows."""
    for system in systems:
        C = system.C
        rows = np.asarray(C(jnp.asarray(ink))).reshape(-1)
        # The taps of one row are those of the row in the middle, read off C by its transpose.
        middle = rows.size // 2
        unit = np.zeros(C.shape[0], np.float32)
        unit[middle] = 1
        row = np.asarray(C.T(jnp.asarray(unit).reshape(C.out_shape))).ravel()
        yield equal(
            f"{system.name}: row in the middle of C, times the image", float(row @ ink.ravel()), float(rows[middle]),
            "y = C·x", 1e-4,
        )  # fmt: skip


def _counted(systems: list[System]) -> Iterator[Claim]:
    """What the paper's table says of C1, and what is tied."""
    by_name = {system.name: system for system in systems}
    C1 = by_name["LeNet-5, 1998"].C
    yield equal("LeNet-5, 1998: non-zeros of C1 and one bias for each output", C1.nnz + C1.shape[0], 122_304, "table")
    yield equal("LeNet-5, 1998: different weights, and biases", by_name["LeNet-5, 1998"].weights + 6, 156, "the same")
    for system in systems:
        places = int(np.prod(system.C.out_shape[:2]))
        yield equal(
            f"{system.name}: non-zeros of C over different weights", system.C.nnz / system.weights, places, "tied"
        )


def _calmer(systems: list[System], changes: dict[str, list[float]]) -> Iterator[Claim]:
    """Means of responses of both signs may cancel what does not change; nothing is claimed of them."""
    for name in (system.name for system in systems if not system.pooled.startswith("mean")):
        first, second = changes[name]
        yield at_most(f"{name}: change after one pixel, second layer, as of the first", second, first, "pooling")


def _whose(systems: list[System]) -> Table:
    columns = ("system", "layers", "weights tied", "weights from", "pooled by")
    rows = tuple((s.name, " → ".join(s.names), s.tied, s.learned, s.pooled) for s in systems)
    return Table("Whose C, tied how, learned how, pooled how", columns, rows)


def _numbers(systems: list[System], changes: dict[str, list[float]]) -> Table:
    rows = tuple(
        (f"C of {s.names[0]}, {s.name}", "×".join(f"{n:,}" for n in s.C.shape), s.C.nnz, s.weights, *changes[s.name])
        for s in systems
    )
    columns = ("matrix", "shape", "non-zeros", "different", "first layer, moved by 1", "second layer")
    return Table("The matrices, and how much each layer changes when the image moves by a pixel", columns, rows)


def _picture(ink: np.ndarray, systems: list[System], seen: dict[str, tuple[np.ndarray, np.ndarray]]) -> Picture:
    def draw(figure: Figure) -> None:
        most = 4
        grid = figure.add_gridspec(len(systems), 2 * most + 1, width_ratios=[1.3] + [1] * 2 * most)
        for row, system in enumerate(systems):
            axes = figure.add_subplot(grid[row, 0])
            axes.imshow(ink[..., 0], cmap="gray_r")
            axes.set(xticks=[], yticks=[])
            axes.set_ylabel(system.name.replace(", ", ",\n"), rotation=0, ha="right", va="center")
            for layer, maps in enumerate(seen[system.name]):
                for n in range(most):
                    axes = figure.add_subplot(grid[row, 1 + layer * most + n])
                    axes.imshow(maps[..., n], cmap="gray_r")
                    axes.set(xticks=[], yticks=[])
                    if not n:
                        title = f"{system.names[layer]}: {('f(C·x)', 'pooled')[layer]}"
                        axes.set_title(title, loc="left")

    return Picture("layers", "One image through six systems: four maps of each first and second layer.", draw, 0.85)
