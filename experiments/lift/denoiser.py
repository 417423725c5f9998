"""Is a denoiser without biases a matrix that adapts to its image, and what do its rows look like?

Convolutions and relus without a bias are homogeneous: a noisy image that is twice as bright is denoised to twice the
result, to the last bit, and what the network returns is J(y)·y, the product of its own Jacobian with the image. So each
pixel is a weighted sum of the noisy pixels around it, and its row of J holds the weights: a filter that the network
chose for this pixel of this image. In flat areas it averages more, on an edge along the edge. With biases the product
and the result differ. Levels of noise that the training did not have are taken away as well; the table has the gain of
the same network with biases beside. It also has ‖J‖², the sum of the squared singular values, which says how many
dimensions the matrix keeps. In the deep networks of the source these get fewer with more noise; in one as small as this
they do not, its relus follow the noise, and that is no claim.

The result is held against J(y)·y within the rounding bound of the network's sums, γₙ·|A_k|…|A_1|·|y|. How wide filters
are is measured on their magnitudes, along and across the edge, and averaged over the tenth of the pixels with the
strongest edges; what flat means is the tenth with the weakest.

Sources: S. Mohan, Z. Kadkhodaie, E. Simoncelli & C. Fernandez-Granda, "Robust and interpretable blind image denoising
via bias-free convolutional neural networks" (2020); N. Higham, *Accuracy and stability of numerical algorithms*, for
the bound. Patches of scikit-learn's photograph of a temple to train on, and its photograph of a flower to look at.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minicnn
from experiments.fitting import fitted
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.lifted import rounding
from experiments.photographs import grey_photograph
from minicnn import linalg
from minicnn.autodiff import Program

ROWS = ()
SMALL = {"depth": 3, "channels": 8, "patches": 256, "steps": 150, "side": 16}
FULL = {"depth": 8, "channels": 32, "patches": 4096, "steps": 6000, "side": 40}

MOHAN = "Mohan et al., 2020"
AVERAGED = f"{MOHAN}: flat areas are averaged"
PETAL = (124, 402)  # a pixel on the border of a petal, in the photograph of a flower
PATCH = 24  # pixels on a side of the patches to train on
TRAINED = 0.2  # the most noise while training, as a standard deviation; photographs have values between 0 and 1
LEVELS = (0.1, 0.15, 0.2, 0.4, 0.6)  # of noise that is taken away after training; the last two are new
LOW, HIGH = 0.1, 0.4  # levels of noise for which filters are drawn
RATE = 1e-2  # of Adam, at most; with 4e-3 and with 1.5e-2 a thousand steps learn less

Params = list[dict[str, Any]]


class Pixels(NamedTuple):
    """Where filters are looked at: where the clean image is flattest, and where its edges are strongest.

    Attributes:
        flat: places of pixels, the flattest first, (n, 2).
        edge: places of pixels, that with the strongest edge first, (n, 2).
        across: the direction across each edge, of length 1, (n, 2).
    """

    flat: np.ndarray
    edge: np.ndarray
    across: np.ndarray


def run(
    depth: int = 5, channels: int = 16, patches: int = 1024, steps: int = 800, side: int = 24, seed: int = 0
) -> Result:
    """Train a denoiser without biases, and one with them, and lift the first at noisy images.

    Args:
        depth: convolutions of 3×3.
        channels: between them.
        patches: to train on, each with noise of its own level.
        steps: of the training.
        side: of the image whose Jacobian is looked at, in pixels.
        seed: of the patches, the noise and the weights.
    """
    rng = np.random.default_rng(seed)
    noisy, clean = examples(patches, rng)
    learnt = {name: trained(start(depth, channels, biased, rng), noisy, clean, steps) for name, biased in KINDS.items()}
    params = learnt["without biases"]
    test = clean_image(side)
    noise = rng.normal(size=test.shape).astype(np.float32)
    y = {level: jnp.asarray(test + level * noise) for level in LEVELS}
    f = lambda y: denoised(params, y)
    programs = {level: minicnn.lift(f, y[level]) for level in (LOW, HIGH)}
    pixels = chosen(test, depth)
    matrices = {level: np.asarray(P.matrix()).reshape(2 * (side, side)) for level, P in programs.items()}
    values = {level: np.asarray(linalg.svdvals(P.as_map())) for level, P in programs.items()}
    gains = {name: [gain(params, level, rng) for level in LEVELS] for name, params in learnt.items()}
    claims = [
        *_homogeneous(params, learnt["with biases"], programs[HIGH], y[HIGH]),
        *_filters(matrices[LOW], pixels, depth),
        *_levels(gains["without biases"]),
    ]
    kept = tuple((level, float((s**2).sum()), len(s), float(s[0])) for level, s in values.items())
    gained = tuple((level, *(gains[name][n] for name in KINDS)) for n, level in enumerate(LEVELS))
    tables = (
        Table("What a denoiser gains, in decibels", ("noise", *KINDS), gained),
        Table(f"Its Jacobian at {side}×{side} pixels", ("noise", "‖J‖²", "dimensions", "σ₁"), kept),
    )
    pictures = (_filter_picture(test, y, f, pixels, matrices), _level_picture(values, gains))
    return Result(claims, tables, pictures)


KINDS = {"without biases": False, "with biases": True}


def examples(patches: int, rng: np.random.Generator) -> tuple[jax.Array, jax.Array]:
    """Patches of a photograph with noise, and without."""
    whole = grey_photograph(400, 600)[..., 0].astype(np.float32) / 255
    views = np.lib.stride_tricks.sliding_window_view(whole, (PATCH, PATCH))
    clean = views[rng.integers(0, len(views), patches), rng.integers(0, views.shape[1], patches)][..., None]
    level = rng.uniform(0, TRAINED, (patches, 1, 1, 1))
    return jnp.asarray(clean + level * rng.normal(size=clean.shape), jnp.float32), jnp.asarray(clean)


def clean_image(side: int) -> np.ndarray:
    """The border of a petal, as a negative, so that the ground is bright: where it is 0 there is nothing but noise.

    Noise alone has the same filters at every level, since the network is homogeneous.
    """
    whole = 1 - grey_photograph(400, 600, "flower").astype(np.float32) / 255
    top, left = (middle - side // 2 for middle in PETAL)
    return whole[top : top + side, left : left + side]


def start(depth: int, channels: int, biased: bool, rng: np.random.Generator) -> Params:
    """Weights of so many convolutions."""
    sizes = [1, *[channels] * (depth - 1), 1]
    params: Params = []
    for c_in, c_out in pairwise(sizes):
        w = rng.normal(0, (2 / (9 * c_in)) ** 0.5, (3, 3, c_in, c_out)).astype(np.float32)
        params.append({"w": w, "b": np.zeros(c_out, np.float32)} if biased else {"w": w})
    params[-1]["w"] *= 0  # so that the network begins with the image as it is
    return params


def denoised(params: Params, y: Any) -> Any:
    """The network: what its convolutions find is added to the image."""
    x = y
    for n, own in enumerate(params):
        x = minicnn.conv(x if n == 0 else jax.nn.relu(x), own["w"], padding=1) + own.get("b", 0)
    return y + x


def loss(params: Params, noisy: Any, clean: Any) -> Any:
    return ((denoised(params, noisy) - clean) ** 2).mean()


def trained(params: Params, noisy: jax.Array, clean: jax.Array, steps: int) -> Params:
    return fitted(loss, params, noisy, clean, jax.random.key(0), steps=steps, batch=16, rate=RATE)[0]


def gain(params: Params, level: float, rng: np.random.Generator) -> float:
    """By how many decibels the error of a photograph that was not trained with falls."""
    clean = grey_photograph(96, 96, "flower").astype(np.float32) / 255
    noisy = clean + level * rng.normal(size=clean.shape).astype(np.float32)
    error = np.mean((np.asarray(denoised(params, jnp.asarray(noisy))) - clean) ** 2)
    return float(10 * np.log10(np.mean((noisy - clean) ** 2) / error))


def chosen(image: np.ndarray, depth: int) -> Pixels:
    """The flattest tenth of the pixels whose filters do not meet the border, and the tenth with the strongest edges."""
    smooth = minicnn.avg_pool(jnp.asarray(image), (3, 3), stride=1, padding="SAME")[..., 0]
    down, right = np.gradient(np.asarray(smooth))
    length = np.hypot(down, right)
    inside = np.argwhere(np.ones_like(length)[depth:-depth, depth:-depth]) + depth
    order = inside[np.argsort(length[tuple(inside.T)])]
    tenth = len(order) // 10
    edge = order[: -tenth - 1 : -1]
    at = tuple(edge.T)
    return Pixels(order[:tenth], edge, np.stack([down[at], right[at]], -1) / length[at][:, None])


def spread(weights: np.ndarray, place: np.ndarray, direction: np.ndarray) -> float:
    """How far the weights of a filter lie from their pixel in a direction: a standard deviation, in pixels."""
    along = np.tensordot(direction, np.indices(weights.shape) - place[:, None, None], 1)
    return float(np.sqrt((np.abs(weights) * along**2).sum() / np.abs(weights).sum()))


def passing(J: np.ndarray, places: np.ndarray) -> float:
    """The share of the noise's variance that passes to some pixels, on average: the squares of their weights."""
    return float((J[tuple(places.T)] ** 2).sum((-1, -2)).mean())


