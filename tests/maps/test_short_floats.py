"""Products of maps with numbers of 16 bits are summed in float32 and rounded once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import maps
from minicnn.maps import LinearMap

N = 600  # in bfloat16 a running sum of ones stands still at 256


def dense(rows: int, columns: int, dtype: Any) -> LinearMap:
    return maps.Dense(jnp.ones((rows, columns), dtype), (columns,), (rows,), jnp.dtype(dtype))


SUMS: dict[str, Callable[[Any], LinearMap]] = {
    "Dense": lambda dtype: dense(1, N, dtype),
    "Sum": lambda dtype: maps.add(*[maps.identity((1,), dtype)] * N),
    "Block": lambda dtype: maps.block([[maps.identity((1,), dtype)] * N]),
    "CumulativeSum": lambda dtype: (
        maps.Slice((N - 1,), (N,), (1,), (N,), dtype) @ maps.CumulativeSum(0, False, (N,), dtype)
    ),
    "Broadcast.T": lambda dtype: maps.Broadcast((0,), (), (N,), dtype).T,
    "TriangularSolve": lambda dtype: (
        maps.Slice((N - 1, 0), (N, 1), (1, 1), (N, 1), dtype)
        @ maps.TriangularSolve(
            jnp.eye(N, dtype=dtype) - jnp.eye(N, k=-1, dtype=dtype), True, True, *(False,) * 3, (N, 1), dtype
        )
    ),
    "Gather.T": lambda dtype: maps.Gather(jnp.zeros(N, int), (1,), (N,), dtype).T,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", SUMS)
def test_a_map_counts_further_than_its_dtype(name: str, dtype: Any) -> None:
    A = SUMS[name](jnp.dtype(dtype))
    y = A(jnp.ones(A.in_shape, dtype))
    assert (float(y.squeeze()), y.dtype) == (N, dtype)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", SUMS)
def test_a_map_becomes_a_sparse_matrix_of_floats_that_scipy_has(name: str, dtype: Any) -> None:
    A = SUMS[name](jnp.dtype(dtype))
    sparse = A.to_scipy()
    assert sparse.dtype == jnp.float32
    np.testing.assert_array_equal(sparse.toarray(), np.asarray(A.matrix(), np.float32))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_a_lifted_function_becomes_a_sparse_matrix_too(dtype: Any) -> None:
    w = jnp.arange(9, dtype=dtype).reshape(3, 3, 1, 1)
    P = minicnn.lift(lambda x: minicnn.conv(jnp.where(x > 0, x, 0), w).sum(-1), jnp.ones((5, 5, 1), dtype))
    for C in (P, P.as_map()):
        assert C.to_scipy().dtype == jnp.float32
        np.testing.assert_array_equal(C.to_scipy().toarray(), minicnn.conv_matrix(w.astype(jnp.float32), (5, 5)))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_the_gradient_in_what_a_contraction_holds_is_rounded_once(dtype: Any) -> None:
    large = 256 if dtype == jnp.bfloat16 else 30_000
    x = jnp.asarray([[[large] * 400], [[-large] * 399 + [3]]], dtype)

    def product(y: Any) -> Any:
        return maps.Contraction(y, ("ijk", "jl", "il"), x.shape, (2, 1), None, jnp.dtype(dtype))(x)

    _, pull_back = jax.vjp(product, jnp.ones((1, 1), dtype))
    (y_bar,) = pull_back(jnp.ones((2, 1), dtype))
    assert y_bar == jnp.asarray(large + 3, dtype)
