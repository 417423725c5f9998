"""Classifiers that are trained with Adam. What is random is drawn by NumPy, so that little is left to compile."""

from functools import partial
from typing import Any

import jax
import numpy as np
import optax

from experiments.fitting import descended
from minicnn import nn
from minicnn.nn import losses


def start(model: nn.Sequential, in_shape: tuple[int, ...], rng: np.random.Generator, dtype: Any = np.float32) -> Any:
    """Parameters to start from, as `init` draws them: normal, of the variance 2 / inputs, and biases of zero."""

    def drawn(p: jax.ShapeDtypeStruct) -> np.ndarray:
        deviation = np.sqrt(2 / np.prod(p.shape[:-1])) if len(p.shape) > 1 else 0
        return rng.normal(0, deviation, p.shape).astype(dtype)

    return jax.tree.map(drawn, jax.eval_shape(lambda: model.init(jax.random.key(0), in_shape)))


def batches(examples: int, size: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Which examples each step sees, (steps, size)."""
    return rng.integers(0, examples, (steps, size))


@partial(jax.jit, static_argnames="model")
def trained(
    model: nn.Sequential, params: Any, x: Any, labels: Any, batches: Any, rate: float, x_new: Any
) -> tuple[Any, jax.Array]:
    """The parameters after a step for each batch, and the scores of new images."""

    def loss(params: Any, x: Any, labels: Any) -> Any:
        return losses.cross_entropy(model.apply(params, x), labels)

    params, _ = descended(loss, optax.adam(rate), params, x, labels, batches)
    return params, model.apply(params, x_new)
