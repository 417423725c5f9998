"""The drawn singular values are those of the matrix."""

import numpy as np
import pytest

from minicnn import conv_map, draw


def test_the_spectrum_is_that_of_the_matrix(C):
    axes = draw.spectrum(C)
    axes = draw.spectrum(C.T, axes)
    expected = np.linalg.svd(np.asarray(C.matrix()), compute_uv=False)
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert axes.lines[0].get_label().startswith("4×16, rank 4 of at most 4")


def test_borders_are_drawn_over_each_other_with_the_symbol(C):
    axes = draw.spectrum(C, borders=True)
    lines = {line.get_label(): line for line in axes.lines}
    w = np.arange(1.0, 10.0).reshape(3, 3, 1, 1) - 4
    for name, padding, mode in (
        ("zeros", "SAME", "zeros"),
        ("circular", "SAME", "circular"),
        ("full", "FULL", "zeros"),
    ):
        B = conv_map(w.astype(np.float32), (4, 4), padding=padding, padding_mode=mode)
        expected = np.linalg.svd(np.asarray(B.matrix()), compute_uv=False)
        found = lines[name].get_ydata()
        np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-4, atol=1e-4)
    assert {"valid", "reflect", "replicate", "symmetric"} <= set(lines)


def test_the_symbols_curve_is_that_of_a_large_circle():
    w = np.array([1.0, 2.0, -0.5], np.float32).reshape(3, 1, 1)
    axes = draw.spectrum(conv_map(w, (6,), padding=1), borders=True)
    x, y = next(line for line in axes.lines if line.get_label() == "symbol").get_xydata().T
    circle = np.abs(np.fft.fft(w.ravel(), 1000))
    np.testing.assert_allclose([y.max(), y.min()], [circle.max(), circle.min()], rtol=1e-4)
    assert 0.5 < x[0] < x[-1] < 6.5


def test_only_a_convolution_has_borders(C):
    with pytest.raises(TypeError, match="is not a convolution"):
        draw.spectrum(np.eye(3), borders=True)
