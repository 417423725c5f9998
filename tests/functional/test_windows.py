"""Windows laid out side by side, and added back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from minicnn import fold, unfold
from tests.strategies import CORNERS, cases, seeds

equal = np.testing.assert_array_equal
plain = {name: case for name, case in CORNERS.items() if case.stretch == (1,) * case.rank}


def gathered(case, x):
    """The windows picked from x by their positions, a zero where a window sees padding."""
    images = x.reshape(int(np.prod(case.batch)), int(np.prod(case.in_size)), x.shape[-1])
    images = np.concatenate([images, np.zeros((len(images), 1, x.shape[-1]), x.dtype)], axis=1)
    out = case.seen.shape[: case.rank]
    return images[:, case.seen].reshape(*case.batch, *out, int(np.prod(case.kernel_size)) * x.shape[-1])


def check(case, seed):
    x, _, _ = case.data(seed)
    expected = gathered(case, x)
    p = np.random.default_rng(seed).integers(-4, 5, expected.shape).astype(np.float32)

    def everything(x, p):
        windows, vjp = jax.vjp(lambda x: unfold(x, case.kernel_size, **case.sliding), x)
        folded, vjp_fold = jax.vjp(lambda p: fold(p, case.in_size, case.kernel_size, **case.sliding), p)
        return windows, folded, vjp(p)[0], vjp_fold(x)[0]

    windows, folded, unfold_bar, fold_bar = jax.jit(everything)(x, p)
    equal(windows, expected)
    assert np.vdot(windows, p) == np.vdot(x, folded)
    equal(unfold_bar, folded)
    equal(fold_bar, windows)


@given(cases(stretched=False), seeds)
def test_fold_is_the_adjoint_of_unfold(case, seed):
    check(case, seed)


@pytest.mark.parametrize("case", plain.values(), ids=plain)
def test_fold_is_the_adjoint_of_unfold_in_the_corners(case):
    check(case, 0)


@given(cases(stretched=False, ranks=(1, 2)), seeds)
def test_unfold_is_laxs_patches(case, seed):
    x, _, _ = case.data(seed)
    x = x.reshape(int(np.prod(case.batch)), *case.in_size, x.shape[-1])
    spatial = "HWD"[: case.rank]

    def both(x):
        theirs = jax.lax.conv_general_dilated_patches(
            x,
            case.kernel_size,
            case.stride,
            case.pads,
            rhs_dilation=case.dilation,
            dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        )
        return unfold(x, case.kernel_size, **case.sliding), theirs

    ours, theirs = map(np.asarray, jax.jit(both)(x))
    taps = int(np.prod(case.kernel_size))
    channel_first = theirs.reshape(*theirs.shape[:-1], x.shape[-1], taps)  # lax puts the channel before the tap
    equal(ours, channel_first.swapaxes(-1, -2).reshape(ours.shape))


def test_a_convolution_is_windows_times_the_kernel():
    x, w, _ = CORNERS["2d"].data(0)
    from minicnn import conv

    equal(unfold(x, w.shape[:2]) @ w.reshape(-1, w.shape[-1]), conv(x, w))


def test_folding_ones_counts_the_windows_over_each_position():
    equal(fold(jnp.ones((3, 3)), (5,), (3,)).ravel(), [1, 2, 3, 2, 1])


def test_fold_keeps_what_no_window_read_at_zero():
    equal(fold(jnp.ones((2, 2)), (5,), (2,), stride=2).ravel(), [1, 1, 1, 1, 0])
