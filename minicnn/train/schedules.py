"""Learning rates over the steps of a run, by name."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import optax

from minicnn.arguments import look_up
from minicnn.train.config import Config

P = ParamSpec("P")
T = TypeVar("T")

_PASSES = ((2, 1.0), (3, 0.4), (3, 0.2), (4, 0.1), (8, 0.02))


def constant(config: Config, steps: int) -> optax.Schedule:
    """`learning_rate` throughout."""
    return optax.constant_schedule(config.learning_rate)


def cosine(config: Config, steps: int) -> optax.Schedule:
    """Up to `learning_rate` over a twentieth of the steps, then down to 0 as a cosine."""
    return optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, max(steps // 20, 1), max(steps, 2))


def linear(config: Config, steps: int) -> optax.Schedule:
    """From `learning_rate` down to 0 in a straight line."""
    return optax.linear_schedule(config.learning_rate, 0.0, steps)


def passes(config: Config, steps: int) -> optax.Schedule:
    """LeCun et al. (1998): 5, 2, 1, ½ and 1/10 parts for 2, 3, 3, 4 and 8 of 20 passes; `learning_rate` is the first.

    >>> rate = passes(Config(learning_rate=5e-4, epochs=20), 20)
    >>> [float(f"{rate(step):.1e}") for step in (0, 2, 5, 8, 12)]
    [0.0005, 0.0002, 0.0001, 5e-05, 1e-05]
    """
    total, ends, end = sum(length for length, _ in _PASSES), [], 0
    for length, _ in _PASSES[:-1]:
        end += length
        ends.append(end * steps // total)
    return optax.join_schedules([optax.constant_schedule(part * config.learning_rate) for _, part in _PASSES], ends)


SCHEDULES: dict[str, Callable[[Config, int], optax.Schedule]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "passes": passes,
}


def schedule_of(config: Config, steps: int) -> optax.Schedule:
    """The schedule that a config names.

    Raises:
        ValueError: listing the names there are.
    """
    return promoting(look_up("schedule", config.schedule, SCHEDULES)(config, steps))


def promoting(function: Callable[P, T]) -> Callable[P, T]:
    """The function of optax, which multiplies counts of steps by rates, also where JAX is told not to promote types."""

    @wraps(function)
    def promoted(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return function(*args, **kwargs)

    return promoted