def _homogeneous(params: Params, biased: Params, P: Program, y: jax.Array) -> list[Claim]:
    f, g = (lambda y, params=params: denoised(params, y) for params in (params, biased))
    Q = minicnn.lift(g, y)
    error = np.abs(f(y) - P(y)) / rounding(P, y)
    other = np.abs(g(y) - Q(y)) / rounding(Q, y)
    twice = minicnn.lift(f, 2 * y)
    bound = "Higham: γₙ·|A_k|…|A_1|·|y|"
    return [
        at_most("f(y) − J(y)·y over its rounding bound, largest", float(error.max()), 1, f"{MOHAN}; {bound}"),
        at_least("the same with biases, largest", float(other.max()), 1, f"{MOHAN}; {bound}"),
        equal("f(2y) − 2f(y), largest", float(np.abs(f(2 * y) - 2 * f(y)).max()), 0, "doubling is exact in floats"),
        equal(
            "J(2y) − J(y) applied to y, largest",
            float(np.abs(twice(y) - P(y)).max()),
            0,
            "no relu changes its sign",
        ),
    ]


def _filters(J: np.ndarray, pixels: Pixels, depth: int) -> list[Claim]:
    down, right, row, column = np.nonzero(J)
    reach = int(np.maximum(np.abs(down - row), np.abs(right - column)).max())
    widths = [
        [spread(J[tuple(place)], place, direction) for direction in (across[::-1] * (-1, 1), across)]
        for place, across in zip(pixels.edge, pixels.across, strict=True)
    ]
    along, across = np.mean(widths, 0)
    flat, edge = passing(J, pixels.flat), passing(J, pixels.edge)
    return [
        equal("how many pixels away the farthest weight is", reach, depth, "3×3 pixels a layer"),
        at_least("spread of filters on edges, along over across", along / across, 1, MOHAN),
        at_most("share of the noise's variance that passes, flat over edge", flat / edge, 1, AVERAGED),
    ]


