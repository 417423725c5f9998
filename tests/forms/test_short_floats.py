"""Sums of bfloat16 and float16 numbers are taken in float32 and rounded once, in every form and every product."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import compat, conv, conv_map, conv_matrix
from minicnn.forms import Arithmetic, Form, Geometry, Tiles
from minicnn.forms.arithmetic import summing
from tests.forms.test_forms import FORMS
from tests.forms.test_fourier import bound
from tests.strategies import Case

SHORT = [jnp.bfloat16, jnp.float16]
CASES = {
    "depthwise": Case((41,), (9,), groups=3, channels=(1, 1), padding="SAME"),
    "grouped": Case((40,), (8,), stride=(2,), dilation=(2,), groups=2, channels=(3, 2)),
}


def rounded(exact: np.ndarray, dtype: Any) -> np.ndarray:
    """Exact integers, which float32 holds, rounded once."""
    return np.asarray(jnp.asarray(exact.astype(np.float32)).astype(dtype), np.float64)


def large(case: Case) -> tuple[np.ndarray, ...]:
    """Integers that short floats hold, with sums that they do not, and some beyond the largest float16 on the way."""
    rng = np.random.default_rng(0)
    shapes = case.x_shape, case.w_shape, case.y_shape
    return tuple(rng.integers(100, 256, shape) * rng.choice([-1, 1, 1], shape) for shape in shapes)


def products(case: Case, form: Any, x: Any, w: Any, y_bar: Any) -> tuple[Any, ...]:
    y, pull_back = jax.vjp(lambda x, w: conv(x, w, form=form, **case.options), x, w)
    return y, *pull_back(y_bar)


def exact(case: Case, x: np.ndarray, w: np.ndarray, y_bar: np.ndarray) -> tuple[np.ndarray, ...]:
    C = case.matrix(w)
    w_bar = (case.patches(x).T @ y_bar.ravel()).reshape(case.w_shape)
    return case.times(C, x, case.y_shape), case.times(C.T, y_bar, case.x_shape), w_bar


def test_short_floats_are_summed_in_float32_and_others_in_their_own_dtype() -> None:
    assert {summing(dtype).name for dtype in (*SHORT, jnp.float8_e4m3fn)} == {"float32"}
    for dtype in (jnp.float32, jnp.complex64, jnp.int8, jnp.uint8, jnp.int32, jnp.bool_):
        assert summing(dtype) == jnp.dtype(dtype)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("name", CASES)
def test_every_form_rounds_each_of_the_three_products_once(name: str, dtype: Any) -> None:
    case = CASES[name]
    data = large(case)

    @jax.jit
    def found(*data: Any) -> dict[str, Any]:
        return {name: products(case, form, *data) for name, form in (*FORMS.items(), ("fourier", "fourier"))}

    expected = exact(case, *data)
    for form, values in found(*(jnp.asarray(a, dtype) for a in data)).items():
        for number, (value, right) in enumerate(zip(values, expected, strict=True)):
            assert value.dtype == dtype
            if form != "fourier":
                np.testing.assert_array_equal(np.asarray(value, float), rounded(right, dtype), err_msg=form)
            elif dtype == jnp.bfloat16:
                a, b = (data[i] for i in ((0, 1), (2, 1), (0, 2))[number])
                tolerance, half = bound(case, a, b, 4), float(jnp.finfo(dtype).eps) / 2
                np.testing.assert_allclose(np.asarray(value, float), right, rtol=half, atol=tolerance * (1 + half))


@pytest.mark.parametrize("dtype", SHORT)
def test_a_sum_may_pass_what_the_dtype_holds_on_its_way(dtype: Any) -> None:
    huge = float(jnp.finfo(dtype).max) / 2 if dtype == jnp.float16 else 256
    x, w = jnp.full((12, 2), huge, dtype), jnp.ones((12, 1, 2), dtype).at[6:].set(-1)
    for form in (*FORMS.values(), "fourier"):
        np.testing.assert_allclose(np.asarray(conv(x, w, groups=2, form=form), float), 0, atol=huge * 1e-5)


@pytest.mark.parametrize("dtype", SHORT)
def test_a_depthwise_convolution_counts_further_than_its_dtype(dtype: Any) -> None:
    """In bfloat16 256 + 1 is 256."""
    x, w = jnp.ones((1, 4, 17, 17), dtype), jnp.ones((4, 1, 17, 17), dtype)
    args: tuple[Any, ...] = x, w, (1, 1), "VALID"
    lax = jax.lax.conv_general_dilated(*args, feature_group_count=4)
    for form in ("auto", "diagonals"):
        y = compat.conv_general_dilated(*args, feature_group_count=4, form=form)
        np.testing.assert_array_equal(np.asarray(y, float), np.asarray(lax, float))
        np.testing.assert_array_equal(np.asarray(y, float), 288 if dtype == jnp.bfloat16 else 289)


@pytest.mark.parametrize("dtype", SHORT)
def test_a_depthwise_result_errs_by_half_a_unit_in_its_last_place(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=shape), dtype) for shape in ((10, 10, 6), (3, 3, 1, 6)))
    wide = [np.asarray(a, np.float64) for a in (x, w)]
    windows = np.lib.stride_tricks.sliding_window_view(wide[0], (3, 3), (0, 1))
    right, weight = (
        np.einsum("abckl,klc->abc", p, q[..., 0, :]) for p, q in ((windows, wide[1]), map(np.abs, (windows, wide[1])))
    )
    half, u = float(jnp.finfo(dtype).eps) / 2, 2.0**-24
    error = np.abs(np.asarray(conv(x, w, groups=6), np.float64) - right)
    assert (error <= half * np.abs(right) + 10 * u * weight * (1 + half)).all()


def test_the_gradient_of_a_matrix_in_its_taps_is_rounded_once() -> None:
    """A row and a column of these cotangents add up to 257, which bfloat16 would round to 256 between the two axes."""
    y_bar = jnp.diag(jnp.asarray([256, 1, 2, 256], jnp.bfloat16))
    _, pull_back = jax.vjp(lambda w: conv_matrix(w, (2, 2)), jnp.ones((1, 1, 1, 1), jnp.bfloat16))
    (w_bar,) = pull_back(y_bar)
    assert float(w_bar.squeeze()) == rounded(np.array(515), jnp.bfloat16) == 516


@dataclass(frozen=True)
class Asked(Form):
    """A form of one's own that does no more than a product in the dtype that it is asked for."""

    def convolve(self, geometry: Geometry, x: jax.Array, w: jax.Array, arithmetic: Arithmetic) -> jax.Array:
        assert (x.dtype, w.dtype, arithmetic.result_type(x, w)) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)
        return Tiles(1).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: jax.Array, y: jax.Array, arithmetic: Arithmetic) -> jax.Array:
        assert (x.dtype, y.dtype, arithmetic.result_type(x, y)) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)
        return Tiles(1).correlate(geometry, x, y, arithmetic)


def test_a_form_of_ones_own_is_asked_for_float32_and_given_short_operands() -> None:
    x, w = jnp.ones((600, 1), jnp.bfloat16), jnp.ones((300, 1, 1), jnp.bfloat16)
    y, pull_back = jax.vjp(lambda x, w: conv(x, w, form=Asked()), x, w)
    assert {a.dtype for a in (y, *pull_back(y))} == {jnp.dtype(jnp.bfloat16)}
    C = conv_map(w, (600,), form=Asked())
    assert C(x).dtype == C.T(C(x)).dtype == jnp.bfloat16
