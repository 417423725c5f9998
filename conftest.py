"""How the tests compile, where the programs are kept, and names that docstring examples may use without an import."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn

# Most of a test is compilation, and what is compiled runs once: without optimisation the tests take half as long. The
# long run optimises, as users do. Fusions have one emitter and no such flag since jaxlib 0.12.
if os.environ.get("HYPOTHESIS_PROFILE") != "long":
    _quick = ["--xla_backend_optimization_level=0"]
    if tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 12):
        _quick.append("--xla_cpu_use_fusion_emitters=false")
    os.environ["XLA_FLAGS"] = " ".join([*_quick, os.environ.get("XLA_FLAGS", "")]).strip()

    # Every file, worker and command finds the small programs that another has compiled, and those of the last run.
    for _name, _value in {
        "jax_compilation_cache_dir": str(Path(__file__).parent / ".pytest_cache" / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        if os.environ.setdefault(_name.upper(), str(_value)) == str(_value):
            jax.config.update(_name, _value)


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(jax=jax, jnp=jnp, np=np, minicnn=minicnn)
