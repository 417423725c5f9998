"""Losses, made of `ops` so that both engines differentiate them."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from minicnn import ops
from minicnn.arguments import number
from minicnn.dtypes import array, operand, operands
from minicnn.jax_internals import Tracer
from minicnn.ops.operands import as_floating, is_complex, promoted, rounded_once
from minicnn.primitive import ArrayLike, Traced


def cross_entropy(logits: ArrayLike, labels: Int[Array, "*batch"]) -> Any:
    """The mean of −log softmax(logits)[label] over the batch.

    Args:
        logits: scores before the softmax, (*batch, classes).
        labels: the right classes, (*batch,), integers from 0. Under `jax.jit` their values are not known: a label out
            of range makes the loss and its gradient NaN.

    Raises:
        TypeError: if the labels are not integers, or the scores complex.
        ValueError: if there is not one label for each example, or one is seen to be out of range.

    >>> cross_entropy(jnp.zeros((2, 10)), jnp.array([3, 7]))
    Array(2.3025851, dtype=float32)
    """
    logits, labels = _checked("logits", logits, labels)

    @rounded_once
    def loss(logits: Any) -> Any:
        return ops.mean(ops.sub(ops.logsumexp(logits, axis=-1), _of_the_class(logits, labels)))

    return loss(logits)


def competitive(distances: ArrayLike, labels: Int[Array, "*batch"], rubbish: float = 1.0) -> Any:
    """LeNet-5's loss, maximum a posteriori with a rubbish class: the mean of y[label] + log(e⁻ʲ + Σᵢ e⁻ʸⁱ).

    The first term pulls the distance of the right class down. The second pushes those of the others up, as long as
    they are not far beyond j: a rubbish class at the distance j competes too, so that what is far away is left alone.
    Equation 9 of LeCun, Bottou, Bengio & Haffner (1998).

    Args:
        distances: penalties of the classes, (*batch, classes); the smallest is the network's answer.
        labels: the right classes, (*batch,), as in `cross_entropy`.
        rubbish: j, which is positive.

    Raises:
        TypeError: if the labels are not integers, or the scores complex.
        ValueError: if j is not positive, there is not one label for each example, or one is seen to be out of range.

    >>> distances = jnp.array([[0.0, 100.0], [100.0, 100.0]])
    >>> [f"{competitive(d, jnp.array(0)):.3f}" for d in distances]
    ['0.313', '99.000']
    """
    rubbish = number("rubbish", rubbish)
    if not rubbish > 0:
        raise ValueError(f"`rubbish`={rubbish} must be greater than 0")
    distances, labels = _checked("distances", distances, labels)

    @rounded_once
    def loss(distances: Any) -> Any:
        rubbish_class = jnp.full((*distances.shape[:-1], 1), -rubbish, distances.dtype)
        competitors = ops.concatenate([ops.neg(distances), rubbish_class], axis=-1)
        return ops.mean(ops.add(_of_the_class(distances, labels), ops.logsumexp(competitors, axis=-1)))

    return loss(distances)


def squared_error(predicted: ArrayLike, target: ArrayLike) -> Any:
    """Half the squared distance, averaged over all entries: ½·mean |predicted − target|².

    Args:
        predicted: an array of any shape.
        target: an array of the same shape.

    Raises:
        ValueError: if the shapes differ.

    >>> squared_error(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0]))
    Array(1., dtype=float32)
    """
    given = {"predicted": predicted, "target": target}
    predicted, target = (operand(name, a) for name, a in given.items())
    shapes = predicted.shape, target.shape
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"`predicted` has shape {shapes[0]} and `target` {shapes[1]}: reshape one of them, or repeat it with "
            "ops.broadcast_to if that is meant"
        )
    return _half_square(*map(as_floating, promoted(predicted, target)))


@rounded_once
def _half_square(predicted: Any, target: Any) -> Any:
    away = ops.sub(predicted, target)
    square = ops.real(ops.mul(away, ops.conj(away))) if is_complex(away) else ops.square(away)
    return ops.mul(0.5, ops.mean(square))


def _of_the_class(scores: Any, labels: Array) -> Any:
    """The score of each example's own class; NaN, and a gradient of NaN, where there is no such class."""
    classes = jnp.arange(scores.shape[-1]).reshape(*(1,) * (len(scores.shape) - 1), -1)
    own = labels[..., None].astype(classes.dtype) == classes
    known = own.any(-1, keepdims=True)
    score = ops.sum(ops.where(own | ~known, scores, 0), axis=-1)
    return ops.mul(score, jnp.where(known[..., 0], 1, jnp.nan).astype(score.dtype))


def _checked(name: str, scores: Any, labels: Any) -> tuple[Any, Array]:
    """The scores as floats, and the labels, one class for each example."""
    (scores,) = map(as_floating, operands(**{name: scores}))
    if is_complex(scores):
        raise TypeError(f"`{name}` is {scores.dtype.name} and complex numbers have no order: give real scores")
    if isinstance(labels, Traced):
        raise TypeError("`labels` is a traced value: labels are integers, which have no derivative; pass them untraced")
    labels = array("labels", labels)
    if not scores.shape:
        raise ValueError(f"`{name}` is one number: its last axis must be the classes")
    if labels.shape != scores.shape[:-1]:
        shapes = f"`labels` has shape {labels.shape} and `{name}` {scores.shape}"
        raise ValueError(f"{shapes}: give one class for each example, {scores.shape[:-1]}{_fix(scores, labels)}")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"`labels` is {labels.dtype.name}: classes are integers; use labels.astype(int)")
    if not isinstance(labels, Tracer):
        values = np.asarray(labels)
        outside = values[(values < 0) | (values >= scores.shape[-1])]
        if outside.size:
            raise ValueError(
                f"`labels` has a {outside[0]}: with {scores.shape[-1]} classes they are 0 to {scores.shape[-1] - 1}"
            )
    return scores, labels


def _fix(scores: Any, labels: Array) -> str:
    """What turns labels of a shape that people often have into one class for each example."""
    if labels.shape == scores.shape:
        return "; if these are one-hot, use labels.argmax(-1)"
    return "; use labels.squeeze(-1)" if labels.shape == (*scores.shape[:-1], 1) else ""
