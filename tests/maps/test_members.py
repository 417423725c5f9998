"""What every linear map keeps: its product, its transpose, its matrix and its structure are one and the same."""

import inspect
import pickle
import re
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import maps
from minicnn.forms import memory
from minicnn.maps import Compose, LinearMap, Sum
from minicnn.maps.windows import OfImages
from tests.maps.members import MEMBERS

every_member = pytest.mark.parametrize("name", MEMBERS)
equal = np.testing.assert_array_equal
BATCHES = [(), (0,), (2, 3)]


def one_hots(shape: tuple[int, ...]) -> np.ndarray:
    n = int(np.prod(shape))
    return np.eye(n, dtype=np.float32).reshape(n, *shape)


def product(M: Any, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (x.reshape(x.size // M.shape[1], M.shape[1]) @ M.T).reshape(shape) if M.size else np.zeros(shape)


def draw(shape: tuple[int, ...], *batch: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-4, 5, (*batch, *shape)).astype(np.float32)


def doubled(A: LinearMap) -> LinearMap:
    return jax.tree.map(lambda leaf: 2 * leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, A)


@cache
def member(name: str) -> LinearMap:
    return MEMBERS[name]()


@cache
def facts(name: str) -> SimpleNamespace:
    """All that is computed with a map, compiled once."""
    A = member(name)
    x, y = draw(A.in_shape), draw(A.out_shape)
    batches = [draw(A.in_shape, *batch) for batch in BATCHES]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), A, doubled(A))
    pair = draw(A.in_shape, 2), draw(A.out_shape, 2)

    @jax.jit
    def compute(A: LinearMap, stack: LinearMap, double: LinearMap) -> dict[str, Any]:
        _, vjp = jax.vjp(A, x)
        found = {
            "columns": A(one_hots(A.in_shape)),
            "matrix": A.matrix(),
            "transposed": A.T.matrix(),
            "back": A.T(y),
            "vjp": vjp(y)[0],
            "linear_transpose": jax.linear_transpose(A, x)(y)[0],
            "batches": [A(batch) for batch in batches],
            "map": A.T,
        }
        if jax.tree.leaves(A):
            found["together"] = jax.vmap(lambda A, x, y: (A(x), A.T(y), A.matrix()))(stack, *pair)
            found["apart"] = [(B(pair[0][i]), B.T(pair[1][i]), B.matrix()) for i, B in enumerate((A, double))]
        return found

    return SimpleNamespace(x=x, y=y, x_batches=batches, **compute(A, stack, doubled(A)))


def test_every_member_is_tested():
    members = {m for m in vars(maps).values() if inspect.isclass(m) and issubclass(m, LinearMap)} - {LinearMap}
    assert members - {maps.Conjugate, maps.Fourier, maps.RealPart, maps.ImaginaryPart} <= {
        type(member(name)) for name in MEMBERS
    }


@pytest.mark.sampled(2)
@every_member
def test_the_matrix_is_the_product_with_one_hot_inputs(name):
    A, found = member(name), facts(name)
    assert found.matrix.shape == A.shape
    equal(found.matrix, found.columns.reshape(A.shape[::-1]).T)


@every_member
def test_the_matrix_of_the_transpose_is_the_transposed_matrix(name):
    equal(facts(name).transposed, facts(name).matrix.T)


@every_member
def test_the_transpose_multiplies_by_the_transposed_matrix(name):
    found = facts(name)
    equal(found.back, product(found.matrix.T, found.y, found.x.shape))


@every_member
def test_jaxs_transpose_is_the_transpose(name):
    found = facts(name)
    equal(found.vjp, found.back)
    equal(found.linear_transpose, found.back)


@every_member
def test_transposing_twice_gives_the_structure_and_the_leaves_back(name):
    A = member(name)
    assert jax.tree.structure(A.T.T) == jax.tree.structure(A)
    for ours, theirs in zip(jax.tree.leaves(A.T.T), jax.tree.leaves(A), strict=True):
        equal(ours, theirs)


@every_member
def test_shapes_and_dtypes_change_places(name):
    A = member(name)
    assert (A.T.in_shape, A.T.out_shape, A.T.dtype) == (A.out_shape, A.in_shape, A.dtype)


@every_member
@pytest.mark.parametrize("n", range(len(BATCHES)), ids=map(str, BATCHES))
def test_leading_axes_are_a_batch(name, n):
    A, found = member(name), facts(name)
    assert found.batches[n].dtype == A.dtype
    equal(found.batches[n], product(found.matrix, found.x_batches[n], (*BATCHES[n], *A.out_shape)))


@every_member
def test_the_sparse_matrix_is_the_dense_one(name):
    sparse = member(name).to_scipy()
    equal(sparse.toarray(), facts(name).matrix)
    assert sparse.dtype == member(name).dtype


@every_member
def test_the_sparse_transpose_is_the_transposed_sparse_matrix(name):
    A = member(name)
    equal(A.T.to_scipy().toarray(), facts(name).matrix.T)
    assert A.T.nnz == A.nnz


@every_member
def test_entries_are_distinct_places_and_hold_every_non_zero(name):
    A, M = member(name), np.asarray(facts(name).matrix)
    rows, columns, values = A.entries()
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(places) == len(rows) == A.nnz
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(M)), strict=True)) <= places
    equal(values, M[rows, columns])


