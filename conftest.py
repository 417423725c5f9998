"""How what the tests compile is compiled, and names that every docstring example may use without importing them."""

import os
from importlib.metadata import version
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


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(jax=jax, jnp=jnp, np=np, minicnn=minicnn)
