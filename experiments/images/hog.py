"""Can histograms of oriented gradients be written with convolutions and pools?

Differences to both sides are two convolutions; each pixel votes for the direction of its gradient with its length, one
channel for each of 9 directions; cells of 8×8 pixels are average pools; blocks of 2×2 cells are the windows of an
unfolding, and each is made of unit length, cut off at 0.2, and made of unit length again. A window of 128×64 pixels has
7·15 blocks of 36 numbers, 3,780. The same is written once more as loops over pixels and blocks in NumPy.

The conventions are those of scikit-image: differences at the border are 0, a vote goes to one direction, and the square
of 10⁻⁵ is added to the squares of norms. Version 0.26.0 gave the recorded numbers. It adds up the votes of a cell in
single precision: loops that do so gave all its 3,780 numbers to the last bit, and ours differ by 3·10⁻⁸. Dalal and
Triggs also share each vote between neighbouring directions and cells, which scikit-image and this experiment do not.

Sources: Dalal & Triggs, *Histograms of oriented gradients for human detection* (2005); scikit-image, `feature.hog`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_most, equal
from experiments.photographs import grey_photograph

ROWS = (68,)
SMALL = {"side": 128}
FULL = {"side": 384}

HEIGHT, WIDTH, CELL, BLOCK, DIRECTIONS = 128, 64, 8, 2, 9
CUT, EPSILON = 0.2, 1e-5  # of Lowe's norm, and what keeps a flat block from dividing by zero
# Sums of 64 and of 36 numbers below 400, and two divisions, in double precision.
ROUNDING = 1e-12
# 64 votes that are added in single precision; no number of a block is larger than 1.
SINGLE = CELL**2 * 2.0**-24
# What scikit-image 0.26.0 finds for `pattern()`: some of the numbers, and Σ n·f[n].
RECORDED = {
    0: 0.22970666661779546,
    1: 0.180837597322478,
    2: 0.1697319535532926,
    1000: 0.2060783415458634,
    2000: 0.24031540990534006,
    3000: 0.09729786592122745,
    3779: 0.11405355849832775,
}
RECORDED_SUM = 1084349.5686421292


def run(side: int = 256) -> Result:
    """Describe a pattern, gratings and photographs.

    Args:
        side: rows and columns of the photograph that is drawn.
    """
    with jax.enable_x64(True):
        x, photo = pattern(), grey_photograph(HEIGHT, WIDTH).astype(float)
        found, described = hog(x), hog(photo)
        strongest = [int(cells(grating(direction)).sum((0, 1)).argmax()) for direction in range(DIRECTIONS)]
        brighter, contrast = hog(photo + 100), hog(3 * photo)
        glyphs = cells(grey_photograph(side, side, "flower").astype(float))
    single = by_loops(x, np.float32)
    places, recorded = list(RECORDED), list(RECORDED.values())
    size = "Dalal & Triggs (2005): 7·15·36"
    claims: list[Claim] = [
        equal("blocks down, blocks across, numbers of each", found.shape, (15, 7, 36), size),
        equal("numbers of a window of 128×64", found.size, 3780, size),
        at_most("pattern: largest difference to loops", _apart(found, by_loops(x)), ROUNDING, "NumPy, cell by cell"),
        at_most(
            "photograph: largest difference to loops",
            _apart(described, by_loops(photo)),
            ROUNDING,
            "NumPy, cell by cell",
        ),
        at_most(
            f"pattern: numbers {places}, largest difference",
            _apart(found.ravel()[places], recorded),
            SINGLE,
            "scikit-image 0.26.0, in single precision",
        ),
        at_most(
            "the same of loops that add votes in single precision",
            _apart(single.ravel()[places], recorded),
            ROUNDING,
            "scikit-image 0.26.0",
        ),
        at_most(
            "Σ n·f[n] over all 3,780 numbers of these loops, relative difference",
            abs(float(single.ravel() @ np.arange(3780)) / RECORDED_SUM - 1),
            ROUNDING,
            "scikit-image 0.26.0",
        ),
        equal(
            "strongest direction of gratings at 10°, 30°, … 170°",
            strongest,
            list(range(DIRECTIONS)),
            "the middles of the boxes",
        ),
        equal(
            "photograph 100 brighter: largest change", _apart(described, brighter), 0, "differences forget a constant"
        ),
        at_most(
            "photograph of three times the contrast: largest change",
            _apart(described, contrast),
            1e-4,
            "unit length, up to ε",
        ),
        at_most(
            "largest norm of a block", float(np.linalg.norm(described, axis=-1).max()), 1 + ROUNDING, "unit length"
        ),
    ]
    table = Table(
        "From a window of 128×64 to 3,780 numbers",
        ("step", "shape", "as"),
        (
            ("differences", "128×64×2", "convolutions with (−1, 0, 1)"),
            ("votes", "128×64×9", "one of 9 directions, with the length"),
            ("cells", "16×8×9", "average pool of 8×8"),
            ("blocks", "15×7×36", "windows of 2×2 cells"),
            ("unit length", "15×7×36", "norm, cut at 0.2, norm"),
        ),
    )
    return Result(claims, (table,), (_picture(side, glyphs),))


def pattern() -> np.ndarray:
    """An image of integers with all directions in it that needs no file."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    return ((7 * row**2 + 13 * column * row + 5 * column) % 256).astype(float)[..., None]


