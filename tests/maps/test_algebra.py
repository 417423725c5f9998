"""Products, sums and multiples of maps are those of their matrices."""

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis, conv_map, lift, maps
from minicnn.functional.pooling import avg_pool_map
from minicnn.maps import Compose, Dense, Sum, add, compose
from tests.equations import equations
from tests.maps.members import F32, convolution, integers, matrix

A: Any = matrix(2, 3)
B: Any = matrix(3, 4)
C: Any = matrix(4, 2)
M, N = np.asarray(A.M), np.asarray(B.M)


def test_matmul_is_the_matrix_product():
    np.testing.assert_array_equal((A @ B).matrix(), M @ N)


WIDE = {
    "a dense layer": lambda: maps.Contraction(jnp.ones((512, 2)), ("i", "io", "o"), (512,), (2,), None, F32),
    "an average": lambda: avg_pool_map((512, 2), (512,)),
    "a flattened image": lambda: matrix(2, 512) @ maps.Reshape((16, 32), (512,), F32),
    "channels last": lambda: matrix(2, 512) @ maps.Reshape((32, 16), (512,), F32) @ maps.Permute((1, 0), (16, 32), F32),
}


@pytest.mark.parametrize("made", WIDE.values(), ids=WIDE)
def test_a_wide_matrix_takes_no_more_memory_on_the_way_than_it_has(made):
    A = made()
    computed = [y.aval.size for equation in equations(jax.make_jaxpr(A.matrix)().jaxpr) for y in equation.outvars]
    assert max(computed) <= 3 * math.prod(A.shape)
    np.testing.assert_array_equal(A.matrix(), A.T.matrix().T)


def _parts_of_spectra() -> dict[str, tuple[maps.LinearMap, Any]]:
    """Maps with real or conjugate parts, as few rows as columns or fewer, and the dtype of what they take."""
    C64 = jnp.dtype("complex64")
    cut = compose(maps.Slice((1,), (4,), (1,), (8,), C64), maps.Fourier(1, False, (8,), C64))
    whole = maps.RealPart((8,), F32).T
    imaginary = maps.ImaginaryPart((3,), F32)
    return {
        "real part": (compose(maps.RealPart((3,), F32), cut), C64),
        "imaginary part": (compose(imaginary, cut), C64),
        "conjugate": (compose(maps.Conjugate((3,), C64), cut), C64),
        "of real numbers": (compose(cut, whole), F32),
        "between real numbers": (compose(imaginary, cut, whole), F32),
        "real part of a program": (lift(lambda x: jnp.real(jnp.fft.fft(x)[:3]), jnp.ones(8, C64)).as_map(), C64),
        "half a spectrum": (lift(lambda x: jnp.fft.rfft(x)[:3], jnp.ones(8)).as_map(), F32),
    }


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", _parts_of_spectra())
@pytest.mark.parametrize("transposed", [False, True])
def test_the_matrix_with_real_parts_has_the_dtype_and_the_products_of_the_map(name: str, transposed: bool):
    A, takes = _parts_of_spectra()[name]
    if transposed:
        A, takes = A.T, A(jnp.zeros(A.in_shape, takes)).dtype
    columns = jax.vmap(A)(jnp.eye(A.shape[1], dtype=takes))
    assert A.dtype == A.dense().dtype == columns.dtype
    np.testing.assert_allclose(A.matrix(), columns.T, rtol=1e-6, atol=1e-6)


def test_add_is_the_matrix_sum():
    np.testing.assert_array_equal((A + A).matrix(), M + M)


def test_a_multiple_is_every_entry_multiplied():
    for c in (3, 3.0, np.float32(3), jnp.array(3.0)):
        np.testing.assert_array_equal((c * A).matrix(), 3 * M)
        assert (c * A).dtype == A.dtype


def test_a_complex_multiple_is_complex():
    np.testing.assert_array_equal((1j * A).matrix(), 1j * M)
    assert (1j * A).dtype == jnp.complex64


