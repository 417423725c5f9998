"""The memory of a process of its own."""

import sys

import pytest

from minicnn.bench import find
from minicnn.bench.peak_memory import peak_bytes
from tests.processors import on_a_cpu


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@on_a_cpu
def test_peak_memory_holds_at_least_the_gradients() -> None:
    case = find(["float64"])[0]
    assert 2 * 8 * 300 * 300 <= (peak_bytes(case.name, "minicnn") or 0) < 2**30
    assert peak_bytes(case.name, "nobody") is None
