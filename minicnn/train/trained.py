"""A finished run, read back: its network with its parameters, and what it makes of images."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from jaxtyping import Array, Float32, Int

from minicnn.data import Dataset, Split
from minicnn.data.dataset import READ_AT_ONCE, check_finite, full_batches
from minicnn.data.registry import check_used, load_data
from minicnn.nn import Sequential
from minicnn.train.recipes import Recipe, recipe_of
from minicnn.train.runs import Run
from minicnn.zoo.registry import network


@dataclass(frozen=True)
class Trained:
    """A network, its parameters, and the data set that it learnt.

    Attributes:
        model: the network.
        params: its parameters.
        data: the data set.
        recipe: its loss, and how its outputs are read.
    """

    model: Sequential
    params: Any
    data: Dataset
    recipe: Recipe

    @classmethod
    def of(cls, run: Run, data_dir: Path | None = None) -> Self:
        """What a finished run has learnt.

        Args:
            run: the run.
            data_dir: where the files of its data set are, if no longer where they were.

        Raises:
            ValueError: if the parameters are damaged or of another network, or `data_dir` is given and not used.
        """
        check_used(run.config.data, data_dir)
        model, data = network(run.config.model).build(), load_data(run.config.data, data_dir or run.data_dir)
        like = jax.eval_shape(lambda key: model.init(key, data.in_shape), jax.random.key(0))
        return cls(model, run.load_params(like), data, recipe_of(run.config.model))

    def outputs(self, images: Float32[np.ndarray, "n h w c"]) -> Float32[np.ndarray, "n classes"]:
        """The network's outputs, in batches of one size so that it is compiled once.

        Raises:
            ValueError: if a pixel is NaN or infinite.
        """
        check_finite("images", np.asarray(images))
        size = max(min(len(images), READ_AT_ONCE), 1)
        found = [np.asarray(self._apply(self.params, images[rows])) for rows in full_batches(len(images), size)]
        return np.concatenate(found)[: len(images)]

    def labels(self, images: Float32[np.ndarray, "n h w c"]) -> Int[np.ndarray, " n"]:
        """Say which class each image is taken for."""
        return np.asarray(self.recipe.read(self.outputs(images)))

    def probabilities(self, outputs: Float32[np.ndarray, "n classes"]) -> Float32[np.ndarray, "n classes"]:
        """exp(−loss) of each class: its probability, for a loss that is the negative logarithm of one."""
        one = lambda output, label: self.recipe.loss(output[None], label[None])
        each = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
        return np.exp(-np.asarray(each(outputs, np.arange(len(self.data.classes)))))

    def counts(self, split: Split, said: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, "true said"]:
        """How many images of each class are taken for each class, which is `said` where it is known already."""
        said = self.labels(split.images) if said is None else said
        counts = np.zeros((len(self.data.classes),) * 2, np.int64)
        np.add.at(counts, (split.labels, said), 1)
        return counts

    @cached_property
    def _apply(self) -> Callable[[Any, Any], Array]:
        return jax.jit(lambda params, images: self.model.apply(params, images))
