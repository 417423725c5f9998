"""Losses, made of `ops` so that both engines differentiate them."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from minicnn import ops
from minicnn.dtypes import operands
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


def competitive(distances: ArrayLike, labels: Int[Array, "*batch"], rubbish: float = 1.0) -> Any:
    """LeNet-5's loss, maximum a posteriori with a rubbish class: the mean of y[label] + log(e⁻ʲ + Σᵢ e⁻ʸⁱ).

    The first term pulls the distance of the right class down. The second pushes those of the others up, as long as
    they are not far beyond j: a rubbish class at the distance j competes too, so that what is far away is left alone.
    Equation 9 of LeCun, Bottou, Bengio & Haffner (1998).

    Args:
        distances: penalties of the classes, (*batch, classes); the smallest is the network's answer.
        labels: the right classes, (*batch,).
        rubbish: j, which is positive.

    Raises:
        ValueError: if j is not positive.

    >>> distances = jnp.array([[0.0, 100.0], [100.0, 100.0]])
    >>> [f"{competitive(d, jnp.array(0)):.3f}" for d in distances]
    ['0.313', '99.000']
    """
    if rubbish <= 0:
        raise ValueError(f"`rubbish`={rubbish} must be greater than 0")
    (distances,) = operands(distances=distances)
    chosen = jax.nn.one_hot(labels, distances.shape[-1], dtype=distances.dtype)
    rubbish_class = jnp.full((*distances.shape[:-1], 1), -rubbish, distances.dtype)
    competitors = ops.concatenate([ops.neg(distances), rubbish_class], axis=-1)
    return ops.mean(ops.add(ops.sum(ops.mul(chosen, distances), axis=-1), ops.logsumexp(competitors, axis=-1)))


def squared_error(predicted: ArrayLike, target: ArrayLike) -> Any:
    """Half the squared distance, averaged over all entries: ½·mean (predicted − target)².

    >>> squared_error(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))
    Array(1., dtype=float32)
    """
    error = ops.sub(predicted, target)
    return ops.mul(0.5, ops.mean(ops.mul(error, error)))
