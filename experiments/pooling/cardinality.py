"""When does a maximum tell two classes apart better than a mean?

A feature is active with probability α₁ in one class and α₂ in the other, independently at each of P positions that are
pooled. The mean has expectation α and variance α(1 − α)/P. The maximum is 1 unless all are 0: expectation
1 − (1 − α)ᴾ, variance (1 − (1 − α)ᴾ)·(1 − α)ᴾ. The signal is the distance of the two expectations, the noise the sum of
the two deviations. The mean's ratio grows as √P. The maximum's signal is largest at P* = ln(ln(1 − α₂)/ln(1 − α₁)) /
ln((1 − α₁)/(1 − α₂)), and beyond it both classes saturate. If the feature is absent from one class the maximum's ratio
is √((1 − α)⁻ᴾ − 1), which grows exponentially. The formulae are held against the sum over all 2ᴾ patterns and against
simulation.

Sources: Boureau, Ponce & LeCun (2010), A theoretical analysis of feature pooling in visual recognition, for the model
and the measure; the formulae are derived above.
"""

from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (54,)
SMALL = {"images": 2_000, "patterns": 6}
FULL = {"images": 200_000, "patterns": 14}

CARDINALITIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# The feature's two probabilities: common, rare, and absent from one class.
FEATURES = {"common": (0.4, 0.2), "rare": (0.02, 0.0002), "absent": (0.02, 0.0)}
POOLS = ("max", "mean")


@dataclass(frozen=True)
class Moments:
    """The expectation and the variance of a pooled feature."""

    mean: float
    variance: float


def run(images: int = 20_000, patterns: int = 10, seed: int = 0) -> Result:
    """Pool Bernoulli features.

    Args:
        images: drawn for each class and each cardinality.
        patterns: the largest cardinality of which all patterns are looked at.
        seed: of the draws.
    """
    theory = {
        (name, pool): np.array([signal_to_noise(*(moments(pool, a, P) for a in alphas)) for P in CARDINALITIES])
        for name, alphas in FEATURES.items()
        for pool in POOLS
    }
    with jax.enable_x64(True):
        exact = max(enumerated_error(a, P) for a in (0.4, 0.02, 0.0) for P in (1, 2, patterns))
    drawn = {name: simulated(alphas, images, seed) for name, alphas in FEATURES.items()}
    errors = [
        standard_error(moments(pool, alphas[c], P), found.mean, images)
        for name, alphas in FEATURES.items()
        for P, by_pool in zip(CARDINALITIES, drawn[name], strict=True)
        for pool in POOLS
        for c, found in enumerate(by_pool[pool])
    ]
    counts = np.arange(1, 2000)
    peaks = [int(counts[np.argmax(signal(*alphas, counts))]) for alphas in ((0.4, 0.2), (0.02, 0.0002))]
    formula = [best_cardinality(*alphas) for alphas in ((0.4, 0.2), (0.02, 0.0002))]
    slope = np.polyfit(np.log(CARDINALITIES), np.log(theory["common", "mean"]), 1)[0]
    absent = np.sqrt(0.98 ** -np.array(CARDINALITIES, float) - 1)
    claims: list[Claim] = [
        equal(f"error of the moments over all patterns of up to {patterns} positions", exact, 0, "2ᴾ patterns", 1e-14),
        equal(f"{len(errors)} simulated expectations: distance in standard errors", max(errors), 0, "theory", 4.5),
        equal("the cardinality with the largest signal of the maximum", peaks, np.round(formula), "P*, rounded", 1),
        equal("the mean's ratio grows as √P: slope on log-log axes", slope, 0.5, "theory", 1e-12),
        equal("absent feature: the maximum's ratio", theory["absent", "max"], absent, "√((1 − α)⁻ᴾ − 1)", 1e-9),
        equal(
            "one position: the ratios of maximum and mean",
            [theory[n, "max"][0] for n in FEATURES],
            [theory[n, "mean"][0] for n in FEATURES],
            "nothing is pooled",
            1e-12,
        ),
        at_least("rare feature, P = 64: the maximum's ratio over the mean's", ratio(theory, "rare", 64), 1, "theory"),
        at_most("common feature, P = 16: the same", ratio(theory, "common", 16), 1, "theory"),
    ]
    rows = [
        (P, *(float(theory[name, pool][n]) for name in FEATURES for pool in POOLS)) for n, P in enumerate(CARDINALITIES)
    ]
    columns = ("P", *(f"{name}, {pool}" for name in FEATURES for pool in POOLS))
    table = Table("Signal over noise", columns, tuple(rows))
    return Result(claims, (table,), (_picture(theory, drawn),))


