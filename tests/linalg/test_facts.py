"""Numbers that are known from elsewhere."""

import math
import time
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import Axis, linalg, maps
from minicnn.linalg.stencils import Border, Stencil
from minicnn.linalg.symbols import Symbol, supremum
from tests.linalg.examples import TAPS, conv, dense, kernel
from tests.processors import within

SIGMA = {
    "circular": ({"padding": "SAME", "padding_mode": "circular"}, 22.91221348170509, 0.1548414174802523),
    "SAME": ({"padding": "SAME"}, 22.727533019959875, 9.747e-4),
    "VALID": ({}, 22.679431984520793, None),
    "FULL": ({"padding": "FULL"}, 22.73723495122641, None),
}


@pytest.mark.parametrize("padding", SIGMA)
def test_the_3x3_kernel_on_20x20(padding: str) -> None:
    options, largest, least = SIGMA[padding]
    A = conv(jnp.asarray(TAPS), (20, 20), **options)
    s = np.asarray(linalg.svdvals(A))
    assert s[0] == pytest.approx(largest, rel=within(1e-14, A.shape[1] * np.finfo(float).eps))
    assert least is None or s[-1] == pytest.approx(least, rel=1e-4)
    lower, upper, *_ = linalg.bracket(A)
    assert lower <= largest <= upper


def test_the_supremum_of_its_symbol() -> None:
    found = supremum(Symbol.of(Stencil(TAPS, (Border(Axis.of(20, 3)),) * 2)))
    assert found.lower == pytest.approx(23.00473, abs=5e-6)
    assert found.lower <= found.upper <= found.lower * (1 + 1e-6)


def test_the_laplacian_with_zeros_has_the_condition_of_its_cotangents() -> None:
    n, w = 9, np.zeros((3, 3))
    w[1], w[:, 1], w[1, 1] = -1, -1, 4
    A = conv(jnp.asarray(w)[..., None, None], (n, n), padding="SAME")
    assert float(linalg.cond(A)) == pytest.approx(1 / math.tan(math.pi / (2 * (n + 1))) ** 2, rel=1e-12)


@pytest.mark.parametrize("mode", ["zeros", "circular", "symmetric"])
def test_the_condition_of_a_map_of_zeros_is_infinite(mode: str) -> None:
    assert linalg.cond(conv(jnp.zeros((3, 1, 1)), (4,), padding="SAME", padding_mode=mode)) == math.inf


def test_the_difference_of_neighbours() -> None:
    n = 9
    A = conv(jnp.array([-1.0, 1.0]).reshape(2, 1, 1), (n,))
    assert float(linalg.norm(A)) == pytest.approx(2 * math.cos(math.pi / (2 * n)), rel=1e-14)


def test_a_circulant_of_the_same_size_is_no_bound() -> None:
    A = conv(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME")
    truth = 2 * math.cos(math.pi / 7)
    found = linalg.bounds(A)
    assert float(linalg.norm(A)) == pytest.approx(truth, rel=1e-14)
    same = found["circulant of the same size"]
    assert same.value == pytest.approx(math.sqrt(3), rel=1e-12)
    assert (same.side, same.value < found.bracket.lower) == ("neither", True)


def test_all_values_of_a_non_overlapping_mean_are_one_through_its_side() -> None:
    A = minicnn.avg_pool_map((6, 9, 2), (3, 3), dtype=jnp.float64)
    np.testing.assert_allclose(linalg.svdvals(A), np.full(12, 1 / 3), rtol=1e-13)


@pytest.mark.parametrize("n", [4, 5])
def test_the_nullity_of_a_circular_2x2_mean(n: int) -> None:
    A = conv(jnp.full((2, 2, 1, 1), 0.25), (n, n), padding=((0, 1), (0, 1)), padding_mode="circular")
    for method in ("fourier", "kron", "dense"):
        assert n * n - linalg.rank(A, method=method) == (0 if n % 2 else 2 * n - 1)


def gaussian(size: int = 7, sigma: float = 1.5) -> np.ndarray:
    g = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    return np.outer(g, g)[..., None, None] / g.sum() ** 2


def test_a_blur_whose_matrix_would_take_half_a_terabyte() -> None:
    w, start = gaussian(), time.process_time()
    A = conv(jnp.asarray(w), (512, 512), padding="SAME")
    s = linalg.svdvals(A, method="kron")
    sign, logarithm = linalg.slogdet(A)
    assert s.shape == (262_144,)
    assert float(s[0] / s[-1]) == pytest.approx(9.5771e7, rel=1e-5)
    assert float(sign * logarithm) == pytest.approx(-1411054.936, abs=1e-3)
    assert time.process_time() > start

    w[2, 3] *= 1 + 1e-12
    perturbed = conv(jnp.asarray(w), (512, 512), padding="SAME")
    assert "not a product over the axes" in linalg.explain(perturbed).refusals["kron"]
    with pytest.raises(ValueError, match="kron: its kernel is not a product"):
        linalg.svdvals(perturbed)


def test_the_product_rule_of_kronecker_products() -> None:
    A, B = (maps.Dense(kernel(*s), s[1:], s[:1], jnp.dtype("float64")) for s in ((3, 4), (5, 2)))
    found: Any = linalg.svdvals(maps.kronecker(A, B))
    np.testing.assert_allclose(found, np.linalg.svd(np.kron(dense(A), dense(B)), compute_uv=False), atol=1e-13)
