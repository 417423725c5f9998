"""The training loop: one jitted step, and a record after every epoch."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int

from minicnn.data import Dataset, Split
from minicnn.nn import Sequential
from minicnn.train.augmentations import augmentation_of
from minicnn.train.config import Config
from minicnn.train.optimizers import Optimizer, optimizer_of
from minicnn.train.recipes import Recipe, largest, recipe_of

Params = Any
Step = Callable[..., tuple[Params, Any, Array]]


@dataclass(frozen=True)
class Record:
    """What is known after one epoch; one line of `metrics.jsonl`."""

    epoch: int
    step: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The fields as a dictionary."""
        return asdict(self)


def fit(
    model: Sequential,
    data: Dataset,
    config: Config,
    *,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Params:
    """Train a model and return its parameters.

    Args:
        model: the network.
        data: what it learns from and is tested on.
        config: everything that decides the numbers.
        on_step: called after every step with its number and their total.
        on_epoch: called after every epoch with its record.

    Raises:
        ValueError: if a batch is larger than the training set.
        FloatingPointError: if the loss is no longer finite, naming the epoch.
    """
    steps = total_steps(data, config)
    recipe = recipe_of(config.model)
    optimizer = optimizer_of(config, model, recipe, steps)
    step, predict = _training_step(model, recipe, optimizer, config), predictor(model, recipe.read)
    params_key, order_key, shift_key = jax.random.split(jax.random.key(config.seed), 3)
    params = model.init(params_key, data.in_shape)
    state, done, begun = optimizer.transformation.init(params), 0, time.perf_counter()
    for epoch in range(1, config.epochs + 1):
        epoch_losses = []
        for batch in data.train.batches(config.batch, jax.random.fold_in(order_key, epoch)):
            params, state, loss = step(params, state, batch.images, batch.labels, jax.random.fold_in(shift_key, done))
            done += 1
            epoch_losses.append(loss)
            on_step(done, steps)
        mean_loss = float(jnp.stack(epoch_losses).mean())
        if not np.isfinite(mean_loss):
            raise FloatingPointError(f"the loss of epoch {epoch} is {mean_loss}: lower the learning rate")
        on_epoch(
            Record(
                epoch=epoch,
                step=done,
                loss=mean_loss,
                train_accuracy=accuracy(predict, params, data.train),
                test_accuracy=accuracy(predict, params, data.test),
                seconds=time.perf_counter() - begun,
            )
        )
    return params


def total_steps(data: Dataset, config: Config) -> int:
    """How many steps a run takes; every batch of training images is full.

    Raises:
        ValueError: if a batch is larger than the training set.
    """
    if config.batch > len(data.train):
        raise ValueError(f"`batch`={config.batch} is more than the {len(data.train)} training images: use fewer")
    return len(data.train) // config.batch * config.epochs


def predictor(
    model: Sequential, read: Callable[[Any], Int[Array, "*batch"]] = largest
) -> Callable[[Params, Any], Int[Array, " n"]]:
    """The jitted function from parameters and images to labels, which `read` takes from the outputs."""
    return jax.jit(lambda params, images: read(model.apply(params, images)))


def accuracy(predict: Callable[[Params, Any], Int[Array, " n"]], params: Params, split: Split) -> float:
    """The fraction of images that get their own label."""
    right = sum(int((np.asarray(predict(params, part.images)) == part.labels).sum()) for part in split.batches(500))
    return right / len(split)


def _training_step(model: Sequential, recipe: Recipe, optimizer: Optimizer, config: Config) -> Step:
    augment = augmentation_of(config)

    def loss_of(params: Params, images: Array, labels: Array) -> Any:
        return recipe.loss(model.apply(params, images), labels)

    @jax.jit
    def step(params: Params, state: Any, images: Array, labels: Array, key: Array) -> tuple[Params, Any, Array]:
        loss, gradient = jax.value_and_grad(loss_of)(params, augment(key, images), labels)
        updates, state = optimizer.transformation.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, loss

    return step