def test_negation_and_difference():
    np.testing.assert_array_equal((-A).matrix(), -M)
    np.testing.assert_array_equal((A - 2 * A).matrix(), -M)


def test_the_transpose_of_a_product_is_the_product_of_the_transposes_reversed():
    product = (A @ B @ C).T
    assert [factor.shape for factor in product.factors] == [C.T.shape, B.T.shape, A.T.shape]
    np.testing.assert_array_equal(product.matrix(), (M @ N @ np.asarray(C.M)).T)


def test_the_transpose_of_a_sum_is_the_sum_of_the_transposes():
    np.testing.assert_array_equal((A + A).T.matrix(), (M + M).T)


def test_products_and_sums_are_flat():
    products: list[Any] = [(A @ B) @ C, A @ (B @ C), compose(A, B, C), 2 * (A @ B)]
    assert [len(m.factors) for m in products] == [3, 3, 3, 3]
    sums: list[Any] = [(A + A) + A, A + (A + A), add(A, A, A)]
    assert [len(m.terms) for m in sums] == [3, 3, 3]


def test_one_map_is_its_own_product_and_sum():
    assert compose(A) is A
    assert add(A) is A


def test_a_deep_product_stays_a_shallow_tree():
    square = maps.identity((2,), F32)
    product = compose(*[square] * 3000)
    assert isinstance(product, Compose)
    assert jax.tree.structure(product.T) == jax.tree.structure(product)
    total = square
    for _ in range(2000):
        total = total + square
    assert isinstance(total, Sum)
    assert len(jax.tree.leaves(total)) == 0


def test_the_hermitian_transpose_conjugates():
    w = (integers(3, 1, 2) + 1j * integers(1, 3, 2).reshape(3, 1, 2)).astype(jnp.complex64)
    Z: Any = conv_map(w, (5,), stride=2)
    windows = maps.Unfold((Axis.of(5, 2),), 1, Z.dtype)
    for K in (Z, 1j * Z, Z + Z, windows.T @ windows):
        H, matrix = jax.jit(lambda K: (K.H.matrix(), K.matrix()))(K)
        np.testing.assert_array_equal(H, np.conj(matrix.T))
        assert jax.tree.structure(K.H.H) == jax.tree.structure(K)


def test_cancelled_entries_stay_structural():
    zero = A - A
    assert zero.nnz == A.nnz
    np.testing.assert_array_equal(zero.matrix(), 0)
    rows, _, values = zero.entries()
    assert len(rows) == A.nnz
    assert not values.any()


def test_cancelled_paths_of_a_product_stay_structural():
    row, column = Dense(jnp.array([[1.0, -1.0]]), (2,), (1,), F32), Dense(jnp.ones((2, 1)), (1,), (2,), F32)
    assert (row @ column).nnz == 1
    assert (row @ column).to_scipy().toarray() == [[0.0]]


def _without_entries() -> dict[str, Any]:
    """Products and sums that no entry is in, with and without rows and columns."""
    first, last = (maps.Slice((place,), (place + 1,), (1,), (3,), F32) for place in (0, 2))
    return {
        "a product on no path": first @ last.T,
        "a product through nothing": matrix(2, 0) @ matrix(0, 3),
        "a product without rows": matrix(0, 3) @ matrix(3, 2),
        "a sum without columns": matrix(2, 0) + matrix(2, 0),
        "a sum of nothing": first @ last.T + last @ first.T,
        "a program on no path": lift(lambda x: jnp.zeros(2), jnp.ones(3)).as_map(),
    }


@pytest.mark.parametrize("name", _without_entries())
def test_a_list_of_no_entries_holds_none(name: str):
    A = _without_entries()[name]
    assert [part.shape for part in A.entries()] == [(0,)] * 3 and A.nnz == 0
    assert A.entries()[2].dtype == A.dtype
    np.testing.assert_array_equal(A.matrix(), np.zeros(A.shape))
    assert isinstance(A._repr_html_(), str)