@every_member
def test_a_map_whose_arrays_are_traced_says_that_it_has_no_entries_yet(name):
    A = member(name)
    if jax.tree.leaves(A):
        with pytest.raises(TypeError, match=r"`A` is traced and has no numbers yet: list its entries outside of jax"):
            jax.jit(lambda A: A.to_scipy() and 0)(A)


@every_member
def test_nnz_is_structural(name):
    A = member(name)
    zeroed = jax.tree.map(lambda leaf: leaf * 0 if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, A)
    if not isinstance(A, maps.InverseDiagonal):  # whose zero is a division by it
        assert zeroed.nnz == A.nnz


@every_member
def test_nbytes_is_that_of_the_matrix(name):
    A, matrix = member(name), facts(name).matrix
    assert A.nbytes == matrix.nbytes
    assert A.dtype == matrix.dtype


@every_member
def test_a_map_goes_through_tree_map(name):
    A = member(name)
    assert jax.tree.structure(jax.tree.map(lambda leaf: leaf, A)) == jax.tree.structure(A)
    nothing = jax.tree.map(lambda leaf: None, A)  # shapes are never read off a leaf
    assert (nothing.in_shape, nothing.out_shape, nothing.dtype) == (A.in_shape, A.out_shape, A.dtype)


@every_member
def test_a_stack_of_maps_goes_through_vmap(name):
    found = facts(name)
    for i, results in enumerate(getattr(found, "apart", [])):
        for ours, expected in zip(found.together, results, strict=True):
            equal(ours[i], expected)


@every_member
def test_a_map_is_returned_from_jit(name):
    assert jax.tree.structure(facts(name).map) == jax.tree.structure(member(name).T)


@every_member
def test_a_map_is_its_own_conjugate_if_it_is_real(name):
    A = member(name)
    assert A.conj() is A
    assert jax.tree.structure(A.H) == jax.tree.structure(A.T)


@every_member
def test_a_map_says_its_shapes(name):
    A = member(name)
    assert type(A).__name__ in repr(A) or re.search(r" [@+⊗] |\.T$", repr(A))


@every_member
def test_every_non_zero_satisfies_the_relation_on_the_maps_axes(name):
    A = member(name)
    rows, columns, _ = A.entries()
    spatial = slice(-1 - len(A.axes), -1)
    outputs, inputs = np.unravel_index(rows, A.out_shape)[spatial], np.unravel_index(columns, A.in_shape)[spatial]
    for axis, o, i in zip(A.axes, outputs, inputs, strict=True) if A.axes else ():
        assert (axis.tap_of()[o, i] < axis.kernel_size).all()


