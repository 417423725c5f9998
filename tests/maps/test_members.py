"""What every linear map keeps: its product, its transpose, its matrix and its structure are one and the same."""

import inspect
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import maps
from minicnn.maps import LinearMap
from tests.maps.members import MEMBERS

every_member = pytest.mark.parametrize("A", [build() for build in MEMBERS.values()], ids=MEMBERS)


def one_hots(shape: tuple[int, ...]) -> np.ndarray:
    n = int(np.prod(shape))
    return np.eye(n, dtype=np.float32).reshape(n, *shape)


def product(M: Any, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (x.reshape(x.size // M.shape[1], M.shape[1]) @ M.T).reshape(shape) if M.size else np.zeros(shape)


def draw(A: LinearMap, *batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-4, 5, (*batch, *shape)).astype(np.float32) for shape in (A.in_shape, A.out_shape))
    return x, y


def test_every_member_is_tested():
    members = {m for m in vars(maps).values() if inspect.isclass(m) and issubclass(m, LinearMap)} - {LinearMap}
    assert members <= {type(build()) for build in MEMBERS.values()}


@every_member
def test_the_matrix_is_the_product_with_one_hot_inputs(A):
    columns, matrix = jax.jit(lambda A: (A(one_hots(A.in_shape)), A.matrix()))(A)
    assert matrix.shape == A.shape
    np.testing.assert_array_equal(matrix, columns.reshape(A.shape[::-1]).T)


@every_member
def test_the_matrix_of_the_transpose_is_the_transposed_matrix(A):
    transposed, matrix = jax.jit(lambda A: (A.T.matrix(), A.matrix()))(A)
    np.testing.assert_array_equal(transposed, matrix.T)


@every_member
def test_the_transpose_multiplies_by_the_transposed_matrix(A):
    _, y = draw(A, 2)
    x, M = jax.jit(lambda A, y: (A.T(y), A.matrix()))(A, y)
    np.testing.assert_array_equal(x, product(M.T, y, (2, *A.in_shape)))


@every_member
def test_jaxs_transpose_is_the_transpose(A):
    x, y = draw(A)

    def transposes(A, x, y):
        _, vjp = jax.vjp(A, x)
        return A.T(y), vjp(y)[0], jax.linear_transpose(A, x)(y)[0]

    ours, vjp, linear_transpose = jax.jit(transposes)(A, x, y)
    np.testing.assert_array_equal(vjp, ours)
    np.testing.assert_array_equal(linear_transpose, ours)


@every_member
def test_transposing_twice_gives_the_structure_and_the_leaves_back(A):
    assert jax.tree.structure(A.T.T) == jax.tree.structure(A)
    for ours, theirs in zip(jax.tree.leaves(A.T.T), jax.tree.leaves(A), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_member
def test_shapes_and_dtypes_change_places(A):
    assert (A.T.in_shape, A.T.out_shape, A.T.dtype) == (A.out_shape, A.in_shape, A.dtype)


@every_member
@pytest.mark.parametrize("batch", [(), (0,), (2, 3)], ids=str)
def test_leading_axes_are_a_batch(A, batch):
    x, _ = draw(A, *batch)
    y, M = jax.jit(lambda A, x: (A(x), A.matrix()))(A, x)
    assert y.dtype == A.dtype
    np.testing.assert_array_equal(y, product(M, x, (*batch, *A.out_shape)))


@every_member
def test_the_sparse_matrix_is_the_dense_one(A):
    np.testing.assert_array_equal(A.to_scipy().toarray(), A.matrix())
    assert A.to_scipy().dtype == A.dtype


@every_member
def test_the_sparse_transpose_is_the_transposed_sparse_matrix(A):
    np.testing.assert_array_equal(A.T.to_scipy().toarray(), A.matrix().T)
    assert A.T.nnz == A.nnz


@every_member
def test_entries_are_distinct_places_and_hold_every_non_zero(A):
    rows, columns, values = A.entries()
    M = np.asarray(A.matrix())
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(places) == len(rows) == A.nnz
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(M)), strict=True)) <= places
    np.testing.assert_array_equal(values, M[rows, columns])


@every_member
def test_nnz_is_structural(A):
    zeroed = jax.tree.map(lambda leaf: leaf * 0 if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, A)
    if not isinstance(A, maps.InverseDiagonal):  # whose zero is a division by it
        assert zeroed.nnz == A.nnz


@every_member
def test_nbytes_is_that_of_the_matrix(A):
    matrix = A.matrix()
    assert A.nbytes == matrix.nbytes
    assert A.dtype == matrix.dtype


@every_member
def test_a_map_goes_through_tree_map(A):
    x, _ = draw(A)
    same = jax.tree.map(lambda leaf: leaf, A)
    assert jax.tree.structure(same) == jax.tree.structure(A)
    np.testing.assert_array_equal(same(x), A(x))
    nothing = jax.tree.map(lambda leaf: None, A)  # the leaves may be anything
    assert (nothing.in_shape, nothing.out_shape, nothing.dtype) == (A.in_shape, A.out_shape, A.dtype)


@every_member
def test_a_stack_of_maps_goes_through_vmap(A):
    leaves = jax.tree.leaves(A)
    if not leaves:
        return
    double = jax.tree.map(lambda leaf: 2 * leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, A)
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), A, double)
    x, y = draw(A, 2)

    def batched(stack, A, double, x, y):
        together = jax.vmap(lambda A, x, y: (A(x), A.T(y), A.matrix()))(stack, x, y)
        return together, [(B(x[i]), B.T(y[i]), B.matrix()) for i, B in enumerate((A, double))]

    together, apart = jax.jit(batched)(stack, A, double, x, y)
    for i, results in enumerate(apart):
        for ours, expected in zip(together, results, strict=True):
            np.testing.assert_array_equal(ours[i], expected)


@every_member
def test_a_map_is_returned_from_jit(A):
    returned = jax.jit(lambda A: A.T)(A)
    assert jax.tree.structure(returned) == jax.tree.structure(A.T)


@every_member
def test_a_map_is_its_own_conjugate_if_it_is_real(A):
    assert A.conj() is A
    assert jax.tree.structure(A.H) == jax.tree.structure(A.T)


@every_member
def test_a_map_says_its_shapes(A):
    assert type(A).__name__ in repr(A) or re.search(r" [@+⊗] |\.T$", repr(A))