def moments(pool: str, alpha: float, P: int) -> Moments:
    """Expectation and variance of the pool of P independent features, by the formulae above."""
    if pool == "mean":
        return Moments(alpha, alpha * (1 - alpha) / P)
    none = (1 - alpha) ** P
    return Moments(1 - none, (1 - none) * none)


def signal_to_noise(first: Moments, second: Moments) -> float:
    """The distance of two expectations over the sum of the deviations."""
    noise = np.sqrt(first.variance) + np.sqrt(second.variance)
    return float(abs(first.mean - second.mean) / noise) if noise else np.inf


def signal(alpha1: float, alpha2: float, P: np.ndarray) -> np.ndarray:
    """The distance of the two expectations of a maximum over P positions."""
    return np.abs((1 - alpha1) ** P - (1 - alpha2) ** P)


def best_cardinality(alpha1: float, alpha2: float) -> float:
    """Where the derivative of the maximum's signal in P vanishes."""
    log1, log2 = np.log1p(-alpha1), np.log1p(-alpha2)
    return float(np.log(log2 / log1) / (log1 - log2))


def pooled(x: np.ndarray) -> dict[str, np.ndarray]:
    """Both pools of all positions, for each row."""
    features = jnp.asarray(x)[..., None]
    return {
        "max": np.asarray(minicnn.global_max_pool(features, 1)).ravel(),
        "mean": np.asarray(minicnn.global_avg_pool(features, 1)).ravel(),
    }


def enumerated_error(alpha: float, P: int) -> float:
    """How far the formulae are from the sums over all patterns, weighted with their probabilities."""
    patterns = np.array(list(product((0.0, 1.0), repeat=P)))
    active = patterns.sum(1)
    probability = alpha**active * (1 - alpha) ** (P - active)
    errors = []
    for pool, values in pooled(patterns).items():
        mean = probability @ values
        expected = moments(pool, alpha, P)
        errors += [abs(mean - expected.mean), abs(probability @ (values - mean) ** 2 - expected.variance)]
    return float(max(errors))


def simulated(alphas: tuple[float, float], images: int, seed: int) -> list[dict[str, list[Moments]]]:
    """For each cardinality and pool, the moments found in images of either class."""
    rng = np.random.default_rng(seed)
    found = []
    for P in CARDINALITIES:
        classes = [pooled((rng.random((images, P)) < alpha).astype(np.float32)) for alpha in alphas]
        found.append({p: [Moments(float(c[p].mean()), float(c[p].var())) for c in classes] for p in POOLS})
    return found


def standard_error(expected: Moments, mean: float, images: int) -> float:
    """How many standard errors a mean is away from its expectation; single precision leaves 1e-6."""
    return max(abs(mean - expected.mean) - 1e-6, 0) / max(np.sqrt(expected.variance / images), 1e-12)


def ratio(theory: dict[tuple[str, str], np.ndarray], name: str, P: int) -> float:
    """The maximum's signal over noise, over the mean's."""
    n = CARDINALITIES.index(P)
    return float(theory[name, "max"][n] / theory[name, "mean"][n])


def _picture(theory: dict[tuple[str, str], np.ndarray], drawn: dict[str, list[dict[str, list[Moments]]]]) -> Picture:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 3, sharey=True)
        styles = {"max": ("-", "o", "#D55E00"), "mean": ("--", "s", "#0072B2")}
        for axes, (name, alphas) in zip(panels, FEATURES.items(), strict=True):
            for pool, (line, marker, color) in styles.items():
                axes.loglog(CARDINALITIES, theory[name, pool], line, color=color, label=f"{pool}: theory")
                found = [signal_to_noise(*by_pool[pool]) for by_pool in drawn[name]]
                shown = [(P, f) for P, f in zip(CARDINALITIES, found, strict=True) if 0 < f < np.inf]
                axes.plot(*zip(*shown, strict=True), marker, color=color, markersize=4, label="simulated")
            axes.set(title=f"{name}: {alphas[0]:g}, {alphas[1]:g}", xlabel="P", ylim=(0.05, 30))
        panels[0].set_ylabel("signal over noise")
        panels[0].legend(frameon=False, fontsize="small")

    return Picture("cardinality", "Signal over noise of maximum and mean against the positions pooled.", draw, 0.42)