def test_the_structure_of_a_product_is_sparse():
    K = convolution()
    gram = K.T @ K
    np.testing.assert_array_equal(gram.to_scipy().toarray(), K.matrix().T @ K.matrix())
    assert gram.nnz == np.count_nonzero(abs(np.asarray(K.matrix()).T) @ abs(np.asarray(K.matrix())))


def test_maps_multiply_in_numpys_presence():
    np.testing.assert_array_equal((np.float64(2) * A).matrix(), 2 * M)


def test_a_product_is_differentiable_in_its_leaves():
    def loss(A, x):
        return ((2 * (A @ A.T) + A @ A.T)(x) ** 2).sum() / 2

    x = integers(2)
    gradient = jax.grad(loss)(A, x)
    G = 3 * M @ M.T
    expected = 3 * (np.outer(G @ x, x) + np.outer(x, G @ x)) @ M
    np.testing.assert_array_equal(gradient.M, expected)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: A @ A, r"no product: the left map's in_shape is \(3,\) and the right map's out_shape \(2,\)"),
        (lambda: A + B, r"no sum: the left map's in_shape is \(3,\) and the right map's in_shape \(4,\)"),
        (lambda: A + matrix(4, 3), r"no sum: the left map's out_shape is \(2,\) and the right map's out_shape \(4,\)"),
        (lambda: jnp.ones(2) * A, r"`scale` has shape \(2,\): only a number multiplies a map; compose with Diagonal"),
        (lambda: A(jnp.ones((3, 2))), r"`x` has shape \(3, 2\): the last axes must be \(3,\), the map's in_shape"),
        (lambda: A(jnp.ones(())), r"`x` has shape \(\): the last axes must be \(3,\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_map_and_an_array_do_not_mix():
    with pytest.raises(TypeError):
        _ = A @ jnp.ones((3, 3))
    with pytest.raises(TypeError):
        _ = A + 1


def test_what_only_moves_and_scales_entries_keeps_their_number():
    K = conv_map(jnp.ones((3, 3, 256, 256)), (1000, 1000))
    scaled = 2 * (maps.Reshape(K.out_shape, (K.shape[0],), F32) @ K)
    assert scaled.nnz == scaled.T.nnz == K.nnz  # far too many to list
    small: Any = 2 * convolution()
    assert small.nnz == len(small.sparse()[0])
    assert (2 * maps.identity((3,), F32)).nnz == 3


def test_floats_are_promoted_and_integers_refused():
    assert A(jnp.ones(3, jnp.float16)).dtype == jnp.float32
    assert A(jnp.ones(3, jnp.complex64)).dtype == jnp.complex64
    whole = Dense(jnp.ones((2, 3), jnp.int32), (3,), (2,), jnp.dtype("int32"))
    np.testing.assert_array_equal(whole(jnp.ones(3, jnp.int8)), [3, 3])
    with pytest.raises(TypeError, match=r"`x` is float32 and `A` is int32: .* for example x.astype\(int\)"):
        whole(jnp.ones(3))
    with pytest.raises(TypeError, match=r"`x` is bool and `A` is float32: .* for example x.astype\(float\)"):
        A(jnp.ones(3, bool))


@pytest.mark.parametrize(
    "operation", [operator.matmul, operator.add, operator.sub], ids=["product", "sum", "difference"]
)
def test_integers_and_floats_do_not_meet_in_silence(operation: Any) -> None:
    P, Q = (conv_map(jnp.ones((3, 1, 1), dtype), (4,), padding=1) for dtype in (int, float))
    for left, right in ((P, Q), (Q, P)):
        with pytest.raises(TypeError, match="make both of one kind"):
            operation(left, right)
    assert operation(P, P).dtype == P.dtype


def test_the_identity_on_a_traced_size_is_refused():
    with pytest.raises(TypeError, match="`shape` is traced and has no numbers yet"):
        jax.jit(lambda n: maps.identity((n,), F32).matrix())(3)
