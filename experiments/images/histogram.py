"""What does a colour histogram keep of a photograph, and what does it forget?

Every pixel votes for the box of its colour, a 1 in one of b³ channels, and a global sum counts the votes. The votes of
all boxes are as many as there are pixels; shuffling the pixels changes nothing, since a sum has no order, while any
convolution before the votes would see it. Sums over the cells of a grid, a strided convolution with ones, add up to the
whole. Then the histogram is put to use: pieces of two photographs are told apart by the intersection of histograms.

Sources: Swain & Ballard, *Color indexing* (1991), for the histogram and its intersection; notes on convolutional
networks after *Deep Learning*, image features.
"""

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, differs, equal
from experiments.photographs import photograph

ROWS = (67,)
SMALL = {"height": 64, "width": 96, "bins": 3, "piece": 16}
FULL = {"height": 416, "width": 640, "bins": 6, "piece": 32}

NAMES = ("china", "flower")


def run(height: int = 256, width: int = 384, bins: int = 4, piece: int = 32, seed: int = 0) -> Result:
    """Count colours.

    Args:
        height: rows of the photographs, a multiple of `piece`.
        width: columns, a multiple of `piece`.
        bins: boxes along each of red, green and blue.
        piece: rows and columns of the pieces that are told apart.
        seed: of the shuffled pixels.
    """
    pictures = {name: photograph(height, width, name) for name in NAMES}
    counts = {name: histogram(picture, bins) for name, picture in pictures.items()}
    china = pictures["china"]
    shuffled = np.random.default_rng(seed).permutation(china.reshape(-1, 3)).reshape(china.shape)
    cells = cell_histograms(china, bins, piece)
    numpys = np.histogramdd(china.reshape(-1, 3), bins=[np.arange(bins + 1) * 256 / bins] * 3)[0].ravel()
    right, confusion = told_apart(pictures, bins, piece)
    claims: list[Claim] = [
        equal("votes", int(counts["china"].sum()), height * width, "one for each pixel"),
        equal("boxes in which NumPy counts otherwise", np.sum(counts["china"] != numpys), 0, "numpy.histogramdd"),
        equal(
            "boxes that change when the pixels are shuffled",
            np.sum(histogram(shuffled, bins) != counts["china"]),
            0,
            "a sum has no order",
        ),
        differs(
            "boxes that change if the picture was blurred before",
            int(np.sum(histogram(blurred(shuffled), bins) != histogram(blurred(china), bins))),
            0,
            "a blur sees neighbours",
        ),
        equal(
            f"cells of {piece}×{piece}: boxes whose sum over cells is another",
            np.sum(cells.sum((0, 1)) != counts["china"]),
            0,
            "sums over a partition",
        ),
        equal(
            "intersection of a histogram with itself",
            intersection(counts["china"], counts["china"]),
            1,
            "Swain & Ballard (1991)",
        ),
        at_least("pieces whose nearest other piece is of the same photograph, share", right, 0.9, "chance is one half"),
    ]
    table = Table(
        "Nearest other piece, by intersection",
        ("piece of", *NAMES),
        tuple((name, *row) for name, row in zip(NAMES, confusion, strict=True)),
    )
    return Result(claims, (table, _boxes_table(counts, bins)), (_picture(pictures, shuffled, counts, bins),))


def votes(picture: np.ndarray, bins: int) -> jnp.ndarray:
    """For each pixel a 1 in the channel of its colour, and zeros."""
    red, green, blue = np.moveaxis(picture.astype(int) * bins // 256, -1, 0)
    return jnp.asarray(np.eye(bins**3, dtype=np.float32)[(red * bins + green) * bins + blue])


def histogram(picture: np.ndarray, bins: int) -> np.ndarray:
    """The votes of all pixels: a global sum. Single precision counts exactly up to 2²⁴."""
    return np.asarray(minicnn.global_lp_pool(votes(picture, bins), p=1)).ravel()


def cell_histograms(picture: np.ndarray, bins: int, piece: int) -> np.ndarray:
    """The votes of the pixels of each cell: (rows, columns, boxes)."""
    return np.asarray(minicnn.lp_pool(votes(picture, bins), (piece, piece), p=1))


def blurred(picture: np.ndarray) -> np.ndarray:
    """The picture after a 3×3 box blur of each colour, to whole numbers."""
    sums = minicnn.conv(jnp.asarray(picture, int), jnp.ones((3, 3, 1, 3), int), groups=3)
    return np.asarray(sums) // 9


def intersection(first: np.ndarray, second: np.ndarray) -> float:
    """The share of votes that two histograms have in common."""
    return float(np.minimum(first, second).sum() / second.sum())


def told_apart(pictures: dict[str, np.ndarray], bins: int, piece: int) -> tuple[float, np.ndarray]:
    """Of each piece the photograph of the nearest other piece: the share that is right, and the table."""
    cells = [cell_histograms(picture, bins, piece).reshape(-1, bins**3) for picture in pictures.values()]
    labels = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    every = np.concatenate(cells)
    common = np.array([np.minimum(every, one).sum(1) for one in every])
    np.fill_diagonal(common, -1)
    nearest = labels[common.argmax(1)]
    confusion = np.zeros((len(cells), len(cells)), int)
    np.add.at(confusion, (labels, nearest), 1)
    return float(np.mean(nearest == labels)), confusion


def _colours(bins: int) -> np.ndarray:
    """The middle of each box, as a colour from 0 to 1."""
    return (np.stack(np.unravel_index(np.arange(bins**3), (bins,) * 3), 1) + 0.5) / bins


def _boxes_table(counts: dict[str, np.ndarray], bins: int) -> Table:
    rows = []
    for name, found in counts.items():
        for box in np.argsort(-found)[:3]:
            rgb = " ".join(str(int(256 * part)) for part in _colours(bins)[box])
            rows.append((name, rgb, int(found[box]), found[box] / found.sum()))
    return Table("The three commonest colours", ("photograph", "red, green, blue", "pixels", "share"), tuple(rows))


def _picture(
    pictures: dict[str, np.ndarray], shuffled: np.ndarray, counts: dict[str, np.ndarray], bins: int
) -> Picture:
    def draw(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 3)
        columns = (
            ("china", pictures["china"], counts["china"]),
            ("china, shuffled", shuffled, histogram(shuffled, bins)),
            ("flower", pictures["flower"], counts["flower"]),
        )
        highest = max(found.max() / found.sum() for found in counts.values())
        for above, below, (name, picture, found) in zip(top, bottom, columns, strict=True):
            above.imshow(picture)
            above.set(title=name, xticks=(), yticks=())
            below.bar(np.arange(bins**3), found / found.sum(), 1, color=_colours(bins), edgecolor="0.5", linewidth=0.2)
            below.set(xlabel="box", ylim=(0, 1.05 * highest), xticks=(0, bins**3 - 1))
        bottom[0].set_ylabel("share of pixels")

    return Picture(
        "histograms", "A photograph, its pixels shuffled, and another: two histograms for three pictures.", draw, 0.62
    )
