"""The identities of a whole network at one image: backpropagation by matrices, checked layer by layer."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from minicnn.identities.layers import LayerReport, check_layer
from minicnn.nn import Activation, Sequential, losses
from minicnn.nn.sequential import Step


def check_network(
    model: Sequential,
    params: Any,
    image: Float[Array, "*spatial c"],
    label: int,
    loss: Callable[[Any, Any], Any] = losses.cross_entropy,
) -> tuple[LayerReport, ...]:
    """Check every linear layer at the values it has for this image, its cotangent being the gradient of the loss.

    Args:
        model: the network.
        params: its parameters.
        image: one input.
        label: its class, for the loss.
        loss: from outputs and label to a scalar.
    """
    steps = list(model.steps(params, image))
    y_bar = jax.grad(loss)(steps[-1].output, jnp.asarray(label))
    reports = []
    for step in reversed(steps):
        A = step.map_at()
        if not isinstance(step.layer, Activation):
            reports.append(_check(step, A, y_bar))
        y_bar = A.T(y_bar)
    return tuple(reversed(reports))


def _check(step: Step, A: Any, y_bar: Array) -> LayerReport:
    if "w" not in step.params:
        return check_layer(step.label, A, lambda x: step.layer.apply(step.params, x), step.input, y_bar)
    X = step.layer.weight_map(step.params, step.input)
    without_bias = lambda x, w: step.layer.apply({"w": w}, x)
    return check_layer(step.label, A, without_bias, step.input, y_bar, X, step.params["w"])
