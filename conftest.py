"""Names that every docstring example may use without importing them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(jax=jax, jnp=jnp, np=np, minicnn=minicnn)
