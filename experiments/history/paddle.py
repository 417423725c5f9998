"""Why does a cell that likes a paddle not answer to its parts, with MAX but not with SUM?

A simplified HMAX: at every position two kinds of S1 cells, tuned to the left and the right side of the place where the
bar meets the ellipse, S1 = exp(−‖patch − template‖²/2σ²), where the templates are rows of a C. Two C1 cells pool each
kind over all positions, with the maximum or with the sum. The cell on top is tuned to what both answer to the paddle,
a Gaussian of C1 over its value there. The bar and the ellipse alone, and a paddle whose bar is cut off, differ from the
paddle where they meet: there the best match is lost, and with MAX nothing else makes up for it. In a SUM the two best
answers are a small part of what all positions, empty ones too, add up to.

How high the SUM stays is a matter of those other answers: the second table tunes S1 in other ways. With S1 cells that
do not answer to empty patches, half a paddle has half the sum, and the SUM's cell falls too; what never moves it is the
cut. The published bars are not available as numbers, so that the ordering is what is compared.

“Almost no response” is taken to be a tenth at most, and a SUM that “stays high” to be one half at least; these bounds
are our own.

Sources: Riesenhuber & Poggio, *Hierarchical models of object recognition in cortex* (1999), Nature Neuroscience 2:1019,
figure 3 and its caption.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (77,)
SMALL = {"reach": 1}
FULL = {"reach": 7}

SIDE, PATCH = 48, 7
ELLIPSE = (18.0, 24.0, 9.0, 6.0)  # row and column of its middle, and its two radii
BAR = (22.0, 40.0, 2.0)  # first and last row, and half its width
JUNCTION = 26  # row in the middle of the templates: where the outline turns from the ellipse to the bar
SIDES = (21, 27)  # columns in the middle of the left and the right template
TUNING = 0.2  # deviation of the Gaussian on top, as a fraction of C1's answer to the paddle
POOLS = ("MAX", "SUM")
PAPER = "Riesenhuber & Poggio (1999), figure 3"


def run(reach: int = 4, width: float = 1.5) -> Result:
    """Show a paddle, its parts, and a paddle that is cut.

    Args:
        reach: pixels that the paddle is moved at most, in each direction.
        width: σ of the S1 cells.
    """
    images = stimuli()
    found = responses(images, width)
    moved = np.stack(
        [np.roll(images["paddle"], (dy, dx), (0, 1)) for dy in (-reach, 0, reach) for dx in (-reach, 0, reach)]
    )
    still = {pool: tuned(moved, images["paddle"], pool, width) for pool in POOLS}
    parts = [name for name in images if name.endswith("alone")]
    claims: list[Claim] = [
        *(equal(f"{pool}: the paddle", found[pool]["paddle"], 1, PAPER, 1e-6) for pool in POOLS),
        *(at_most(f"MAX: {name}", found["MAX"][name], 0.1, f"{PAPER}: almost no response") for name in parts),
        *(at_least(f"SUM: {name}", found["SUM"][name], 0.5, f"{PAPER}: stays high") for name in parts),
        at_most("MAX: bar cut off, few pixels changed", found["MAX"]["cut"], 0.1, "a small change, a large effect"),
        at_least("SUM: bar cut off", found["SUM"]["cut"], 0.9, "a small change, a small effect"),
        *(
            at_least(f"{pool}: paddle moved by up to {reach} pixels, least answer", still[pool].min(), 0.99, PAPER)
            for pool in POOLS
        ),
        equal(
            "templates: rows of C times the paddle, at the junction",
            _at_the_junction(images["paddle"]),
            [7, 7],
            "counted",
        ),
    ]
    answers = Table(
        "Answers of the cell on top, 1 for the paddle",
        ("stimulus", "pixels that differ", *POOLS),
        tuple(
            (name, int((image != images["paddle"]).sum()), *(found[pool][name] for pool in POOLS))
            for name, image in images.items()
        ),
    )
    others = {"σ = 1": 1.0, "σ = 1.5": 1.5, "σ = 2": 2.0, "cosine": None}
    tunings = [(name, responses(images, value)) for name, value in others.items()]
    table = Table(
        "The same with other S1 cells",
        ("S1", "stimulus", *POOLS),
        tuple((cells, name, *(r[pool][name] for pool in POOLS)) for cells, r in tunings for name in list(images)[1:]),
    )
    return Result(claims, (answers, table), (_picture(images, found),))


def stimuli() -> dict[str, Float[np.ndarray, "48 48"]]:
    """Outlines of the paddle, of its bar, of its ellipse, and of a paddle whose bar is cut off from the ellipse."""
    row, column = np.indices((SIDE, SIDE)).astype(float)
    y, x, tall, wide = ELLIPSE
    ellipse = ((row - y) / tall) ** 2 + ((column - x) / wide) ** 2 <= 1
    top, bottom, half = BAR
    bar = (abs(column - x) <= half) & (row >= top) & (row <= bottom)
    cut = bar & (row > y + tall + 2)  # two empty rows below the ellipse
    return {
        "paddle": outline(ellipse | bar),
        "cut": outline(ellipse | cut),
        "bar alone": outline(bar),
        "ellipse alone": outline(ellipse),
    }


def outline(shape: np.ndarray) -> Float[np.ndarray, "h w"]:
    """The pixels of a shape that have a neighbour outside it, above, below or beside."""
    around = np.pad(shape, 1)
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return (shape & ~inner).astype(np.float32)


def templates() -> Float[np.ndarray, "7 7 1 2"]:
    """What the two kinds of S1 cells are tuned to: both sides of the junction, cut out of the paddle."""
    paddle, half = stimuli()["paddle"], PATCH // 2
    rows = slice(JUNCTION - half, JUNCTION + half + 1)
    return np.stack([paddle[rows, at - half : at + half + 1] for at in SIDES], -1)[:, :, None]


@jax.jit
def matches(x: Float[Array, "n h w 1"], w: Float[Array, "a b 1 k"]) -> tuple[Array, Array]:
    """Of every patch: its inner product with each template, C·x, and its own square."""
    ones = jnp.ones((*w.shape[:2], 1, 1))
    return minicnn.conv(x, w, padding="SAME"), minicnn.conv(x * x, ones, padding="SAME")


def s1(images: Float[np.ndarray, "n h w"], width: float | None) -> Float[np.ndarray, "n h w 2"]:
    """How well every patch matches: a Gaussian of the distance, or without a width the cosine of the angle."""
    w = templates()
    squares = (w**2).sum((0, 1, 2))
    along, own = (np.asarray(y, float) for y in matches(images[..., None], w))
    if width is None:
        return along / np.sqrt(squares * np.maximum(own, 1))
    return np.exp(-(own - 2 * along + squares) / (2 * width**2))


def c1(images: np.ndarray, pool: str, width: float | None) -> Float[np.ndarray, "n 2"]:
    """Each kind of S1 cell pooled over all positions."""
    found = s1(images, width)
    return found.max((1, 2)) if pool == "MAX" else found.sum((1, 2))


def tuned(images: np.ndarray, preferred: np.ndarray, pool: str, width: float | None) -> Float[np.ndarray, " n"]:
    """The cell on top: a Gaussian of C1, each value over the one of the preferred image."""
    ratio = c1(images, pool, width) / c1(preferred[None], pool, width)
    return np.exp(-((ratio - 1) ** 2).sum(-1) / (2 * TUNING**2))


def responses(images: dict[str, np.ndarray], width: float | None) -> dict[str, dict[str, float]]:
    """The answers to all stimuli, by pool."""
    every = np.stack(list(images.values()))
    found = {pool: tuned(every, images["paddle"], pool, width) for pool in POOLS}
    return {pool: dict(zip(images, answers.tolist(), strict=True)) for pool, answers in found.items()}


def _at_the_junction(paddle: np.ndarray) -> list[float]:
    along = np.asarray(matches(paddle[None, ..., None], templates())[0])[0, JUNCTION]
    return [float(along[at, k]) for k, at in enumerate(SIDES)]


def _picture(images: dict[str, np.ndarray], found: dict[str, dict[str, float]]) -> Picture:
    def draw(figure: Figure) -> None:
        axes: dict[Any, Any] = figure.subplot_mosaic([list(images), ["bars"] * len(images)], height_ratios=[1, 1.3])
        for name, image in images.items():
            axes[name].imshow(image, cmap="gray_r", interpolation="nearest")
            axes[name].set(xticks=[], yticks=[])
        places = np.arange(len(images))
        for pool, colour, left in (("MAX", "#000000", -0.2), ("SUM", "#E69F00", 0.2)):
            bars = axes["bars"].bar(places + left, list(found[pool].values()), 0.36, color=colour, label=pool)
            axes["bars"].bar_label(bars, fmt="%.2f", padding=2, fontsize="small")
        axes["bars"].set(xticks=places, xticklabels=list(images), ylabel="answer", ylim=(0, 1.25))
        axes["bars"].set_xlim(-0.5, len(images) - 0.5)
        axes["bars"].legend(frameon=False, ncols=2, loc="upper right")

    return Picture("paddle", "The four stimuli, and what the cell on top answers with MAX and with SUM.", draw, 0.6)
