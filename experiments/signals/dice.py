"""How is the sum of two dice distributed, fair or loaded?

The distribution of a sum of independent variables is the convolution of their distributions, P(n) = Σ p(i)·q(n − i),
that is C(p)·q with the Toeplitz matrix of p. It is held against the 36 equally likely pairs of fair dice, and for fair
and loaded ones against 10⁶ rolls with a χ² test, which rejects the fair sums for the loaded dice. Then n dice: their
standardised sum tends to a Gaussian, and the largest distance between the two distribution functions falls like 1/n,
since the faces of a die are symmetric.

Sources: notes on convolutional networks after *Deep Learning*, "combine probability distributions"; the central limit
theorem; Esseen's expansion for lattice variables, where the continuity correction takes away the term of order 1/√n.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.one_channel import convolve

ROWS = (18, 24)
SMALL = {"rolls": 20_000, "most": 8}
FULL = {"rolls": 10_000_000, "most": 64}

FAIR = np.full(6, 1 / 6)
LOADED = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.5])


def run(rolls: int = 1_000_000, most: int = 32, seed: int = 0) -> Result:
    """Convolve the distributions of dice.

    Args:
        rolls: pairs of dice that are thrown.
        most: dice whose sum is compared with the Gaussian.
        seed: of the throws.
    """
    ways = convolve(np.ones(6, int), np.ones(6, int))
    loaded = convolve(LOADED, LOADED)
    sums = n_dice(most)
    counts = {"fair": thrown(FAIR, rolls, seed), "loaded": thrown(LOADED, rolls, seed)}
    expected = {"fair": ways / 36, "loaded": loaded}
    p_values = {name: float(stats.chisquare(counts[name], rolls * p).pvalue) for name, p in expected.items()}
    wrong = float(stats.chisquare(counts["loaded"], rolls * expected["fair"]).pvalue)
    distances = {n: distance(p) for n, p in sums.items() if n & (n - 1) == 0}
    slope = float(np.polyfit(np.log(list(distances)), np.log(list(distances.values())), 1)[0])
    claims: list[Claim] = [
        equal("ways to each sum of two fair dice", ways, [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1], "counted pairs"),
        equal("the loaded sums have probability 1 together", loaded.sum(), 1, "probability", 1e-15),
        *(
            at_least(f"χ² test of {rolls:,} rolls of {name} dice: p", p, 1e-3, "no rejection at 0.1 %")
            for name, p in p_values.items()
        ),
        at_most("χ² test of loaded dice as if they were fair: p", wrong, 1e-3, "rejected"),
        at_most("the distance to the Gaussian falls as 1/n: slope on log-log axes", slope, -0.9, "Esseen's expansion"),
    ]
    table = Table("Distance of n dice from the Gaussian", ("dice", "largest distance"), tuple(distances.items()))
    return Result(claims, (table,), (_picture(loaded, counts["loaded"] / rolls, sums, distances),))


def n_dice(most: int) -> dict[int, np.ndarray]:
    """The distributions of 1, 2, …, `most` fair dice added."""
    sums = {1: FAIR}
    for n in range(2, most + 1):
        sums[n] = convolve(sums[n - 1], FAIR)
    return sums


def thrown(p: np.ndarray, rolls: int, seed: int) -> np.ndarray:
    """How often each sum comes in so many throws of two dice."""
    dice = np.random.default_rng(seed).choice(6, size=(rolls, 2), p=p)
    return np.bincount(dice.sum(1), minlength=11)


def distance(p: np.ndarray) -> float:
    """The largest distance between the distribution function and the Gaussian's with the same mean and variance."""
    places = np.arange(len(p))
    mean = p @ places
    deviation = np.sqrt(p @ (places - mean) ** 2)
    return float(np.abs(np.cumsum(p) - stats.norm.cdf(places + 0.5, mean, deviation)).max())


def _picture(
    loaded: np.ndarray, found: np.ndarray, sums: dict[int, np.ndarray], distances: dict[int, float]
) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        places = np.arange(2, 13)
        left.bar(places, loaded, color="0.8", label="C(p)·p")
        left.plot(places, found, "k.", label="thrown")
        left.set(title="two loaded dice", xlabel="sum", ylabel="probability")
        left.legend(frameon=False)
        for n, style in zip((1, 2, 4, 8), ("-", "--", "-.", ":"), strict=True):
            middle.plot(np.arange(len(sums[n])) + n, sums[n], style, label=f"{n}")
        middle.set(title="n fair dice", xlabel="sum")
        middle.legend(frameon=False, title="n")
        right.loglog(list(distances), list(distances.values()), "o-")
        right.set(title="to the Gaussian", xlabel="n", ylabel="distance")

    return Picture("dice", "Loaded dice beside their convolution; n dice; their distance from the Gaussian.", draw, 0.4)