def grating(direction: int) -> np.ndarray:
    """A wave whose gradient points in the middle of a box, with a period of 16 pixels."""
    angle = np.deg2rad((direction + 0.5) * 180 / DIRECTIONS)
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    return np.sin(2 * np.pi / 16 * (np.cos(angle) * column + np.sin(angle) * row))[..., None]


def gradients(x: np.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
    """The differences down and across; 0 where a neighbour is missing."""
    difference = jnp.array([-1.0, 0, 1])
    down = minicnn.conv(x, difference.reshape(3, 1, 1, 1))
    across = minicnn.conv(x, difference.reshape(1, 3, 1, 1))
    return minicnn.pad(down, ((1, 1), (0, 0)))[..., 0], minicnn.pad(across, ((0, 0), (1, 1)))[..., 0]


def cells(x: np.ndarray) -> np.ndarray:
    """The mean vote for each direction in each cell: (rows, columns, directions)."""
    down, across = gradients(x)
    angle = jnp.rad2deg(jnp.arctan2(down, across)) % 180
    box = jnp.floor(angle / (180 / DIRECTIONS)).astype(int)
    votes = jax.nn.one_hot(box, DIRECTIONS, dtype=down.dtype) * jnp.hypot(down, across)[..., None]
    return np.asarray(minicnn.avg_pool(votes, (CELL, CELL)))


def hog(x: np.ndarray) -> np.ndarray:
    """The descriptor of an image of one channel: (rows of blocks, columns of blocks, numbers)."""
    blocks = minicnn.unfold(jnp.asarray(cells(x)), (BLOCK, BLOCK))
    return np.asarray(_unit(jnp.minimum(_unit(blocks), CUT)))


def _unit(blocks: jnp.ndarray) -> jnp.ndarray:
    return blocks / jnp.sqrt(jnp.sum(blocks**2, -1, keepdims=True) + EPSILON**2)


def by_loops(x: np.ndarray, precision: type = np.float64) -> np.ndarray:
    """The same from the definitions, one pixel, one cell and one block after the other.

    Args:
        x: image of one channel.
        precision: of the sums of votes.
    """
    x = x[..., 0]
    rows, columns = x.shape[0] // CELL, x.shape[1] // CELL
    sums = np.zeros((rows, columns, DIRECTIONS), precision)
    for r, c in np.ndindex(rows * CELL, columns * CELL):
        down = x[r + 1, c] - x[r - 1, c] if 0 < r < x.shape[0] - 1 else 0.0
        across = x[r, c + 1] - x[r, c - 1] if 0 < c < x.shape[1] - 1 else 0.0
        degrees = np.degrees(np.arctan2(down, across)) % 180
        place = r // CELL, c // CELL, next(n for n in range(DIRECTIONS) if degrees < 20 * (n + 1))
        sums[place] = float(sums[place]) + np.hypot(down, across)
    histograms = sums.astype(float) / CELL**2
    blocks = np.zeros((rows - 1, columns - 1, BLOCK**2 * DIRECTIONS))
    for r, c in np.ndindex(rows - 1, columns - 1):
        block = histograms[r : r + BLOCK, c : c + BLOCK].ravel()
        block = np.minimum(block / (block @ block + EPSILON**2) ** 0.5, CUT)
        blocks[r, c] = block / (block @ block + EPSILON**2) ** 0.5
    return blocks


def _apart(first: np.ndarray, second: np.ndarray | list[float]) -> float:
    return float(np.abs(first - np.asarray(second)).max())


def _picture(side: int, glyphs: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.imshow(grey_photograph(side, side, "flower")[..., 0], cmap="gray")
        left.set(title="photograph", xticks=(), yticks=())
        # An edge lies across its gradient. Rows go down, so that angles turn clockwise.
        angles = np.deg2rad((np.arange(DIRECTIONS) + 0.5) * 180 / DIRECTIONS + 90)
        reach = CELL / 2 * np.stack((np.cos(angles), np.sin(angles)), 1)
        row, column, direction = np.indices(glyphs.shape).reshape(3, -1)
        centres = CELL * np.stack((column, row), 1) + CELL / 2 - 0.5
        segments = np.stack((centres - reach[direction], centres + reach[direction]), 1)
        strength = np.minimum(glyphs.ravel() / np.quantile(glyphs.max(-1), 0.9), 1)
        right.add_collection(
            LineCollection(list(segments), colors=[(1, 1, 1, alpha) for alpha in strength], linewidths=1)
        )
        right.set(
            title="votes for directions, 8×8 cells",
            xlim=(-0.5, side - 0.5),
            ylim=(side - 0.5, -0.5),
            xticks=(),
            yticks=(),
        )
        right.set(facecolor="black", aspect="equal")

    return Picture(
        "glyphs",
        "A dahlia, and in each cell a line along the edges of every direction, as bright as its votes.",
        draw,
        0.56,
    )
