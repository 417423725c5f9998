"""What does each score of a trained network look at, in the image that it is given?

At an image the network is one matrix with a row for each class, the Jacobian; a row has as many entries as the image
has pixels, so it is a picture: where the score would rise, and where it would fall. With relus and max pools the matrix
and the biases say everything: scores(x) = J(x)·x + B(x)·b, the products with the image and with all biases, where J and
B come from one lifted program. The rows are not templates: the next image of the same class opens other relus and has
other rows. Each row is held against the gradient of its score, which JAX's backward mode finds, and the sum against the
scores, each within the rounding bound γₙ·|A_k|…|A_1|·|x|.

The matrix is that of the network for as long as no relu and no maximum changes. So a step along the difference of two
rows, as long as their scores need to meet, would change the answer if the rows stayed as they are; the table says what
becomes of the margin.

Sources: K. Simonyan, A. Vedaldi & A. Zisserman, "Deep inside convolutional networks" (2014), section 3, for the
pictures; S. Srinivas & F. Fleuret, "Full-gradient representation for neural network visualization" (2019), proposition
1, for the sum; N. Higham, *Accuracy and stability of numerical algorithms*, for the bounds; scikit-learn's digits.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments import classifiers
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most
from experiments.lifted import rounding
from minicnn import linalg, nn
from minicnn.autodiff import Program
from minicnn.data import digits

ROWS = ()
SMALL = {"examples": 500, "steps": 60, "shown": 2}
FULL = {"steps": 5000, "shown": 8}

BATCH, RATE = 64, 3e-3  # of Adam
SRINIVAS = "Srinivas & Fleuret, proposition 1"
BOUND = "Higham: γₙ·|A_k|…|A_1|·|x|"


class View(NamedTuple):
    """What is found at one image.

    Attributes:
        image: one of the test.
        label: its class.
        scores: of the ten classes.
        rows: the rows of the Jacobian as pictures, (10, rows, columns).
        from_image: J·x, what the image has to do with each score.
        errors: over their bounds, of the sum and of the rows.
        sigma: the largest singular value of J.
        left: the margin after the step that should take all of it, as a share.
    """

    image: np.ndarray
    label: int
    scores: np.ndarray
    rows: np.ndarray
    from_image: np.ndarray
    errors: tuple[float, float]
    sigma: float
    left: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """The score of the image's own class, and what the image and the biases have to do with it."""
        score, from_image = float(self.scores[self.label]), float(self.from_image[self.label])
        return score, from_image, score - from_image


def run(examples: int = 1437, steps: int = 400, shown: int = 4, seed: int = 0) -> Result:
    """Train a network and lift it at some images.

    Args:
        examples: training images.
        steps: of the training.
        shown: test images at which it is lifted.
        seed: of the weights and the batches.
    """
    rng = np.random.default_rng(seed)
    data = digits()
    x, labels = jnp.asarray(halved(data.train.images[:examples])), jnp.asarray(data.train.labels[:examples])
    x_new, labels_new = halved(data.test.images), data.test.labels
    begun = classifiers.start(MODEL, x.shape[1:], rng)
    batches = classifiers.batches(len(x), BATCH, steps, rng)
    params, scores = classifiers.trained(MODEL, begun, x, labels, batches, RATE, jnp.asarray(x_new))
    right = np.asarray(scores).argmax(1) == labels_new
    views = [seen(params, x_new[n], int(labels_new[n])) for n in picked(labels_new, right, shown)]
    twins = [view.rows.reshape(10, -1) for view in views[:2]]
    cosines = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(*twins, strict=True)]
    claims: list[Claim] = [
        at_least("share of test images that is right", float(right.mean()), 0.5, "it has learnt: chance is 0.1"),
        at_most(
            "scores − (J·x + B·b) over the rounding bound, largest",
            max(view.errors[0] for view in views),
            1,
            f"{SRINIVAS}; {BOUND}",
        ),
        at_most(
            "rows of J − gradients of the scores over the rounding bound, largest",
            max(view.errors[1] for view in views),
            1,
            f"jax.jacrev; {BOUND}",
        ),
        at_most(
            f"cosine between the rows of two images of a {views[0].label}, largest",
            max(cosines),
            1 - 1e-3,
            "other relus are open",
        ),
    ]
    rows = tuple((view.label, *view.parts, view.sigma, view.left) for view in views)
    columns = ("class", "its score", "J·x", "B·b", "σ₁ of J", "margin left after the step")
    title = f"What the score of an image's own class is made of; {right.mean():.1%} of the test images are right"
    return Result(claims, (Table(title, columns, rows),), (_picture(views),))


