"""Kronecker and block matrices against NumPy, and the way to lineax."""

from functools import reduce

import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv, conv_map
from minicnn.maps import Dense, LinearMap, block, kronecker, to_lineax


def dense(m: int, n: int, seed: int = 0) -> Dense:
    M = np.random.default_rng(seed).integers(-3, 4, (m, n)).astype(np.float32)
    return Dense(jnp.asarray(M), (n,), (m,), jnp.dtype("float32"))


def check(A: LinearMap, M: np.ndarray) -> None:
    np.testing.assert_array_equal(A.matrix(), M)
    np.testing.assert_array_equal(A.T.matrix(), M.T)
    np.testing.assert_array_equal(A.T.T.matrix(), M)
    np.testing.assert_array_equal(A.to_scipy().toarray(), M)
    assert A.nnz == len(A.entries()[0])
    x = np.arange(2.0 * M.shape[1], dtype=np.float32).reshape(2, *A.in_shape)
    np.testing.assert_array_equal(A(jnp.asarray(x)).reshape(2, -1), x.reshape(2, -1) @ M.T)


def test_kronecker() -> None:
    factors = dense(2, 3), dense(3, 1, 1), dense(2, 2, 2)
    A = kronecker(kronecker(*factors[:2]), factors[2])
    check(A, reduce(np.kron, [np.asarray(f.M) for f in factors]))
    assert repr(A).count("⊗") == 2
    assert kronecker(factors[0]) is factors[0]


def test_a_separable_blur_is_a_kronecker_product() -> None:
    across, down = jnp.array([1.0, 2.0, 1.0]), jnp.array([1.0, 3.0])
    both = conv_map(jnp.outer(down, across).reshape(2, 3, 1, 1), (4, 5))
    y, x = conv_map(down.reshape(2, 1, 1), (4,)), conv_map(across.reshape(3, 1, 1), (5,))
    check(kronecker(y, x), np.asarray(both.matrix()))


def test_block() -> None:
    A, B, D = dense(2, 3), dense(2, 2, 1), dense(4, 2, 2)
    check(block([[A, B], [None, D]]), np.block([[A.M, B.M], [np.zeros((4, 3)), D.M]]))


def test_groups_make_the_channels_block_diagonal() -> None:
    w = jnp.asarray(np.random.default_rng(0).integers(-3, 4, (2, 2, 6)), jnp.float32)
    C = conv_map(w, (4,), groups=3).matrix().reshape(3, 3, 2, 4, 3, 2)  # o, group, d, i, group, c
    parts = [conv_map(w[..., 2 * g : 2 * g + 2], (4,)) for g in range(3)]
    D = block([[parts[g] if g == h else None for h in range(3)] for g in range(3)])
    np.testing.assert_array_equal(D.matrix(), C.transpose(1, 0, 2, 4, 3, 5).reshape(D.shape))


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="all of one length"):
        block([[dense(1, 1)], []])
    with pytest.raises(ValueError, match=r"row 0 have sizes \[1, 2\]"):
        block([[dense(1, 1), dense(2, 1)]])
    with pytest.raises(ValueError, match=r"column 1 have sizes \[\]"):
        block([[dense(1, 1), None]])


def test_to_lineax() -> None:
    lineax = pytest.importorskip("lineax")
    w = jnp.array([4.0, 1.0, 1.0]).reshape(3, 1, 1)
    C = conv_map(w, (6,), padding="SAME")
    y = conv(jnp.arange(6.0).reshape(6, 1), w, padding="SAME")
    operator = to_lineax(C)
    np.testing.assert_array_equal(operator.mv(y), C(y))
    np.testing.assert_array_equal(operator.T.mv(y), C.T(y))
    np.testing.assert_array_equal(operator.as_matrix().reshape(C.shape), C.matrix())
    solution = lineax.linear_solve(operator, y, lineax.LU()).value
    np.testing.assert_allclose(solution.ravel(), np.arange(6.0), atol=1e-4)
