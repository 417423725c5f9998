"""What a call costs that is the first of its shape: one program, however many batch axes there are."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.functional import jitted

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "conv": lambda x, w: minicnn.conv(x, w),
    "conv_transpose": lambda x, w: minicnn.conv_transpose(x, w.swapaxes(2, 3)),
    "max_pool": lambda x, w: minicnn.max_pool(x, (2, 2)),
    "avg_pool": lambda x, w: minicnn.avg_pool(x, (2, 2)),
    "pad": lambda x, w: minicnn.pad(x, ((1, 1), (2, 0)), mode="circular"),
    "local_conv": lambda x, w: minicnn.local_conv(x, np.ones((6, 5, 2, 2, 1, 3), np.float32)),
    "tiled_conv": lambda x, w: minicnn.tiled_conv(x, w[None, None]),
    "unfold": lambda x, w: minicnn.unfold(x, (2, 2)),
}


@pytest.fixture(scope="module")
def compiled() -> Iterator[list[str]]:
    """The programs that have been compiled so far."""
    programs: list[str] = []

    def note(event: str, seconds: float, **about: Any) -> None:
        if event.endswith("backend_compile_duration"):
            programs.append(str(about.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(note)
    yield programs
    jax.monitoring.unregister_event_duration_listener(note)


def test_the_drop_in_is_one_program_whatever_the_layout(compiled: list):
    jax.clear_caches()
    del compiled[:]
    x, w = np.ones((2, 1, 7, 6), np.float32), np.ones((2, 1, 3, 2), np.float32)
    minicnn.compat.conv_general_dilated(x, w, (1, 1), "SAME")
    assert len(compiled) == 1, compiled


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)], ids=["image", "batch", "batches"])
@pytest.mark.parametrize("name", CALLS)
def test_a_new_shape_is_one_program_of_numpys_arrays_as_of_jaxs(name: str, batch: tuple[int, ...], compiled: list):
    jax.clear_caches()
    x, w = np.ones((*batch, 7, 6, 1), np.float32), np.ones((3, 2, 1, 2), np.float32)
    del compiled[:]
    CALLS[name](x, w)
    assert len(compiled) == 1, compiled


def test_a_function_within_a_program_of_ours_is_no_program_in_it(monkeypatch):
    programs, program = [], jitted._jit
    monkeypatch.setattr(jitted, "_jit", lambda *operands: programs.append(operands) or program(*operands))
    minicnn.max_pool(jnp.arange(6.0).reshape(6, 1), (2,))
    assert len(programs) == 1


def test_a_program_that_fails_leaves_the_next_one_a_program():
    def fails(x):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        jitted._jitted(fails, jnp.ones(1))
    assert not jitted._is_within.get()
