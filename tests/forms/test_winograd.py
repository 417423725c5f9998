"""The winograd form: exact on small integers where its factors are dyadic, within its bound where they are not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from minicnn import Axis, conv, conv_transpose
from minicnn.forms import Arithmetic, Form, Geometry, Winograd, as_form
from tests.forms.test_forms import geometry_of, images
from tests.strategies import CORNERS, Case, cases, seeds

DYADIC: dict[str, Form] = {
    "outputs": Winograd(),
    "inputs": Winograd(of="inputs"),
}


def products(case: Case, form: Form, x: Any, w: Any, y: Any) -> tuple[Any, Any]:
    geometry = geometry_of(case)
    return form.convolve(geometry, x, w, Arithmetic()), form.correlate(geometry, x, y, Arithmetic())


def expected(case: Case, x: Any, w: Any, y: Any) -> tuple[Any, Any]:
    product = case.times(case.matrix(w), x, (len(x), *geometry_of(case).out_shape))
    return product, (case.patches(x).T @ y.ravel()).reshape(case.w_shape)


def check_exact(case: Case, seed: int) -> None:
    x, w, y = case.data(seed)
    x, y = images(case, x), images(case, y)
    found = jax.jit(lambda *data: {name: products(case, form, *data) for name, form in DYADIC.items()})(x, w, y)
    for name, values in found.items():
        for value, right in zip(values, expected(case, x, w, y), strict=True):
            np.testing.assert_array_equal(value, right, err_msg=name)


@settings(max_examples=5)  # a program of sums and products in two directions takes seconds to compile
@given(cases(ranks=(1, 1, 2)), seeds)
def test_dyadic_factors_keep_small_integers_exact(case: Case, seed: int) -> None:
    check_exact(case, seed)


@pytest.mark.parametrize(
    "name", ["no_batch", "empty_batch", "size_1_same", "same_strided", "full_dilated", "empty_input"]
)
def test_dyadic_factors_keep_small_integers_exact_in_the_corners(name: str) -> None:
    check_exact(CORNERS[name], 0)


def test_tiles_a_step_apart_whose_outputs_lie_further_apart_are_not_side_by_side() -> None:
    check_exact(Case((2,), (2,), padding="FULL", dilation=(3,), stretch=(2,)), 0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("form", [Winograd(of="inputs"), Winograd(2, "inputs"), Winograd(), Winograd(2)])
@pytest.mark.parametrize("sizes", [(5, 2, 2), (8, 3, 3), (11, 3, 2)])
def test_what_a_stride_leaves_over_has_no_gradient(form: Winograd, sizes: tuple[int, int, int]) -> None:
    n, k, s = sizes
    x, w = np.arange(1.0, n + 1)[:, None], np.arange(1.0, k + 1)[:, None, None]
    y, pull_back = jax.vjp(lambda x: conv(x, w, stride=s, form=form), jnp.asarray(x, jnp.float32))
    x_bar = np.zeros(n)
    for o, y_bar in enumerate(np.ravel(y)):
        x_bar[s * o : s * o + k] += y_bar * w.ravel()
    np.testing.assert_array_equal(np.ravel(pull_back(y)[0]), x_bar)


@pytest.mark.long
@given(cases(), seeds)
def test_dyadic_factors_keep_small_integers_exact_everywhere(case: Case, seed: int) -> None:
    check_exact(case, seed)


@pytest.mark.parametrize(("tile", "of"), [(3, "outputs"), (4, "inputs"), (6, "outputs")])
def test_larger_tiles_round_within_the_bound_of_their_factors(tile: int, of: str) -> None:
    """Two sums of n terms differ by at most γ_n times the sum of their terms' magnitudes (Higham, section 3.1)."""
    case = Case((13, 12), (3, 4), stride=(1, 2), padding="SAME", groups=2, channels=(5, 3))
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in (case.x_shape, case.w_shape))
    form, geometry = Winograd(tile, of), geometry_of(case)
    found, magnitude = jax.jit(
        lambda x, w: (form.convolve(geometry, x, w, Arithmetic()), form.magnitude(geometry, x, w))
    )(x, w)
    right = case.times(case.matrix(w.astype(float)), x.astype(float), case.y_shape)
    n = form.roundings(geometry) * np.finfo(np.float32).eps / 2
    assert (abs(found - right) <= n / (1 - n) * np.asarray(magnitude, float)).all()
    assert (np.asarray(magnitude) >= abs(right) - 1e-4).all()


