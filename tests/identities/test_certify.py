"""A certificate holds for a right function, fails for a wrong one, and says so where it cannot know."""

import io
import json
from dataclasses import FrozenInstanceError

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import minicnn
from minicnn import certify, conv, conv_map, ops
from minicnn.functional.pooling import max_pool_map_at
from minicnn.identities import CertificateError, magnitudes, materialise
from minicnn.identities.claim import Claim
from minicnn.identities.function import Function
from minicnn.identities.proofs import PROOFS
from tests.processors import on_a_cpu

M = np.random.default_rng(0).integers(1, 5, (4, 6)).astype(np.float32)
X = jnp.arange(6.0).reshape(2, 3)
W = jnp.arange(1.0, 5.0).reshape(2, 2, 1, 1)
IMAGE = jnp.zeros((3, 3, 1))


def product(x):
    return jnp.asarray(M) @ x.ravel()


def found(certificate):
    return {comparison.identity: comparison.ok for comparison in certificate.comparisons}


def test_a_convolution_is_certified_in_every_way():
    certificate = certify(lambda x: conv(x, W), IMAGE, matrix=conv_map(W, (3, 3)))
    assert certificate.ok, certificate
    assert not certificate.skipped
    assert list(found(certificate)) == [
        "f(0) = 0", "f(x) = C·x", "one-hot inputs = C", "jvp = C", "vjp = Cᵀ", "linear_transpose = Cᵀ",
        "autodiff = C", "autodiff transposed = Cᵀ",
    ]  # fmt: skip
    assert all(comparison.exact for comparison in certificate.comparisons)
    certificate.raise_if_failed()


def test_every_single_wrong_entry_of_the_claimed_matrix_is_caught():
    C = np.asarray(conv_map(W, (3, 3)).matrix())
    subject = lambda claim: certify(lambda x: jnp.asarray(C) @ x.ravel(), IMAGE, matrix=claim, ways=["one-hot inputs"])
    for place in [(0, 0), (3, 8), (1, 7)]:
        wrong = C.copy()
        wrong[place] = np.nextafter(wrong[place], 9, dtype=np.float32)
        (comparison,) = subject(wrong).comparisons[-1:]
        assert comparison.differing == 1
        row, column = place
        assert str(comparison.worst).startswith(f"output entry {row}, input pixel {divmod(column, 3)} channel 0")


def test_every_single_wrong_entry_of_a_gradient_is_caught():
    C = jnp.asarray(M[:3, :4])

    def corrupted(place):
        @jax.custom_vjp
        def f(x):
            return C @ x

        wrong = C.at[place].multiply(1 + 2.0**-23)  # one unit in the last place
        f.defvjp(lambda x: (C @ x, None), lambda _, y_bar: (wrong.T @ y_bar,))
        return f

    for place in np.ndindex(*C.shape):
        certificate = certify(corrupted(place), jnp.zeros(4), ways=["one-hot inputs", "vjp"])
        (wrong,) = [comparison for comparison in certificate.comparisons if not comparison.ok]
        assert (wrong.identity, wrong.differing) == ("vjp = Cᵀ", 1)
        assert str(wrong.worst).startswith(f"output entry {place[0]}, input entry {place[1]}:")


def test_floating_weights_are_held_to_the_rounding_bound():
    A, B = (jax.random.normal(jax.random.key(n), (20, 20)) for n in range(2))
    right = certify(lambda x: A @ (B @ x), jnp.zeros(20), ways=["linear_transpose"])
    assert right.ok, right
    claim = np.asarray(A, np.float64) @ np.asarray(B, np.float64)
    within = certify(lambda x: A @ (B @ x), jnp.zeros(20), matrix=claim, ways=["vjp"]).comparisons[-1]
    assert not within.exact
    assert 0 < within.error < (within.bound or 0) < 1e-4
    claim[3, 4] += 1e-4
    assert not certify(lambda x: A @ (B @ x), jnp.zeros(20), matrix=claim, ways=["vjp"]).ok


