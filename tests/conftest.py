"""What all tests share: how many cases are a sample of them, and a process that stays small."""

import gc
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any
from zlib import crc32

import jax
import pytest
from hypothesis import HealthCheck, settings
from jax._src.interpreters import mlir
from jaxlib.mlir import ir

# A sample in every run; in the long one four tests draw 2,000 geometries between them.
settings.register_profile("sample", max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("long", max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sample"))

# JAX makes a context of MLIR for each program, in 4 ms, as long as a small one takes to compile. Here those of a file
# share one; a program that is needed while another is written down has its own.
new_context = mlir.make_ir_context
context_of_file = cache(new_context)
mlir.make_ir_context = lambda: new_context() if ir.Context.current else context_of_file()

gc.set_threshold(200_000, 20, 20)  # looking for garbage as often as Python does was a sixth of the processor time


@pytest.fixture(autouse=True, scope="module")
def nothing_compiled_is_kept() -> Iterator[None]:
    """Forget what a file has compiled: kept, it comes to 6 GB a process, and each search for leaks goes through it."""
    yield
    jax.clear_caches()
    context_of_file.cache_clear()


def pytest_markeval_namespace() -> dict[str, Any]:
    """What the conditions of marks may name, also in a file that does not import it."""
    return {"jax": jax}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked `sampled(n)` about one case in n is run each time, the same ones and the first; all are long."""
    by_test = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            by_test[item.nodeid.partition("[")[0]].append(item)
    for cases in by_test.values():
        for case in _left_out(cases):
            case.add_marker(pytest.mark.long)


def _left_out(cases: list[Any]) -> list[Any]:
    """The cases that no sample needs: of a grid, in which settings meet, each setting is in some case of the sample."""
    drawn = lambda case: crc32(case.nodeid.partition("[")[2].encode()) % case.get_closest_marker("sampled").args[0] == 0
    settings = [{(name, id(value)) for name, value in case.callspec.params.items()} for case in cases]
    is_drawn = [n == 0 or drawn(case) for n, case in enumerate(cases)]
    names = Counter(name for name, _ in set().union(*settings))
    is_grid = max(names.values()) < len(cases)
    met = set().union(*(own for own, chosen in zip(settings, is_drawn, strict=True) if chosen))
    left = []
    for case, own, chosen in zip(cases, settings, is_drawn, strict=True):
        if not chosen and (own <= met or not is_grid):
            left.append(case)
        met |= own
    return left
