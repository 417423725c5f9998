"""C(w) and X(x) as matrices: their entries, their symbols, their non-zeros."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from minicnn import conv_map, conv_matrix, patch_map
from minicnn.maps import ConvMap
from tests.strategies import CORNERS, Case, cases, seeds

# The 4×4 image and 3×3 kernel of every textbook: row o of C holds w where the window of output o lies.
TEXTBOOK = """
w₀₀ w₀₁ w₀₂   0 w₁₀ w₁₁ w₁₂   0 w₂₀ w₂₁ w₂₂   0   0   0   0   0
  0 w₀₀ w₀₁ w₀₂   0 w₁₀ w₁₁ w₁₂   0 w₂₀ w₂₁ w₂₂   0   0   0   0
  0   0   0   0 w₀₀ w₀₁ w₀₂   0 w₁₀ w₁₁ w₁₂   0 w₂₀ w₂₁ w₂₂   0
  0   0   0   0   0 w₀₀ w₀₁ w₀₂   0 w₁₀ w₁₁ w₁₂   0 w₂₀ w₂₁ w₂₂
"""


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def textbook() -> Any:
    return conv_map(jnp.arange(1.0, 10.0).reshape(3, 3, 1, 1), (4, 4))


def test_the_textbook_matrix_is_written_in_taps():
    assert textbook().symbols().tolist() == [line.split() for line in TEXTBOOK.strip().splitlines()]


def test_the_textbook_matrix_prints():
    assert textbook().symbolic() == TEXTBOOK.strip("\n")


def test_the_textbook_matrix_holds_the_taps_it_names():
    value = {"0": 0.0} | {f"w{'₀₁₂'[r]}{'₀₁₂'[c]}": 1.0 + 3 * r + c for r in range(3) for c in range(3)}
    expected = [[value[entry] for entry in line.split()] for line in TEXTBOOK.strip().splitlines()]
    np.testing.assert_array_equal(textbook().matrix(), expected)
    assert textbook().shape == (4, 16)
    assert textbook().nnz == 36


def test_symbols_name_the_channels_where_there_are_several():
    A: Any = conv_map(jnp.ones((2, 1, 2)), (3,))
    assert A.symbols().tolist() == [
        ["w₀₀₀", "w₁₀₀", "0"],
        ["w₀₀₁", "w₁₀₁", "0"],
        ["0", "w₀₀₀", "w₁₀₀"],
        ["0", "w₀₀₁", "w₁₀₁"],
    ]


def test_symbols_keep_large_indices_apart():
    A: Any = conv_map(jnp.ones((11, 1, 1)), (11,))
    assert A.symbols()[0, 9:].tolist() == ["w₉", "w₁₀"]
    B: Any = conv_map(jnp.ones((11, 2, 1, 1)), (11, 2))
    assert B.symbols()[0, [3, 21]].tolist() == ["w₁₁", "w₁₀,₁"]


@given(cases(ranks=(1, 2)), seeds)
def test_symbols_are_the_taps_of_the_matrix(case, seed):
    w = np.arange(1, 1 + np.prod(case.w_shape), dtype=np.float32).reshape(case.w_shape)
    A: Any = conv_map(w, case.in_size, **case.options)
    symbols, M = A.symbols(), case.matrix(w)
    np.testing.assert_array_equal(symbols == "0", M == 0)
    for tap in np.unique(M[M != 0]):
        assert len(np.unique(symbols[tap == M])) == 1
    assert len(np.unique(symbols[symbols != "0"])) == len(np.unique(M[M != 0]))


def check_matrix(case: Case, seed: int) -> None:
    _, w, _ = case.data(seed)
    A, C = jax.jit(lambda w: (conv_map(w, case.in_size, **case.options), conv_matrix(w, case.in_size, **case.options)))(
        w
    )
    np.testing.assert_array_equal(C, case.matrix(w))
    np.testing.assert_array_equal(A.to_scipy().toarray(), C)
    assert A.nnz == np.count_nonzero(case.matrix(np.ones_like(w)))


@given(cases(), seeds)
def test_the_matrix_is_brute_forces_matrix(case, seed):
    check_matrix(case, seed)


@pytest.mark.parametrize("case", CORNERS.values(), ids=CORNERS)
def test_the_matrix_is_brute_forces_matrix_in_the_corners(case):
    check_matrix(case, 0)


@given(cases(ranks=(1, 2)), seeds)
def test_the_patch_matrix_is_brute_forces_matrix(case, seed):
    x, _, _ = case.data(seed)
    X = jax.jit(lambda x: patch_map(x, case.w_shape, **case.options))(x)
    M = jax.jit(lambda X: X.matrix())(X)
    np.testing.assert_array_equal(M, case.patches(x))
    np.testing.assert_array_equal(X.to_scipy().toarray(), M)
    assert X.nnz == np.count_nonzero(case.patches(np.ones_like(x)))


@given(cases(), seeds)
def test_the_matrix_is_differentiable_in_w(case, seed):
    """Its derivative is the matrix of w_dot, and the cotangent of w sums the entries of each tap."""
    _, w, _ = case.data(seed)
    rng = np.random.default_rng(seed)
    w_dot = rng.integers(-4, 5, w.shape).astype(np.float32)
    C = case.matrix(w)
    C_bar = rng.integers(-4, 5, C.shape).astype(np.float32)

    def derivatives(w, w_dot, C_bar):
        _, C_dot = jax.jvp(lambda w: conv_matrix(w, case.in_size, **case.options), (w,), (w_dot,))
        _, vjp = jax.vjp(lambda w: conv_matrix(w, case.in_size, **case.options), w)
        return C_dot, vjp(C_bar)[0]

    C_dot, w_bar = jax.jit(derivatives)(w, w_dot, C_bar)
    np.testing.assert_array_equal(C_dot, case.matrix(w_dot))
    one_hots = np.eye(w.size, dtype=np.float32).reshape(-1, *w.shape)
    expected = [np.vdot(case.matrix(one), C_bar) for one in one_hots]
    np.testing.assert_array_equal(np.ravel(w_bar), expected)


@given(cases(ranks=(1, 2)), seeds)
def test_a_nan_tap_is_in_its_own_entries_only(case, seed):
    _, w, _ = case.data(seed)
    place = np.unravel_index(seed % w.size, w.shape)
    w[place] = np.nan
    marked = np.zeros_like(w)
    marked[place] = 1
    C = jax.jit(lambda w: conv_matrix(w, case.in_size, **case.options))(w)
    np.testing.assert_array_equal(np.isnan(C), case.matrix(marked) == 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_extreme_tap_is_in_its_own_entries_only(value):
    w = ones(3, 3, 1, 1)
    w[1, 2] = value
    A: Any = conv_map(w, (4, 4))
    M = np.asarray(A.matrix())
    np.testing.assert_array_equal(M[A.symbols() == "w₁₂"], [value] * 4)
    assert np.isfinite(M[A.symbols() != "w₁₂"]).all()


def test_an_extreme_pixel_is_in_its_own_entries_of_x_only():
    x = ones(4, 4, 1)
    x[0, 0] = np.nan
    assert np.isnan(patch_map(x, (3, 3, 1, 2)).matrix()).sum() == 2


def test_entries_are_copies_to_the_last_bit():
    w: Any = np.random.default_rng(0).normal(size=(3, 3, 2, 2)).astype(np.float32)
    w[0, 0, 0, 0] = -0.0
    C = np.asarray(conv_matrix(w, (4, 4)))
    assert set(C.ravel().tolist()) == set(w.ravel().tolist())
    assert np.signbit(C[0, 0])


def test_the_matrix_is_not_baked_into_the_program():
    program = jax.make_jaxpr(lambda w: conv_matrix(w, (40, 40)))(ones(3, 3, 1, 1))
    assert max((np.size(const) for const in program.consts), default=0) <= 1


@pytest.mark.parametrize(
    ("w_shape", "in_size", "nnz", "shape"),
    [
        ((5, 5, 1, 6), (32, 32), 117_600, (4704, 1024)),
        ((5, 5, 6, 16), (14, 14), 240_000, (1600, 1176)),
        ((5, 5, 16, 120), (5, 5), 48_000, (120, 400)),
    ],
    ids=["C1", "C3", "C5"],
)
def test_lenets_matrices_have_their_published_sizes(w_shape, in_size, nnz, shape):
    A = conv_map(ones(*w_shape), in_size)
    assert (A.nnz, A.shape, A.nbytes) == (nnz, shape, 4 * shape[0] * shape[1])


def test_the_golden_matrix_of_dumoulin_and_visins_numerical_example():
    x = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], np.float32)
    w = jnp.array([[0.0, 1.0, 2.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0]]).reshape(3, 3, 1, 1)
    valid = conv_matrix(w, (5, 5)) @ x.ravel()
    strided = conv_matrix(w, (5, 5), stride=2, padding=1) @ x.ravel()
    np.testing.assert_array_equal(valid.reshape(3, 3), [[12, 12, 17], [10, 17, 19], [9, 6, 14]])
    np.testing.assert_array_equal(strided.reshape(3, 3), [[6, 17, 3], [8, 17, 13], [6, 4, 4]])


def test_a_matrix_under_vmap_is_one_per_kernel():
    w = np.random.default_rng(0).integers(-4, 5, (3, 2, 2, 1)).astype(np.float32)
    stack = jax.vmap(lambda w: conv_matrix(w, (4,)))(w)
    np.testing.assert_array_equal(stack, [Case((4,), (2,), channels=(2, 1)).matrix(one) for one in w])


def test_a_map_keeps_its_family_under_transposition():
    A: Any = conv_map(ones(3, 2, 4), (8,), stride=2, groups=2)
    assert isinstance(A.T, ConvMap)
    assert A.T.geometry == A.geometry.T
    assert repr(A) == "ConvMap((8, 4) → (3, 4), 12×32 float32)"
    assert repr(A.T) == "ConvMap((3, 4) → (8, 4), 32×12 float32)"


def test_the_dtype_of_a_map_is_that_of_its_matrix_and_its_products():
    w, x = jnp.full((3, 1, 1), 100, jnp.int8), jnp.ones((5, 1), jnp.int8)
    A = conv_map(w, (5,), preferred_element_type=jnp.int32)
    assert A.dtype == A.matrix().dtype == A.T.matrix().dtype == A.to_scipy().dtype == A(x).dtype == jnp.int32
    assert A.nbytes == A.matrix().nbytes
    np.testing.assert_array_equal(A(x).ravel(), 300)


def test_an_empty_side_has_an_empty_matrix():
    A = conv_map(ones(2, 1, 3), (0,), padding=((2, 1),))
    assert (A.shape, A.nnz) == ((6, 0), 0)
    assert A.matrix().shape == A.to_scipy().shape == (6, 0)
    assert A.T.matrix().shape == (0, 6)
    assert A.T(ones(2, 3)).shape == (0, 1)


def test_the_non_zeros_of_a_layer_too_large_to_list_are_counted():
    A = conv_map(jnp.zeros((7, 7, 3, 64)), (224, 224), stride=2, padding=((3, 2), (3, 2)))
    assert (A.shape, A.nnz) == ((802_816, 150_528), 116_214_528)  # as published for ResNet-18's first layer
    assert conv_map(jnp.zeros((3, 3, 512, 512)), (1000, 1000), padding="SAME").nnz == (3 * 1000 - 2) ** 2 * 512**2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda A: A.entries(), "the list of non-zeros has 57,592,320,256 entries"),
        (lambda A: A.T.entries(), "the list of non-zeros has 57,592,320,256 entries"),
        (lambda A: A.to_scipy(), "the list of non-zeros has 57,592,320,256 entries"),
        (lambda A: A.symbols(), "the table of names has 800000000×800000000 entries"),
        (lambda A: A.symbolic(), "the table of names has 800000000×800000000 entries"),
        (lambda A: A.matrix(), "the dense matrix is 800000000×800000000 float32"),
        (lambda A: (A.T @ A).nnz, "the list of non-zeros has"),
        (lambda A: (A + A).entries(), "the list of non-zeros has"),
    ],
)
def test_what_would_not_fit_is_refused_by_its_size_alone(ask, message):
    A = conv_map(jnp.zeros((3, 3, 8, 8)), (10_000, 10_000), padding="SAME")
    with pytest.raises(MemoryError, match=message):
        ask(A)
