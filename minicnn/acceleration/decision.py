"""What is decided about an equation, and what decides it besides the equation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax


@dataclass(frozen=True)
class Setting:
    """What decides besides an equation itself.

    Attributes:
        always: whether everything is replaced that can be, without asking for a gain.
        accelerator: whether the program is for a GPU or TPU.
        looped: whether the equation is inside of a loop, where XLA compiles the gradients of its convolutions for CPUs
            to loops over single numbers: 10 to 57 times as slow as outside, where three were measured (JAX 0.10.2).
    """

    always: bool = False
    accelerator: bool = False
    looped: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether an equation is replaced.

    Attributes:
        apply: what takes its place, a function of its operands; None where it is left.
        said: what replaces it, or why it is left.
    """

    apply: Callable[..., Any] | None
    said: str


def left(why: str) -> Decision:
    """Leave an equation as it is."""
    return Decision(None, why)


def on_accelerator() -> bool:
    """Whether programs are for a GPU or TPU, unless a person says otherwise."""
    device: Any = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    platform = jax.default_backend() if device is None else getattr(device, "platform", str(device).split(":")[0])
    return platform != "cpu"
