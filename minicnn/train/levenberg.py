"""The stochastic diagonal Levenberg-Marquardt step of LeCun, Bottou, Bengio & Haffner (1998).

Every weight has a learning rate of its own, η / (μ + h), with h an estimate of the second derivative of the loss along
it. Second derivatives go back through a network as first ones do, with every matrix replaced by its entrywise square
(the Gauss-Newton approximation, without what couples two units): where ȳ comes back as Aᵀȳ, h comes back as (A∘A)ᵀh.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from minicnn import nn
from minicnn.nn import Layer, Sequential

Params = Any
Loss = Callable[[Any, Any], Any]
Rule = Callable[[Any, Params, Array, Array], tuple[Params, Array]]

# μ and the number of images whose second derivatives are averaged before every pass, as in the paper.
MU = 0.02
SAMPLE = 500


class Curvature(NamedTuple):
    """The state of the optimizer.

    Attributes:
        done: steps taken.
        h: second derivatives, in the structure of the parameters.
    """

    done: Int[Array, ""]
    h: Params


def levenberg_marquardt(rate: optax.Schedule, batch: int = 1, mu: float = MU) -> optax.GradientTransformation:
    """Divide each gradient by μ + h, as optax's `init` and `update`.

    The paper steps after every image. Here a step follows the mean gradient of a batch, times the images in it: to
    first order the sum of the steps that they would have caused one by one.

    Args:
        rate: η at each step, for one image.
        batch: images per step.
        mu: what keeps a step bounded where the loss is flat.

    >>> transformation = levenberg_marquardt(lambda step: 0.1, mu=0.5)
    >>> state = transformation.init(jnp.zeros(2))._replace(h=jnp.array([0.0, 1.5]))
    >>> transformation.update(jnp.array([1.0, 1.0]), state)[0]
    Array([-0.2 , -0.05], dtype=float32)
    """

    def init(params: Params) -> Curvature:
        return Curvature(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        eta = -batch * rate(state.done)
        steps = jax.tree.map(lambda g, h: eta * g / (mu + h), updates, state.h)
        return steps, Curvature(state.done + 1, state.h)

    return optax.GradientTransformation(init, update)


def second_derivatives(
    model: Sequential, loss: Loss, params: Params, images: Float[Array, "n h w c"], labels: Int[Array, " n"]
) -> Params:
    """The second derivative of the loss along each parameter, averaged over images.

    Args:
        model: the network.
        loss: from outputs and labels to a scalar.
        params: its parameters.
        images: a sample of the training images.
        labels: their classes.

    Returns:
        Numbers of at least 0, in the structure of the parameters.

    Raises:
        TypeError: if a layer of the model has no rule.

    >>> model = nn.Sequential((nn.Dense(1, bias=False),))
    >>> params = ({"w": jnp.array([[1.0], [2.0]])},)
    >>> half_square = lambda outputs, labels: 0.5 * jnp.sum(outputs**2)
    >>> second_derivatives(model, half_square, params, jnp.array([[3.0, 4.0]]), jnp.array([0]))[0]["w"]
    Array([[ 9.],
           [16.]], dtype=float32)
    """
    # Distances are squares themselves: only together with them is the loss curved.
    head = len(model.layers) - isinstance(model.layers[-1], nn.Rbf)
    body, top = Sequential(model.layers[:head]), Sequential(model.layers[head:])
    for layer in body.layers:
        if type(layer) not in RULES:
            known = ", ".join(kind.__name__ for kind in RULES)
            raise TypeError(f"{type(layer).__name__} has no rule for second derivatives: {known}, a last Rbf have one")

    def of_one(image: Array, label: Array) -> Params:
        steps = list(body.steps(params[:head], image))
        loss_of = lambda y: loss(top.apply(params[head:], y[None]), label[None])
        h = jnp.maximum(jnp.diagonal(jax.hessian(loss_of)(steps[-1].output)), 0)
        found = []
        for step in reversed(steps):
            own, h = RULES[type(step.layer)](step.layer, step.params, step.input, h)
            found.append(own)
        return (*reversed(found), *params[head:])

    return jax.tree.map(lambda h: h.mean(0), jax.vmap(of_one)(images, labels))


def _weighted(layer: Layer, params: Params, x: Array, h: Array) -> tuple[Params, Array]:
    """Layers whose C has weights as entries, and X inputs: C∘C is C of w², and X∘X is X of x²."""
    linear = lambda w, x: layer.apply({"w": w}, x)
    along = lambda f, at: jax.vjp(f, at)[1](h)[0]
    own = {"w": along(lambda w: linear(w, x**2), params["w"])}
    if "b" in params:
        own["b"] = along(lambda b: layer.apply({**params, "b": b}, x), params["b"])
    return own, along(lambda x: linear(params["w"] ** 2, x), x)


def _elementwise(layer: nn.Activation, params: Params, x: Array, h: Array) -> tuple[Params, Array]:
    """The square of the derivative, entry by entry."""
    _, slope = jax.jvp(lambda x: layer.apply(params, x), (x,), (jnp.ones_like(x),))
    return params, slope**2 * h


def _selecting(layer: Layer, params: Params, x: Array, h: Array) -> tuple[Params, Array]:
    """A matrix of zeros and ones is its own square."""
    return params, jax.vjp(lambda x: layer.apply(params, x), x)[1](h)[0]


RULES: dict[type[Layer], Rule] = {
    nn.Conv: _weighted,
    nn.Dense: _weighted,
    nn.Subsample: _weighted,
    nn.LocalConv: _weighted,
    nn.TiledConv: _weighted,
    nn.Activation: _elementwise,
    nn.MaxPool: _selecting,
    nn.Flatten: _selecting,
}
