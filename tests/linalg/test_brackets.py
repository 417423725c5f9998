"""Brackets never lie on the wrong side: 200 random geometries against the dense decomposition."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import linalg
from minicnn.linalg.brackets import enclose, exceeds_norm, upper
from tests.linalg.examples import conv, dense, kernel
from tests.strategies import Case, fitting

MODES = ("zeros", "zeros", "zeros", "circular", "replicate", "symmetric")


def geometry(rng: np.random.Generator) -> Case:
    """A random convolution: even and rectangular kernels, asymmetric padding, strides, dilations, groups."""
    rank = int(rng.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(n) for n in rng.integers(low, high + 1, rank))

    return fitting(
        Case(
            each(3, 7),
            each(1, 4),
            stride=each(1, 2),
            padding=tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (rank, 2))),
            dilation=each(1, 2),
            groups=int(rng.integers(1, 3)),
            channels=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        )
    )


@pytest.mark.parametrize("part", range(10))
def test_no_theorem_is_ever_below_the_largest_value(part: int) -> None:
    """Each of the 200 geometries is its own; nothing is compiled."""
    rng = np.random.default_rng(part)
    for _ in range(20):
        case, mode = geometry(rng), MODES[rng.integers(len(MODES))]
        w = rng.standard_normal(case.w_shape)
        A = minicnn.conv_map(jnp.asarray(w), case.in_size, **case.options, padding_mode=mode)
        M = dense(A)
        if mode == "zeros":
            np.testing.assert_array_equal(M, case.matrix(w))
        bound, theorem = upper(A)
        assert bound >= np.linalg.norm(M, 2) * (1 - 1e-14), (case, mode, theorem)


@pytest.mark.parametrize(
    ("in_size", "kernel_size", "options"),
    [
        ((6, 5), (3, 2), {"padding": ((1, 2), (0, 1))}),
        pytest.param((5, 5), (3, 3), {"padding": "SAME", "stride": 2}, marks=pytest.mark.long),
        ((5, 6), (2, 3), {"padding": ((2, 0), (1, 1)), "padding_mode": "replicate"}),
        pytest.param((9,), (4,), {"padding": "CAUSAL", "groups": 2}, marks=pytest.mark.long),
        ((3,), (2,), {"padding": "SAME"}),
    ],
)
def test_brackets_of_many_kernels_hold_and_close(in_size: Any, kernel_size: Any, options: dict[str, Any]) -> None:
    for seed in range(6):
        w = kernel(*kernel_size, 2, 2, seed=seed)
        A = conv(w, in_size, **options)
        truth = np.linalg.norm(dense(A), 2)
        lower, above, how, products = found = enclose(A, 1e-4)
        assert lower <= truth <= above, how
        assert found.gap <= 1e-4
        assert products > 0


def test_three_positions_of_a_difference_are_enclosed_where_the_circle_is_below() -> None:
    A = conv(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (3,), padding="SAME")
    for found in (linalg.bracket(A), enclose(A, 1e-6)):
        assert math.sqrt(3) < found.lower <= 2 * math.cos(math.pi / 7) <= found.upper


def test_float32_counts_its_rounding() -> None:
    w = kernel(3, 3, 4, 4).astype(jnp.float32)
    A = conv(w, (6, 5), padding="SAME")
    truth = np.linalg.norm(dense(A).astype(np.float64), 2)
    for found in (linalg.bracket(A), enclose(A, 1e-3)):
        assert found.lower <= truth <= found.upper
        assert found.gap < 1.1e-3


def test_a_cholesky_decomposition_is_a_proof() -> None:
    A = conv(kernel(3, 3, 2, 3), (5, 4), padding="SAME")
    sigma = np.linalg.norm(dense(A), 2)
    assert exceeds_norm(A, sigma * (1 + 1e-9))
    assert not exceeds_norm(A, sigma)


def test_bounds_of_products_and_sums_follow_from_their_parts() -> None:
    A, B = conv(kernel(3, 3, 1, 2), (5, 5), padding="SAME"), conv(kernel(3, 3, 2, 1), (5, 5), padding="SAME")
    for C in (B @ A, A + A, minicnn.maps.Batched(A, (3,)), minicnn.maps.block([[A, A]])):
        truth = np.linalg.norm(dense(C), 2)
        assert truth <= upper(C)[0]
        assert linalg.bracket(C).lower <= truth <= linalg.bracket(C).upper


def test_a_map_of_zeros() -> None:
    assert linalg.bracket(conv(jnp.zeros((3, 1, 1)), (5,)))[:2] == (0, 0)
    assert enclose(conv(jnp.zeros((3, 1, 1)), (5,)), 1e-3)[:2] == (0, 0)


@pytest.mark.long
def test_eight_channels_of_112x112_within_thirty_products() -> None:
    for seed in range(20):
        A = conv(kernel(3, 3, 8, 8, seed=seed), (112, 112), padding="SAME")
        found = linalg.bracket(A)
        assert found.products <= 30
        assert found.lower == pytest.approx(float(linalg.norm(A)), rel=1e-5)