def real(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


# Kernels are constants: drawn in the function, they would be rounded in each program as the loops that XLA joins there.
KERNELS = {groups: real(3, 3, 4 // groups, 4) for groups in (1, 2)}
# Of each form and of each way to reduce windows: those that few channels and several sizes take.
LINEAR = {
    **{
        f"{form} {options}": lambda x, form=form, options=options: conv(
            x, KERNELS[options.get("groups", 1)], form=form, **options
        )
        for form in ("auto", "tiles", "winograd", "diagonals", "dense", "fourier")
        for options in ({}, {"stride": 2}, {"groups": 2}, {"dilation": 2, "padding": "SAME"})
    },
    "conv_transpose": lambda x: minicnn.conv_transpose(x, KERNELS[1], stride=2),
    **{
        f"avg_pool {window}, {stride}": lambda x, window=window, stride=stride: minicnn.avg_pool(
            x, (window, window), stride=stride
        )
        for window in (2, 3, 5)
        for stride in (1, window)
    },
    "adaptive_avg_pool": lambda x: minicnn.adaptive_avg_pool(x, (3, 4)),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("f", LINEAR.values(), ids=LINEAR)
def test_every_form_has_a_rounding_bound_that_it_keeps(f):
    certificate = certify(f, real(7, 7, 4, seed=1), exact=False, ways=["vjp"])
    assert certificate.ok, certificate


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("form", ["tiles", "diagonals", "dense"])
def test_sums_of_short_floats_have_a_bound_that_a_fault_breaks(form, dtype):
    w, x = real(3, 3, 32, 4).astype(dtype), real(6, 6, 32, seed=1).astype(dtype)
    assert (right := certify(lambda x: conv(x, w, form=form), x, exact=False, ways=["vjp"])).ok, right
    A = minicnn.conv_map(w.at[1, 1].multiply(1.25), (6, 6))
    assert not certify(lambda x: conv(x, w, form=form), x, matrix=A, exact=False, ways=["vjp"]).ok


def test_where_no_way_back_is_known_a_number_read_often_is_a_sum_of_as_many():
    x = jnp.zeros(4, jnp.bfloat16)
    sums = magnitudes.sums_of(Function(lambda x: x[jnp.zeros(300, int)], (x,)))
    assert sum(sums.additions.values()) < 20
    assert sums.either_way.additions[x.dtype] >= 300


def test_pytrees_and_integer_leaves():
    def f(tree):
        return {"out": tree["a"][tree["index"]] + 2 * tree["b"][0].sum()}

    tree = {"a": jnp.ones(3), "b": (jnp.ones((2, 2)),), "index": jnp.array([2, 0])}
    certificate = certify(f, tree)
    assert certificate.ok, certificate
    assert certificate.shape == (2, 7)
    assert set(certificate.skipped) == set()


def test_a_convolution_in_both_arguments_is_bilinear():
    certificate = certify(conv, IMAGE, W, ways=["one-hot inputs", "vjp"])
    assert (certificate.kind, certificate.ok) == ("bilinear", True), certificate
    assert {"in x: vjp = Cᵀ", "in w: vjp = Cᵀ", "∂x∂w f · ẇ = C(ẇ), reverse"} <= set(found(certificate))


def test_the_faces_of_a_bilinear_function_can_be_claimed():
    pair = (M.reshape(4, 6), np.eye(4, dtype=np.float32))
    certificate = certify(
        lambda x, s: jnp.asarray(M) @ x * s, jnp.ones(6), jnp.ones(4), matrix=pair, kind="bilinear", exact=False
    )
    assert not certificate.ok
    assert found(certificate)["in x: vjp = Cᵀ"]
    assert not found(certificate)["in w: vjp = Cᵀ"]


def test_a_scalar_function_has_a_symmetric_hessian():
    certificate = certify(lambda x: ops.sum(ops.mul(x, x)), X)
    assert (certificate.kind, certificate.ok) == ("function", True), certificate
    assert {"vjp = Cᵀ", "autodiff = C", "Hessian = Hessianᵀ"} <= set(found(certificate))


def test_an_asymmetric_hessian_fails():
    @jax.custom_jvp
    def f(x):
        return (x * x).sum()

    f.defjvp(lambda p, t: (f(*p), (2 * p[0] * t[0]).sum() + 3 * p[0][0] * t[0][1]))
    assert not found(certify(f, jnp.array([1.0, 2.0, 3.0])))["Hessian = Hessianᵀ"]


def test_an_affine_function_is_found_out():
    f = lambda x: product(x) + 1
    assert certify(f, X).kind == "affine"
    assert certify(f, X).ok
    for certificate in (certify(f, X, kind="linear", ways=["jvp"]), certify(f, X, matrix=M, ways=["jvp"])):
        assert not certificate.ok
        assert certificate.comparisons[0].causes == ("affine: f(0) is not zero, as with a bias",)


@pytest.mark.parametrize("f", [jnp.abs, jnp.sin, lambda x: x**2, jax.nn.relu], ids=["abs", "sin", "square", "relu"])
def test_a_function_that_is_not_linear_is_found_out(f):
    certificate = certify(f, X, kind="linear", ways=["jvp"])
    assert not certificate.ok
    assert any("the function is not linear" in comparison.causes for comparison in certificate.comparisons)


@pytest.mark.parametrize("p", [1.5, 3])
@pytest.mark.parametrize("window", [(10,), (4, 4)])
def test_norms_of_many_taps_hold_within_the_rounding_of_their_sums(window, p):
    x = jnp.arange(1.0, 65).reshape(*((64,) if len(window) == 1 else (8, 8)), 1)
    certificate = certify(lambda x: minicnn.lp_pool(x, window, p=p, stride=1), x)
    certificate.raise_if_failed()
    assert {comparison.verdict for comparison in certificate.comparisons} <= {"equal", "within the bound"}


@on_a_cpu  # a GPU rounds both ways alike
def test_beyond_the_rounding_of_its_sums_nothing_is_decided_about_a_function(monkeypatch):
    f = lambda x: M.T @ jnp.sin(product(x) / 7)  # tanh and halves may round both ways alike
    assert certify(f, X).comparisons[0].verdict == "within the bound"
    monkeypatch.setattr("minicnn.identities.claim.product_bound", lambda size, *_: 0 * size + 1e-30)
    assert certify(f, X).comparisons[0].verdict == "bound not derivable"


def test_a_function_without_known_maps_has_no_bound():
    f = lambda x: M.T @ jax.lax.scan(lambda y, _: (jnp.tanh(y / 8), None), product(x), None, length=2)[0]
    undecided = certify(f, X)
    assert not undecided.ok
    assert undecided.comparisons[0].verdict == "bound not derivable"
    assert certify(f, X, reference="float64").ok
    wrong = jax.custom_vjp(f)
    wrong.defvjp(lambda x: (f(x), x), lambda x, y_bar: (1.00001 * jax.vjp(f, x)[1](y_bar)[0],))
    assert not certify(wrong, X, reference=jax.jacobian(f)(X).reshape(6, 6)).ok
    with pytest.raises(CertificateError, match="bound not derivable"):
        undecided.raise_if_failed()


def test_a_reference_is_what_the_sides_are_held_to():
    f = lambda x: jnp.tanh(product(x) / 64)
    J = np.asarray(jax.jacobian(f)(X), np.float64).reshape(4, 6)
    assert certify(f, X, reference=J).ok
    J[1, 2] += 1e-3
    assert not certify(f, X, reference=J).ok


def test_a_function_at_a_point_has_the_matrix_of_its_map():
    x = jnp.array([1.0, 5.0, 2.0, 3.0]).reshape(4, 1)
    S = max_pool_map_at(x, (2,))
    certificate = certify(lambda x: minicnn.max_pool(x, (2,)), x, matrix=S, kind="function")
    assert certificate.ok, certificate
    assert "jvp = C" in found(certificate)


def test_complex_maps_are_probed_with_i():
    C = jnp.asarray(M[:, :4] * (1 + 2j))
    certificate = certify(lambda x: C @ x, jnp.zeros(4, complex), matrix=C)
    assert certificate.ok, certificate
    assert "vjp of i·eⱼ = i·Cᵀ" in found(certificate)
    antilinear = certify(lambda x: C @ x.conj(), jnp.zeros(4, complex), matrix=C, ways=["one-hot inputs"])
    assert found(antilinear) == {
        "f(0) = 0": True, "f(x) = C·x": False, "one-hot inputs = C": True, "one-hot inputs of i·eⱼ = i·C": False,
    }  # fmt: skip


def test_sums_beyond_the_exact_integers_fall_back_to_the_bound():
    big = jnp.full((2, 300), 255.0, jnp.bfloat16)
    f = lambda x: big @ x
    certificate = certify(f, jnp.zeros(300, jnp.bfloat16), ways=["vjp"])
    assert "bfloat16 (u = 3.9e-03)" in certificate.arithmetic
    assert certificate.comparisons[-1].ok
    assert certificate.comparisons[1].verdict in ("within the bound", "bound not derivable")


def test_what_is_not_a_number_is_equal_to_nothing():
    certificate = certify(lambda x: product(x) * jnp.nan, X, kind="linear", ways=["one-hot inputs", "vjp"])
    assert not certificate.ok
    assert all(not comparison.ok for comparison in certificate.comparisons)


def test_a_way_back_is_needed():
    def f(x):
        return jax.lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, 2 * s[1]), (0, x))[1]

    certificate = certify(f, X)
    assert not certificate.ok
    assert found(certificate)["jvp = C"]
    assert found(certificate)["vjp = Cᵀ"] is None
    assert "vjp" in certificate.skipped


def test_a_custom_vjp_is_certified_without_its_jvp():
    @jax.custom_vjp
    def f(x):
        return product(x)

    f.defvjp(lambda x: (f(x), None), lambda _, y_bar: ((M.T @ y_bar).reshape(2, 3),))
    certificate = certify(f, X, matrix=M)
    assert certificate.ok, certificate
    assert "jvp" in certificate.skipped


def custom(derivative):
    @jax.custom_vjp
    def f(x):
        return jnp.sin(x)

    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, y_bar: (derivative(x) * y_bar,))
    return f


def test_a_custom_vjp_of_a_function_that_is_not_linear_is_certified_without_its_jvp():
    J = np.diag(np.cos(X).ravel())
    certificate = certify(custom(jnp.cos), X, matrix=J, kind="function", reference=J)
    assert certificate.ok, certificate
    assert certificate.skipped["jvp"].startswith("TypeError: can't apply forward-mode")
    assert not certify(custom(jnp.sin), X, matrix=J, kind="function", reference=J).ok


def test_one_way_alone_proves_nothing():
    certificate = certify(custom(jnp.cos), X, ways=["jvp", "vjp"])
    assert not certificate.ok
    assert "jvp" in certificate.skipped
    (comparison,) = certificate.comparisons
    assert (comparison.identity, comparison.ok) == ("vjp = Cᵀ", None)
    assert "claim the Jacobian with `matrix`" in comparison.note


def test_a_function_without_any_derivative_is_never_certified():
    broken = jax.custom_vjp(jnp.sin)
    broken.defvjp(lambda x: (jnp.sin(x), None), lambda x, y_bar: (1 / 0,))
    certificate = certify(broken, X)
    assert not certificate.ok
    assert set(certificate.skipped) == {"jvp", "vjp", "autodiff", "autodiff transposed"}


def test_a_hessian_or_a_mixed_derivative_that_there_is_not_is_left_out():
    scalar = certify(
        lambda x: jax.lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, s[1] ** 2), (0, x))[1].sum(), X
    )
    assert "Hessian" in scalar.skipped

    @jax.custom_vjp
    def f(x, w):
        return x * w

    f.defvjp(lambda x, w: (x * w, (x, w)), lambda xw, y_bar: (xw[1] * y_bar, xw[0] * y_bar))
    product = certify(f, X, X, ways=["one-hot inputs", "vjp"])
    assert (product.kind, product.ok) == ("bilinear", True), product
    assert "∂x∂w f" in product.skipped


