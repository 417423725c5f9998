"""A dense matrix that would not fit is refused by its size alone."""

import jax.numpy as jnp
import pytest

from minicnn.forms import memory


def test_dense_nbytes_is_rows_times_columns_times_itemsize():
    assert memory.dense_nbytes((28, 28, 6), (32, 32, 1), jnp.float32) == 4704 * 1024 * 4
    assert memory.dense_nbytes((2,), (3,), jnp.float16) == 12
    assert memory.dense_nbytes((0,), (3,), jnp.float32) == 0


@pytest.mark.parametrize("excess", [0, 1])
def test_more_than_half_of_the_memory_is_too_much(monkeypatch, excess):
    monkeypatch.setattr(memory, "memory", lambda: 2 * 400 - excess)
    if excess:
        with pytest.raises(MemoryError, match=r'10×10 float32, 400 B, and this machine has 799 B.*form="tiles"'):
            memory.check_fits((10,), (5, 2), jnp.float32)
    else:
        memory.check_fits((10,), (5, 2), jnp.float32)


@pytest.mark.parametrize(
    ("nbytes", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 2**30, "3.0 GiB"), (2**70, "1024.0 EiB")]
)
def test_bytes_are_readable(nbytes, text):
    assert memory.readable(nbytes) == text


def test_memory_is_known():
    assert memory.memory() > 2**20
