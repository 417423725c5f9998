"""Every question about a map is answered as ever where JAX may promote neither ranks nor dtypes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv_map, linalg, nn
from minicnn.maps import LinearMap

TAPS = np.array([1.0, 4.0, 2.0]).reshape(3, 1, 1)
MAPS: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "circular": (TAPS, {"padding": 1, "padding_mode": "circular"}),
    "groups": (np.concatenate([TAPS, -TAPS], -1), {"padding": 1, "padding_mode": "circular", "groups": 2}),
    "zeros": (TAPS, {"padding": 1}),
    "none": (TAPS, {}),
    "complex": ((1 + 1j) * TAPS, {"padding": 1}),
    "complex, circular": ((1 + 1j) * TAPS, {"padding": 1, "padding_mode": "circular"}),
    "complex, symmetric": (1j * np.ones((3, 1, 1)), {"padding": 1, "padding_mode": "symmetric"}),
}
QUESTIONS: dict[str, Callable[[LinearMap], Any]] = {
    "bounds": linalg.bounds,
    "bracket": linalg.bracket,
    "cond": linalg.cond,
    "explain": linalg.explain,
    "gram": lambda A: linalg.gram(A).matrix(),
    "lipschitz": lambda A: linalg.lipschitz(nn.Dense(2), {"w": jnp.ones((3, 2))}, (3,)),
    "lstsq": lambda A: [
        linalg.lstsq(A, jnp.ones(A.out_shape, A.dtype), damp=0.1, method=m).x for m in ("auto", "iterate")
    ],
    "norm": lambda A: [linalg.norm(A), linalg.norm(A, method="lanczos"), linalg.norm(A, "fro")],
    "null_space": lambda A: linalg.null_space(A).matrix(),
    "pinv": lambda A: linalg.pinv(A).matrix(),
    "project": lambda A: linalg.project(A, 1.0, nearest=True).matrix(),
    "rank": linalg.rank,
    "slogdet": lambda A: linalg.slogdet(A) if A.shape[0] == A.shape[1] else 0,
    "svd": lambda A: linalg.svd(A, 2)[1],
    "svdvals": linalg.svdvals,
    "symbol": lambda A: linalg.symbol(A, jnp.ones((2, 1))),
}


def test_there_is_a_case_for_every_question() -> None:
    assert {name for name in linalg.__all__ if name.islower()} == QUESTIONS.keys()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("of", MAPS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_is_promoted_behind_the_back_of_who_forbids_it(name: str, of: str) -> None:
    taps, options = MAPS[of]
    A = conv_map(jnp.asarray(taps), (6,), **options)
    expected = QUESTIONS[name](A)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        found = QUESTIONS[name](A)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        if isinstance(one, jax.Array | np.ndarray | float):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
