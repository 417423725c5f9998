"""What makes a linear classifier wrong in 12.0 % of MNIST, and three nearest neighbours in 5.0 %?

Some of the paper's classifiers have published errors that the plainest ways of computing them do not give on MNIST:
least squares gets about 14 % wrong, the three nearest neighbours about 3 %, so that the differences have opposite
signs. The candidates are tried one by one. For all: the 20×20 pixels of the box in place of 28×28 centred by mass, two
levels of grey, fewer images to learn from. For weighted sums: a ridge, the scale of the pixels, learning image after
image with few passes, a squashed output, the logistic loss, the rule of the perceptron. For pairs of classes, which are
published with 7.6 %: signs or sums in place of squashed sums. For neighbours: k, and the sum of absolute differences.
For products of principal components (3.3 %): what the 821 inputs are, their scale, learning image after image. For
radial units (3.6 %): their width, the ridge. For 300 hidden units (4.7 %): learning image after image, in few passes.
For the LeNet-5 of 1998 with its own step (0.95 %), where the paper prints no constant j of its loss: other constants,
and rates that are not as printed.
A candidate reproduces a figure if its error differs from the published one by no more than 0.1, which the paper gives
as its uncertainty, and three times the deviation of a share of so many test images.

Without `--full` the digits of scikit-learn show only that the candidates are what they are said to be: that scale and
targets change nothing for least squares, whatever the data. With it, MNIST from $MINICNN_DATA.

Sources: LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998), section
III.C, which names 12 %, 5.0 % and, for classifiers learnt from deslanted images of 20×20 pixels, 8.4 % and 2.4 %.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier

from experiments import classical, deskewing
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.keeping import Keeper
from experiments.lenet.comparison import DENSE, Task, configured, dense, fitted
from minicnn import nn
from minicnn.data import Dataset
from minicnn.data.registry import load_data
from minicnn.nn import losses
from minicnn.train.recipes import recipe_of
from minicnn.zoo.registry import network

ROWS = (86,)
SMALL = {"train": 300, "test": 200, "passes": 2}
FULL = {
    "data": "mnist",
    "train": 60_000,
    "test": 10_000,
    "block": 1,
    "networks": True,
    "kept": "runs/experiments/lenet/differences.jsonl",
}

PUBLISHED = {
    "linear": 12.0,
    "pairwise": 7.6,
    "neighbours": 5.0,
    "quadratic": 3.3,
    "radial": 3.6,
    "hidden units": 4.7,
    "LeNet-5 of 1998": 0.95,
}
UNCERTAIN = 0.1
PAPER = "LeCun et al. (1998), section III.C"
_GREYS = 255 / 1.275
NOTHING = "28×28 pixels"


@dataclass(frozen=True)
class Views:
    """The same images as rows, and their labels.

    Attributes:
        data: the images as networks get them.
        plain: the inner 28×28 pixels.
        box: the 20×20 pixels around the ink.
        labels: of the images to learn from, and of the new ones.
        passes: of stochastic learning, where a candidate names none.
        seed: of its order, and of what else is random.
    """

    data: Dataset
    plain: tuple[np.ndarray, np.ndarray]
    box: tuple[np.ndarray, np.ndarray]
    labels: tuple[np.ndarray, np.ndarray]
    passes: int
    seed: int

    def error(self, scores: np.ndarray) -> float:
        """The share of new images whose largest score is another's, in per cent."""
        return 100 * float((scores.argmax(1) != self.labels[1]).mean())

    def two_levels(self) -> tuple[np.ndarray, np.ndarray]:
        """The inner pixels as 0 and 1."""
        x, x_new = ((rows > 0.5).astype(np.float32) for rows in self.plain)
        return x, x_new


Candidate = Callable[[Views], float]
# Its annotations do not know that without a tolerance it takes all its passes.
_stochastic: Any = SGDClassifier


def linear(view: Callable[[Views], tuple[np.ndarray, np.ndarray]], share: float = 1.0, **options: Any) -> Candidate:
    """Least squares on the first part of the images, seen in some way."""
    return _classical(classical.linear, view, share, **options)


def neighbours(view: Callable[[Views], tuple[np.ndarray, np.ndarray]], share: float = 1.0, **options: Any) -> Candidate:
    """Three nearest neighbours among the first part of the images, seen in some way."""
    return _classical(classical.neighbours, view, share, **options)


