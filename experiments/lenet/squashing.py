"""Which facts about 1.7159·tanh(2x/3) hold?

LeNet's units squash their sums with f(x) = A·tanh(S·x), A = 1.7159 and S = 2/3. It is odd and saturates at ±A. The
paper says that f(±1) = ±1, that the gain is about 1 where a unit works, and that |f″| is largest at ±1. The first holds
to five digits: A is 1/tanh(2/3), rounded. The third holds to a little more than one: tanh² is 1/3 at the extremum, so
that it lies at artanh(1/√3)/S = ±0.9877. The slope is 1.144 at 0 and 0.76 at 1; between 0 and 1 it is 1 on average,
since f(0) = 0 and f(1) = 1. For sums with a Gaussian distribution of variance 1 the variance of the outputs is
computed, too: some of it is lost. The targets ±1 lie where a unit is not yet saturated, at the bend: an error there
still moves the weights, while tanh reaches ±1 nowhere.

Sources: LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998), appendix A;
LeCun, Bottou, Orr & Müller, *Efficient BackProp* (1998), section 4.4.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from minicnn import nn

ROWS = (81,)
SMALL = {"points": 2_001}
FULL = {"points": 2_000_001}

PAPER = "LeCun et al. (1998), appendix A"
A, S = 1.7159, 2 / 3


def run(points: int = 20_001) -> Result:
    """Find values, slopes and extrema.

    Args:
        points: between 0 and 3 at which the second derivative is compared.
    """
    with jax.enable_x64(True):
        bend = steepest(points)
        slopes = [float(derivative(1)(float(x))) for x in (0.0, 1.0)]
        ends = np.asarray(squash(jnp.asarray([-1.0, 1.0, 0.0])))
        saturated = np.asarray(squash(jnp.asarray([-20.0, 20.0])))
        found, known = sampled(np.linspace(-4, 4, 41))
        variance = gaussian_variance(1.0)
    step = 3 / (points - 1)
    claims: list[Claim] = [
        equal("the layer `lecun_tanh` − NumPy's A·tanh(S·x), largest", np.abs(found - known).max(), 0, PAPER, 1e-15),
        equal("f(−1), f(1), f(0)", ends, [-1, 1, 0], PAPER, 5e-6),
        equal("1/tanh(2/3), to which A is rounded", 1 / np.tanh(2 / 3), A, "f(1) = 1", 5e-5),
        differs("f(1) is not 1 exactly: f(1) − 1", float(ends[1] - 1), 0.0, "A has five digits"),
        equal("f odd: f(x) + f(−x), largest", np.abs(found + found[::-1]).max(), 0, "tanh is odd", 1e-15),
        equal("f(−20), f(20): where it saturates", saturated, [-A, A], PAPER, 1e-11),
        equal("slope at 0", slopes[0], A * S, "A·S = 1.1439", 1e-15),
        equal("slope from 0 to 1, on average", float(ends[1] - ends[2]), 1, "gain of about 1", 5e-6),
        equal("where |f″| is largest", bend, np.arctanh(3**-0.5) / S, "tanh² = 1/3 at the extremum", step),
        at_most("its distance from 1", abs(bend - 1), 0.015, f"{PAPER}: “at ±1”"),
        differs("where |f″| is largest, to two digits", round(bend, 2), 1.0, "0.99: the statement is rounded"),
        at_most("variance of f for sums of variance 1", variance, 1, "what a unit loses at its bends"),
        at_least("the same", variance, 0.6, "gain of about 1"),
        equal("slope at the targets ±1, where tanh has none", slopes[1], A * S * (1 - 1 / A**2), "S·(A − f²/A)", 5e-6),
    ]
    rows = [
        (f"{A:g}·tanh(2x/3)", float(ends[1]), *slopes, bend, variance),
        ("tanh(x)", np.tanh(1), 1.0, 1 - np.tanh(1) ** 2, np.arctanh(3**-0.5), _tanh_variance()),
    ]
    columns = ("function", "f(1)", "slope at 0", "at 1", "largest |f″| at", "variance of outputs")
    return Result(claims, (Table("Two squashing functions", columns, tuple(rows)),), (_picture(bend),))


def squash(x: jax.Array) -> jax.Array:
    """LeNet's squashing function, as its layers have it."""
    return nn.Activation("lecun_tanh").apply({}, x)


@cache
def derivative(order: int) -> "jax.stages.Wrapped":
    """The derivative of some order of the squashing function, by JAX."""
    f = squash
    for _ in range(order):
        f = jax.grad(f)
    return jax.jit(f)


def sampled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The layer, and NumPy's formula, at some places."""
    return np.asarray(squash(jnp.asarray(x))), A * np.tanh(S * x)


def steepest(points: int) -> float:
    """The place x ≥ 0 at which |f″| is largest, to the width of the grid."""
    x = jnp.linspace(0, 3, points)
    return float(x[jnp.abs(jax.vmap(derivative(2))(x)).argmax()])


def gaussian_variance(deviation: float) -> float:
    """The variance of f of a Gaussian sum with mean 0, by Gauss and Hermite's rule with 100 places."""
    places, weights = np.polynomial.hermite_e.hermegauss(100)
    return float(weights @ np.asarray(squash(jnp.asarray(deviation * places))) ** 2 / weights.sum())


def _tanh_variance() -> float:
    places, weights = np.polynomial.hermite_e.hermegauss(100)
    return float(weights @ np.tanh(places) ** 2 / weights.sum())


def _picture(bend: float) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        x = np.linspace(-3, 3, 301)
        t = np.tanh(S * x)
        left.plot(x, A * t, label="LeNet's")
        left.plot(x, np.tanh(x), "--", label="tanh")
        left.plot([-1, 1], [-1, 1], "ko", markersize=4)
        left.axhline(A, color="0.6", linewidth=0.8)
        left.axhline(-A, color="0.6", linewidth=0.8)
        left.set(title="f", xlabel="x")
        left.legend(frameon=False, loc="upper left", fontsize="small")
        middle.plot(x, A * S * (1 - t**2), label="LeNet's")
        middle.plot(x, 1 - np.tanh(x) ** 2, "--", label="tanh")
        middle.axhline(1, color="0.6", linewidth=0.8)
        middle.set(title="f′", xlabel="x", ylim=(0, 1.25))
        right.plot(x, 2 * A * S**2 * np.abs(t) * (1 - t**2))
        right.plot(x, 2 * np.abs(np.tanh(x)) * (1 - np.tanh(x) ** 2), "--")
        right.axvline(1, color="k", linewidth=0.8)
        right.axvline(bend, color="C0", linewidth=0.8, linestyle=":")
        right.set(title=f"|f″|, largest at {bend:.4f}", xlabel="x", ylim=(0, None))

    return Picture(
        "squashing", "LeNet's squashing function beside tanh, their slopes and second derivatives.", draw, 0.42
    )
