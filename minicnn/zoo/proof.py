"""The identities of a whole network at one image: backpropagation by matrices, checked layer by layer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from minicnn.compilation import ONCE
from minicnn.identities.layers import LayerReport, check_layer
from minicnn.maps import LinearMap
from minicnn.nn import Activation, Layer, Rbf, Sequential, losses


class Linearised(NamedTuple):
    """A layer at its input: its matrix A, the matrix X of its weights if it has any, and its output's cotangent."""

    x: Array
    A: LinearMap
    X: LinearMap | None
    y_bar: Array


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
    linearised = lambda params, image, label: _linearised(model, loss, params, image, label)
    steps = jax.jit(linearised, compiler_options=ONCE)(params, image, label)
    return tuple(
        _check(name, layer, own, *step)
        for name, layer, own, step in zip(model.labels, model.layers, params, steps, strict=True)
        if not isinstance(layer, Activation)
    )


def _linearised(model: Sequential, loss: Any, params: Any, image: Array, label: Array) -> list[Linearised]:
    """Every layer with what backpropagation needs of it."""
    steps = list(model.steps(params, image))
    y_bar = jax.grad(loss)(steps[-1].output, label)
    found = []
    for step in reversed(steps):
        A = step.map_at()
        X = step.layer.weight_map(step.params, step.input) if "w" in step.params else None
        found.append(Linearised(step.input, A, X, y_bar))
        y_bar = A.T(y_bar)
    return found[::-1]


def _check(
    name: str, layer: Layer, params: Any, x: Array, A: LinearMap, X: LinearMap | None, y_bar: Array
) -> LayerReport:
    if X is not None:
        without_bias = lambda x, w: layer.apply({"w": w}, x)
        return check_layer(name, A, without_bias, x, y_bar, X, params["w"])
    linear = {"w": params["w"]} if "w" in params else params
    f = lambda x: layer.apply(linear, x)
    # A pool is S(x)·x at its own x. Distances are no such product: what A multiplies there is a tangent.
    tangent = lambda x_dot: jax.jvp(f, (x,), (x_dot,))[1]
    return check_layer(name, A, tangent if isinstance(layer, Rbf) else f, x, y_bar)