def test_a_step_that_jax_cannot_batch_is_taken_one_vector_at_a_time():
    twice = lambda x: jax.pure_callback(lambda x: 2 * np.asarray(x), jax.ShapeDtypeStruct(x.shape, x.dtype), x)
    f = jax.custom_jvp(twice)
    f.defjvp(lambda x, x_dot: (twice(*x), 2 * x_dot[0]))
    certificate = certify(f, X, ways=["one-hot inputs", "jvp", "vjp"], reference=2 * np.eye(X.size))
    assert certificate.ok and certificate.kind == "linear", certificate
    assert certificate.skipped == {}


def test_a_claim_never_changes():
    claim = Claim(Function(product, (X,)), M, True, None)
    first = [str(comparison) for comparison in PROOFS["linear"](claim)]
    for kind in ("function", "affine"):
        assert list(PROOFS[kind](claim))
    assert [str(comparison) for comparison in PROOFS["linear"](claim)] == first
    with pytest.raises(FrozenInstanceError):
        claim.at_point = True


def test_the_bound_of_the_fourier_transform_is_derived():
    k = jax.random.normal(jax.random.key(0), (8, 8))
    f = lambda x: jnp.fft.irfft2(jnp.fft.rfft2(x) * jnp.fft.rfft2(k), (8, 8))
    certificate = certify(f, jnp.zeros((8, 8)))
    assert certificate.ok, certificate
    assert 0 < (certificate.comparisons[-1].bound or 0) < 1e-3


