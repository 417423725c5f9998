"""How often is each pixel of an image read, at its border and in the middle?

The column sums of C for a kernel of ones, Cᵀ·1, count the outputs that read each pixel; for any kernel the column sums
of |C| weigh them. They are compared, for every padding, with counts in a loop over all outputs and taps, and drawn as
maps. Full and periodic padding treat all pixels alike; with valid padding the corner of an image is read once, with
same padding by the ⌈k/2⌉² taps of a quarter of the kernel. Deeper networks make it worse: the columns of |C₄·C₃·C₂·C₁|
count the paths.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.5 ("the border pixels may be somewhat
underrepresented"; valid convolution shrinks the image by k − 1 at each layer, same adds k − 1 zeros, full lets every
pixel be visited k times in each direction).
"""

from functools import reduce
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, equal

ROWS = (28,)
SMALL = {"size": 9}
FULL = {"size": 48}

TAPS = 5
# What surrounds the image, for each padding: the word, and what is put there.
PADDINGS: dict[str, dict[str, Any]] = {
    "VALID": {"padding": "VALID"},
    "SAME": {"padding": "SAME"},
    "SAME_LOWER": {"padding": "SAME_LOWER"},
    "CAUSAL": {"padding": "CAUSAL"},
    "FULL": {"padding": "FULL"},
    "periodic": {"padding": "SAME", "padding_mode": "circular"},
    "reflected": {"padding": "SAME", "padding_mode": "reflect"},
    "replicated": {"padding": "SAME", "padding_mode": "replicate"},
    "symmetric": {"padding": "SAME", "padding_mode": "symmetric"},
}
# The same for NumPy's `pad`; −1 stands for what is no pixel.
SURROUNDINGS: dict[str, dict[str, Any]] = {
    "periodic": {"mode": "wrap"},
    "reflected": {"mode": "reflect"},
    "replicated": {"mode": "edge"},
    "symmetric": {"mode": "symmetric"},
}
LAYERS = 4


