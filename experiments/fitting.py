"""Training in one compiled program: on batches that are given, or Adam on random ones."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import optax
from jaxtyping import Array, Float, Int

Loss = Callable[[Any, Any, Any], Any]


@partial(jax.jit, static_argnames=("loss", "steps", "batch", "rate"))
def fitted(
    loss: Loss, params: Any, x: Array, y: Array, key: jax.Array, *, steps: int, batch: int, rate: float = 1e-2
) -> tuple[Any, Float[Array, " steps"]]:
    """Train parameters with Adam on random batches, at a rate that rises and falls along cosines.

    Args:
        loss: of parameters, inputs and targets, with the examples first; a function of a module, so that one program
            serves every seed.
        params: to begin with.
        x: the inputs of all examples.
        y: their targets.
        key: of the batches.
        steps: of Adam.
        batch: examples of each step.
        rate: the highest, which is reached after three tenths of the steps.

    Returns:
        The parameters, and the loss before each step.
    """
    batches = jax.vmap(lambda key: jax.random.choice(key, len(x), (batch,)))(jax.random.split(key, steps))
    return descended(loss, optax.adam(optax.cosine_onecycle_schedule(steps, rate)), params, x, y, batches)


def descended(
    loss: Loss, optimizer: optax.GradientTransformation, params: Any, x: Any, y: Any, batches: Int[Array, "steps n"]
) -> tuple[Any, Float[Array, " steps"]]:
    """The parameters after a step for each batch of examples, and the loss before each; the caller compiles it."""

    def step(carry: tuple[Any, Any], batch: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        params, state = carry
        value, params_bar = jax.value_and_grad(loss)(params, x[batch], y[batch])
        updates, state = optimizer.update(params_bar, state)
        return (optax.apply_updates(params, updates), state), value

    (params, _), values = jax.lax.scan(step, (params, optimizer.init(params)), batches)
    return params, values