def test_the_sizes_of_the_sums_are_seen_through_cancellation():
    f = Function(lambda x: 1000 * x - 999 * x, (jnp.zeros(2),))
    np.testing.assert_array_equal(magnitudes.sums_of(f).size, 1999 * np.eye(2))
    np.testing.assert_array_equal(materialise.materialise(f, "vjp"), np.eye(2))


def test_a_sum_has_no_more_terms_than_its_steps_add_up():
    A = jnp.ones((30, 30))
    few = magnitudes.sums_of(Function(lambda x: A @ (A @ (A @ x)), (jnp.zeros(30),)))
    (terms,) = few.terms(few.paths).values()
    assert terms.max() <= 3 * (30 + 1) + 3
    assert few.size.max() == 900


def test_columns_come_in_blocks(monkeypatch):
    monkeypatch.setattr(materialise, "_BLOCK_BYTES", 4 * 6 * 4)
    f = Function(product, (X,))
    for way in ("one-hot inputs", "jvp", "vjp", "linear_transpose"):
        np.testing.assert_array_equal(materialise.materialise(f, way), M)


def test_a_certificate_that_does_not_fit_is_refused_before_anything_is_computed():
    with pytest.raises(MemoryError, match=r"1048576×1048576 matrix holds 6 of them at once, 48.0 TiB"):
        certify(lambda x: 2 * x, jnp.zeros(2**20))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: certify(product, X, kind="quadratic"), ValueError, "`kind`='quadratic' is unknown"),
        (lambda: certify(product, X, ways=["guess"]), ValueError, "`ways` holds guess"),
        (lambda: certify(product, X, kind="bilinear"), ValueError, "a bilinear `f` has two arguments"),
        (lambda: certify(product, X, reference="float128"), ValueError, "`reference`='float128'"),
        (lambda: certify(lambda x: x, jnp.arange(3)), TypeError, "`args` holds no floating array"),
        (lambda: certify(lambda x: x > 0, X), TypeError, "the result of `f` holds no floating array"),
        (lambda: certify(lambda x: x.astype(complex), X), TypeError, "joins real and complex arrays"),
    ],
)
def test_what_cannot_be_certified_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_claim_of_another_shape_fails():
    certificate = certify(product, X, matrix=M[:3], ways=["vjp"])
    assert not certificate.ok
    assert certificate.comparisons[-1].note == "the shape is (4, 6) instead of (3, 6)"


def test_a_certificate_shows_itself():
    certificate = certify(product, X, matrix=2 * M, ways=["vjp"])
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(certificate.table())
    assert "scaled gradient (× 0.5)" in console.export_text()
    assert "scaled gradient" in certificate._repr_html_()
    data = json.loads(json.dumps(certificate.to_json()))
    assert data["ok"] is False
    assert data["comparisons"][-1]["worst"]["input"]["leaf"] == ""
    assert "likely cause: scaled gradient (× 0.5)" in str(certificate)