def run(size: int = 16, taps: int = TAPS) -> Result:
    """Count for images of size × size.

    Args:
        size: rows and columns of the image.
        taps: rows and columns of the kernel, odd.
    """
    ones = np.ones((taps, taps), int)
    maps = {name: column_sums(ones, size, **options) for name, options in PADDINGS.items()}
    middle, half = taps**2, ((taps + 1) // 2) ** 2
    book = "Deep Learning, section 9.5"
    claims: list[Claim] = [
        equal(
            f"{name}: readers less those counted, largest difference",
            np.abs(found - counted(name, size, taps)).max(),
            0,
            "loop over outputs and taps",
        )
        for name, found in maps.items()
    ]
    claims += [
        equal("FULL: fewest and most readers of a pixel", _extremes(maps["FULL"]), (middle, middle), book),
        equal("periodic: fewest and most", _extremes(maps["periodic"]), (middle, middle), "no border"),
        equal("VALID: fewest and most", _extremes(maps["VALID"]), (1, middle), book),
        equal("SAME: fewest and most", _extremes(maps["SAME"]), (half, middle), "⌈k/2⌉² taps fit at a corner"),
        equal("VALID: sum of all", maps["VALID"].sum(), (size - taps + 1) ** 2 * middle, "outputs times taps"),
        equal("zeros that SAME adds to each axis", _added("SAME", size, taps), taps - 1, book),
        equal(
            "valid convolution with k = 6 shrinks 16 pixels layer by layer",
            shrinking(16, 6),
            [16, 11, 6, 1],
            "o = i − k + 1, Dumoulin & Visin, relationship 1",
        ),
    ]
    claims += _weighted(size)
    deep = {name: _deep(name, size) for name in ("VALID", "SAME", "FULL")}
    claims += [
        equal(
            f"{name}, {LAYERS} layers: paths from each pixel, largest difference",
            np.abs(found - wanted).max(),
            0,
            "product of matrices in NumPy",
        )
        for name, (found, wanted) in deep.items()
    ]
    rows = tuple(
        (name, found[0, 0], found[0, size // 2], found[size // 2, size // 2], found.sum())
        for name, found in maps.items()
    )
    table = Table(f"Outputs that read a pixel, k = {taps}", ("padding", "corner", "edge", "middle", "all"), rows)
    paths = {name: found for name, (found, _) in deep.items()}
    return Result(claims, (table,), (_maps(maps, taps), _profiles(maps, paths)))


def column_sums(w: np.ndarray, size: int, **options: Any) -> np.ndarray:
    """The sums of the columns of |C|, laid out as the image: Cᵀ·1 for the kernel |w|."""
    C = minicnn.conv_map(jnp.abs(jnp.asarray(w))[..., None, None], (size, size), **options)
    return np.asarray(C.T(jnp.ones(C.out_shape, C.dtype)))[..., 0]


def counted(name: str, size: int, taps: int, w: np.ndarray | None = None) -> np.ndarray:
    """The same in a loop: every output adds |w| to the pixels that its window reads."""
    w = np.ones((taps, taps), int) if w is None else np.abs(w)
    low, high = _widths(name, taps)
    pixels = np.arange(size * size).reshape(size, size)
    padded = np.pad(pixels, (low, high), **SURROUNDINGS.get(name, {"constant_values": -1}))
    sums = np.zeros(size * size, int)
    outputs = len(padded) - taps + 1
    for y, x in np.ndindex(outputs, outputs):
        window = padded[y : y + taps, x : x + taps]
        np.add.at(sums, window[window >= 0], w[window >= 0])
    return sums.reshape(size, size)


def _widths(name: str, taps: int) -> tuple[int, int]:
    """What is added before and after an axis; NumPy knows no words."""
    small, large = (taps - 1) // 2, taps // 2
    return {
        "VALID": (0, 0),
        "SAME_LOWER": (large, small),
        "CAUSAL": (taps - 1, 0),
        "FULL": (taps - 1, taps - 1),
    }.get(name, (small, large))


def _added(word: Any, size: int, taps: int) -> int:
    """How many zeros the library's axis needs so that it has the outputs that it has."""
    axis = minicnn.Axis.of(size, taps, padding=word)
    return axis.out_size + taps - 1 - size


def _extremes(found: np.ndarray) -> tuple[int, int]:
    return int(found.min()), int(found.max())


def shrinking(size: int, taps: int) -> list[int]:
    """The sizes of an axis under one valid convolution after the other, until no window fits."""
    sizes = [size]
    while sizes[-1] >= taps:
        sizes.append(minicnn.Axis.of(sizes[-1], taps).out_size)
    return sizes


def _weighted(size: int) -> list[Claim]:
    """An even kernel with signs, for which SAME and SAME_LOWER differ."""
    w = np.array([[1, -2, 0, 3], [-4, 5, 1, 0], [2, 2, -1, 6], [0, 1, 7, -3]])
    names = ("SAME", "SAME_LOWER")
    source = "loop over outputs and taps"
    found = {name: column_sums(w, size, **PADDINGS[name]) for name in names}
    wanted = {name: counted(name, size, len(w), w) for name in names}
    return [
        equal(
            f"{name}, 4×4 kernel with signs: columns of |C|, largest difference",
            np.abs(found[name] - wanted[name]).max(),
            0,
            source,
        )
        for name in names
    ]


def _deep(name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Paths from each pixel of a row through layers of three taps, by our maps and by matrices of NumPy."""
    w, padding = jnp.ones((3, 1, 1), int), PADDINGS[name]["padding"]
    step = {"VALID": -2, "SAME": 0, "FULL": 2}[name]
    sizes = [size + layer * step for layer in range(LAYERS + 1)]
    paths = jnp.ones((sizes[-1], 1), int)
    for inputs in reversed(sizes[:-1]):
        paths = minicnn.conv_map(w, (inputs,), padding=padding).T(paths)
    # Output o reads the inputs from o − p to o − p + 2, where the word adds 1 + step/2 = p zeros in front.
    low = 1 + step // 2
    bands = [
        np.sum([np.eye(outputs, inputs, k=tap - low, dtype=int) for tap in range(3)], axis=0)
        for inputs, outputs in pairwise(sizes)
    ]
    return np.asarray(paths)[:, 0], reduce(lambda product, C: C @ product, bands).sum(0)


def _maps(maps: dict[str, np.ndarray], taps: int) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.subplots(3, 3)
        top = max(int(found.max()) for found in maps.values())
        for axes, (name, found) in zip(grid.flat, maps.items(), strict=True):
            axes.imshow(found, cmap="cividis", vmin=0, vmax=top)
            axes.set(title=f"{name}\n{found.min()} … {found.max()}", xticks=(), yticks=())
        figure.colorbar(grid[0, 0].images[0], ax=grid, label="outputs that read the pixel", shrink=0.8)

    return Picture("maps", f"Column sums of |C| for {taps}×{taps} ones: who is read how often.", draw, 0.9)


def _profiles(maps: dict[str, np.ndarray], deep: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        size = len(maps["SAME"])
        for name, style in zip(("FULL", "SAME", "VALID", "replicated"), ("-", "--", ":", "-."), strict=True):
            left.plot(maps[name][size // 2], style, label=name)
        left.set(title="one layer", xlabel="pixel of the middle row", ylabel="outputs that read it", ylim=(0, None))
        for (name, paths), style in zip(deep.items(), (":", "--", "-"), strict=True):
            right.plot(paths / 3**LAYERS, style, color={"VALID": "C2", "SAME": "C1", "FULL": "C0"}[name])
        right.set(title=f"{LAYERS} layers, k = 3", xlabel="pixel", ylabel="share of all paths", ylim=(0, 1.05))
        figure.legend(loc="outside lower center", ncols=4, frameon=False)

    return Picture("profiles", "From the border to the middle, for one layer and for several.", draw, 0.5)
