"""Singular values from a band are those of the dense matrix."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import linalg, maps
from minicnn.linalg import banded
from tests.linalg.examples import conv, kernel

LONG: dict[str, Any] = {
    "same": lambda: conv(kernel(3, 1, 1), (600,), padding="SAME"),
    "valid, which has fewer rows than columns": lambda: conv(kernel(5, 1, 1), (601,)),
    "a kernel that is almost singular": lambda: conv(jnp.array([1.0, -2.5, 1.0]).reshape(3, 1, 1), (600,), padding=1),
    "several channels": lambda: conv(kernel(3, 2, 2), (450,), padding="SAME"),
    "more channels": lambda: conv(kernel(3, 1, 2), (600,), padding="SAME"),
    "groups and a stride": lambda: conv(kernel(3, 1, 4), (620,), padding="SAME", groups=2, stride=2),
    "reflected": lambda: conv(kernel(3, 1, 1), (600,), padding="SAME", padding_mode="reflect"),
    "transposed": lambda: conv(kernel(3, 1, 1), (600,), padding="FULL").T,
    "complex": lambda: conv(kernel(3, 1, 1) + 1j * kernel(3, 1, 1, seed=1), (600,), padding="SAME"),
    "a product": lambda: conv(kernel(2, 1, 1), (599,)) @ conv(kernel(2, 1, 1), (600,)),
    "zeros": lambda: conv(jnp.zeros((3, 1, 1)), (600,), padding="SAME"),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", LONG)
def test_the_values_of_a_band_are_those_of_the_dense_matrix(name: str):
    A = LONG[name]()
    found = banded.values(A)
    assert found is not None
    expected = np.linalg.svd(np.asarray(A.matrix()), compute_uv=False)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 * max(expected[0], 1e-300))
    np.testing.assert_array_equal(linalg.svdvals(A, method="dense"), found)


@pytest.mark.parametrize(
    "A",
    [
        conv(kernel(3, 1, 1), (100,)),
        conv(kernel(3, 3, 1, 1), (24, 25), padding="SAME"),
        maps.Dense(jnp.ones((600, 600)), (600,), (600,), jnp.dtype(float)),
    ],
    ids=repr,
)
def test_a_small_or_full_matrix_has_its_values_sooner_as_a_dense_one(A: maps.LinearMap):
    assert banded.values(A) is None


def test_values_of_a_long_map_have_derivatives():
    w = kernel(3, 1, 1)
    nuclear = lambda w: linalg.norm(conv(w, (500,), padding="SAME"), "nuc")
    step = 1e-6 * kernel(3, 1, 1, seed=1)
    slope = (nuclear(w + step) - nuclear(w - step)) / 2
    assert float(jnp.sum(jax.grad(nuclear)(w) * step)) == pytest.approx(float(slope), rel=1e-5)


def test_a_map_with_real_parts_has_values():
    n = 512
    F = maps.Fourier(1, False, (n,), jnp.dtype("complex128"))
    real = maps.RealPart((n,), jnp.dtype(float))
    expected = np.linalg.svd(np.fft.fft(np.eye(n)).real, compute_uv=False)
    np.testing.assert_allclose(linalg.svdvals(real @ F @ real.T), expected, atol=1e-10)
