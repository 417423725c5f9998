"""Losses, made of `ops` so that both engines differentiate them."""

from typing import Any

import jax
from jaxtyping import Array, Int

from minicnn import ops
from minicnn.arguments import operands
from minicnn.primitive import ArrayLike


def cross_entropy(logits: ArrayLike, labels: Int[Array, "*batch"]) -> Any:
    """The mean of −log softmax(logits)[label] over the batch.

    Args:
        logits: scores before the softmax, (*batch, classes).
        labels: the right classes, (*batch,).

    >>> cross_entropy(jnp.zeros((2, 10)), jnp.array([3, 7]))
    Array(2.3025851, dtype=float32)
    """
    (logits,) = operands(logits=logits)
    chosen = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return ops.mean(ops.sub(ops.logsumexp(logits, axis=-1), ops.sum(ops.mul(chosen, logits), axis=-1)))


def squared_error(predicted: ArrayLike, target: ArrayLike) -> Any:
    """Half the squared distance, averaged over all entries: ½·mean (predicted − target)².

    >>> squared_error(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))
    Array(1., dtype=float32)
    """
    error = ops.sub(predicted, target)
    return ops.mul(0.5, ops.mean(ops.mul(error, error)))
