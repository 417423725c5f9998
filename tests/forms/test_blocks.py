"""Windows that lie side by side, in the loops that LLVM compiles: against NumPy's maxima and sums of blocks."""

import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis, lp_pool, max_pool
from minicnn.forms.blocks import combine_written_out, is_full
from minicnn.forms.wide import OF_POWERS

# Few taps of the last axis are slices; more entries than LLVM writes out are parts, or shares where k is prime.
WINDOWS = [(2,), (31,), (37,), (64,), (1, 2), (2, 2), (3, 2), (2, 3), (5, 5), (37, 3), (2, 61), (64, 2), (34, 35)]
WINDOWS += [(2, 2, 2), (3, 2, 5), (1, 4, 1)]


def blocks_of(x: np.ndarray, axes: list[Axis]) -> np.ndarray:
    inside = x[:, *(slice(axis.out_size * axis.kernel_size) for axis in axes)]
    sizes = (size for axis in axes for size in (axis.out_size, axis.kernel_size))
    return inside.reshape(len(x), *sizes, x.shape[-1])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("left_over", [0, 1])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_blocks_are_combined_from_their_own_entries(window, channels, left_over):
    axes = [Axis.of(2 * k + left_over * (k > 1), k, stride=k) for k in window]
    x = np.random.default_rng(0).integers(-9, 10, (2, *(axis.in_size for axis in axes), channels)).astype(np.float32)
    along, blocks = tuple(range(2, 2 + 2 * len(axes), 2)), blocks_of(x, axes)
    np.testing.assert_array_equal(max_pool(x, window), blocks.max(along))
    np.testing.assert_array_equal(combine_written_out(jnp.asarray(x**2), axes, OF_POWERS), (blocks**2).sum(along))
    np.testing.assert_array_equal(lp_pool(x, window, p=2), np.sqrt((blocks.astype(float) ** 2).sum(along), dtype="f"))


@pytest.mark.parametrize("window", [(2, 2), (3, 3), (37, 2), (5, 37)], ids=str)
def test_what_is_not_finite_stays_in_its_block(window):
    axes = [Axis.of(2 * k, k, stride=k) for k in window]
    x = np.zeros((1, *(axis.in_size for axis in axes), 1), np.float32)
    x[0, -1, -1], x[0, 0, -1], x[0, -1, 0] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(max_pool(x, window)[0, ..., 0], [[0, np.inf], [0, np.nan]])
    np.testing.assert_array_equal(lp_pool(x, window, p=2)[0, ..., 0], [[0, np.inf], [np.inf, np.nan]])


def test_full_windows_leave_nothing_over():
    assert is_full(Axis.of(6, 3, stride=3))
    assert not is_full(Axis.of(7, 3, stride=3))