@pytest.mark.parametrize("stride", [1, 2])
def test_both_gradients_and_the_transposed_convolution_take_the_form(stride: int) -> None:
    case = Case((7, 6), (3, 3), stride=(stride, 1), padding="SAME", channels=(2, 3))
    x, w, y = case.data(0)

    @jax.jit
    def values(x: Any, w: Any, y: Any) -> Any:
        z, pull_back = jax.vjp(lambda x, w: conv(x, w, form="winograd", **case.options), x, w)
        return z, *pull_back(y), conv_transpose(y, w, output_size=case.in_size, form="winograd", **case.options)

    z, x_bar, w_bar, back = values(x, w, y)
    C = case.matrix(w)
    np.testing.assert_array_equal(z, case.times(C, x, case.y_shape))
    np.testing.assert_array_equal(x_bar, case.times(C.T, y, case.x_shape))
    np.testing.assert_array_equal(back, x_bar)
    np.testing.assert_array_equal(w_bar, (case.patches(x).T @ y.ravel()).reshape(case.w_shape))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "complex64"])
def test_other_dtypes_are_summed_as_by_tiles(dtype: str) -> None:
    case = CORNERS["2d"]
    x, w, _ = (jnp.asarray(a, dtype) for a in case.data(0))
    y = conv(x, w, form="winograd", **case.options)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, conv(x, w, form="tiles", **case.options))


def test_integers_are_refused_with_the_form_that_takes_them() -> None:
    with pytest.raises(TypeError, match='operands are int32: use "tiles"'):
        conv(jnp.ones((1, 5, 1), int), jnp.ones((3, 1, 1), int), form="winograd")


def test_a_tile_that_does_not_fit_the_axes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`tile`=\(2, 2\) must give one size, or one for each of 1 axes"):
        conv(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1)), form=Winograd((2, 2)))
    with pytest.raises(ValueError, match="`tile`=2 evaluates 400 taps at 401 points"):
        conv(jnp.ones((1, 500, 1)), jnp.ones((400, 1, 1)), form=Winograd(2))
    with pytest.raises(ValueError, match="`of`='rows'"):
        Winograd(of="rows")


def test_it_multiplies_less_than_tiles_and_has_the_name() -> None:
    case = Case((16, 16), (3, 3), padding="SAME", channels=(64, 64), batch=(1,))
    geometry = geometry_of(case)
    form = as_form("winograd")
    assert isinstance(form, Winograd) and form.is_dyadic(geometry)
    assert form.cost(geometry, 1).multiplied == 16 * 64 * 64 * 8 * 8  # 16 products for 4 outputs, where taps take 36


def test_long_kernels_do_not_make_long_programs() -> None:
    lines = [
        jax.jit(lambda x, w: conv(x, w, form="winograd")).lower(jnp.ones((1, 4 * k, 1)), jnp.ones((k, 1, 1))).as_text()
        for k in (100, 1000)
    ]
    assert lines[1].count("\n") <= 1.1 * lines[0].count("\n")


@pytest.mark.parametrize(("size", "channels", "rows"), [(32, 64, 2048), (16, 128, 1024)])
def test_the_terms_of_a_portion_have_rows_for_every_core(size, channels, rows):
    """Narrower portions of ResNet-18's first layers are multiplied by one core, whatever the number of terms."""
    geometry = Geometry((Axis.of(size, 3, padding=1),) * 2, channels, channels)
    assert 32 // Winograd().portions(geometry, 32) * (size // 2) ** 2 == rows
