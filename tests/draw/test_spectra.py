"""The drawn singular values are those of the matrix."""

import numpy as np

from minicnn import draw


def test_the_spectrum_is_that_of_the_matrix(C):
    axes = draw.spectrum(C)
    axes = draw.spectrum(C.T, axes)
    expected = np.linalg.svd(np.asarray(C.matrix()), compute_uv=False)
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert axes.lines[0].get_label().startswith("4×16, rank 4 of at most 4")
