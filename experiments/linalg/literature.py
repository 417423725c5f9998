"""How far are the published estimates of a convolution's spectral norm from the truth, and what do they cost?

Ten layers of different kinds: `minicnn.linalg.bounds` computes what the literature says of each, beside a bracket of
σ₁ whose two ends are certified. An estimate that is called a bound must be one. Two codes that were published with
papers are no bounds, and for each of them the number says so. One runs a power iteration with padding 1 in both
directions, whatever the kernel: for 3×3 taps that is the layer and its transpose, for 5×5 neither, and the vector
shrinks by four pixels a step until nothing is left of it. The other takes the circulant of the same size for a bound on
a layer that pads by zeros: on three positions with the taps (1, −1) it says √3, and the truth is 2·cos(π/7).

How wide a bracket may be and how far the two codes' values must fall are bounds of our own.

Sources: T. Miyato et al. (2018), Y. Tsuzuku et al. (2018), H. Sedghi, V. Gupta & P. Long (2019), E. Ryu et al. (2019),
whose code pads by 1, S. Singla & S. Feizi (2021), A. Araujo et al. (2021), B. Delattre et al. (2023, 2024), E.
Grishina, M. Gorbunov & M. Rakhuba (2024).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from minicnn import linalg
from minicnn.linalg import Bounds
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"side": 6, "channels": 2, "layers": 2}
FULL = {"side": 32, "channels": 16}

START = 40  # pixels of the vector in the published power iteration
MARKERS = {"upper": "v", "lower": "^", "neither": "x"}
COLOURS = {"upper": "#0072b2", "lower": "#d55e00", "neither": "0.45"}


def run(side: int = 16, channels: int = 4, layers: int = 10, seed: int = 0) -> Result:
    """Compute the estimates of ten layers.

    Args:
        side: pixels of their inputs.
        channels: of the layers that have several.
        layers: how many of the ten.
        seed: of their kernels.
    """
    with jax.enable_x64(True):
        maps = dict(list(kinds(side, channels, seed).items())[:layers])
        found = {name: linalg.bounds(A) for name, A in maps.items()}
        padded = {taps: padding_one(taps, channels, seed) for taps in (3, 5)}
    return Result(
        [*_sides(found), *_circulant(found["difference, zeros"]), *_padded(padded)],
        (_table(found), _brackets(found)),
        (_strip(found), _costs(found)),
    )


def kinds(side: int, channels: int, seed: int) -> dict[str, LinearMap]:
    """Ten layers, those of the counterexample first."""
    rng = np.random.default_rng(seed)
    size, c = (side, side), channels

    def conv(*w_shape: int, **options: Any) -> LinearMap:
        return minicnn.conv_map(jnp.asarray(rng.standard_normal(w_shape)), size, **options)

    taps = np.exp(-(np.arange(-3, 4) ** 2) / 4.5)
    blur = jnp.asarray(np.outer(taps, taps)[..., None, None] / taps.sum() ** 2)
    return {
        "difference, zeros": minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME"),
        "3×3, zeros": conv(3, 3, c, c, padding="SAME"),
        "3×3, stride 2": conv(3, 3, c, c, padding="SAME", stride=2),
        "5×5, valid": conv(5, 5, 1, c),
        "1×1": conv(1, 1, c, c),
        "3×3, circular": conv(3, 3, c, c, padding="SAME", padding_mode="circular"),
        "3×3, dilation 2": conv(3, 3, c, c, padding="SAME", dilation=2),
        "5×5, one kernel a channel": conv(5, 5, 1, c, padding="SAME", groups=c),
        "4×2, transposed, stride 2": conv(4, 2, c, c, padding=((1, 1), (0, 0)), stride=2).T,
        "Gaussian 7×7, zeros": minicnn.conv_map(blur, size, padding="SAME"),
    }


def padding_one(taps: int, channels: int, seed: int, most: int = 20) -> tuple[list[float], list[int]]:
    """The published power iteration, which pads by 1 whatever the kernel: its values over σ₁, and its sizes.

    Returns:
        After each step the length of C·v over the layer's σ₁, and how many pixels are left on a side.
    """
    w = jnp.asarray(np.random.default_rng(seed).standard_normal((taps, taps, channels, channels)))
    layer = minicnn.conv_map(w, (START, START), padding=taps // 2)
    sigma = linalg.bracket(layer, 1e-4).lower
    back: Callable[[Any], Any] = lambda u: minicnn.conv(u, w.swapaxes(-1, -2), padding=1, flip=True)
    u = jnp.asarray(np.random.default_rng(seed + 1).standard_normal((START, START, channels)))
    values, sizes = [], []
    for _ in range(most):
        if u.shape[0] + 2 * (3 - taps) < 1:
            break
        v = back(u)
        v = v / jnp.linalg.norm(v.ravel())
        u = minicnn.conv(v, w, padding=1)
        values.append(float(jnp.linalg.norm(u.ravel())) / sigma)
        sizes.append(u.shape[0])
        u = u / jnp.linalg.norm(u.ravel())
    return values, sizes


def _sides(found: dict[str, Bounds]) -> list[Claim]:
    over = {"upper": [np.inf], "lower": [0.0]}
    for each in found.values():
        for estimate in each.estimates:
            if estimate.side == "upper":
                over["upper"].append(estimate.value / each.bracket.lower)
            elif estimate.side == "lower":
                over["lower"].append(estimate.value / each.bracket.upper)
    gaps = [each.bracket.gap for each in found.values()]
    return [
        at_least("least of all upper bounds, over the bracket's lower end", min(over["upper"]), 1 - 1e-9, "theorems"),
        at_most("largest of all lower bounds, over the bracket's upper end", max(over["lower"]), 1 + 1e-9, "‖A·v‖"),
        at_most("widest bracket, relative to its upper end", max(gaps), 0.1, "two certificates"),
    ]


def _circulant(difference: Bounds) -> list[Claim]:
    circulant, truth = difference["circulant of the same size"], 2 * np.cos(np.pi / 7)
    return [
        equal("taps (1, −1) on 3, zeros: circulant of the same size", circulant.value, np.sqrt(3), "√3", 1e-12),
        at_least("their σ₁ is above it: at least", difference.bracket.lower, np.sqrt(3) + 0.06, "2cos(π/7)"),
        equal("and it is", difference.bracket.upper, truth, "2·cos(π/7)", 1e-3),
        equal("so that the circulant is", circulant.side, "neither", "no bound"),
    ]  # fmt: skip


def _padded(padded: dict[int, tuple[list[float], list[int]]]) -> list[Claim]:
    (three, _), (five, sizes) = padded[3], padded[5]
    return [
        at_least("padding 1, 3×3: value over σ₁", three[-1], 0.9, "it is the layer and its transpose"),
        equal("padding 1, 5×5: pixels after each step", sizes, list(range(START - 4, 0, -4)), "−4 a step"),
        at_most("padding 1, 5×5: last value over σ₁", five[-1], 0.9, "a small vector has no long waves"),
        at_most("padding 1, 5×5: last value over the largest", five[-1] / max(five), 0.95, "it falls"),
    ]  # fmt: skip


def _table(found: dict[str, Bounds]) -> Table:
    names = list(dict.fromkeys(estimate.name for each in found.values() for estimate in each.estimates))
    rows = []
    for name in names:
        cells = []
        for each in found.values():
            estimate = next((e for e in each.estimates if e.name == name), None)
            mark = {"upper": "", "lower": " ↓", "neither": " ?"}
            cells.append(f"{estimate.value / each.bracket.lower:.4f}{mark[estimate.side]}" if estimate else "—")
        rows.append((name, *cells))
    title = "Estimates over σ₁: upper bounds, lower bounds (↓), neither (?)"
    return Table(title, ("estimate", *found), tuple(rows))


def _brackets(found: dict[str, Bounds]) -> Table:
    rows = [(name, b.lower, b.upper, b.products, b.method) for name, b in ((n, e.bracket) for n, e in found.items())]
    return Table("Brackets of σ₁", ("layer", "at least", "at most", "products", "method"), tuple(rows))


def _strip(found: dict[str, Bounds]) -> Picture:
    names = list(dict.fromkeys(estimate.name for each in found.values() for estimate in each.estimates))[::-1]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for side, marker in MARKERS.items():
            points = [
                (estimate.value / each.bracket.lower, names.index(estimate.name))
                for each in found.values()
                for estimate in each.estimates
                if estimate.side == side
            ]
            x, y = np.array(points).reshape(-1, 2).T
            axes.plot(x, y, marker, color=COLOURS[side], label=side, fillstyle="none", linestyle="none")
        axes.axvline(1, color="k", linewidth=1)
        axes.set(xscale="log", xlabel="value over σ₁", yticks=range(len(names)))
        axes.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        axes.set_yticks(range(len(names)), names, fontsize="small")
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False, loc="lower right")

    return Picture("estimates", "What each estimate says of each layer, over the truth.", draw, 0.75)


def _costs(found: dict[str, Bounds]) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for side, marker in MARKERS.items():
            points = [
                (estimate.products, estimate.value / each.bracket.lower)
                for each in found.values()
                for estimate in each.estimates
                if estimate.side == side
            ]
            x, y = np.array(points).reshape(-1, 2).T
            axes.plot(x, y, marker, color=COLOURS[side], label=side, fillstyle="none", linestyle="none")
        for n, each in enumerate(found.values()):
            b = each.bracket
            label = "bracket" if n == 0 else None
            axes.plot([b.products] * 2, [1, b.upper / b.lower], "k", marker="_", markersize=12, label=label)
        axes.axhline(1, color="k", linewidth=0.5)
        axes.set_xscale("symlog", linthresh=5)
        axes.set(
            xlim=(-1, 300), yscale="log", xlabel="products with the matrix or its transpose", ylabel="value over σ₁"
        )
        axes.set_xticks([0, 10, 21, 100, 201], ["0", "10", "21", "100", "201"])
        axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        axes.minorticks_off()
        axes.legend(frameon=False)

    return Picture(
        "costs", "Value over σ₁ against products, for the estimates and for the brackets of ten layers.", draw, 0.55
    )
