"""Optimizers by name: each is an optax transformation, and may look at some images before every epoch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import optax

from minicnn.arguments import look_up
from minicnn.data import Split
from minicnn.nn import Sequential
from minicnn.train.config import Config
from minicnn.train.levenberg import SAMPLE, levenberg_marquardt, second_derivatives
from minicnn.train.recipes import Recipe
from minicnn.train.schedules import promoting, schedule_of


@dataclass(frozen=True)
class Problem:
    """What an optimizer may depend on.

    Attributes:
        config: of the run.
        rate: the learning rate at each step.
        model: the network.
        recipe: its loss.
    """

    config: Config
    rate: optax.Schedule
    model: Sequential
    recipe: Recipe


@dataclass(frozen=True)
class Optimizer:
    """How gradients become updates.

    Attributes:
        transformation: optax's init and update.
        sample: how many of an epoch's first images `before_epoch` is given.
        before_epoch: from parameters, the transformation's state and the sample to a new state of the same structure.
    """

    transformation: optax.GradientTransformation
    sample: int = 0
    before_epoch: Callable[[Any, Any, Split], Any] | None = None


def adam(problem: Problem) -> Optimizer:
    """Adam, of Kingma & Ba (2015)."""
    return Optimizer(optax.adam(problem.rate))


def adamw(problem: Problem) -> Optimizer:
    """Adam with decoupled weight decay, of Loshchilov & Hutter (2019)."""
    return Optimizer(optax.adamw(problem.rate, weight_decay=problem.config.weight_decay))


def sgd(problem: Problem) -> Optimizer:
    """Stochastic gradient descent with momentum."""
    return Optimizer(optax.sgd(problem.rate, momentum=problem.config.momentum or None))


def levenberg(problem: Problem) -> Optimizer:
    """Stochastic diagonal Levenberg-Marquardt, its second derivatives estimated anew before every epoch."""
    model, loss = problem.model, problem.recipe.loss
    estimate = jax.jit(lambda params, images, labels: second_derivatives(model, loss, params, images, labels))

    def before_epoch(params: Any, state: Any, sample: Split) -> Any:
        return state._replace(h=estimate(params, sample.images, sample.labels))

    return Optimizer(levenberg_marquardt(problem.rate, problem.config.batch), SAMPLE, before_epoch)


OPTIMIZERS: dict[str, Callable[[Problem], Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
    "levenberg": levenberg,
}


def optimizer_of(config: Config, model: Sequential, recipe: Recipe, steps: int) -> Optimizer:
    """The optimizer that a config names.

    Raises:
        ValueError: listing the names there are.
    """
    build = look_up("optimizer", config.optimizer, OPTIMIZERS)
    optimizer = build(Problem(config, schedule_of(config, steps), model, recipe))
    init, update = optimizer.transformation
    return replace(optimizer, transformation=optax.GradientTransformation(promoting(init), promoting(update)))
