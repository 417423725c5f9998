"""A plan: everything that is compiled or drawn once for a run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import Array

from minicnn.compilation import ONCE
from minicnn.data import Dataset
from minicnn.data.dataset import READ_AT_ONCE, full_batches
from minicnn.data.registry import load_data
from minicnn.nn import Sequential
from minicnn.train.augmentations import augmentation_of
from minicnn.train.config import Config
from minicnn.train.devices import copied, everywhere, split_rows, spread
from minicnn.train.optimizers import Optimizer, optimizer_of
from minicnn.train.recipes import Recipe, largest, recipe_of, smallest
from minicnn.zoo.registry import network


class State(NamedTuple):
    """What a step changes."""

    params: Any
    optimizer: Any


class Keys(NamedTuple):
    """Random keys of a run, as raw data: of its parameters, of the order of the images, of their augmentation."""

    params: np.ndarray
    order: np.ndarray
    augmentation: np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """How a run is carried out.

    Attributes:
        model: the network.
        data: what it learns from and is tested on.
        config: everything that decides the numbers.
        optimizer: how gradients become updates.
        mesh: devices that share every batch.
        keys: random keys.
        epoch: steps in an epoch.
        draw: from key data to the state before the first step.
        compiled: from (state, images, labels, key data, step) to (state, loss, number right).
        predict: from (parameters, images) to labels.
    """

    model: Sequential
    data: Dataset
    config: Config
    optimizer: Optimizer
    mesh: Mesh
    keys: Keys
    epoch: int
    draw: Callable[[Any], State]
    compiled: Callable[..., tuple[State, Array, Array]]
    predict: Callable[[Any, Any], Array]

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of every image and every label that the run learns from or is tested on."""
        digest = sha256()
        for split in (self.data.train, self.data.test):
            for array in (split.images, split.labels):
                digest.update(f"{array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def steps(self) -> int:
        """How many steps the run takes."""
        return self.epoch * self.config.epochs

    def initial(self) -> State:
        """Draw the state before the first step."""
        return copied(self.mesh, self.draw(self.keys.params))

    def shapes(self) -> State:
        """Make a state of zeros, of the shapes and dtypes that any state of the run has."""
        return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(self.draw, self.keys.params))

    def step(self, state: State, done: int) -> tuple[State, Array, Array]:
        """Take the step after `done` steps: it is dispatched and not waited for."""
        epoch, position = divmod(done, self.epoch)
        chosen = self.order(epoch)[position * self.config.batch :][: self.config.batch]
        batch = (spread(self.mesh, array, chosen) for array in (self.data.train.images, self.data.train.labels))
        return self.compiled(state, *batch, self.keys.augmentation, np.int32(done))

    def before_epoch(self, state: State, done: int) -> State:
        """Return the state with which an epoch begins, which some optimizers prepare."""
        hook = self.optimizer.before_epoch
        if hook is None:
            return state
        sample = self.data.train[self.order(done // self.epoch)[: self.optimizer.sample]]
        params, before = jax.tree.map(np.asarray, state)
        return copied(self.mesh, State(params, hook(params, before, sample)))

    def order(self, epoch: int) -> np.ndarray:
        """Return the order in which an epoch meets the training images."""
        return _order(self.keys.order.tobytes(), epoch, len(self.data.train))

    def test_accuracy(self, params: Any) -> float:
        """The fraction of test images that get their own label."""
        test = self.data.test
        size = -(-min(READ_AT_ONCE, len(test)) // self.mesh.size) * self.mesh.size
        batches = (spread(self.mesh, test.images, rows) for rows in full_batches(len(test), size))
        found = np.concatenate([np.asarray(self.predict(params, batch)) for batch in batches])
        return int((found[: len(test)] == test.labels).sum()) / len(test)


def plan_of(model: Sequential, data: Dataset, config: Config, recipe: Recipe, mesh: Mesh) -> Plan:
    """Plan a run.

    Raises:
        ValueError: if there are no test images or fewer outputs than classes, if a batch is larger than the training
            set or not shared evenly by the devices, if images would be moved further than they are wide, or if the
            names of the config are not known.
        TypeError: if the data is not a `Dataset`.
    """
    _check_data(model, data, recipe)
    steps = total_steps(data, config)
    side = min(data.in_shape[:2])
    if config.reach > side:
        raise ValueError(f"`reach`={config.reach} is more than the {side} pixels of an image: use fewer")
    if config.batch % mesh.size:
        raise ValueError(f"`batch`={config.batch} is not shared evenly by {mesh.size} devices: use a multiple")
    optimizer = optimizer_of(config, model, recipe, steps)
    keys = Keys(*(np.asarray(jax.random.key_data(key)) for key in jax.random.split(jax.random.key(config.seed), 3)))
    predict = jax.jit(
        lambda params, images: recipe.read(model.apply(params, images)),
        in_shardings=(everywhere(mesh), split_rows(mesh)),
        out_shardings=everywhere(mesh),
    )
    draw = _initial(model, data.in_shape, optimizer)
    compiled = _compile(model, recipe, optimizer, config, mesh)
    return Plan(model, data, config, optimizer, mesh, keys, steps // config.epochs, draw, compiled, predict)


def _check_data(model: Sequential, data: Any, recipe: Recipe) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"`data` is a {type(data).__name__}: make it a minicnn.data.Dataset of two splits")
    if not len(data.test):
        raise ValueError("`data` has no test images: every epoch is measured on some, if only on a few of `data.train`")
    outputs = model.out_shape(data.in_shape)
    if recipe.read in (largest, smallest) and (len(outputs) != 1 or outputs[0] < len(data.classes)):
        raise ValueError(
            f"`model` has outputs of shape {outputs} and `data` has {len(data.classes)} classes: one for each"
        )


def plan_by_name(config: Config, data_dir: Path | None, mesh: Mesh) -> Plan:
    """Plan a run of the network and on the data set that its config names.

    Raises:
        ValueError: if the network does not take the data set's images, or as `plan_of`.
    """
    named, data = network(config.model), load_data(config.data, data_dir)
    if named.in_shape != data.in_shape:
        raise ValueError(
            f"`data`={config.data!r} has images of shape {data.in_shape}, and `model`={config.model!r} takes "
            f"{named.in_shape}: choose another of the two"
        )
    return plan_of(named.build(), data, config, recipe_of(config.model), mesh)


def total_steps(data: Dataset, config: Config) -> int:
    """How many steps a run takes; every batch of training images is full.

    Raises:
        ValueError: if a batch is larger than the training set, or if there are more steps than can be counted.
    """
    if config.batch > len(data.train):
        raise ValueError(f"`batch`={config.batch} is more than the {len(data.train)} training images: use fewer")
    steps = len(data.train) // config.batch * config.epochs
    if steps >= 2**31:
        raise ValueError(f"`epochs`={config.epochs} makes {steps} steps, and 2³¹ cannot be counted: use fewer")
    return steps


def loss_and_gradient(model: Sequential, recipe: Recipe) -> Callable[..., tuple[tuple[Array, Array], Any]]:
    """The function from (params, images, labels) to ((loss, number right), gradient), means over the batch."""

    def loss_of(params: Any, images: Array, labels: Array) -> tuple[Any, Array]:
        outputs = model.apply(params, images)
        return recipe.loss(outputs, labels), jnp.sum(recipe.read(outputs) == labels)

    return jax.value_and_grad(loss_of, has_aux=True)


def _initial(model: Sequential, in_shape: tuple[int, ...], optimizer: Optimizer) -> Callable[[Any], State]:
    def draw(key: Array) -> State:
        params = model.init(jax.random.wrap_key_data(key), in_shape)
        return State(params, optimizer.transformation.init(params))

    return jax.jit(draw, compiler_options=ONCE)


def _compile(
    model: Sequential, recipe: Recipe, optimizer: Optimizer, config: Config, mesh: Mesh
) -> Callable[..., tuple[State, Array, Array]]:
    augment, gradient_of = augmentation_of(config), loss_and_gradient(model, recipe)

    def step(state: State, images: Array, labels: Array, key: Array, done: Array) -> tuple[State, Array, Array]:
        images = augment(jax.random.fold_in(jax.random.wrap_key_data(key), done), images)
        (loss, right), gradient = gradient_of(state.params, images, labels)
        updates, optimizer_state = optimizer.transformation.update(gradient, state.optimizer, state.params)
        return State(optax.apply_updates(state.params, updates), optimizer_state), loss, right

    copy, rows = everywhere(mesh), split_rows(mesh)
    return jax.jit(step, in_shardings=(copy, rows, rows, copy, copy), out_shardings=copy)


@lru_cache(maxsize=2)
def _order(key: bytes, epoch: int, count: int) -> np.ndarray:
    return np.asarray(_permutation(np.frombuffer(key, np.uint32), epoch + 1, count))


def _permute(key: Array, epoch: Array, count: int) -> Array:
    return jax.random.permutation(jax.random.fold_in(jax.random.wrap_key_data(key), epoch), count)


_permutation = jax.jit(_permute, static_argnums=2, compiler_options=ONCE)
