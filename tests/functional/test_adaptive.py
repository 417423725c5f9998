"""Adaptive and global pools against loops over their bins."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn.forms.tables import BinAxis
from minicnn.functional.adaptive import adaptive_avg_pool_map, adaptive_max_pool_map_at
from tests.strategies import seeds


def bins(in_size: int, out_size: int) -> list[list[int]]:
    ends = [(math.floor(o * in_size / out_size), math.ceil((o + 1) * in_size / out_size)) for o in range(out_size)]
    return [list(range(*end)) for end in ends]


def average_matrix(in_size: int, out_size: int) -> np.ndarray:
    return np.stack([np.isin(range(in_size), positions) / len(positions) for positions in bins(in_size, out_size)])


def selection(x: np.ndarray, out_size: tuple[int, ...]) -> np.ndarray:
    """The selection of an image (h, w, c), bin by bin: the first largest, or the first NaN."""
    places = np.arange(x.size).reshape(x.shape)
    rows = []
    for rows_in, columns_in in ((r, c) for r in bins(x.shape[0], out_size[0]) for c in bins(x.shape[1], out_size[1])):
        for channel in range(x.shape[2]):
            flat = places[np.ix_(rows_in, columns_in)][..., channel].ravel()
            rows.append(np.eye(x.size)[flat[np.argmax(x.ravel()[flat])]])
    return np.stack(rows)


def test_bins_are_those_of_floor_and_ceil() -> None:
    for n, m in ((n, m) for n in range(1, 12) for m in range(1, 12)):
        table = BinAxis(n, m).table()
        assert [[i for i in row if i < n] for row in table.tolist()] == bins(n, m)


def test_bins_are_found_where_32_bits_do_not_hold_the_product_of_the_sizes() -> None:
    axis = BinAxis(100_000, 50_000)
    np.testing.assert_array_equal(axis.table(jnp), np.arange(100_000).reshape(-1, 2))
    first, end = axis.ends(jnp)
    np.testing.assert_array_equal((first[-1], end[-1]), (99_998, 100_000))


sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(sizes, sizes, st.integers(1, 2), st.sampled_from([(), (0,), (2,)]), seeds)
def test_adaptive_pools_are_their_matrices(
    in_size: tuple[int, int], out_size: tuple[int, int], channels: int, batch: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, (*batch, *in_size, channels)).astype(np.float32)
    y = rng.integers(-3, 4, (*batch, *out_size, channels)).astype(np.float32)

    @jax.jit
    def ours(x: Any, y: Any) -> Any:
        average, pull = jax.vjp(lambda x: minicnn.adaptive_avg_pool(x, out_size), x)
        largest, pull_max = jax.vjp(lambda x: minicnn.adaptive_max_pool(x, out_size), x)
        return average, pull(y)[0], largest, pull_max(y)[0]

    P = np.kron(np.kron(*map(average_matrix, in_size, out_size)), np.eye(channels)).astype(np.float32)
    average, average_bar, largest, largest_bar = ours(x, y)
    shape = (-1, *x.shape[len(batch) :]) if x.size else (0, *x.shape[-3:])
    images, cotangents = x.reshape(shape), y.reshape(-1 if y.size else 0, P.shape[0])
    np.testing.assert_allclose(
        average.reshape(-1, P.shape[0]), images.reshape(-1, P.shape[1]) @ P.T, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(average_bar.reshape(-1, P.shape[1]), cotangents @ P, rtol=1e-6, atol=1e-6)
    for image, cotangent, found, back in zip(
        images, cotangents, largest.reshape(-1, P.shape[0]), largest_bar.reshape(-1, P.shape[1]), strict=True
    ):
        S = selection(image, out_size)
        np.testing.assert_array_equal(found, S @ image.ravel())
        np.testing.assert_array_equal(back, S.T @ cotangent)


def test_adaptive_matrices() -> None:
    A = adaptive_avg_pool_map((5, 4, 2), (3, 2))
    P = np.kron(np.kron(average_matrix(5, 3), average_matrix(4, 2)), np.eye(2))
    np.testing.assert_allclose(A.matrix(), P, rtol=1e-6)
    np.testing.assert_allclose(A.T.matrix(), P.T, rtol=1e-6)
    np.testing.assert_allclose(A.to_scipy().toarray(), P, rtol=1e-6)
    assert A.nnz == np.count_nonzero(P)
    x = np.random.default_rng(0).integers(0, 3, (5, 4, 2)).astype(np.float32)
    S = adaptive_max_pool_map_at(jnp.asarray(x), (3, 2))
    np.testing.assert_array_equal(S.matrix(), selection(x, (3, 2)))
    np.testing.assert_array_equal(S.to_scipy().toarray(), S.matrix())


def test_nan_stays_in_its_own_bins_and_wins_them() -> None:
    x = jnp.array([0.0, 1.0, jnp.nan, 3.0]).reshape(4, 1)
    np.testing.assert_array_equal(minicnn.adaptive_avg_pool(x, (2,)).ravel(), [0.5, np.nan])
    np.testing.assert_array_equal(minicnn.adaptive_max_pool(x, (2,)).ravel(), [1, np.nan])


def test_lowest_values_win_where_nothing_is_larger() -> None:
    x = jnp.full((3, 1), -jnp.inf)
    np.testing.assert_array_equal(minicnn.adaptive_max_pool(x, (2,)), jnp.full((2, 1), -jnp.inf))
    np.testing.assert_array_equal(minicnn.adaptive_max_pool(jnp.array([[3], [-7]]), (1,)), [[3]])


def test_global_pools_keep_their_axes() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(minicnn.global_avg_pool(x), x.mean((1, 2), keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(minicnn.global_max_pool(x), x.max((1, 2), keepdims=True))
    norms = np.linalg.norm(x.reshape(2, 20, 3), axis=1).reshape(2, 1, 1, 3)
    np.testing.assert_allclose(minicnn.global_lp_pool(x), norms, rtol=1e-5)
    assert minicnn.global_max_pool(x, ndim=1).shape == (2, 5, 1, 3)


@pytest.mark.parametrize(("in_size", "out_size"), [((4, 4), (0, 2)), ((0, 4), (1, 1))])
def test_empty_bins_are_refused(in_size: tuple[int, ...], out_size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="leaves bins empty"):
        minicnn.adaptive_max_pool(jnp.zeros((*in_size, 1)), out_size)


def test_refused_dtypes() -> None:
    with pytest.raises(TypeError, match="average is not an integer"):
        minicnn.adaptive_avg_pool(jnp.ones((3, 1), int), (2,))
    with pytest.raises(TypeError, match="complex numbers have no order"):
        minicnn.adaptive_max_pool(jnp.ones((3, 1), complex), (2,))
    with pytest.raises(ValueError, match="`output_size` is empty"):
        minicnn.adaptive_max_pool(jnp.ones((3, 1)), ())
