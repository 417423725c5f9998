"""Do LeNet's images have a mean of about 0 and a variance of about 1?

Paper is −0.1 and ink 1.175, which the paper of 1998 says to make the mean roughly 0 and the variance roughly 1. The
mean is: 0.028 for MNIST in 32×32. The variance is 0.123, and could not be 1: numbers between two levels have at most a
quarter of the square of their distance, 0.406, and so much only if half of all pixels are ink. On 28×28 it is 0.154;
the paper's border of 2 pixels makes it less, as the statistics of the 28×28 images foretell. What the scale does is to
take away the mean. The eigenvalues of E[x·xᵀ] set the pace of gradient descent, and the largest is along the mean: on a
scale where paper is 1 and ink 0 it is nearly all of their sum.

Without `--full` the images are the handwritten digits of scikit-learn, and MNIST's numbers are computed from the mean
and the deviation of its 28×28 images on a scale of 0 … 1 that are in common use, 0.1307 and 0.3081; with it they are
measured on the files in $MINICNN_DATA.

That the largest eigenvalue is nine tenths of the sum, and less by a fifth on the paper's scale, are bounds of our own.

Sources: LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998), section
II.B; Popoviciu's inequality; LeCun, Kanter & Solla, *Eigenvalues of covariance matrices* (1991); PyTorch's example for
MNIST.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from minicnn.data.registry import load_data

ROWS = (83,)
SMALL = {"images": 300}
FULL = {"data": "mnist", "images": 60_000}

PAPER, INK = -0.1, 1.175
SPAN = INK - PAPER
SIDE, FRAMED = 28, 32
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's training images on a scale of 0 … 1
ROUNDED = 5e-4  # of numbers with three decimals
SCALES = ("paper 0, ink 1", "paper 1, ink 0", "−0.1 and 1.175", "mean 0, variance 1")


def run(data: str = "digits", images: int = 1437) -> Result:
    """Measure means, variances and eigenvalues.

    Args:
        data: "digits", or "mnist".
        images: that are measured, at most.
    """
    dataset = load_data(data)
    ink = (dataset.train.images[:images, ..., 0].astype(np.float64) - dataset.pixels[0]) / np.ptp(dataset.pixels)
    measured = {name: statistics(scaled(ink, name)) for name in SCALES}
    mean, variance = measured["−0.1 and 1.175"]
    small = (SPAN * MEAN + PAPER, (SPAN * DEVIATION) ** 2)
    whole = framed(*small)
    shares = {name: largest_share(scaled(ink, name)) for name in SCALES}
    paper = "LeCun et al. (1998), section II.B"
    claims: list[Claim] = [
        equal("MNIST, 28×28: variance from its deviation", small[1], 0.154, "(1.275·0.3081)²", ROUNDED),
        equal("MNIST in 32×32: mean", whole[0], 0.028, "a border of paper", ROUNDED),
        equal("MNIST in 32×32: variance", whole[1], 0.123, "a border of paper", ROUNDED),
        differs("the variance, rounded to a whole number", round(whole[1]), 1, f"{paper} says roughly 1"),
        at_most("the largest variance that any image on this scale can have", SPAN**2 / 4, 0.41, "Popoviciu: span²/4"),
        equal("half paper, half ink: variance", np.var([PAPER, INK]), SPAN**2 / 4, "where it is reached", 1e-15),
        equal(f"{data}: framed as computed", _framing(ink), [0, 0], "sums over border and middle", 1e-12),
        equal(f"{data}: mean from that of 0 … 1", mean, SPAN * measured[SCALES[0]][0] + PAPER, "linear", 1e-12),
        equal(f"{data}: variance from that of 0 … 1", variance, SPAN**2 * measured[SCALES[0]][1], "linear", 1e-12),
        at_least(
            f"{data}: share of the largest eigenvalue, paper 1 and ink 0", shares[SCALES[1]], 0.9, "along the mean"
        ),
        at_most(f"{data}: that of −0.1 and 1.175, over it", shares[SCALES[2]] / shares[SCALES[1]], 0.8, "less mean"),
    ]
    if data == "mnist":
        inner = scaled(ink, SCALES[2])[:, 2:-2, 2:-2]
        claims += [
            equal("measured in 32×32: mean, variance", [mean, variance], [0.028, 0.123], "the files", ROUNDED),
            equal("measured in 28×28: variance", inner.var(), 0.154, "the files", ROUNDED),
            equal("measured on 0 … 1: mean, deviation", _unit(ink), [MEAN, DEVIATION], "in common use", 5e-5),
        ]
    rows = [(name, *measured[name], shares[name]) for name in SCALES]
    rows += [("MNIST, 28×28, computed", *small, "—"), ("MNIST in 32×32, computed", *whole, "—")]
    columns = ("scale", "mean", "variance", "largest eigenvalue of E[x·xᵀ], share")
    return Result(claims, (Table(f"{data}, {len(ink):,} images", columns, tuple(rows)),), (_picture(ink),))


def scaled(ink: np.ndarray, name: str) -> np.ndarray:
    """Images of 0 … 1 on one of the scales."""
    return {
        SCALES[0]: lambda: ink,
        SCALES[1]: lambda: 1 - ink,
        SCALES[2]: lambda: SPAN * ink + PAPER,
        SCALES[3]: lambda: (ink - ink.mean()) / ink.std(),
    }[name]()


def statistics(images: np.ndarray) -> tuple[float, float]:
    """Mean and variance of all pixels."""
    return float(images.mean()), float(images.var())


def framed(mean: float, variance: float, level: float = PAPER) -> tuple[float, float]:
    """Mean and variance of 28×28 images with those, in the middle of 32×32 of paper."""
    share = (SIDE / FRAMED) ** 2
    whole = share * mean + (1 - share) * level
    return whole, share * (variance + mean**2) + (1 - share) * level**2 - whole**2


def _framing(ink: np.ndarray) -> tuple[float, float]:
    """What `framed` is wrong by on images whose inner 28×28 are put on paper."""
    inner = scaled(ink, SCALES[2])[:, 2:-2, 2:-2]
    found = statistics(np.pad(inner, ((0, 0), (2, 2), (2, 2)), constant_values=PAPER))
    expected = framed(*statistics(inner))
    return found[0] - expected[0], found[1] - expected[1]


def _unit(ink: np.ndarray) -> tuple[float, float]:
    inner = ink[:, 2:-2, 2:-2]
    return float(inner.mean()), float(inner.std())


def largest_share(images: np.ndarray) -> float:
    """The largest eigenvalue of E[x·xᵀ] over the sum of all; every second pixel is enough."""
    x = images[:, ::2, ::2].reshape(len(images), -1)
    values = np.linalg.eigvalsh(x.T @ x)
    return float(values[-1] / values.sum())


def _picture(ink: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        levels = scaled(ink, SCALES[2])
        left.hist(
            levels.ravel(), bins=40, range=(-0.15, 1.225), color="0.7", weights=np.full(levels.size, 1 / levels.size)
        )
        left.axvline(levels.mean(), color="C0", label=f"mean {levels.mean():.3f}")
        left.set(title="pixels from −0.1 to 1.175", xlabel="level", ylabel="share")
        left.legend(frameon=False)
        share = np.linspace(0, 1, 101)
        right.plot(share, SPAN**2 * share * (1 - share), label="paper and ink only")
        right.axhline(1, color="k", linestyle="--", label="“roughly 1”")
        right.plot([ink.mean()], [levels.var()], "o", color="C1", label="these images")
        right.set(title="variance", xlabel="share of ink", ylim=(0, 1.5))
        right.legend(frameon=False, loc="upper right", fontsize="small")

    return Picture("levels", "The levels of the pixels, and the variances that two levels can have.", draw, 0.42)