RELU = nn.Activation("relu")
MODEL = nn.Sequential(
    (
        *(nn.Conv(8, (3, 3), padding=1), RELU, nn.MaxPool((2, 2))),
        *(nn.Conv(16, (3, 3), padding=1), RELU, nn.MaxPool((2, 2))),
        *(nn.Flatten(), nn.Dense(10)),
    )
)


def halved(images: np.ndarray) -> np.ndarray:
    """Images of 16×16, the means of 2×2 pixels, between 0 for paper and 1 for ink."""
    return np.asarray(minicnn.avg_pool(jnp.asarray((images + 0.1) / 1.275, jnp.float32), (2, 2)))


def picked(labels: np.ndarray, right: np.ndarray, number: int) -> list[int]:
    """Images whose answer is right: two of the same class, then one of each class."""
    firsts = [np.flatnonzero(right & (labels == label)) for label in (3, 3, 8, 5, 0, 1, 2, 4, 6, 7, 9)]
    return [int(found[1 if n == 1 else 0]) for n, found in enumerate(firsts[:number])]


def seen(params: Any, image: np.ndarray, label: int) -> View:
    """Lift the network at an image, in the image and in all biases."""
    x = jnp.asarray(image)
    biases = [own.get("b") for own in params]

    def f(x: Any, biases: Any) -> Any:
        own = [p if b is None else {**p, "b": b} for p, b in zip(params, biases, strict=True)]
        return MODEL.apply(tuple(own), x)

    P = minicnn.lift(f, x, biases, argnums=(0, 1))
    of_image = minicnn.lift(f, x, biases)
    scores = np.asarray(f(x, biases))
    sum_error = np.abs(scores - P(x, biases)) / rounding(P, x, biases)
    J = np.asarray(of_image.matrix())
    gradients = np.asarray(jax.jacrev(f)(x, biases)).reshape(J.shape)
    row_error = np.abs(J - gradients) / row_bounds(of_image)
    return View(
        image[..., 0],
        label,
        scores,
        J.reshape(10, *image.shape[:2]),
        np.asarray(of_image(x)),
        (float(sum_error.max()), float(row_error.max())),
        float(linalg.svdvals(of_image.as_map(), 1)[0]),
        margin_left(lambda x: f(x, biases), J, x, scores),
    )


def row_bounds(P: Program) -> np.ndarray:
    """Rounding bounds of the entries of the matrix, at least the smallest float; all rows are bounded at once."""
    unit = rounding(P.T, jnp.eye(P.shape[0], dtype=P.nodes[0].dtype))
    return np.maximum(unit.reshape(P.shape), np.finfo(unit.dtype).tiny)


def margin_left(f: Any, J: np.ndarray, x: jax.Array, scores: np.ndarray) -> float:
    """The share of the margin that is left after a step along the difference of the two largest scores' rows."""
    second, first = np.argsort(scores)[-2:]
    direction, margin = J[first] - J[second], scores[first] - scores[second]
    moved = np.asarray(f(x - (margin / (direction @ direction) * direction).reshape(x.shape)))
    return float((moved[first] - moved[second]) / margin)


def _picture(views: list[View]) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(views), 11, squeeze=False)
        most = max(np.abs(view.rows).max() for view in views)
        for line, view in zip(grid, views, strict=True):
            line[0].imshow(view.image, "gray_r")
            for k, axes in enumerate(line[1:]):
                axes.imshow(view.rows[k], "PuOr", vmin=-most, vmax=most)
                axes.set_xlabel(f"{view.scores[k]:.1f}", fontsize="x-small")
                if k == view.label:
                    axes.spines[:].set(color="k", linewidth=2)
        for axes in grid.flat:
            axes.set(xticks=(), yticks=())
        for axes, title in zip(grid[0], ("x", *map(str, range(10))), strict=True):
            axes.set_title(title, fontsize="small")

    caption = (
        "Images, and beside each the ten rows of the network's matrix there, with the score below: violet pixels raise "
        "it, orange ones lower it; the frame marks the image's own class."
    )
    return Picture("rows", caption, draw, 0.118 * len(views) + 0.03)
