"""What is asked of a CPU also where there is a GPU: programs that are read, and what lax does not compute there."""

from contextlib import AbstractContextManager
from typing import Any

import jax
import pytest

# Asked when the test is set up: to know the backend is to start it.
on_a_cpu = pytest.mark.skipif("jax.default_backend() != 'cpu'", reason="it is about programs for CPUs")


def within(on_a_cpu: float, elsewhere: float) -> float:
    """A tolerance for what a CPU's library rounds less than is promised of any."""
    return on_a_cpu if jax.default_backend() == "cpu" else elsewhere


def oracles_on_a_cpu() -> AbstractContextManager[Any]:
    """While this lasts a CPU computes: cuDNN refuses integers, and errs by 1e-7 in forward mode in double precision."""
    return jax.default_device(jax.devices("cpu")[0])
