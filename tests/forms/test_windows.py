"""Windows that hold mostly padding, against the tap tensor of their axis: the axis is looked up entry by entry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis
from minicnn.forms import windows
from minicnn.forms.monoids import SUM, Monoid
from minicnn.forms.pooling import max_values
from minicnn.forms.windows import reduce_windows, window_sum

LARGEST = Monoid(
    lambda a, b: (jnp.maximum(a[0], b[0]),),
    (-np.inf,),
    lambda parts, axes: (parts[0].max(axes),),
    of_numbers=jax.lax.max,
)

# One output or several, from both ends, beyond them, windows in the padding alone, none that meets the input.
PADDED = {
    "one window": Axis(3, 1, 90, low=40),
    "two windows": Axis(3, 2, 60, stride=50, low=55),
    "ends before, in and after": Axis(4, 12, 90, stride=1, low=86),
    "begins in all places": Axis(4, 14, 140, stride=1, low=9),
    "all of one size": Axis(1, 3, 70, stride=20, low=50),
    "as long as the input": Axis(5, 3, 5, stride=80, low=82),
    "some in the padding": Axis(3, 9, 60, stride=30, low=130),
    "mirrored": Axis(3, 2, 60, stride=50, low=55).flipped,
    "none meets the input": Axis(3, 2, 60, low=400),
}
AXES = PADDED | {f"{name}, transposed": axis.T for name, axis in PADDED.items()}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_windows_that_hold_mostly_padding_hold_what_the_relation_says(axis):
    x = np.random.default_rng(0).integers(-9, 10, (2, axis.in_size, 3, 2)).astype(np.float32)
    taps = axis.taps().sum(1)
    other = Axis(3, 3, 1)
    (total,) = reduce_windows((x,), (axis, other), SUM)
    np.testing.assert_array_equal(total, np.einsum("oi,bixc->boxc", taps, x))
    (largest,) = reduce_windows((x,), (axis, other), LARGEST)
    held = np.where(taps[None, :, :, None, None] > 0, x[:, None], -np.inf)
    np.testing.assert_array_equal(largest, held.max(2, initial=-np.inf))


@pytest.mark.parametrize("name", [name for name in AXES if name not in ("none meets the input, transposed",)])
def test_pieces_are_not_cut_again(name):
    axis = AXES[name] if AXES[name].stretch == 1 else AXES[name].T
    for _, piece in windows._pieces(axis) if len(axis.met) else ():
        assert not windows._is_in_padding(piece)
        assert not windows._is_in_padding(piece.T)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_sums_over_padding_have_the_transpose_as_derivative(axis):
    x = jnp.ones((1, axis.in_size, 1))
    y_bar = jnp.arange(1.0, 1 + axis.out_size).reshape(1, axis.out_size, 1)
    (x_bar,) = jax.vjp(lambda x: windows.window_sum(x, (axis,)), x)[1](y_bar)
    np.testing.assert_array_equal(x_bar[0, :, 0], axis.taps().sum(1).T @ np.asarray(y_bar[0, :, 0]))


@pytest.mark.parametrize("axis", [Axis(2, 0, 6, stretch=26), Axis(13, 0, 20, stride=2, stretch=9, low=-1)])
def test_no_windows_have_no_sums_and_no_derivatives(axis):
    x, total = jnp.ones((1, axis.in_size, 3)), lambda x: window_sum(x, (axis,))
    y, y_dot = jax.jvp(total, (x,), (x,))
    assert y.shape == y_dot.shape == (1, 0, 3)
    np.testing.assert_array_equal(jax.grad(lambda x: total(x).sum())(x), np.zeros(x.shape))


# What XLA's own loop combines where no derivative is taken: blocks in common, sums that slide by one, taps apart.
OVERLAPPING = [
    Axis(40, 7, 10, stride=5),
    Axis(41, 8, 12, stride=4, low=2),
    Axis(40, 36, 7, low=1),
    Axis(40, 19, 9, dilation=3, low=3),
    Axis(40, 18, 14, dilation=2, low=3),
    Axis(40, 16, 12, dilation=-2, low=-22),
    Axis(70, 3, 64, stride=8, low=9),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("channels", [2, 33])
@pytest.mark.parametrize("axis", OVERLAPPING, ids=str)
def test_overlapping_windows_hold_what_the_relation_says(axis, channels):
    x = np.random.default_rng(0).integers(-9, 10, (2, axis.in_size, channels)).astype(np.float32)
    taps = axis.taps().sum(1)
    np.testing.assert_array_equal(window_sum(x, (axis,)), np.einsum("oi,bic->boc", taps, x))
    largest = np.where(taps[:, :, None] > 0, x[:, None], -np.inf).max(2)
    np.testing.assert_array_equal(max_values(x, (axis,)), largest)
