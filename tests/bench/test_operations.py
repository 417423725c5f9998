"""The rivals compute the same."""

import jax
import numpy as np
import pytest

from minicnn.bench import Case, jax_operations, torch_operations
from tests.bench.small import SMALL


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_the_rivals_compute_the_same(case: Case) -> None:
    operands = jax_operations.operands(case)
    expected = np.asarray(jax.jit(jax_operations.theirs(case))(*operands))
    np.testing.assert_allclose(jax.jit(jax_operations.ours(case))(*operands), expected, atol=1e-4)
    if not case.mapped:
        pytest.importorskip("torch")
        y = torch_operations.function(case)(*torch_operations.operands(case, channels_last=False)).detach().numpy()
        first = case.layout == "NCHW"
        np.testing.assert_allclose(y if first else np.moveaxis(y, 1, -1), expected, atol=1e-4)
