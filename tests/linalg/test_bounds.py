"""The literature's estimates: each is on the side that it says, for borders of every kind."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import linalg
from tests.linalg.examples import TAPS, conv, dense, kernel

LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "zeros": (kernel, {"padding": "SAME"}),
    "circular": (kernel, {"padding": "SAME", "padding_mode": "circular"}),
    "zeros, stride": (kernel, {"padding": ((1, 0), (0, 1)), "stride": 2}),
    "replicated": (kernel, {"padding": "SAME", "padding_mode": "replicate"}),
}


@pytest.mark.parametrize(
    "name",
    ["zeros", "circular", *(pytest.param(name, marks=pytest.mark.long) for name in ("zeros, stride", "replicated"))],
)
def test_every_estimate_is_on_the_side_that_it_says(name: str) -> None:
    _, options = LAYERS[name]
    for seed in range(2):
        A = conv(kernel(3, 3, 2, 3, seed=seed), (6, 6), **options)
        found = linalg.bounds(A)
        truth = np.linalg.norm(dense(A), 2)
        assert found.bracket.lower <= truth <= found.bracket.upper
        for estimate in found.estimates:
            if estimate.side == "upper":
                assert estimate.value >= truth * (1 - 1e-12), estimate
            if estimate.side == "lower":
                assert estimate.value <= truth * (1 + 1e-12), estimate
        if name == "circular":
            assert found["Gram iteration, circular"].value <= truth * 3 ** (1 / 2**7)  # what squaring six times leaves
        sides = {estimate.name: estimate.side for estimate in found.estimates}
        assert sides["supremum of the symbol"] == ("neither" if name == "replicated" else "upper")
        assert sides["circulant of the same size (Sedghi et al. 2019)"] == (
            "upper" if name == "circular" else "neither"
        )


@pytest.mark.parametrize("c", [2.0**-100, 2.0**100])
def test_estimates_of_kernels_whose_squares_overflow_or_vanish(c: float) -> None:
    w = kernel(3, 3, 2, 3).astype(jnp.float32)
    one, other = (linalg.bounds(conv(jnp.float32(s) * w, (5, 5), padding="SAME")) for s in (1, c))
    for small, large in zip(one.estimates, other.estimates, strict=True):
        assert large.value / c == pytest.approx(small.value, rel=1e-6), small.name


def test_the_numbers_of_the_3x3_kernel() -> None:
    """σ₁ = 22.7275 with zeros: what a layer's power iteration, its reshape and its circulant say of it."""
    found = linalg.bounds(conv(jnp.asarray(TAPS), (20, 20), padding="SAME"))
    w = TAPS[..., 0, 0]
    values = {
        "reshape": np.linalg.norm(w),
        "√taps · reshape": 3 * np.linalg.norm(w),
        "√taps · R": 3 * np.linalg.norm(w, 2),
        "√taps · S": 3 * np.linalg.norm(w, 2),
        "√taps · T": 3 * np.linalg.norm(w),
        "√taps · U": 3 * np.linalg.norm(w),
        "tensor norm": 3 * np.linalg.norm(w, 2),
        "circulant of the same size": 22.91221348170509,
        "Gram iteration, circular": 22.91221348170509,
        "Toeplitz symbol": 23.00473,
        "supremum": 23.00473,
    }
    for name, value in values.items():
        np.testing.assert_allclose(found[name].value, value, rtol=3e-4, err_msg=name)
    assert 22.7275 < found["circulant around it"].value < 22.95
    assert found["power iteration, 10 steps"].value < found["power iteration, 100 steps"].value < 22.727534
    assert found["power iteration, 10 steps"].products == 21
    assert "22.7275" in found.table()
    assert "Singla & Feizi" in str(found)


def test_one_axis_has_no_four_matrices_and_others_no_estimates() -> None:
    found = linalg.bounds(conv(kernel(3, 2, 2), (6,), groups=2))
    assert not [estimate for estimate in found.estimates if "Singla" in estimate.name]
    A = conv(kernel(3, 3, 1, 1), (6, 6))
    with pytest.raises(TypeError, match="is not a convolution: these estimates are of kernels"):
        linalg.bounds(A + A)
