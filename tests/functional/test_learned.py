"""Unpooling with switches, weighted and learned pools, pools across channels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.functional.pooling import max_pool_map_at
from minicnn.functional.unpooling import unpooling


def numbers(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).integers(-4, 5, shape), jnp.float32)


def test_max_unpool_is_the_transpose_of_the_selection_and_adds_duplicates() -> None:
    x, g = numbers(2, 5, 6, 3), numbers(2, 4, 5, 3)
    y, indices = minicnn.max_pool(x, (2, 2), stride=1, return_indices=True)
    back = minicnn.max_unpool(g, indices, (5, 6))
    _, pull = jax.vjp(lambda x: minicnn.max_pool(x, (2, 2), stride=1), x)
    np.testing.assert_array_equal(back, pull(g)[0])
    np.testing.assert_array_equal(back[0].ravel(), max_pool_map_at(x[0], (2, 2), stride=1).matrix().T @ g[0].ravel())
    A = unpooling(y, indices, (5, 6))
    np.testing.assert_array_equal(A.matrix() @ g.ravel(), back.ravel())
    _, pull_back = jax.vjp(lambda g: minicnn.max_unpool(g, indices, (5, 6)), g)
    np.testing.assert_array_equal(pull_back(x)[0].ravel(), A.T.matrix() @ x.ravel())


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int32"])
def test_narrow_positions_name_the_same_places(dtype: str) -> None:
    y, indices = jnp.arange(1.0, 5).reshape(4, 1), np.array([[0], [100], [3], [60]], dtype)
    np.testing.assert_array_equal(np.ravel(minicnn.max_unpool(y, indices, (300,)))[[0, 3, 60, 100]], [1, 3, 4, 2])


def test_positions_outside_hold_nothing() -> None:
    y = minicnn.max_unpool(jnp.ones((3, 1)), jnp.array([[-1], [1], [7]]), (2,))
    np.testing.assert_array_equal(y.ravel(), [0, 1])


def test_max_unpool_refuses() -> None:
    with pytest.raises(ValueError, match="each value needs one position"):
        minicnn.max_unpool(jnp.ones((3, 1)), jnp.ones((2, 1), int), (4,))
    with pytest.raises(TypeError, match="positions are integers"):
        minicnn.max_unpool(jnp.ones((3, 1)), jnp.ones((3, 1)), (4,))


def test_weighted_pool_of_equal_weights_is_the_average() -> None:
    x = numbers(2, 6, 6, 3)
    np.testing.assert_array_equal(minicnn.weighted_pool(x, jnp.full((2, 2), 0.25)), minicnn.avg_pool(x, (2, 2)))


def test_weighted_pool_has_weights_for_each_channel() -> None:
    x, weights = numbers(2, 7, 3), numbers(2, 3)
    expected = np.stack([x[:, 0:6:3] * weights[0] + x[:, 1:7:3] * weights[1]])[0]
    np.testing.assert_array_equal(minicnn.weighted_pool(x, weights, stride=3, ndim=1)[:, :2], expected)


def test_weighted_pool_asks_where_the_window_is_open() -> None:
    x = numbers(2, 4, 2)
    with pytest.raises(ValueError, match="say `ndim`=1 or 2"):
        minicnn.weighted_pool(x, jnp.ones((2, 2)))
    assert minicnn.weighted_pool(x, jnp.ones((2, 2)), ndim=1).shape == (2, 2, 2)
    assert minicnn.weighted_pool(x, jnp.ones((2, 2)), ndim=2).shape == (1, 2, 2)
    with pytest.raises(ValueError, match=r"it must be \(\*window,\)"):
        minicnn.weighted_pool(x, jnp.ones((2, 2, 2, 2)))


def test_matrix_pool_learns_any_matrix() -> None:
    x, P = numbers(3, 4, 5, 2), numbers(2, 3, 4, 5)
    np.testing.assert_array_equal(minicnn.matrix_pool(x, P), np.einsum("opij,bijc->bopc", P, x))
    loss = lambda P: minicnn.matrix_pool(x, P).sum()
    np.testing.assert_array_equal(jax.grad(loss)(P), np.broadcast_to(np.asarray(x).sum((0, 3)), P.shape))
    average = jnp.asarray(np.kron(np.eye(2), [0.5, 0.5]), jnp.float32)
    np.testing.assert_array_equal(minicnn.matrix_pool(x[0, 0, :4], average), minicnn.avg_pool(x[0, 0, :4], (2,)))
    for wrong in ((2, 3, 4), (2, 3, 5, 4)):
        with pytest.raises(ValueError, match="P must be"):
            minicnn.matrix_pool(x, jnp.ones(wrong))


def test_maxout_is_the_largest_of_neighbouring_channels() -> None:
    x = numbers(2, 3, 6)
    np.testing.assert_array_equal(minicnn.channel_pool(x, 3), np.asarray(x).reshape(2, 3, 2, 3).max(-1))
    np.testing.assert_allclose(minicnn.channel_pool(x, 2, "avg"), np.asarray(x).reshape(2, 3, 3, 2).mean(-1))
    np.testing.assert_allclose(
        minicnn.channel_pool(x, 2, "lp"), np.linalg.norm(np.asarray(x).reshape(2, 3, 3, 2), axis=-1), rtol=1e-6
    )
    with pytest.raises(ValueError, match="must divide the 6 channels"):
        minicnn.channel_pool(x, 4)
    with pytest.raises(ValueError, match="`op`='min' is not a pool"):
        minicnn.channel_pool(x, 2, "min")
