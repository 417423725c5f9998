"""What tells a simple cell from a complex one, when both begin as rows of C?

A simple cell is a row of C with a Gabor function as its kernel, followed by a threshold: it answers to one orientation,
one place and one phase. A complex cell takes the largest answer of simple cells that differ in phase or place, or the
energy of two that differ by a quarter of a wave: it keeps the orientation and forgets the phase. Both are tested as
animals are: by drifting gratings, whose response has a mean F0 and an amplitude F1 at the frequency of the drift, by
bright and dark bars, and by white noise. The correlation of noise with responses is the gradient of the weights,
X(noise)ᵀ·y, and its columns tend to those of Cᵀ: reverse correlation reads the kernel of a simple cell. With T pictures
of n pixels it correlates with the kernel as 1 / √(1 + 4·v·(n − 1)/T), v = 1/2 − 1/(2π) the variance of the answers. For
a complex cell it reads nothing, but pictures weighted by responses vary most in the plane of its two kernels.

The parameters of the cells are drawn at random and are ours: that F1/F0 falls apart into two groups says what these
models predict, and not how many cells of either kind a cortex has. Where the inputs of complex cells differ more, a
threshold takes some of them above 1, as the table says; and two groups can also come from one kind of cell with
thresholds (Mechler & Ringach, 2002, On the classification of simple and complex cells).

Sources: Hubel & Wiesel (1962), Receptive fields, binocular interaction and functional architecture in the cat's visual
cortex; Adelson & Bergen (1985), Spatiotemporal energy models for the perception of motion; Skottun et al. (1991),
Classifying simple and complex cells on the basis of response modulation, for F1/F0 above and below 1.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Film, Picture, Result, Table, at_least, at_most, equal
from experiments.gabor import apart, bar, gabor, grating, tuning
from minicnn.maps import LinearMap

ROWS = (70,)
SMALL = {"cells": 60, "pictures": 8_000}
FULL = {"cells": 2_000, "pictures": 100_000}

SIDE, WAVELENGTH, WIDTH = 15, 6.0, 3.0  # of a kernel, in pixels: five standard deviations, with two bars in sight
ORIENTATIONS = np.arange(0, 180, 22.5)
PHASES = np.arange(0, 360, 90)
ANGLES = np.arange(0, 180, 1.0)  # at which tuning curves are taken
DRIFT = np.arange(0, 360, 5.0)  # phases of a drifting grating
PLACES = np.arange(-7, 7.25, 0.25)  # of a bar, in pixels from the middle of the field
SPREADS = (0.15, 0.4)  # of the cells of a population: claims are about the first
COLOURS = {"simple": "#0072B2", "complex, max": "#D55E00", "complex, energy": "#009E73"}

# What a cell makes of the rectified answers of four simple ones, a quarter of a wave apart (..., 4).
POOLS = {
    "simple": lambda y: y[..., 0],
    "complex, max": lambda y: y.max(-1),
    "complex, energy": lambda y: (y**2).sum(-1),
}


def run(cells: int = 500, pictures: int = 32_000, seed: int = 0) -> Result:
    """Test cells by gratings, bars and noise.

    Args:
        cells: of each kind, whose modulation is measured.
        pictures: of white noise.
        seed: of the cells and of the noise.
    """
    rng = np.random.default_rng(seed)
    kernels = gabor(SIDE, ORIENTATIONS[:, None], WAVELENGTH, PHASES, WIDTH)
    curves = tuning(kernels[:, 0], ANGLES, [WAVELENGTH])
    drifts = {kind: phase_curve(kind, kernels[0]) for kind in POOLS}
    bars = {kind: {sign: position_curve(kind, kernels[0], sign) for sign in (1, -1)} for kind in POOLS}
    indices = {s: {kind: population(kind, cells, s, rng) for kind in POOLS} for s in SPREADS}
    noise = rng.standard_normal((pictures, SIDE, SIDE), np.float32)
    read, correlations = reverse_correlation(kernels, noise)
    blank, plane = of_a_complex_cell(kernels[0], noise)
    claims: list[Claim] = [
        equal("rows of C less the kernel moved, largest", worst_row(kernels[1, 0]), 0, "C is Toeplitz"),
        *_tuned(curves),
        *_pooled(drifts, bars),
        *_apart(indices[SPREADS[0]]),
        *_recovered(correlations, blank, plane),
    ]
    tables = (_index_table(indices), _noise_table(correlations))
    pictures_of_it = (
        _curves(curves, drifts, bars),
        _histogram(indices[SPREADS[0]]),
        _kernels(kernels[:, 0], read, correlations),
    )
    return Result(claims, tables, pictures_of_it, (_moving_bar(),))


def cells_of(kernels: np.ndarray) -> LinearMap:
    """The map whose rows are these kernels, (n, side, side): a convolution with one position and n channels."""
    w = jnp.asarray(np.moveaxis(kernels, 0, -1)[:, :, None], jnp.float32)
    return minicnn.conv_map(w, kernels.shape[1:])


def linear_answers(kernels: np.ndarray, stimuli: np.ndarray) -> np.ndarray:
    """C·x for each stimulus, (stimuli, n)."""
    return np.asarray(cells_of(kernels)(jnp.asarray(stimuli, jnp.float32)[..., None])).reshape(len(stimuli), -1)


def pooled(kind: str, linear: np.ndarray) -> np.ndarray:
    """What a cell of this kind answers, from the linear answers of its four kernels (..., 4)."""
    return POOLS[kind](np.maximum(linear, 0))


def worst_row(kernel: np.ndarray) -> float:
    """How far the rows of C are from the kernel moved over a field that is five pixels larger."""
    w, field = jnp.asarray(kernel, jnp.float32), SIDE + 5
    rows = np.asarray(minicnn.conv_map(w[..., None, None], (field, field)).matrix()).reshape(6, 6, field, field)
    moved = np.zeros_like(rows)
    for i, j in np.ndindex(6, 6):
        moved[i, j, i : i + SIDE, j : j + SIDE] = w
    return float(np.abs(rows - moved).max())


def phase_curve(kind: str, kernels: np.ndarray) -> np.ndarray:
    """What a cell of horizontal kernels answers to a grating at each phase, the largest 1."""
    y = pooled(kind, linear_answers(kernels, grating(SIDE, 0, WAVELENGTH, DRIFT)))
    return y / y.max()


def position_curve(kind: str, kernels: np.ndarray, sign: int) -> np.ndarray:
    """What it answers to a horizontal bar two pixels thick at each place, bright or dark."""
    return pooled(kind, linear_answers(kernels, sign * bar(SIDE, 0, PLACES, thickness=2)))


def half_width(curve: np.ndarray) -> float:
    """Half of the range of angles over which a tuning curve is above half its peak, in degrees."""
    return float((curve > curve.max() / 2).sum() * (ANGLES[1] - ANGLES[0]) / 2)


def modulation(y: np.ndarray) -> np.ndarray:
    """F1/F0 of responses at the phases of a drifting grating (..., phases)."""
    waves = np.fft.rfft(y)
    return 2 * np.abs(waves[..., 1]) / np.abs(waves[..., 0])


def population(kind: str, cells: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """F1/F0 of many cells, each tested with the grating that it prefers.

    Kernels differ in orientation, wavelength, width and phase. Cells differ by the spread, a share: in threshold, from
    0 to this share of the largest answer; in the strength of the four inputs of a complex cell, which are weaker by up
    to as much; and in their phases, a quarter of a wave apart with a deviation of this share of it.
    """
    orientation, phase = (360 * rng.random((cells, 1)) for _ in range(2))
    wavelength = rng.uniform(4, 6, (cells, 1))
    width = wavelength * rng.uniform(0.4, 0.5, (cells, 1))
    phases = phase + PHASES + 90 * spread * rng.standard_normal((cells, 4))
    kernels = gabor(SIDE, orientation / 2, wavelength, phases, width)
    stimuli = grating(SIDE, orientation / 2, wavelength, DRIFT)
    linear = np.einsum("cskl,cpkl->csp", stimuli, kernels, optimize=True) * rng.uniform(1 - spread, 1, (cells, 1, 4))
    y = pooled(kind, linear)
    threshold = rng.uniform(0, spread, (cells, 1)) * y.max(1, keepdims=True)
    return modulation(np.maximum(y - threshold, 0))


def reverse_correlation(kernels: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """What the noise correlates with in the answers of the simple cells of phase 0.

    Returns:
        the kernels that are read from all pictures, and the correlation of each with its column of Cᵀ after 1/16, 1/8,
        … and all of the pictures.
    """
    chosen, portion = kernels[:, 0], len(noise) // 16
    C = cells_of(chosen)
    columns = np.asarray(C.matrix())
    w_shape = (SIDE, SIDE, 1, len(chosen))
    # Taking away the mean of the answers, which is that of the positive part of a Gaussian, leaves less noise.
    mean = 1 / np.sqrt(2 * np.pi)
    total, read, correlations = np.zeros(w_shape), columns, {}
    for n in range(1, 17):
        x = jnp.asarray(noise[(n - 1) * portion : n * portion, ..., None])
        y = jnp.maximum(C(x), 0) - mean
        total += np.asarray(minicnn.patch_map(x, w_shape).T(y)).reshape(w_shape)
        if n & (n - 1) == 0:
            read = np.moveaxis(total[:, :, 0], -1, 0).reshape(len(chosen), -1)
            correlations[n * portion] = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(read, columns, strict=True)])
    return read.reshape(chosen.shape), correlations


def predicted(pictures: int) -> float:
    """The correlation that reverse correlation reaches: the noise of its n − 1 other directions adds up."""
    variance = 1 / 2 - 1 / (2 * np.pi)
    return float(1 / np.sqrt(1 + 4 * variance * (SIDE**2 - 1) / pictures))


def of_a_complex_cell(kernels: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """What reverse correlation reads of a cell by energy, and what the covariance of weighted pictures does.

    Returns:
        the larger correlation of the weighted mean with the two kernels, and the cosine of the angle between the plane
        of the two directions of most variance and that of the kernels.
    """
    pair = kernels[:2].reshape(2, -1)
    x = noise.reshape(len(noise), -1)
    y = pooled("complex, energy", linear_answers(kernels, noise))
    weighted = x * (y - y.mean())[:, None]
    blank = np.abs(np.corrcoef(weighted.mean(0), pair)[0, 1:]).max()
    _, directions = np.linalg.eigh(weighted.T @ x)
    cosines = np.linalg.svd(directions[:, -2:].T @ np.linalg.qr(pair.T)[0], compute_uv=False)
    return float(blank), float(cosines.min())


def _tuned(curves: np.ndarray) -> list[Claim]:
    peaks = ANGLES[curves.argmax(1)]
    # At one wavelength the window's transform falls to a half where sin(Δ/2) = √(ln 2 / 8)·λ / (π·σ).
    width = 2 * np.degrees(np.arcsin(np.sqrt(np.log(2) / 8) * WAVELENGTH / (np.pi * WIDTH)))
    return [
        at_most("tuning: peak less the kernel's orientation, largest", apart(peaks, ORIENTATIONS).max(), 1, "1° steps"),
        equal(
            "tuning: half width at half height, in degrees",
            np.array([half_width(curve) for curve in curves]),
            np.full(len(curves), width),
            "transform of the window",
            1.5,
        ),
    ]


def _pooled(drifts: dict[str, np.ndarray], bars: dict[str, dict[int, np.ndarray]]) -> list[Claim]:
    overlap = {
        kind: np.minimum(both[1], both[-1]).sum() / np.maximum(both[1], both[-1]).sum() for kind, both in bars.items()
    }
    return [
        equal("simple: phases that it does not answer", float((drifts["simple"] == 0).mean()), 0.5, "cos < 0", 0.03),
        equal("complex by max: least over largest answer", drifts["complex, max"].min(), np.sqrt(0.5), "cos 45°", 0.02),
        equal("complex by energy: least over largest answer", drifts["complex, energy"].min(), 1, "cos² + sin²", 0.02),
        equal(
            "places where both a bright and a dark bar excite: simple, max, energy",
            list(overlap.values()),
            [0, 1, 1],
            "Hubel & Wiesel (1962): separate on and off regions, or none",
            1e-5,
        ),
        equal("simple without threshold: F1/F0", modulation(drifts["simple"]), np.pi / 2, "half a cosine wave", 0.01),
    ]


def _apart(indices: dict[str, np.ndarray]) -> list[Claim]:
    simple, by_max, by_energy = indices.values()
    return [
        at_least(f"least F1/F0 of {len(simple)} simple cells", simple.min(), 1, "Skottun et al. (1991)"),
        at_most(f"largest F1/F0 of {len(by_max)} complex cells by max", by_max.max(), 1, "Skottun et al. (1991)"),
        at_most(f"largest F1/F0 of {len(by_energy)} by energy", by_energy.max(), 1, "Skottun et al. (1991)"),
    ]


def _recovered(correlations: dict[int, np.ndarray], blank: float, plane: float) -> list[Claim]:
    pictures = max(correlations)
    expected = predicted(pictures)
    return [
        equal(
            f"{pictures:,} pictures of noise: X(noise)ᵀ·y correlates with Cᵀ, mean of cells",
            correlations[pictures].mean(),
            expected,
            "1/√(1 + 4·v·(n − 1)/T)",
            # A quarter of what is missing: one sum of 224 squares strays by a tenth.
            (1 - expected) / 4,
        ),
        at_most("the same of a complex cell, in absolute value", blank, 4 / SIDE, "chance: four deviations of 1/√n"),
        at_least("plane of a complex cell's kernels: cosine of the angle to it", plane, 0.8, "E[y·x·xᵀ] = 2·KᵀK + c·I"),
    ]


def _index_table(indices: dict[float, dict[str, np.ndarray]]) -> Table:
    rows = [
        (spread, kind, f.min(), np.median(f), f.max(), float((f > 1).mean()))
        for spread, by_kind in indices.items()
        for kind, f in by_kind.items()
    ]
    return Table("F1/F0", ("spread", "kind", "least", "median", "largest", "share above 1"), tuple(rows))


def _noise_table(correlations: dict[int, np.ndarray]) -> Table:
    rows = [(n, r.mean(), r.min(), predicted(n)) for n, r in correlations.items()]
    return Table("Reverse correlation", ("pictures", "mean correlation", "least", "predicted"), tuple(rows))


def _curves(curves: np.ndarray, drifts: dict[str, np.ndarray], bars: dict[str, dict[int, np.ndarray]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        for curve, orientation, style in zip(curves[::2], ORIENTATIONS[::2], ("-", "--", "-.", ":"), strict=True):
            left.plot(ANGLES, curve, style, color="k", label=f"{orientation:g}°")
        left.set(title="orientation", xlabel="angle of a grating", ylabel="answer", xticks=(0, 90, 180), ylim=(0, None))
        left.set_ylim(top=1.65 * curves.max())
        left.legend(frameon=False, ncols=2, fontsize="small", loc="upper center")
        for (kind, y), style in zip(drifts.items(), ("-", "--", "-."), strict=True):
            middle.plot(DRIFT, y, style, color=COLOURS[kind], label=kind)
        middle.set(title="phase", xlabel="phase of a grating", xticks=(0, 180, 360), ylim=(-0.05, 1.75), yticks=(0, 1))
        middle.legend(frameon=False, fontsize="small", loc="upper center")
        for kind, shift in (("simple", 0.0), ("complex, energy", 1.3)):
            on, off = (bars[kind][sign] / bars[kind][1].max() for sign in (1, -1))
            right.plot(PLACES, on + shift, color=COLOURS[kind])
            right.plot(PLACES, off + shift, ":", color="k")
            right.text(PLACES[-1], shift + 0.72, kind.replace(", ", ",\n"), ha="right", va="center", fontsize="small")
        right.set(title="place", xlabel="place of a bar (dotted: dark)", xticks=(-5, 0, 5), yticks=())

    caption = "Tuning of simple cells; a grating at each phase; a bright and a dark bar at each place."
    return Picture("curves", caption, draw, 0.42)


def _histogram(indices: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        hatches = (None, "//", "..")
        axes.hist(
            list(indices.values()),
            bins=np.arange(0, 2.01, 0.1).tolist(),
            stacked=True,
            color=[COLOURS[kind] for kind in indices],
            label=list(indices),
            hatch=hatches,
            edgecolor="white",
        )
        axes.axvline(1, ymax=0.6, color="k", linestyle="--")
        axes.axvline(np.pi / 2, color="k", linestyle=":")
        axes.annotate("π/2", (np.pi / 2, axes.get_ylim()[1]), (3, -12), textcoords="offset points")
        axes.set(xlabel="F1/F0", ylabel="cells")
        axes.legend(frameon=False, loc="upper center")

    return Picture("modulation", "F1/F0 of many cells of each kind; half a cosine wave has π/2.", draw, 0.45)


def _kernels(kernels: np.ndarray, read: np.ndarray, correlations: dict[int, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 5, width_ratios=(1, 1, 1, 1, 3))
        for (row, column), _ in np.ndenumerate(np.empty((2, 4))):
            k = (kernels, read)[row][2 * column]
            limit = np.abs(k).max()
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(k, cmap="gray", vmin=-limit, vmax=limit)
            axes.set(xticks=(), yticks=(), ylabel="" if column else ("row of C", "X(noise)ᵀ·y")[row])
        axes = figure.add_subplot(grid[:, 4])
        pictures = np.array(list(correlations))
        axes.plot(pictures, [r.mean() for r in correlations.values()], "o", color="k", label="found")
        axes.plot(pictures, [predicted(n) for n in pictures], color=COLOURS["complex, max"], label="predicted")
        axes.set(xscale="log", xlabel="pictures of noise", ylabel="correlation")
        axes.minorticks_off()
        axes.set_xticks(pictures, [f"{n:,}" for n in pictures], rotation=40, ha="right")
        axes.legend(frameon=False, loc="lower right")

    return Picture("noise", "Kernels, what white noise reads of them, and how well after so many pictures.", draw, 0.4)


def _moving_bar(field: int = 40, steps: int = 24) -> Film:
    """A slanted bar moves over a field: simple cells answer in stripes, complex ones wherever it is."""
    places = np.linspace(-0.4, 0.4, steps) * (field + SIDE)
    stimuli = bar(field + SIDE - 1, 45, places, thickness=3)
    w = gabor(SIDE, 45, WAVELENGTH, PHASES, WIDTH)
    linear = np.asarray(minicnn.conv(jnp.asarray(stimuli[..., None], jnp.float32), np.moveaxis(w, 0, -1)[:, :, None]))
    half = SIDE // 2
    panels = {
        "a bar": stimuli[:, half:-half, half:-half],
        "simple cells": pooled("simple", linear),
        "complex cells": pooled("complex, energy", linear),
    }

    def draw(figure: Figure) -> Callable[[int], None]:
        images = []
        for axes, (name, y) in zip(figure.subplots(1, 3), panels.items(), strict=True):
            images.append(axes.imshow(y[steps // 2], cmap="gray", vmin=0, vmax=y.max()))
            axes.set(title=name, xticks=(), yticks=())

        def show(n: int) -> None:
            for image, y in zip(images, panels.values(), strict=True):
                image.set_data(y[n])

        return show

    caption = "A bar moves over simple cells of one phase that prefer its orientation, and over complex ones."
    return Film("bar", caption, draw, steps, 0.38)
