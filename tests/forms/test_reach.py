"""Windows that reach nothing: they are zeros in the result and nothing in memory."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis, conv, conv_transpose
from minicnn.forms import reach

FAR = 10**9  # so many padded positions would be gigabytes
X, W = jnp.arange(1.0, 5).reshape(4, 1), jnp.array([1.0, 2, 3]).reshape(3, 1, 1)


@pytest.mark.parametrize("form", ["auto", "dense", "tiles", "diagonals", "fourier"])
def test_padding_takes_no_memory(form):
    f = lambda x, w: conv(x, w, padding=FAR, stride=FAR, form=form).ravel()
    y, pull_back = jax.vjp(f, X, W)
    x_bar, w_bar = pull_back(jnp.ones(3))
    for found, expected in ((y, [0, 14, 0]), (x_bar, [1, 2, 3, 0]), (w_bar, [1, 2, 3])):
        np.testing.assert_allclose(found.ravel(), expected, atol=1e-5 if form == "fourier" else 0)


def test_padding_takes_no_memory_transposed():
    x = conv_transpose(jnp.ones((3, 1)), W, padding=FAR, stride=FAR, output_size=(4,))
    np.testing.assert_array_equal(x.ravel(), [1, 2, 3, 0])


def test_what_meets_is_the_whole_tap_tensor(monkeypatch):
    monkeypatch.setattr(reach, "is_sparse", lambda axis: True)
    steps = product((1, 2, 5), (1, 2, -3), (1, 3), (-2, 0, 7, 20), (1, 3), (0, 1, 6))
    for stride, dilation, stretch, low, taps, out_size in steps:
        axis = Axis(5, out_size, taps, stride, dilation, stretch, low)
        meeting, inputs, outputs = reach._meeting(axis)
        found = np.zeros((axis.out_size, taps, 5), bool)
        found[np.ix_(outputs, range(taps), inputs)] = meeting.taps()
        np.testing.assert_array_equal(found, axis.taps(), err_msg=str(axis))
