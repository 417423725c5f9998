"""Brackets never lie on the wrong side: 200 random geometries against the dense decomposition."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import linalg, maps
from minicnn.axis import Axis
from minicnn.linalg import lanczos
from minicnn.linalg.brackets import enclose, upper
from minicnn.linalg.cholesky import MOST, Gram, multiplications
from minicnn.linalg.stencils import Border, Stencil
from minicnn.linalg.symbols import Symbol, largest_of, supremum
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


@pytest.mark.sampled(2)
@pytest.mark.parametrize("part", range(10))
def test_no_theorem_and_no_bracket_is_ever_on_the_wrong_side(part: int) -> None:
    """Each of the 200 geometries is its own; nothing is compiled."""
    rng = np.random.default_rng(part)
    for _ in range(20):
        case, mode = geometry(rng), MODES[rng.integers(len(MODES))]
        w = rng.standard_normal(case.w_shape)
        A = minicnn.conv_map(jnp.asarray(w), case.in_size, **case.options, padding_mode=mode)
        M = dense(A)
        if mode == "zeros":
            np.testing.assert_array_equal(M, case.matrix(w))
        truth, (bound, theorem), found = np.linalg.norm(M, 2), upper(A), enclose(A, 1e-3)
        assert bound >= truth * (1 - 1e-14), (case, mode, theorem)
        assert found.lower <= truth * (1 + 1e-14), (case, mode, found)
        assert truth * (1 - 1e-14) <= found.upper <= 1.001 * found.lower * (1 + 1e-5), (case, mode, found)


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


PROVED: dict[str, Any] = {
    "tall": lambda: conv(kernel(3, 3, 3, 2), (5, 4), padding="SAME"),
    "wide, with a stride": lambda: conv(kernel(3, 3, 2, 3), (6, 7), stride=2),
    "mirrored": lambda: conv(kernel(3, 3, 1, 2), (5, 6), padding="SAME", padding_mode="symmetric"),
    "around an odd circle": lambda: conv(kernel(3, 1, 2), (7,), padding=1, stride=2, padding_mode="circular"),
    "complex": lambda: conv(kernel(3, 2, 2) * (1 + 2j), (9,)),
    "tiny": lambda: 1e-200 * conv(kernel(3, 2, 2), (9,)),
    "huge": lambda: 1e200 * conv(kernel(3, 2, 2), (9,)),
    "a sum": lambda: conv(kernel(3, 1, 1), (9,), padding=1) + conv(kernel(5, 1, 1), (9,), padding=2),
    "full": lambda: maps.Dense(kernel(6, 5), (5,), (6,), jnp.dtype("float64")),
    "one entry": lambda: conv(-2 * jnp.ones((1, 1, 1)), (1,)),
}


@pytest.mark.parametrize("name", PROVED)
def test_a_cholesky_decomposition_is_a_proof(name: str) -> None:
    """It succeeds at every μ above σ₁ and at none below; so both bounds close in on it as far as rounding lets."""
    A = PROVED[name]()
    M = dense(A)
    sigma = np.linalg.svd(M, compute_uv=False)[0]
    G = Gram.of(A, upper(A)[0])
    assert G is not None
    assert G.factor(sigma * (1 + 1e-9)) is not None
    assert G.factor(sigma) is None
    assert G.factor(sigma * (1 - 1e-9)) is None
    for rtol in (1e-1, 1e-3, 1e-8):
        lower, above, how, products = found = enclose(A, rtol)
        assert (lower <= sigma <= above, how) == (True, "cholesky")
        assert found.gap <= rtol + 1e-12
        assert 0 < products < 200


def test_the_gram_matrix_of_a_convolution_is_a_band() -> None:
    A = conv(kernel(3, 3, 2, 2), (9, 5), padding="SAME")
    G = Gram.of(A, 16.0)
    assert G is not None
    assert len(G.band) == (2 * 5 + 2 + 1) * 2  # two rows, two positions and the channels of one
    expected = dense(A) @ dense(A).T
    n = np.arange(90)
    for d, diagonal in enumerate(G.band / G.scale**2):
        np.testing.assert_allclose(diagonal[: 90 - d], expected[n[d:], n[: 90 - d]], rtol=0, atol=1e-13)
    assert not np.tril(expected, -len(G.band)).any()


def test_what_takes_too_much_work_to_decompose() -> None:
    assert multiplications(3000, 3000) < MOST < multiplications(4000, 4000)
    line, image = conv(kernel(3, 1, 1), (100_000,)), conv(kernel(3, 3, 8, 8), (112, 112), padding="SAME")
    assert linalg.bracket(line).gap < 1e-3
    assert linalg.bracket(line).method == "cholesky"
    assert Gram.of(image, 20.0) is None


def test_bounds_of_products_and_sums_follow_from_their_parts() -> None:
    A, B = conv(kernel(3, 3, 1, 2), (5, 5), padding="SAME"), conv(kernel(3, 3, 2, 1), (5, 5), padding="SAME")
    for C in (B @ A, A + A, minicnn.maps.Batched(A, (3,)), minicnn.maps.block([[A, A]])):
        truth = np.linalg.norm(dense(C), 2)
        assert truth <= upper(C)[0]
        assert linalg.bracket(C).lower <= truth <= linalg.bracket(C).upper


def test_a_map_of_zeros() -> None:
    assert linalg.bracket(conv(jnp.zeros((3, 1, 1)), (5,)))[:2] == (0, 0)
    assert enclose(conv(jnp.zeros((3, 1, 1)), (5,)), 1e-3)[:2] == (0, 0)
    A = conv(kernel(3, 1, 1), (5,))
    lower, above, *_ = enclose(A + -1 * A, 1e-3)
    assert (lower, above < 1e-12) == (0, True)


@pytest.mark.long
def test_eight_channels_of_112x112_within_thirty_products() -> None:
    for seed in range(20):
        A = conv(kernel(3, 3, 8, 8, seed=seed), (112, 112), padding="SAME")
        found = linalg.bracket(A)
        assert found.products <= 30
        assert found.lower == pytest.approx(float(linalg.norm(A)), rel=1e-5)


def test_a_symbol_of_thousands_of_taps_is_searched_without_its_waves_at_every_cell(monkeypatch):
    w = np.random.default_rng(0).standard_normal((4000, 1, 1))
    symbol, looked_at = Symbol.of(Stencil(w, (Border(Axis.of(4000, 4000)),))), []
    direct = Symbol.at
    monkeypatch.setattr(Symbol, "at", lambda self, omega: looked_at.append(len(omega)) or direct(self, omega))
    found = supremum(symbol)
    assert sum(looked_at) < 4000
    assert found.upper <= found.lower * (1 + 1e-5)
    monkeypatch.undo()
    dense = np.abs(np.fft.fft(w[:, 0, 0], 2**17)).max()
    assert dense <= found.upper
    assert np.abs(symbol.at(np.array([found.omega]))).item() == pytest.approx(found.lower, rel=1e-9)


def test_the_supremum_of_a_kernel_is_sought_once_for_its_bound_and_for_the_start_with_every_border(monkeypatch):
    searched, middles = [], Symbol.in_the_middle
    monkeypatch.setattr(Symbol, "in_the_middle", lambda self, counts: searched.append(counts) or middles(self, counts))
    for options in ({}, {"padding": "SAME"}, {"padding": "FULL"}):
        A = conv(kernel(3, 3, 2, 2, seed=20_000), (70, 70), **options)
        upper(A)
        lanczos.start_of(A)
    assert len(searched) == 1


@pytest.mark.parametrize("size", [(3,), (4,), (1, 3), (3, 1), (3, 4), (2, 2, 2)])
def test_the_supremum_of_a_real_kernel_takes_half_of_the_frequencies(size: tuple[int, ...]):
    w = np.random.default_rng(0).standard_normal((*size, 2, 3))
    borders = tuple(Border(Axis.of(9, n)) for n in size)
    half, whole = (supremum(Symbol.of(Stencil(v, borders)), 1e-4) for v in (w, w.astype(complex)))
    assert whole.evaluations == 2 * half.evaluations
    assert half[:2] == pytest.approx(whole[:2], rel=1e-12)


@pytest.mark.parametrize("periods", [(5, 6), (6, 5), (1, 1), (2, 7)])
@pytest.mark.parametrize("unit", [1, 1 + 1j])
def test_half_of_a_circle_has_all_singular_values(periods: tuple[int, int], unit: complex):
    symbol = Symbol.of(Stencil(unit * np.asarray(kernel(3, 2, 2, 2)), (Border(Axis.of(9, 3)), Border(Axis.of(9, 2)))))
    every, half = (largest_of(f(periods)).ravel() for f in (symbol.around, symbol.half_around))
    assert len(half) == (periods[0] * (periods[1] // 2 + 1) if unit == 1 else len(every))
    np.testing.assert_allclose(np.abs(every[:, None] - half).min(1), 0, atol=1e-13)
