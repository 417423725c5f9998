"""Locally connected and tiled layers: what they share with a convolution, and what they do not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn.functional.local import local_map, tiled_map
from minicnn.maps import Dense, Kronecker, identity
from tests.strategies import Case, cases, seeds


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def by_loops(x: np.ndarray, w: np.ndarray, seen: np.ndarray, tile: tuple[int, ...]) -> np.ndarray:
    """Output by output: the window times the kernel w[o mod t]."""
    rank = len(tile)
    flat = x.reshape(-1, x.shape[-1])
    y = np.zeros((*seen.shape[:rank], w.shape[-1]), x.dtype)
    for o in np.ndindex(*seen.shape[:rank]):
        kernel = w[tuple(place % t for place, t in zip(o, tile, strict=True))]
        for k in np.ndindex(*seen.shape[rank:]):
            if seen[o + k] >= 0:
                y[o] += flat[seen[o + k]] @ kernel[k]
    return y


@given(cases(ranks=(1, 2), stretched=False, one_image=True), st.data(), seeds)
def test_tiled_conv_is_its_matrix(case: Case, data: Any, seed: int) -> None:
    out_size = case.seen.shape[: case.rank]
    tile = tuple(data.draw(st.integers(1, n + 1)) for n in out_size)
    c_in, c_out = case.channels
    x = numbers(*case.in_size, c_in, seed=seed)
    w, y = numbers(*tile, *case.kernel_size, c_in, c_out, seed=seed + 1), numbers(*out_size, c_out, seed=seed + 2)

    @jax.jit
    def ours(x: Any, w: Any, y: Any) -> Any:
        z, pull = jax.vjp(lambda x, w: minicnn.tiled_conv(x, w, **case.sliding), x, w)
        A = tiled_map(w, case.in_size, **case.sliding)
        return z, pull(y), A.matrix(), A.T(y)

    z, (x_bar, w_bar), matrix, back = jax.device_get(ours(x, w, y))
    np.testing.assert_array_equal(z, by_loops(x, w, case.seen, tile))
    np.testing.assert_array_equal(matrix @ x.ravel(), z.ravel())
    np.testing.assert_array_equal(x_bar.ravel(), matrix.T @ y.ravel())
    np.testing.assert_array_equal(back, x_bar)
    A = tiled_map(jnp.asarray(w), case.in_size, **case.sliding)
    np.testing.assert_array_equal(A.to_scipy().toarray(), matrix)
    assert A.nnz == len(A.entries()[0])
    assert np.vdot(w_bar, w) == np.vdot(y, z)


STRIDED = Case((6, 5), (3, 2), stride=(2, 1), padding=((1, 1), (0, 1)), channels=(2, 3))


def test_a_tile_of_one_is_conv_and_a_tile_of_all_is_local_conv() -> None:
    x, w, _ = STRIDED.data(0)
    out_size = STRIDED.seen.shape[:2]
    everywhere = np.broadcast_to(w, (*out_size, *w.shape))
    y = minicnn.conv(x, w, **STRIDED.sliding)
    np.testing.assert_array_equal(minicnn.tiled_conv(x, w[None, None], **STRIDED.sliding), y)
    np.testing.assert_array_equal(minicnn.local_conv(x, everywhere, **STRIDED.sliding), y)
    kernels = numbers(*everywhere.shape)
    tiled, local = (f(x, kernels, **STRIDED.sliding) for f in (minicnn.tiled_conv, minicnn.local_conv))
    np.testing.assert_array_equal(tiled, local)
    np.testing.assert_array_equal(local[0], by_loops(x[0], kernels, STRIDED.seen, out_size))


def test_tied_kernels_make_a_local_layer_tiled_and_their_gradient_adds_the_copies() -> None:
    x, out_size = STRIDED.data(0)[0], STRIDED.seen.shape[:2]
    w = numbers(2, 3, *STRIDED.kernel_size, 2, 3)

    def local(w: Any) -> Any:
        return minicnn.local_conv(x, minicnn.tie(w, (2, 3), out_size), **STRIDED.sliding)

    tiled = lambda w: minicnn.tiled_conv(x, w, **STRIDED.sliding)
    np.testing.assert_array_equal(local(w), tiled(w))
    np.testing.assert_array_equal(*(jax.grad(lambda w, f=f: (f(w) ** 2).sum())(w) for f in (local, tiled)))


def test_local_connections_are_those_of_conv_untied() -> None:
    w = jnp.asarray(numbers(3, 3, 3, 3, 1, 1))
    A, C = local_map(w, (5, 5)), minicnn.conv_map(w[0, 0], (5, 5))
    assert (A.nnz, C.nnz) == (81, 81)
    assert set(zip(*A.entries()[:2], strict=True)) == set(zip(*C.entries()[:2], strict=True))


def test_a_1x1_convolution_is_a_kronecker_product() -> None:
    w = jnp.asarray(numbers(1, 1, 3, 2))
    C = minicnn.conv_matrix(w, (4, 5))
    W = Dense(jnp.asarray(w)[0, 0].T, (3,), (2,), jnp.dtype("float32"))
    A = Kronecker((identity((4, 5), jnp.dtype("float32")), W))
    np.testing.assert_array_equal(A.matrix(), C)
    assert (A.in_shape, A.out_shape) == ((4, 5, 3), (4, 5, 2))


def test_a_dense_layer_is_a_convolution_and_a_convolution_a_dense_layer() -> None:
    x, M = numbers(2, 4, 3, 2), numbers(5, 24)
    w = minicnn.dense_kernel(M, (4, 3, 2))
    np.testing.assert_array_equal(minicnn.conv(x, w).reshape(2, 5), x.reshape(2, 24) @ M.T)
    kernel = jnp.asarray(numbers(2, 2, 2, 3))
    dense = x.reshape(2, 24) @ np.asarray(minicnn.conv_matrix(kernel, (4, 3))).T
    np.testing.assert_array_equal(minicnn.conv(x, kernel).reshape(2, -1), dense)
    with pytest.raises(ValueError, match="need 24 columns"):
        minicnn.dense_kernel(M[:, 1:], (4, 3, 2))


@pytest.mark.parametrize(("s", "d", "e", "r"), [(1, 1, 1, 1), (2, 1, 1, 1), (2, 3, 2, 2), ((1, 2), 1, 3, (3, 1))])
def test_two_convolutions_are_one_with_the_composed_kernel(s: Any, d: int, e: int, r: Any) -> None:
    x, first, second = numbers(2, 19, 23, 2), numbers(3, 2, 2, 3), numbers(2, 3, 3, 2)
    after = minicnn.conv(minicnn.conv(x, first, stride=s, dilation=d), second, stride=r, dilation=e)
    w = minicnn.compose_kernels(first, second, stride=s, dilation=d, second_dilation=e)
    both = tuple(int(n) for n in np.broadcast_to(s, 2) * np.broadcast_to(r, 2))
    np.testing.assert_array_equal(minicnn.conv(x, w, stride=both), after)
    with pytest.raises(ValueError, match="the first's outputs are the second's inputs"):
        minicnn.compose_kernels(first, first)


def test_biases_per_channel_position_and_tile() -> None:
    y = numbers(2, 4, 5, 3)
    per_tile = np.stack([[numbers(2, 3, 3)[i % 2, j % 3] for j in range(5)] for i in range(4)])
    for b, expected in [
        (numbers(3), y + numbers(3)),
        (numbers(4, 5, 3), y + numbers(4, 5, 3)),
        (numbers(2, 3, 3), y + per_tile),
    ]:
        np.testing.assert_array_equal(minicnn.add_bias(y, b), expected)
        b_bar = jax.grad(lambda b: minicnn.add_bias(y, b).sum())(b)
        assert b_bar.sum() == y.size
    with pytest.raises(ValueError, match="`b` has 2 channels"):
        minicnn.add_bias(y, numbers(2))


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (minicnn.local_conv, (2, 3, 1), r"must be \(\*out, \*kernel, c_in, c_out\)"),
        (minicnn.local_conv, (4, 2, 1, 1), r"there are \(3,\) outputs"),
        (minicnn.local_conv, (3, 2, 2, 1), "`x` has 1 channels"),
        (minicnn.tiled_conv, (0, 2, 1, 1), "at least one kernel"),
        (minicnn.tiled_conv, (1, 5, 1, 1), "the kernel spans 5"),
    ],
)
def test_refused(function: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(jnp.ones((4, 1)), jnp.ones(shape))


def test_tie_refuses() -> None:
    with pytest.raises(ValueError, match="must begin with `tile`"):
        minicnn.tie(jnp.ones((2, 3)), (3,), (5,))