@every_member
def test_a_map_slides_along_other_axes_or_says_why_not(name):
    A = member(name)
    if not A.axes or isinstance(A, OfImages):
        with pytest.raises(TypeError, match=r"slides no window|belongs to the windows"):
            A.with_axes(A.axes)
        return
    for mine, theirs in zip(A.with_axes(A.axes).entries(), A.entries(), strict=True):
        equal(mine, theirs)
    longer = tuple(replace(axis, in_size=axis.in_size + 1) for axis in A.axes)
    assert A.with_axes(longer).axes == longer
    assert A.with_axes(longer).shape[1] > A.shape[1]


@every_member
def test_a_map_survives_pickling(name):
    A = member(name)
    B = pickle.loads(pickle.dumps(A))
    assert jax.tree.structure(B) == jax.tree.structure(A)
    for ours, theirs in zip((*jax.tree.leaves(B), *B.entries()), (*jax.tree.leaves(A), *A.entries()), strict=True):
        equal(ours, theirs)
    assert (B == A) is (not jax.tree.leaves(A))  # arrays of its own make another map


@every_member
def test_maps_are_equal_where_their_structure_is_and_they_hold_the_same_arrays(name):
    A = member(name)
    same = jax.tree.unflatten(jax.tree.structure(A), jax.tree.leaves(A))
    assert (same == A, hash(same) == hash(A)) == (True, True)
    assert (doubled(A) == A) is (not any(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(A)))


@every_member
def test_integers_do_not_meet_a_floating_map_in_silence(name):
    A = member(name)
    with pytest.raises(TypeError, match=r"`x` is int32 and `A` is float32: .* for example x.astype\(float\)"):
        A(jnp.zeros(A.in_shape, jnp.int32))


@every_member
def test_a_list_that_would_not_fit_is_refused_before_it_is_made(name, monkeypatch):
    A, nnz = member(name), member(name).nnz
    monkeypatch.setattr(memory, "memory", lambda: 1)
    for cls in {type(A), *(type(part) for part in vars(A).values() if isinstance(part, LinearMap))} - {Compose, Sum}:
        monkeypatch.setattr(cls, "sparse", lambda self: pytest.fail("it was made"))
    if nnz:
        with pytest.raises(MemoryError, match=r"the list of non-zeros has [\d,]+ entries, .* ask for `nnz`"):
            A.entries()


@pytest.mark.parametrize("part", [maps.Conjugate, maps.RealPart, maps.ImaginaryPart])
def test_a_map_that_is_linear_over_the_real_numbers_only_has_no_matrix(part):
    A = part((2,), jnp.dtype("complex64"))
    for ask in (A.matrix, A.to_scipy, A.entries):
        with pytest.raises(TypeError, match=f"{part.__name__} is linear over the real numbers only"):
            ask()


@pytest.mark.parametrize("part", [maps.Conjugate, maps.RealPart, maps.ImaginaryPart])
def test_the_transpose_of_a_part_is_that_of_the_real_pairing(part):
    A = part((2,), jnp.dtype("complex64"))
    x, y = jnp.array([1 + 2j, -3j]), jnp.array([2 - 1j, 4 + 1j]) if part is maps.Conjugate else jnp.array([2.0, -1.0])
    assert jnp.sum(y * A(x)).real == jnp.sum(A.T(y) * x).real


@pytest.mark.parametrize("name", MEMBERS)
def test_entries_under_jit_are_listed_or_refused_in_our_words(name: str) -> None:
    A, found = MEMBERS[name](), []
    try:
        jax.jit(lambda A: [found.append(A.sparse()), 0][1])(A)
    except TypeError as error:
        assert str(error).startswith("`A` is traced and has no numbers yet: list its entries outside of jax.jit")
        assert jax.tree.leaves(A)
    else:
        assert len(found[0]) == 3


@pytest.mark.parametrize("name", ["AveragePool", "Broadcast"])
def test_entries_of_a_map_without_arrays_are_listed_under_jit(name: str) -> None:
    A, found = MEMBERS[name](), []
    jax.jit(lambda x: [found.extend(A.entries()), x][1])(0.0)
    for ours, theirs in zip(found, A.entries(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
