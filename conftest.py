"""How the tests compile, where the programs are kept, and names that docstring examples may use without an import."""

import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn

_KEPT, _MANY = Path(__file__).parent / ".pytest_cache" / "compiled", 60_000

# Most of a test is compilation, and what is compiled runs once: without optimisation the tests take half as long, and
# a tenth less in one module of LLVM for each program and without the lines that every operation comes from. The long
# run optimises, as users do. Fusions have one emitter and no such flag since jaxlib 0.11.1, and a flag that XLA does
# not know ends the process.
if os.environ.get("HYPOTHESIS_PROFILE") != "long":
    _quick = [
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_parallel_codegen_split_count=1",
    ]
    if tuple(map(int, version("jaxlib").split(".")[:3])) < (0, 11, 1):
        _quick.append("--xla_cpu_use_fusion_emitters=false")
    os.environ["XLA_FLAGS"] = " ".join([*_quick, os.environ.get("XLA_FLAGS", "")]).strip()

    # Every file, worker and command finds the small programs that another has compiled, and those of the last run.
    for _name, _value in {
        "jax_traceback_in_locations_limit": 0,
        "jax_compilation_cache_dir": str(_KEPT),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        if os.environ.setdefault(_name.upper(), str(_value)) == str(_value):
            jax.config.update(_name, _value)
    # What another is just writing, or was killed at, cannot be read, and is compiled: pyproject.toml says the same.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:Error reading persistent compilation cache entry")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin anew where programs of many versions have come together: one version's are 17,000 and 110 MB."""
    if not hasattr(session.config, "workerinput") and sum(1 for _ in _KEPT.glob("*")) > _MANY:
        shutil.rmtree(_KEPT, ignore_errors=True)


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(jax=jax, jnp=jnp, np=np, minicnn=minicnn)
