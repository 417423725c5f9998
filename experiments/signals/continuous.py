"""How fast do discrete convolutions converge to the continuous one?

(f * g)(t) = ∫ f(τ)·g(t − τ) dτ becomes a convolution of samples, h·Σ f(τᵢ)·g(t − τᵢ), which is h·C(g)·f. Against closed
forms: box * box is the triangle, triangle * triangle the cubic B-spline, and N(0, a²) * N(0, b²) is N(0, a² + b²). How
fast the error falls with the step h depends on how smooth the product is: as h where it jumps within a cell, as h²
where only its second derivative is left, and faster than any power for Gaussians, where Poisson's summation formula
gives the error itself: 2·Σₖ exp(−2π²k²s²/h²) of the peak, with s² = a²b²/(a² + b²).

Sources: notes on convolutional networks after *Deep Learning*, the weighting function of section 9.1; Trefethen and
Weideman (2014), The exponentially convergent trapezoidal rule.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from scipy.interpolate import BSpline

from experiments.frame import Claim, Picture, Result, Table, at_most, equal
from experiments.one_channel import convolve

ROWS = (1,)
SMALL = {"finest": 32}
FULL = {"finest": 4096}

A, B = 1.0, 2.0  # deviations of the two Gaussians
STEPS = (2.0, 1.75, 1.5, 1.25, 1.0)  # of the Gaussians: with smaller ones nothing is left but rounding


def run(finest: int = 1024) -> Result:
    """Convolve samples.

    Args:
        finest: the largest number of samples in a unit of time; a power of two.
    """
    counts = [2**k for k in range(2, finest.bit_length())]
    steps = [1 / n for n in counts]
    jumps = [_error(*box_with_its_ends(n), triangle) for n in counts]
    aligned = [_error(*boxes(n), triangle) for n in counts]
    kinks = [_error(*triangles(n), cubic_spline) for n in counts]
    smooth = [gaussians(h)[2] for h in STEPS]
    predicted = [poisson(h) for h in STEPS]
    poisson_source = "Poisson's summation formula"
    claims: list[Claim] = [
        equal(
            "box * box with its jumps at samples: slope of the error", slope(steps, jumps), 1, "a cell too many", 0.05
        ),
        at_most("box * box with its jumps between samples: error", max(aligned), 1e-12, "exact up to rounding"),
        equal("triangle * triangle: slope of the error", slope(steps, kinks), 2, "the midpoint rule", 0.05),
        equal(
            "N(0, 1) * N(0, 4): error over the one predicted",
            np.divide(smooth, predicted),
            [1] * 5,
            poisson_source,
            1e-4,
        ),
        at_most("N(0, 1) * N(0, 4) is N(0, 5): error with h = 1/2", gaussians(0.5)[2], 1e-13, "a² + b²"),
    ]
    table = Table(
        "Largest error",
        ("samples in a unit", "box, jumps at samples", "box, jumps between samples", "triangle"),
        tuple(zip(counts, jumps, aligned, kinks, strict=True)),
    )
    second = Table(
        "Gaussians: error relative to the peak",
        ("h", "found", "Poisson"),
        (*zip(STEPS, smooth, predicted, strict=True),),
    )
    errors = {
        f"boxes: slope {slope(steps, jumps):.2f}": (steps, jumps),
        f"triangles: slope {slope(steps, kinks):.2f}": (steps, kinks),
        "Gaussians": (STEPS, smooth),
    }
    return Result(claims, (table, second), (_picture(errors),))


def boxes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where and what is h·(box * box), from n samples in the middles of n cells."""
    return np.arange(1, 2 * n) / n - 1, convolve(np.ones(n), np.ones(n)) / n


def box_with_its_ends(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The same from n + 1 samples at the ends of the cells: both ends of the box are counted."""
    return np.arange(2 * n + 1) / n - 1, convolve(np.ones(n + 1), np.ones(n + 1)) / n


def triangles(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where and what is h·(triangle * triangle), from samples in the middles of cells."""
    f = triangle((np.arange(2 * n) + 0.5) / n - 1)
    return np.arange(1, 4 * n) / n - 2, convolve(f, f) / n


def gaussians(h: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Where and what is h·(N(0, a²) * N(0, b²)), and its error at 0 relative to the peak."""
    reach = int(10 * B / h)
    tau = h * np.arange(-reach, reach + 1)
    y = h * convolve(stats.norm.pdf(tau, scale=A), stats.norm.pdf(tau, scale=B))
    t = h * np.arange(-2 * reach, 2 * reach + 1)
    peak = stats.norm.pdf(0, scale=np.hypot(A, B))
    return t, y, float(abs(y[2 * reach] / peak - 1))


def poisson(h: float) -> float:
    """The relative error at 0 of sampling the product of the two Gaussians with step h."""
    s = A * B / np.hypot(A, B)
    return float(2 * sum(np.exp(-2 * (np.pi * k * s / h) ** 2) for k in range(1, 20)))


def triangle(t: np.ndarray) -> np.ndarray:
    """The closed form of box * box."""
    return np.maximum(1 - np.abs(t), 0)


def cubic_spline(t: np.ndarray) -> np.ndarray:
    """The closed form of triangle * triangle."""
    return BSpline.basis_element(np.arange(-2, 3), extrapolate=False)(t)


def slope(steps: Sequence[float], errors: Sequence[float]) -> float:
    """The slope of the error on log-log axes."""
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


def _error(t: np.ndarray, y: np.ndarray, closed: Callable[[np.ndarray], np.ndarray]) -> float:
    return float(np.abs(y - closed(t)).max())


def _picture(errors: dict[str, tuple[Sequence[float], Sequence[float]]]) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        t = np.linspace(-1.2, 1.2, 241)
        left.plot(t, triangle(t), "0.6", linewidth=4, label="triangle")
        for n, style in ((4, "o-"), (16, ".--")):
            left.plot(*box_with_its_ends(n), style, label=f"h = 1/{n}")
        left.set(title="box * box", xlabel="t")
        left.legend(frameon=False, loc="lower center", fontsize="small")
        t = np.linspace(-7, 7, 281)
        middle.plot(t, stats.norm.pdf(t, scale=np.hypot(A, B)), "0.6", linewidth=4, label="N(0, 5)")
        for h, style in ((3.0, "o-"), (1.0, ".--")):
            middle.plot(*gaussians(h)[:2], style, label=f"h = {h:g}")
        middle.set(title="N(0, 1) * N(0, 4)", xlabel="t", xlim=(-7, 7))
        middle.legend(frameon=False, loc="lower center", fontsize="small")
        for (name, (steps, found)), style in zip(errors.items(), ("o-", "s--", "^:"), strict=True):
            right.loglog(steps, found, style, label=name)
        right.set(title="largest error", xlabel="h", ylim=(1e-9, 1e2))
        right.legend(frameon=False, fontsize="small", loc="upper left")

    return Picture("continuous", "Sums beside their limits, and how the error falls with the step h.", draw, 0.42)
