"""Singular values and all that follows from them, by every method, against the decomposition of the dense matrix."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import linalg, maps
from minicnn.linalg.methods import EXACT, for_largest
from tests.linalg.examples import MAPS, conv, dense, kernel

CLOSE: dict[str, Any] = {
    "rtol": 0,
    "atol": 1e-11,
}  # values up to about 20, matrices up to 100 rows, and 1000 units of rounding


# What others in the table are made of already.
SELDOM = (
    *("circular, one axis", "circular, a multiple", "circular, transposed", "symmetric, transposed", "one tap"),
    *("separable, dilated, replicated", "average pool", "bins", "padding", "images", "sum"),
)
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in SELDOM else name for name in MAPS]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NAMES)
def test_the_method_of_each_map_finds_what_numpy_finds(name: str) -> None:
    method, make = MAPS[name]
    A = make()
    M = dense(A)
    explained = linalg.explain(A)
    assert explained.values == method, str(explained)
    y = kernel(*A.out_shape)

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # it is compiled for one call
    def found() -> Any:
        solution = linalg.lstsq(A, y, damp=0.3)
        return linalg.svdvals(A), for_largest(A).top(A), linalg.pinv(A).matrix(), solution.x, solution.gradient

    s, (u, sigma, v), P, x, gradient = jax.tree.map(np.asarray, found())
    expected = np.linalg.svd(M, compute_uv=False)
    np.testing.assert_allclose(s, expected, **CLOSE)
    np.testing.assert_allclose(sigma, expected[0], **CLOSE)
    np.testing.assert_allclose(M @ v.ravel(), sigma * u.ravel(), **CLOSE)
    np.testing.assert_allclose(M.conj().T @ u.ravel(), sigma * v.ravel(), **CLOSE)
    np.testing.assert_allclose(P, np.linalg.pinv(M, rcond=1e-12), atol=1e-9 / expected[expected > 1e-9][-1])
    normal = M.conj().T @ M + 0.09 * np.eye(M.shape[1])
    np.testing.assert_allclose(x.ravel(), np.linalg.solve(normal, M.conj().T @ np.asarray(y).ravel()), **CLOSE)
    assert gradient < 1e-11


def box(mode: str, *channels: int) -> maps.LinearMap:
    """Three ones, through which no wave of period three comes, times a mirrored kernel that mixes channels."""
    M, N = kernel(*channels), kernel(*channels, seed=1)
    return conv(jnp.stack([M, M + N, 2 * M + N, M + N, M]), (6,), padding=2, padding_mode=mode)


OTHERS = {
    "a box around the circle": lambda: box("circular", 2, 2),
    "a box before a mirror": lambda: box("symmetric", 2, 3),
    "a box before a mirror, transposed": lambda: box("symmetric", 2, 3).T,
    "no taps around the circle": lambda: 0 * box("circular", 2, 3),
    "circular, complex, transposed": lambda: MAPS["circular, complex"][1]().T,
}
NULLITIES = {
    "separable, zeros": 0,
    "circular, stride": 30,
    "images": 32,
    "circular, transposed": 24,
    "a box around the circle": 4,
    "a box before a mirror": 2,
    "a box before a mirror, transposed": 8,
    "no taps around the circle": 12,
}


def named(name: str) -> maps.LinearMap:
    return OTHERS[name]() if name in OTHERS else MAPS[name][1]()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NULLITIES)
def test_the_null_space_has_an_orthonormal_basis(name: str) -> None:
    A = named(name)
    N = linalg.null_space(A)
    M, basis = dense(A), dense(N)
    assert N.in_shape == (NULLITIES[name],) == (M.shape[1] - np.linalg.matrix_rank(M),)
    assert N.out_shape == A.in_shape
    np.testing.assert_allclose(M @ basis, np.zeros((len(M), basis.shape[1])), **CLOSE)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), **CLOSE)


DOMINANT = np.reshape([1.0, 4.0, 1.0], (3, 1, 1)) * kernel(1, 2, 2)
MODES = {"dense": "zeros", "kron": "zeros", "fourier": "circular", "dct": "symmetric", "iterate": "zeros"}


@pytest.mark.parametrize("c", [2.0**-100, 2.0**100])
@pytest.mark.parametrize("method", ["dense", "kron", "fourier", "dct"])
def test_slogdet_of_entries_whose_squares_overflow_or_vanish(method: str, c: float) -> None:
    border: dict[str, Any] = {"padding": "SAME", "padding_mode": MODES[method]}
    A = conv(jnp.asarray(c * DOMINANT, jnp.float32), (2,), **border)
    sign, logarithm = linalg.slogdet(A, method=method)
    expected = np.linalg.slogdet(np.float64(dense(A)))
    np.testing.assert_allclose((sign, logarithm), expected, rtol=8 * float(jnp.finfo(jnp.float32).eps))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("damp", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("c", [2.0**-100, 2.0**-70, 2.0**100])
@pytest.mark.parametrize("method", MODES)
def test_least_squares_of_entries_whose_squares_overflow_or_vanish(method: str, c: float, damp: float) -> None:
    border: dict[str, Any] = {"padding": "SAME", "padding_mode": MODES[method]}
    A, B = (conv(jnp.asarray(s * DOMINANT, jnp.float32), (6,), **border) for s in (1, c))
    y = jnp.asarray(kernel(*A.out_shape), jnp.float32)
    one, other = (linalg.lstsq(M, y, damp=damp * float(s), method=method) for M, s in ((A, 1), (B, c)))
    eps = float(jnp.finfo(jnp.float32).eps)
    np.testing.assert_allclose(other.x * c, one.x, rtol=0, atol=32 * eps * float(jnp.abs(one.x).max()))
    np.testing.assert_allclose(other.residual, one.residual, rtol=16 * eps, atol=16 * eps)
    goal = eps**0.5 if method == "iterate" else 16 * eps  # the iteration ends at half of the digits
    assert other.gradient <= goal * c * float(jnp.linalg.norm(A.H(y).ravel()))


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "name", ["circular, stride and channels for it", "symmetric, transposed", "separable", "between permutations"]
)
def test_slogdet_is_that_of_the_matrix(name: str) -> None:
    square = {
        "separable": lambda: maps.kronecker(conv(kernel(3, 1, 1), (4,), padding="SAME"), conv(-kernel(1, 3, 3), (2,))),
        "between permutations": lambda: (
            maps.Permute((2, 0, 1), (3, 2, 2), jnp.dtype("float64")) @ conv(kernel(3, 3, 2, 2), (3, 2), padding="SAME")
        ),
    }
    A = square.get(name, lambda: MAPS[name][1]())()
    sign, logarithm = linalg.slogdet(A)
    np.testing.assert_allclose((sign, logarithm), np.linalg.slogdet(dense(A)), **CLOSE)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "name",
    [*OTHERS, "circular, complex", "circular, stride", "circular, dilation and groups", "between permutations"],
)
def test_every_transform_has_all_vectors(name: str) -> None:
    """Conjugate waves carry a real kernel, whose vectors are real all the same."""
    A = named(name)
    M, k = dense(A), min(A.shape)
    assert linalg.explain(A).values in ("fourier", "dct")
    U, s, Vh = map(np.asarray, linalg.svd(A, k))
    assert U.dtype == Vh.dtype == A.dtype
    np.testing.assert_allclose(s, np.linalg.svd(M, compute_uv=False), **CLOSE)
    np.testing.assert_allclose(M @ Vh.conj().T, U * s, **CLOSE)
    np.testing.assert_allclose(U.conj().T @ U, np.eye(k), **CLOSE)
    np.testing.assert_allclose(Vh @ Vh.conj().T, np.eye(k), **CLOSE)


@pytest.mark.parametrize("name", ["separable, zeros"])
def test_the_largest_triplets_by_every_method_with_vectors(name: str) -> None:
    A = MAPS[name][1]()
    M, expected = dense(A), np.linalg.svd(dense(A), compute_uv=False)
    for method in ("auto", "lanczos"):
        U, s, Vh = map(np.asarray, linalg.svd(A, 4, method=method))
        np.testing.assert_allclose(s, expected[:4], rtol=0, atol=1e-9)
        np.testing.assert_allclose(U.T @ U, np.eye(4), rtol=0, atol=1e-9)
        np.testing.assert_allclose(Vh @ Vh.T, np.eye(4), rtol=0, atol=1e-9)
        np.testing.assert_allclose(M @ Vh.T, U * s, rtol=0, atol=1e-5)  # vectors have half of the digits


def test_lanczos_finds_equal_values_as_often_as_they_come() -> None:
    A = maps.Diagonal(jnp.array([1.0, 3.0, 2.0, 3.0, 3.0, 0.5]), (6,), jnp.dtype("float64"))
    np.testing.assert_allclose(linalg.svdvals(A, 5, method="lanczos"), [3, 3, 3, 2, 1], rtol=1e-12)


@pytest.mark.parametrize("method", ["kron", "fourier", "dct"])
def test_every_method_refuses_what_it_is_not_exact_for(method: str) -> None:
    """What a method takes, it answers like the dense one: no map of the table is both taken and wrong."""
    for name, (best, make) in MAPS.items():
        A = make()
        if EXACT[method].refusal(A):
            with pytest.raises(ValueError, match=f"{method}: "):
                linalg.svdvals(A, method=method)
        elif method != best:
            expected = np.linalg.svd(dense(A), compute_uv=False)
            np.testing.assert_allclose(linalg.svdvals(A, method=method), expected, **CLOSE, err_msg=name)


def test_explain_says_why() -> None:
    said = str(linalg.explain(conv(kernel(3, 3, 1, 1), padding="SAME", padding_mode="symmetric")))
    assert "kron     no: its kernel is not a product over the axes: it is" in said
    assert "fourier  no: axis 0 has the padding mode 'symmetric', not circular" in said
    assert "dct      no: its kernel is not its own mirror image on axis 0" in said
    assert "dense    yes, taken for all values and the largest" in said
    said = str(
        linalg.explain(conv(kernel(2, 3, 1, 1), stride=(1, 3), padding=((1, 0), (1, 1)), padding_mode="circular"))
    )
    assert "on axis 1 2 outputs of stride 3 do not go once around 4 inputs" in said
    said = str(linalg.explain(conv(mirrored_even(), padding=((1, 0), (0, 0)), padding_mode="symmetric")))
    assert "on axis 0 the kernel is not centred: its taps read from -1 to 0" in said


def mirrored_even() -> Any:
    return jnp.ones((2, 1, 1, 1)) * kernel(1, 1, 1, 1)


def test_the_symbol_of_a_product_is_the_product_of_symbols() -> None:
    """Far from the border: the symbol of a stride has a column for each position of a stride."""
    A, omega = conv(kernel(3, 3, 2, 3), (40, 40), dilation=2, padding="SAME"), np.array([0.3, -1.1])
    i = np.arange(40)
    wave = np.exp(1j * (omega[0] * i[:, None] + omega[1] * i[None, :]))[..., None] * np.array([1.0, 2.0])
    y = np.asarray(A(jnp.asarray(wave)))[20, 20] / wave[20, 20, 0]
    np.testing.assert_allclose(y, linalg.symbol(A, omega) @ np.array([1.0, 2.0]), **CLOSE)
    np.testing.assert_allclose(linalg.symbol(A.T, omega), linalg.symbol(A, -omega).T, **CLOSE)
    assert linalg.symbol(conv(kernel(3, 3, 2, 4), stride=(2, 1), groups=2), omega).shape == (4, 2 * 4)
