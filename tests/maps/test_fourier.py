"""The discrete Fourier transform as a map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import dft

from minicnn import maps


@pytest.mark.parametrize("inverse", [False, True])
def test_the_matrix_is_the_kronecker_product_of_one_axis_ones(inverse):
    with jax.enable_x64(True):
        A = maps.Fourier(2, inverse, (2, 3, 4), jnp.dtype("complex128"))
        block = np.kron(dft(3), dft(4))
        block = block.conj() / 12 if inverse else block
        expected = np.kron(np.eye(2), block)
        np.testing.assert_allclose(A.matrix(), expected, atol=1e-14)
        np.testing.assert_allclose(A.to_scipy().toarray(), expected, atol=1e-14)
        np.testing.assert_allclose(A.H.matrix(), expected.conj().T, atol=1e-14)
        assert A.nnz == 2 * 12 * 12
        assert A.T is A


F = maps.Fourier(1, False, (4,), jnp.dtype("complex64"))


@pytest.mark.parametrize("A", [2j * F, F + F, maps.kronecker(F, F), maps.Batched(F, (2,)), maps.block([[F]])], ids=repr)
def test_what_is_made_of_transforms_has_their_conjugates(A):
    np.testing.assert_allclose(A.conj().matrix(), A.matrix().conj(), atol=1e-5)
    np.testing.assert_allclose(A.H.matrix(), A.matrix().conj().T, atol=1e-5)


def test_the_conjugate_of_a_product_is_a_flat_product():
    conjugate = (2j * F).conj()
    assert isinstance(conjugate, maps.Compose)
    assert not any(isinstance(factor, maps.Compose) for factor in conjugate.factors)
