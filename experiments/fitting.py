"""Training in one compiled program: Adam on random batches, at a rate that rises and falls along cosines."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

Loss = Callable[[Any, Any, Any], Any]


@partial(jax.jit, static_argnames=("loss", "steps", "batch"))
def fitted(
    loss: Loss, params: Any, x: Array, y: Array, key: jax.Array, *, steps: int, batch: int, rate: float = 1e-2
) -> tuple[Any, Float[Array, " steps"]]:
    """Train parameters.

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
    adam = optax.adam(optax.cosine_onecycle_schedule(steps, rate))

    def step(carry: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        params, state = carry
        chosen = jax.random.choice(key, len(x), (batch,))
        value, params_bar = jax.value_and_grad(loss)(params, x[chosen], y[chosen])
        updates, state = adam.update(params_bar, state)
        return (optax.apply_updates(params, updates), state), value

    (params, _), values = jax.lax.scan(step, (params, adam.init(params)), jax.random.split(key, steps))
    return params, values
