"""What training needs to know of a network beside the network: its loss, and how labels are read from its outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int

from minicnn.nn import losses
from minicnn.train.config import Config
from minicnn.zoo.registry import network


def largest(outputs: Any) -> Int[Array, "*batch"]:
    """The label of the largest output, for outputs that are scores or log-probabilities."""
    return jnp.argmax(outputs, -1)


def smallest(outputs: Any) -> Int[Array, "*batch"]:
    """The label of the smallest output, for outputs that are distances or penalties."""
    return jnp.argmin(outputs, -1)


@dataclass(frozen=True)
class Recipe:
    """How one network is trained and read.

    Attributes:
        loss: the function from the outputs of a batch and its labels to a scalar, the mean over the batch.
        read: the function from outputs to labels.
        defaults: fields of the config that differ from `Config`'s own where the user says nothing.
    """

    loss: Callable[[Any, Any], Any] = losses.cross_entropy
    read: Callable[[Any], Int[Array, "*batch"]] = largest
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)


# As in the paper but for the batch, which its rates bear up to about this size: 20 passes, the step of appendix C.
_LENET5_1998 = {
    "optimizer": "levenberg",
    "schedule": "passes",
    "learning_rate": 5e-4,
    "epochs": 20,
    "batch": 8,
    "augment": "none",
}

# The networks of `minicnn.zoo.registry` whose outputs are not scores for a softmax.
RECIPES = {"lenet5-1998": Recipe(losses.competitive, smallest, _LENET5_1998)}


def recipe_of(name: str) -> Recipe:
    """The recipe of a network by name.

    Raises:
        ValueError: listing the names there are.

    >>> recipe_of("lenet5").read(jnp.array([[0.1, 0.9]]))
    Array([1], dtype=int32)
    """
    _ = network(name)
    return RECIPES.get(name, Recipe())


def config_of(model: str = "lenet5", **given: Any) -> Config:
    """A config: what is given, else the network's defaults, else `Config`'s own.

    >>> config_of("lenet5", epochs=3).epochs
    3
    """
    return Config(**{"model": model, **recipe_of(model).defaults, **given})
