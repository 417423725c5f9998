"""A program as one matrix: its sparsity, its shorter form, its map, its layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import maps, ops
from minicnn.autodiff import Program, make_program
from minicnn.autodiff.program_map import ProgramMap

equal = np.testing.assert_array_equal
W = jnp.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])


def network(x):
    """Two paths that meet, with reshapes, diagonals and a dead relu between."""
    y = ops.reshape(minicnn.conv(ops.reshape(x, (4, 1)), jnp.array([1.0, -2.0, 1.0]).reshape(3, 1, 1)), (2,))
    return ops.relu(2 * (3 * y)) + x[:2] * y


X = jnp.array([1.0, 2.0, 4.0, 1.0])
P = make_program(network, X)


def test_the_sparse_matrix_is_the_matrix():
    equal(P.to_scipy().toarray(), P.matrix())
    equal(P.T.to_scipy().toarray(), P.T.matrix())


def test_structural_non_zeros_are_what_paths_reach():
    assert P.nnz == P.T.nnz == 6


def test_at_a_point_dead_entries_end_paths():
    relu = make_program(ops.relu, jnp.array([1.0, -1.0, 2.0]))
    assert (relu.nnz, relu.nnz_at_point) == (3, 2)


def test_no_path_makes_no_non_zero():
    assert make_program(lambda x: jnp.ones(3), X).nnz == 0


def test_many_paths_count_once():
    doubled = lambda x, times: x if not times else doubled(x + x[::-1], times - 1)
    assert make_program(lambda x: doubled(x, 70), jnp.ones(2)).nnz == 4  # of 2⁷⁰ paths


def test_the_shorter_program_has_the_same_matrix():
    S = P.simplify()
    equal(S.matrix(), P.matrix())
    equal(S.T.matrix(), P.matrix().T)
    assert len(S.arrows) < len(P.arrows)


def test_it_holds_no_two_neighbours_that_make_one():
    S = make_program(
        lambda x: ops.reshape(ops.reshape(2 * ops.tanh(ops.reshape(x, (2, 2))), (4,)), (1, 4)), X
    ).simplify()
    assert [type(arrow.map) for arrow in S.arrows] == [maps.Diagonal, maps.Reshape]
    assert S.arrows[0].label == "diag(1 − v₂²)"


def test_permutations_are_multiplied():
    f = lambda x: ops.transpose(ops.transpose(x, (1, 2, 0)), (1, 0, 2))
    program = make_program(f, jnp.ones((2, 3, 4)))
    S = program.simplify()
    assert [type(arrow.map) for arrow in S.arrows] == [maps.Permute]
    equal(S.matrix(), program.matrix())


def test_sums_that_keep_an_axis_of_one_lose_it():
    S = make_program(lambda x: x - ops.sum(x, 0, keepdims=True), jnp.ones((3, 2))).simplify()
    assert not any(isinstance(arrow.map, maps.Reshape) and arrow.label for arrow in S.arrows)
    equal(S.matrix(), np.kron(np.eye(3) - 1, np.eye(2)))


def test_parallel_diagonals_are_added():
    S = make_program(lambda x: x + x * x, X).simplify()
    assert len(S.arrows) == 1
    equal(S.matrix(), np.diag(1 + 2 * X))


def test_a_mask_keeps_what_it_drops_out_of_a_product():
    S = make_program(lambda x: ops.relu(x) * jnp.array([jnp.inf, 1.0]), jnp.array([-1.0, 1.0])).simplify()
    equal(S.matrix(), [[0, 0], [0, 1]])


def test_a_chain_is_the_product_of_its_maps():
    A = make_program(lambda x: ops.tanh(W @ x), jnp.ones(3)).as_map()
    assert isinstance(A, maps.Compose)
    assert [type(factor) for factor in A.factors] == [maps.Diagonal, maps.Contraction]


def test_any_other_program_is_a_map_as_well():
    A = P.as_map()
    assert isinstance(A, ProgramMap)
    assert (A.in_shape, A.out_shape, A.nnz) == ((4,), (2,), 6)
    equal(A.matrix(), P.matrix())
    equal(A.T.matrix(), P.matrix().T)
    equal((A.T @ A).matrix(), P.matrix().T @ P.matrix())
    equal(A.to_scipy().toarray(), P.matrix())
    equal(A(jnp.stack([X, 2 * X])), jnp.stack([P(X), 2 * P(X)]))


def test_several_inputs_and_outputs_make_one_vector():
    both = make_program(lambda x, w: (w @ x, x), jnp.ones(3), W)
    A = both.as_map()
    assert (A.in_shape, A.out_shape) == ((9,), (5,))
    equal(A.matrix(), both.matrix())
    equal(A.T(A(jnp.arange(9.0))), both.matrix().T @ (both.matrix() @ jnp.arange(9.0)))


def test_layers_are_found_by_name():
    f = lambda p, x: p["b"]["w"] @ ops.tanh(p["a"]["w"] @ x)
    program = make_program(f, {"a": {"w": W}, "b": {"w": W.T}}, jnp.ones(3))
    assert [row.name for row in program.table().rows] == ["p.a.w", "p.b.w"]
    equal(program["p.b.w"].matrix(), W.T)
    equal(program.T["p.b.w"].matrix(), W)
    with pytest.raises(KeyError, match=r"no layer is called 'c': p\.a\.w, p\.b\.w"):
        program["c"]


def test_a_notebook_shows_the_program_beside_its_transpose():
    html = P._repr_html_()
    assert "P(ẋ) → " in html
    assert "Pᵀ(" in html


def test_programs_go_through_jit():
    found = jax.jit(lambda x: make_program(network, x).simplify())(X)
    assert isinstance(found, Program)
    np.testing.assert_allclose(found.matrix(), P.matrix())