def _classical(scores: Callable[..., np.ndarray], view: Any, share: float, **options: Any) -> Candidate:
    def find(views: Views) -> float:
        x, x_new = view(views)
        count = int(share * len(x))
        return views.error(scores(x[:count], views.labels[0][:count], x_new, **options))

    return find


def stochastic(loss: str, rate: float = 1e-3, passes: int | None = None) -> Candidate:
    """A weighted sum for each class, learnt image after image."""

    def find(views: Views) -> float:
        x, x_new = views.plain
        model = _stochastic(
            loss=loss,
            alpha=1e-7,
            learning_rate="constant",
            eta0=rate,
            max_iter=passes or views.passes,
            tol=None,
            random_state=views.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return views.error(model.fit(x, views.labels[0]).decision_function(x_new))

    return find


def squashed(
    passes: int | None = None, rate: float = 1e-3, view: Callable[[Views], tuple[np.ndarray, np.ndarray]] | None = None
) -> Candidate:
    """A squashed sum for each class, learnt image after image."""

    def find(views: Views) -> float:
        x, x_new = (view or plain)(views)
        return views.error(classical.squashed(x, views.labels[0], x_new, views.seed, rate, passes or views.passes))

    return find


def plain(views: Views) -> tuple[np.ndarray, np.ndarray]:
    """The inner 28×28 pixels."""
    return views.plain


def box(views: Views) -> tuple[np.ndarray, np.ndarray]:
    """The 20×20 pixels around the ink."""
    return views.box


def inverted(views: Views) -> tuple[np.ndarray, np.ndarray]:
    """Pixels between 0 and 255, ink as 0."""
    x, x_new = (_GREYS * (1.175 - rows) for rows in views.plain)
    return x, x_new


def products(**options: Any) -> Callable[[Views], tuple[np.ndarray, np.ndarray]]:
    """The 820 products of 40 principal components, in one way or another."""
    return lambda views: classical.products(*views.plain, **options)


def radial(view: Callable[[Views], tuple[np.ndarray, np.ndarray]] | None = None, **options: Any) -> Candidate:
    """1000 radial units."""

    def find(views: Views) -> float:
        x, x_new = (view or plain)(views)
        labels, units = views.labels[0], min(1000, len(x) // 2)
        return views.error(classical.radial(x, labels, x_new, views.seed, units, **options))

    return find


def stepwise(passes: int, rate: float) -> Candidate:
    """300 hidden units whose outputs are squashed too, learnt image after image by plain gradient descent."""
    model = nn.Sequential((*DENSE.layers, nn.Activation("lecun_tanh")))
    fields = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "batch": 1}
    return lambda views: dense(_task(views), model, **fields, epochs=passes, learning_rate=rate)


def lenet(times: float = 1.0, rubbish: float = 1.0) -> Candidate:
    """The LeNet-5 of 1998 with steps for 8 images and these many times the paper's rates."""
    own, name = recipe_of("lenet5-1998"), "lenet5-1998"
    recipe = replace(own, loss=lambda distances, labels: losses.competitive(distances, labels, rubbish))
    rate = times * own.defaults["learning_rate"]

    def find(views: Views) -> float:
        task = _task(views)
        return fitted(task, network(name).build(), configured(task, name, learning_rate=rate), recipe)

    return find


def _task(views: Views) -> Task:
    return Task(views.data, views.seed, passes=20, block=1)


CANDIDATES: dict[str, dict[str, Candidate]] = {
    "linear": {
        NOTHING: linear(plain),
        "another scale, inverted": linear(inverted, ridge=classical.RIDGE * _GREYS**2),
        "ridge 0.01": linear(plain, ridge=1e-2),
        "ridge 0.1": linear(plain, ridge=1e-1),
        "20×20 pixels of the box": linear(box),
        "two levels of grey": linear(Views.two_levels),
        "a quarter of the images": linear(plain, share=0.25),
        "a twelfth of the images": linear(plain, share=1 / 12),
        "image after image, squares": stochastic("squared_error", 1e-4),
        "image after image, squares, one pass": stochastic("squared_error", 1e-4, 1),
        "image after image, squashed": squashed(),
        "the same, one pass": squashed(1),
        "the same, one pass, a tenth of the rate": squashed(1, 1e-4),
        "image after image, logistic": stochastic("log_loss"),
        "image after image, perceptron": stochastic("perceptron"),
    },
    "pairwise": {
        NOTHING: _classical(classical.pairwise, plain, 1),
        "signs": _classical(classical.pairwise, plain, 1, unit=np.sign),
        "sums": _classical(classical.pairwise, plain, 1, unit=lambda y: y),
        "20×20 pixels of the box": _classical(classical.pairwise, box, 1),
        "two levels of grey": _classical(classical.pairwise, Views.two_levels, 1),
    },
    "neighbours": {
        NOTHING: neighbours(plain),
        "k = 1": neighbours(plain, k=1),
        "k = 9": neighbours(plain, k=9),
        "k = 25": neighbours(plain, k=25),
        "20×20 pixels of the box": neighbours(box),
        "two levels of grey": neighbours(Views.two_levels),
        "absolute differences, a twelfth": neighbours(plain, share=1 / 12, metric="manhattan"),
        "a third of the images": neighbours(plain, share=1 / 3),
        "a quarter of the images": neighbours(plain, share=1 / 4),
        "a sixth of the images": neighbours(plain, share=1 / 6),
        "a twelfth of the images": neighbours(plain, share=1 / 12),
    },
    "quadratic": {
        NOTHING: _classical(classical.quadratic, plain, 1),
        "components beside products of two": _classical(classical.quadratic, plain, 1, squares=False),
        "two levels of grey": _classical(classical.quadratic, Views.two_levels, 1),
        "image after image, squashed": squashed(view=products()),
        "the same, components beside products": squashed(view=products(squares=False)),
        "the same, of equal variance": squashed(rate=1e-4, view=products(squares=False, equal=True)),
        "the same, of equal variance, one pass": squashed(1, 1e-4, products(squares=False, equal=True)),
    },
    "radial": {
        NOTHING: radial(),
        "half the variance": radial(width=0.5),
        "twice the variance": radial(width=2.0),
        "10 times the ridge": radial(ridge=classical.RIDGE / 10),
        "100 times the ridge": radial(ridge=classical.RIDGE),
        "two levels of grey": radial(Views.two_levels),
    },
}
# What takes a minute or more.
NETWORKS: dict[str, dict[str, Candidate]] = {
    "hidden units": {
        "AdamW, 10 passes": lambda views: dense(_task(views)),
        "image after image, one pass": stepwise(1, 1e-2),
        "image after image, two passes": stepwise(2, 1e-2),
        "image after image, three passes": stepwise(3, 1e-2),
        "image after image, 10 passes": stepwise(10, 1e-2),
        "three passes, 3 times the rate": stepwise(3, 3e-2),
    },
    "LeNet-5 of 1998": {
        "rates as printed, j = 1": lenet(),
        "j = 0.1": lenet(rubbish=0.1),
        "j = 10": lenet(rubbish=10.0),
        "half the rates": lenet(0.5),
        "twice the rates": lenet(2.0),
    },
}


def run(
    data: str = "digits",
    train: int = 1437,
    test: int = 360,
    block: int = 4,
    networks: bool = False,
    passes: int = 5,
    seed: int = 0,
    kept: str = "",
) -> Result:
    """Try the candidates.

    Args:
        data: "digits", or "mnist".
        train: images to learn from, at most.
        test: images to test on, at most.
        block: pixels on each axis whose mean is one number; 4 gives back the 8×8 of the digits.
        networks: whether the candidates that are networks are tried too.
        passes: of learning image after image, where a candidate names none.
        seed: of their order, of centres and of networks.
        kept: file of the numbers that are known; none if empty.
    """
    views = seen(load_data(data), train, test, block, passes, seed)
    size = f"{data} {len(views.labels[0])} {len(views.labels[1])}, blocks of {block}, {passes} passes, seed {seed}"
    keeper = Keeper(kept)
    found = {
        kind: {
            name: keeper.measured(f"{kind}, {name}, {size}", lambda find=find: find(views)).value
            for name, find in candidates.items()
        }
        for kind, candidates in (CANDIDATES | (NETWORKS if networks else {})).items()
    }
    allowed = {kind: UNCERTAIN + 3 * deviation(PUBLISHED[kind], len(views.labels[1])) for kind in found}
    claims = [*_alike(found, len(views.labels[1])), *(_on_mnist(found, allowed) if data == "mnist" else ())]
    rows = [
        (kind, name, f"{error:.2f}", f"{error - PUBLISHED[kind]:+.2f}", _verdict(kind, error, allowed, data))
        for kind, errors in found.items()
        for name, error in errors.items()
    ]
    columns = ("classifier", "what is changed", "wrong, %", "here − paper", "as published")
    title = f"{data}, {len(views.labels[0]):,} images to learn from and {len(views.labels[1]):,} new ones"
    return Result(claims, (Table(title, columns, tuple(rows)),), (_picture(found, allowed, data),))


def seen(data: Dataset, train: int, test: int, block: int, passes: int, seed: int) -> Views:
    """The images in both ways."""
    splits = data.train[:train], data.test[:test]
    data = replace(data, train=splits[0], test=splits[1])
    first, last = (_blocks(split.images[:, 2:-2, 2:-2], block) for split in splits)
    boxes = (_blocks(deskewing.boxed(split.images, data.pixels[0]), block) for split in splits)
    small, small_new = boxes
    return Views(data, (first, last), (small, small_new), (splits[0].labels, splits[1].labels), passes, seed)


def _blocks(images: np.ndarray, side: int) -> np.ndarray:
    count, height, width, _ = images.shape
    return images.reshape(count, height // side, side, width // side, side).mean((2, 4)).reshape(count, -1)


def deviation(error: float, count: int) -> float:
    """The standard deviation of an error in per cent that is found on so many images."""
    share = error / 100
    return 100 * float(np.sqrt(share * (1 - share) / count))


def _verdict(kind: str, error: float, allowed: dict[str, float], data: str) -> str:
    if data != "mnist":
        return "—"
    return "yes" if abs(error - PUBLISHED[kind]) <= allowed[kind] else ""


def _alike(found: dict[str, dict[str, float]], test: int) -> Iterator[Claim]:
    """What is so of any images."""
    linear = found["linear"]
    # Two scores may be as large but for rounding: one image in two hundred may be seen otherwise.
    yield equal(
        "least squares, another scale: wrong, % − the same", linear["another scale, inverted"] - linear[NOTHING], 0,
        "the bias takes the shift, weights and ridge the scale", 0.5,
    )  # fmt: skip
    fewer = found["neighbours"]
    yield at_least(
        "neighbours among a twelfth, wrong, %, less among all", fewer["a twelfth of the images"] - fewer[NOTHING],
        -100 / test, "fewer are farther away",
    )  # fmt: skip


def _on_mnist(found: dict[str, dict[str, float]], allowed: dict[str, float]) -> Iterator[Claim]:
    """Which candidates explain the paper's numbers."""
    for kind, errors in found.items():
        distance = {name: abs(error - PUBLISHED[kind]) for name, error in errors.items()}
        nearest = min(distance, key=lambda name: distance[name])
        yield at_most(
            f"{kind}: wrong, %, nearest to the published, {nearest}: distance", distance[nearest], allowed[kind], PAPER
        )


def _picture(found: dict[str, dict[str, float]], allowed: dict[str, float], data: str) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(found), 1, height_ratios=[len(errors) for errors in found.values()])
        for ax, (kind, errors) in zip(axes, found.items(), strict=True):
            places = range(len(errors))
            ax.plot(list(errors.values()), places, "o", color="#0072B2", label=f"here, {data}")
            low, high = PUBLISHED[kind] - allowed[kind], PUBLISHED[kind] + allowed[kind]
            ax.axvspan(low, high, color="#E69F00", alpha=0.4, label="published, MNIST")
            ax.set(yticks=places, yticklabels=list(errors), xlabel="wrong, %", title=kind)
            ax.set_xlim(0, None)
            ax.set_ylim(len(errors) - 0.5, -0.5)
            ax.grid(axis="x", alpha=0.3)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)

    height = 0.14 * len(found) + 0.03 * sum(map(len, found.values()))
    caption = "The error of each candidate, and the published one with its uncertainty."
    return Picture("differences", caption, draw, height)