def _levels(gains: list[float]) -> list[Claim]:
    trained = max(gain for gain, level in zip(gains, LEVELS, strict=True) if level <= TRAINED)
    new = [gain for gain, level in zip(gains, LEVELS, strict=True) if level > TRAINED]
    return [
        at_least("gain at all levels of noise, least, dB", min(gains), 0, MOHAN),
        at_least("gain at new levels of noise, least, dB", min(new), trained, f"{MOHAN}: the most at a trained level"),
    ]


def _filter_picture(
    test: np.ndarray, y: dict[float, jax.Array], f: Any, pixels: Pixels, matrices: dict[float, np.ndarray]
) -> Picture:
    places = {"flat": pixels.flat[0], "edge": pixels.edge[0]}

    def shown(axes: Axes, image: Any, title: str) -> None:
        axes.imshow(np.asarray(image)[..., 0], "gray", vmin=0, vmax=test.max())
        for (row, column), mark in zip(places.values(), "os", strict=True):
            axes.plot(column, row, mark, mfc="none", mec="#e08214", markersize=8)
        axes.set_title(title, fontsize="small")

    def draw(figure: Figure) -> None:
        grid = figure.subplots(2, 4)
        for axes in grid.flat:
            axes.set(xticks=(), yticks=())
        for line, level in zip(grid, (LOW, HIGH), strict=True):
            shown(line[0], y[level], f"y, noise {level}")
            shown(line[1], f(y[level]), "f(y) = J(y)·y")
            for axes, (name, place) in zip(line[2:], places.items(), strict=True):
                weights = matrices[level][tuple(place)]
                most = np.abs(weights).max()
                axes.imshow(weights, "PuOr", vmin=-most, vmax=most)
                axes.contour(test[..., 0], levels=[0.6], colors="0.5", linewidths=0.8)
                axes.set_title(f"row of J: {name}\nlargest {most:.2f}", fontsize="small")

    caption = (
        "An image with less and with more noise, what the network makes of it, and the rows of its Jacobian for a "
        "pixel in a flat area (circle) and one on an edge (square); violet weights are positive, white ones zero, and "
        "the line is the border of the petal."
    )
    return Picture("filters", caption, draw, 0.56)


def _level_picture(values: dict[float, np.ndarray], gains: dict[str, list[float]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for (level, s), style in zip(values.items(), ("-", "--"), strict=True):
            left.plot(np.arange(1, len(s) + 1), s, style, label=f"{level}")
        left.set(title="singular values of J", xlabel="number", ylim=(0, None))
        left.legend(frameon=False, title="noise")
        for (name, gained), style in zip(gains.items(), ("o-", "s--"), strict=True):
            right.plot(LEVELS, gained, style, label=name)
        right.axvspan(0, TRAINED, color="0.92")
        right.axhline(0, color="k", linewidth=0.8)
        right.annotate("trained", (TRAINED / 2, 0.93), xycoords=("data", "axes fraction"), ha="center", va="top")
        right.set(title="gain in decibels", xlabel="noise", xlim=(0, None))
        right.legend(frameon=False)

    caption = "How many dimensions the matrix keeps, and what the network gains, with and without biases."
    return Picture("levels", caption, draw, 0.42)
