"""Dense layers that are trained under a prior for a subspace of their weights: from none to an infinitely strong one.

Under the penalty ½·λ·‖W − ΠW‖² weights off the subspace are as likely as a Gaussian of the variance 1/λ says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from experiments.frame import Claim, Picture, Table, at_least, at_most, equal
from minicnn import nn
from minicnn.maps import LinearMap
from minicnn.nn import losses

STRENGTHS = np.array([0, *10.0 ** np.arange(-2, 5), np.inf])  # of the prior: λ
FINITE = STRENGTHS[1:-1]
PENALTIES = "Nocedal & Wright, section 17.1"


@dataclass(frozen=True)
class Trial:
    """One data set, and what was learned from it for each λ.

    Attributes:
        weights: what was trained, (strengths, inputs, outputs).
        off: the largest difference of a weight from the solution.
        distance: of the weights from the best ones in the subspace.
        violation: ‖W − ΠW‖.
        seen: mean squared error on the data.
        new: the same on new data without noise.
    """

    weights: np.ndarray
    off: float
    distance: np.ndarray
    violation: np.ndarray
    seen: np.ndarray
    new: np.ndarray

    @property
    def change(self) -> float:
        """The error of the infinitely strong prior on new data, over that of none."""
        return self.new[-1] / self.new[0]


@dataclass(frozen=True)
class Data:
    """Examples, (n, inputs), with noisy outputs, and new ones without noise."""

    x: np.ndarray
    y: np.ndarray
    x_new: np.ndarray
    y_new: np.ndarray


def trial(data: Data, projection: LinearMap, limit: np.ndarray, steps: int) -> Trial:
    """Train under each prior, and hold the weights against linear solutions; `limit` is the best in the subspace."""
    weights = np.asarray(trained(data.x, data.y, projection, STRENGTHS, steps))
    Pi = np.asarray(projection.matrix())
    unbiased = np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    solutions = np.stack([unbiased, *(solved(data.x, data.y, Pi, strength) for strength in FINITE), limit])
    shared = (weights.reshape(len(weights), -1) @ Pi).reshape(weights.shape)
    return Trial(
        weights,
        float(np.abs(weights - solutions).max()),
        _norms(weights - limit),
        _norms(weights - shared),
        ((data.x @ weights - data.y) ** 2).mean((1, 2)),
        ((data.x_new @ weights - data.y_new) ** 2).mean((1, 2)),
    )


@partial(jax.jit, static_argnames="steps")
def trained(x: jax.Array, y: jax.Array, projection: LinearMap, strengths: jax.Array, steps: int) -> jax.Array:
    """Train a dense layer under a prior of each strength, from zeros: (strengths, inputs, outputs).

    What falls is half the squared distance of the outputs, averaged over the examples, plus the penalty. A step goes
    down the gradient of the first term; then W − ΠW is divided by 1 + rate·λ, the proximal step of the second. That is
    weight decay, though not towards zero; an infinite λ leaves ΠW alone.
    """
    layer = nn.Dense(y.shape[1], bias=False)
    rate = len(x) / jnp.linalg.norm(x, 2) ** 2
    optimizer = optax.sgd(rate)
    loss = lambda w: y.shape[1] * losses.squared_error(layer.apply({"w": w}, x), y)
    project = lambda w: projection(w.reshape(projection.in_shape)).reshape(w.shape)

    def train(strength: jax.Array) -> jax.Array:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            w, state = carry
            updates, state = optimizer.update(jax.grad(loss)(w), state)
            w = w + updates
            shared = project(w)
            return (shared + (w - shared) / (1 + rate * strength), state), None

        start = jnp.zeros((x.shape[1], y.shape[1]), x.dtype)
        return jax.lax.scan(step, (start, optimizer.init(start)), None, steps)[0][0]

    return jax.vmap(train)(strengths)


def solved(x: np.ndarray, y: np.ndarray, projection: np.ndarray, strength: float) -> np.ndarray:
    """The weights that training under a prior of finite strength goes to, by one linear system."""
    gram = np.kron(x.T @ x, np.eye(y.shape[1])) / len(x)
    right = (x.T @ y / len(x)).ravel()
    return np.linalg.solve(gram + strength * (np.eye(len(gram)) - projection), right).reshape(-1, y.shape[1])


def limit_claims(trials: Sequence[Trial], oracle: str) -> list[Claim]:
    """Claim that training goes to the subspace as λ grows, as a penalty does."""
    slopes = [np.diff(np.log10(t.distance[-3:-1])).item() for t in trials]
    falls = max(np.max(t.violation[1:-1] / t.violation[:-2]) for t in trials)
    rises = min(np.min(np.diff(t.seen)) for t in trials)
    return [
        # Steps leave 10⁻⁸ or less of the start, and weights are of order 1.
        equal("trained − solved for each λ, largest weight", max(t.off for t in trials), 0, oracle, 1e-6),
        at_most("‖W − ΠW‖ over that for the λ before, largest", falls, 1, f"penalties fall, {PENALTIES}"),
        at_least("error on what was seen: smallest rise with λ", rises, 0, f"the other term rises, {PENALTIES}"),
        equal("distance at the largest λ: slopes on log-log axes", slopes, [-1] * len(slopes), PENALTIES, 0.01),
    ]


def by_strength(right: Sequence[Trial], wrong: Sequence[Trial], limit: str, errors: tuple[str, str]) -> Table:
    """The mean distance from the limit, and the mean errors where the prior is right and where it is wrong, for each λ.

    The two errors have names of their own, which head their columns.
    """
    distance = np.mean([t.distance for t in right], 0)
    new = (np.mean([t.new for t in trials], 0) for trials in (right, wrong))
    rows = zip(map(strength_name, STRENGTHS), distance, *new, strict=True)
    title = f"Mean of {len(right)} data sets; squared error on new data without noise"
    return Table(title, ("λ", f"distance from {limit}", *errors), tuple(rows))


def curves(right: Sequence[Trial], wrong: Sequence[Trial], limit: str, names: tuple[str, str]) -> Picture:
    """The distance from the limit, and the errors where the prior is right and where it is wrong, against λ."""

    def draw(figure: Figure) -> None:
        left, errors = figure.subplots(1, 2)
        for t in right:
            left.loglog(FINITE, t.distance[1:-1], "o-", color="#0072B2", markersize=3, alpha=0.6)
        end = max(t.distance[-2] for t in right) * FINITE[-1]
        left.loglog(FINITE[2:], 2 * end / FINITE[2:], "k--", label="slope −1")
        left.set(title=f"distance from {limit}", xlabel="λ")
        left.legend(frameon=False)
        for trials, name, style, color in ((right, names[0], "o-", "#0072B2"), (wrong, names[1], "s--", "#D55E00")):
            every = np.array([t.new for t in trials])[:, 1:-1]
            errors.loglog(FINITE, every.T, color=color, alpha=0.3, linewidth=1)
            errors.loglog(FINITE, every.mean(0), style, color=color, label=name)
        errors.set(title="squared error on new data", xlabel="λ")
        figure.legend(*errors.get_legend_handles_labels(), loc="outside lower right", ncols=2, frameon=False)

    caption = f"What is learned goes to {limit} as 1/λ; that helps if the prior is right, and harms if it is wrong."
    return Picture("strength", caption, draw, 0.48)


def strength_name(strength: float) -> str:
    """A strength in a title."""
    return "∞" if np.isinf(strength) else f"{strength:g}"


def _norms(weights: np.ndarray) -> np.ndarray:
    return np.linalg.norm(weights.reshape(len(weights), -1), axis=1)
