"""Does a network that reads its own labels correct them?

One small network maps an image and a map of label probabilities to a better map: p₀ = 0, pₙ = softmax f(x, pₙ₋₁), with
the same weights at every step. One application sees 5 × 5 pixels, too few to tell a thick ring from the edge of a
square; each further one sees 4 more rows and columns, and costs no parameter. It is trained through 3 steps on the
mean of their losses, and tested on new images through twice as many. The rival is the same network trained for one
step alone: what it lacks is not training but sight.

By how much a step must correct, a tenth of the wrong labels or one in a hundred of all, and two corrected for each one
spoiled, are bounds of our own: the sources have no numbers for these images.

Sources: Pinheiro & Collobert (2014), Recurrent convolutional neural networks for scene labeling, for instances that
share their weights and read the image and the previous labels, zeros at first, and for the sum of their losses; Jain
et al. (2007) for labels of full size without pooling; Goodfellow, Bengio & Courville, *Deep Learning*, section 9.6.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.fitting import fitted
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.shapes import CLASSES, draw_labels, name_classes, overlaps, shapes
from minicnn import nn, ops
from minicnn.nn import losses

ROWS = (64,)
SMALL = {"seeds": 1, "steps": 200}
FULL = {"seeds": 10, "steps": 1_500}

SIZE = (32, 32)
TAPS = 5
TRAINED = 3  # steps of refinement through which the losses are taken
TESTED = 2 * TRAINED  # steps through which new images are refined
NETWORK = nn.Sequential(
    (
        nn.Conv(16, (TAPS, TAPS), padding="SAME"),
        nn.Activation("relu"),
        nn.Conv(len(CLASSES), (1, 1)),
    )
)
SEEN = 200  # images of the training
NEW = 32  # new images


def run(seeds: int = 3, steps: int = 500, batch: int = 4) -> Result:
    """Train the network through its steps, and for one step.

    Args:
        seeds: trainings, each with images and weights of its own.
        steps: of each training.
        batch: images of each step.
    """
    x, labels = shapes(NEW, SIZE, seed=999)
    params = [trained(TRAINED, seed, steps, batch) for seed in range(seeds)]
    maps = [np.asarray(refined(own, x, TESTED).argmax(-1)) for own in params]
    accuracy = np.stack([(found == labels).mean((1, 2, 3)) for found in maps])
    alone = trained(1, 0, steps, batch)
    single = np.asarray(refined(alone, x, TESTED)[0].argmax(-1))
    wrong = 1 - accuracy
    claims: list[Claim] = [
        equal(
            "rows and columns that a label of step 1, 2, … depends on",
            fields(params[0]),
            [1 + (TAPS - 1) * n for n in range(1, TRAINED + 1)],
            "1 + 4n, one more kernel a step",
        ),
        equal("parameters of 1 and of 3 steps", [_count(alone), _count(params[0])], [_parameters()] * 2, "tied"),
        *(
            at_most(f"wrong labels of step {n + 2} over those of step {n + 1}, worst seed", ratio, 0.9, "each corrects")
            for n, ratio in enumerate((wrong[:, 1:TRAINED] / wrong[:, : TRAINED - 1]).max(0))
        ),
        at_least(
            "from step 1 to 3: labels corrected for each one spoiled, worst seed",
            min(corrected(found[0], found[TRAINED - 1], labels) for found in maps),
            2,
            "Pinheiro & Collobert: it identifies and corrects its own errors",
        ),
        at_least(
            "accuracy of step 3 over the network trained for one step",
            accuracy[0, TRAINED - 1] - (single == labels).mean(),
            0.01,
            "what it lacks is sight",
        ),
        at_least(
            "accuracy of step 6 over step 1, worst seed",
            (accuracy[:, -1] - accuracy[:, 0]).min(),
            0.01,
            "beyond the training",
        ),
    ]
    rows = [
        (n + 1, 1 + (TAPS - 1) * (n + 1), accuracy[:, n].mean(), accuracy[:, n].min(), *_mean_overlaps(maps, n, labels))
        for n in range(TESTED)
    ]
    columns = ("step", "receptive field", "accuracy", "worst seed", *(f"{name}, IoU" for name in CLASSES[1:]))
    table = Table("Labels on new images, mean of the seeds", columns, tuple(rows))
    worst = int((maps[0][0] != labels).mean((1, 2)).argmax())
    picture = _picture(x[worst], labels[worst], maps[0][:, worst], accuracy, (single == labels).mean())
    return Result(claims, (table,), (picture,))


@partial(jax.jit, static_argnames="steps")
def refined(params: Any, x: Any, steps: int) -> jax.Array:
    """The scores of each step, (steps, n, h, w, classes)."""

    def step(p: Any, _: None) -> tuple[Any, Any]:
        scores = NETWORK.apply(params, ops.concatenate([x, p], axis=-1))
        return ops.softmax(scores), scores

    return jax.lax.scan(step, jnp.zeros((*x.shape[:-1], len(CLASSES))), None, steps)[1]


def loss_through(steps: int, params: Any, x: Any, labels: Any) -> Any:
    """The mean of the losses of all steps."""
    return losses.cross_entropy(refined(params, x, steps), jnp.broadcast_to(labels, (steps, *labels.shape)))


LOSSES = {steps: partial(loss_through, steps) for steps in (1, TRAINED)}


def trained(through: int, seed: int, steps: int, batch: int) -> Any:
    """The parameters after training through some steps of refinement."""
    x, labels = shapes(SEEN, SIZE, seed)
    key = jax.random.key(seed)
    start = NETWORK.init(key, (*SIZE, 1 + len(CLASSES)))
    return fitted(LOSSES[through], start, x, labels, key, steps=steps, batch=batch, rate=3e-2)[0]


def fields(params: Any) -> list[int]:
    """The rows on which the label of one pixel depends after each step, found by the derivative."""

    def middle(x: jax.Array) -> jax.Array:
        return refined(params, x, TRAINED)[:, 0, SIZE[0] // 2, SIZE[1] // 2, 0]

    x = jax.random.uniform(jax.random.key(0), (1, *SIZE, 1))
    seen = np.asarray(jax.jit(jax.jacrev(middle))(x))
    return [int(np.ptp(np.nonzero(each)[1])) + 1 for each in seen]


def corrected(first: np.ndarray, last: np.ndarray, labels: np.ndarray) -> float:
    """The labels that were wrong and are right, for each one that was right and is wrong."""
    return float(((first != labels) & (last == labels)).sum() / max(((first == labels) & (last != labels)).sum(), 1))


def _mean_overlaps(maps: list[np.ndarray], n: int, labels: np.ndarray) -> np.ndarray:
    return np.mean([overlaps(found[n], labels) for found in maps], 0)[1:]


def _count(params: Any) -> int:
    return sum(p.size for p in jax.tree.leaves(params))


def _parameters() -> int:
    planes, hidden = 1 + len(CLASSES), 16
    return TAPS**2 * planes * hidden + hidden + hidden * len(CLASSES) + len(CLASSES)


def _picture(x: np.ndarray, labels: np.ndarray, maps: np.ndarray, accuracy: np.ndarray, single: float) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.1))
        first = figure.add_subplot(grid[0, 0])
        first.imshow(x[..., 0], cmap="gray")
        first.set(xticks=[], yticks=[], title="image")
        for column, n in enumerate((0, 1, TRAINED - 1), 1):
            draw_labels(figure.add_subplot(grid[0, column]), maps[n], f"step {n + 1}")
        draw_labels(figure.add_subplot(grid[1, 0]), labels, "true classes")
        curve = figure.add_subplot(grid[1, 1:])
        steps = np.arange(1, TESTED + 1)
        curve.plot(steps, 100 - 100 * accuracy.T, "o-", color="#0072B2", markersize=4)
        curve.axhline(100 - 100 * single, color="#D55E00", linestyle="--", label="trained for one step")
        curve.axvline(TRAINED, color="0.6", linestyle=":", label="steps of the training")
        curve.set(xlabel="step", ylabel="wrong labels, %", ylim=(0, None))
        curve.legend(frameon=False)
        name_classes(figure)

    return Picture(
        "refinement",
        "Labels of the image with most wrong ones at step 1, and how many are wrong of all, one line for each seed.",
        draw,
        0.66,
    )
