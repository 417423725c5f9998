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


@pytest.mark.sampled(3)
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


@pytest.mark.parametrize("name", ["padded", "overlapping", "in short floats"])
def test_windows_of_many_taps(name):
    options = {"padded": {"padding": ((3, 2), (0, 4)), "stride": (2, 3)}}.get(name, {"dilation": (1, 2)})
    dtype = jnp.bfloat16 if name == "in short floats" else jnp.float32
    x = np.random.default_rng(0).integers(-4, 5, (2, 13, 12, 2)).astype(np.float32)
    (s, t), (d, e) = options.get("stride", (1, 1)), options.get("dilation", (1, 1))
    pads = options.get("padding", ((0, 0), (0, 0)))
    wide = np.pad(x, ((0, 0), *pads, (0, 0)))
    rows, columns = (wide.shape[1] - 6 * d - 1) // s + 1, (wide.shape[2] - 4 * e - 1) // t + 1
    taps = [
        wide[:, k * d : k * d + s * (rows - 1) + 1 : s, q * e : q * e + t * (columns - 1) + 1 : t]
        for k in range(7)
        for q in range(5)
    ]
    windows, pull = jax.vjp(lambda x: unfold(x, (7, 5), **options), x.astype(dtype))
    equal(windows, np.concatenate(taps, axis=-1))
    p = np.random.default_rng(1).integers(-4, 5, windows.shape).astype(np.float32)
    folded = fold(p.astype(dtype), (13, 12), (7, 5), **options)
    assert np.vdot(np.asarray(windows, np.float32), p) == np.vdot(x, fold(p, (13, 12), (7, 5), **options))
    equal(pull(jnp.asarray(p, dtype))[0], folded)


def test_folding_short_floats_adds_in_float32():
    assert fold(jnp.ones((512, 512), jnp.bfloat16), (1023,), (512,))[511] == 512


@pytest.mark.parametrize("taps", [3, 12])
def test_padding_that_no_window_needs_is_not_stored(taps):
    far, x = 10**8, jnp.arange(1.0, 6.0).reshape(5, 1)
    windows = unfold(x, (taps,), padding=far, stride=far)
    equal(windows[1, : min(taps, 5)], x[: min(taps, 5), 0])
    assert windows.sum() == x[:taps].sum()
    equal(fold(windows, (5,), (taps,), padding=far, stride=far)[:, 0], [*range(1, min(taps, 5) + 1), *[0] * (5 - taps)])
