"""Powers in float64 on CPUs: the numbers of scaled powers, in one plain sum, for all of JAX's transformations."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.axis import Axis
from minicnn.forms.powers import power_sum, scaled_norms, sum_scaled_powers, window_norms
from minicnn.forms.wide import is_wide

SIZES = [(2, 2), (2, 3), (3, 2), (7, 1), (7, 2), (9, 1), (10, 2), (14, 14)]


def image(*shape: int, decades: float = 0) -> np.ndarray:
    drawn = np.random.default_rng(0)
    return (drawn.normal(size=shape) * 10 ** drawn.uniform(-decades, decades, shape)).astype(np.float32)


def expected_norms(x: np.ndarray, size: int, stride: int, p: float) -> np.ndarray:
    wide = np.abs(x).astype(np.longdouble)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (size, size), (1, 2))[:, ::stride, ::stride]
    return ((windows**p).sum((-2, -1)) ** (1 / np.longdouble(p))).astype(np.float64)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("p", [1.5, 2, 2.3, 3, 5.5, 6])
@pytest.mark.parametrize(("size", "stride"), SIZES)
@pytest.mark.parametrize("norms", [window_norms, scaled_norms])
def test_norms_in_float64_and_by_scaled_powers_are_those_of_long_numbers(
    norms: Any, size: int, stride: int, p: float, alone: bool
) -> None:
    x = image(2, 29, 30, 3, decades=18)
    axes = Axis.of(29, size, stride), Axis.of(30, size, stride)
    y = jax.jit(lambda x: norms(x, axes, p, alone))(x)
    np.testing.assert_allclose(y, expected_norms(x, size, stride, p), rtol=(size**2 + 4) * 2.0**-24)


@pytest.mark.parametrize("p", [1.9, 2, 2.3, 2.5, 3])
@pytest.mark.parametrize("scale", [1e-36, 1e3, 1e36])
def test_the_norm_of_one_number_is_that_number_at_any_scale(p: float, scale: float) -> None:
    x = (np.abs(image(1, 9, 9, 2)) + 1) * np.float32(scale)
    y, pull = jax.vjp(lambda x: minicnn.lp_pool(x, (1, 1), p=p), jnp.asarray(x))
    np.testing.assert_allclose(y, x, rtol=2.0**-23)
    np.testing.assert_allclose(pull(np.ones_like(x))[0], 1, rtol=2.0**-22)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("p", [2, 2.3, 3])
@pytest.mark.parametrize("stride", [1, 3])
def test_programs_for_any_number_of_images_are_exported(p: float, stride: int) -> None:
    (images,) = jax.export.symbolic_shape("b")
    pool = lambda x: minicnn.lp_pool(x, (3, 3), p=p, stride=stride)
    x, like = image(2, 9, 9, 3), jax.ShapeDtypeStruct((images, 9, 9, 3), jnp.float32)
    for f in (pool, jax.grad(lambda x: pool(x).sum())):
        exported = jax.export.export(jax.jit(f))(like)
        np.testing.assert_allclose(exported.call(x), f(x), rtol=1e-6, atol=1e-7)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("power", [0.3, 0.5, 2, 2.5])
@pytest.mark.parametrize(("size", "stride"), SIZES)
@pytest.mark.parametrize("summed", [power_sum, sum_scaled_powers])
def test_sums_of_powers_are_those_of_the_matrix_and_their_transposes(
    summed: Any, size: int, stride: int, power: float
) -> None:
    axes = Axis.of(29, size, stride), Axis.of(30, size, stride)
    n, m = (axis.out_size for axis in axes)
    x, y, x_dot = (np.abs(image(1, *shape, 1, decades=8)) for shape in ((29, 30), (n, m), (29, 30)))
    rows = (1 / expected_norms(x, size, stride, power + 1)).astype(np.float32)
    A = np.zeros((n, m, 29, 30))
    for i, j in np.ndindex(n, m):
        at = slice(stride * i, stride * i + size), slice(stride * j, stride * j + size)
        A[(i, j, *at)] = (np.float64(x[0, :, :, 0][at]) * rows[0, i, j, 0]) ** power
    multiply = lambda y: summed(rows, x, y, axes, power)
    back = jax.jit(multiply)(y)
    forward = jax.jit(lambda x: jax.linear_transpose(multiply, y)(x)[0])(x_dot)
    np.testing.assert_allclose(back[0, ..., 0], np.tensordot(y[0, ..., 0], A, 2), rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(forward[0, ..., 0], np.tensordot(A, x_dot[0, ..., 0], 2), rtol=2e-5, atol=1e-5)
    np.testing.assert_array_equal(jax.jvp(multiply, (y,), (y,))[1], multiply(y))


def test_rows_and_columns_may_be_differentiated() -> None:
    axes, y = (Axis.of(9, 3),), image(1, 7, 1)
    rows, columns = np.abs(image(1, 7, 1)), np.abs(image(1, 9, 1))
    of = lambda summed: jax.grad(lambda *factors: (summed(*factors, y, axes, 2) ** 2).sum(), (0, 1))(rows, columns)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), of(power_sum), of(sum_scaled_powers))


@pytest.mark.parametrize("size", [2, 9])
def test_mapped_images_are_more_images(size: int) -> None:
    """Images and cotangents are mapped together and alone, along any axis."""
    x, y_bar = image(3, 4, 20, 2), image(5, 4, 20 // size, 2)
    pool = lambda x: minicnn.lp_pool(x, (size,), p=3)
    np.testing.assert_array_equal(jax.vmap(pool, 2, 1)(x.transpose(1, 2, 0, 3)).transpose(1, 0, 2, 3), pool(x))
    assert jax.vmap(pool)(x[:0]).shape == (0, 4, 20 // size, 2)
    y, pull = jax.vjp(pool, x[0])
    np.testing.assert_allclose(
        jax.vmap(pull)(y_bar)[0], np.stack([pull(each)[0] for each in y_bar]), rtol=1e-6, atol=1e-7
    )
    gradients = jax.vmap(jax.grad(lambda x: (pool(x) * y).sum()))(x)
    np.testing.assert_allclose(gradients[0], pull(y)[0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scale", [2.0**-120, 1, 2.0**120])
@pytest.mark.parametrize("size", [2, 7, 9])
def test_cotangents_of_any_size_reach_numbers_of_any_size(size: int, scale: float) -> None:
    """The matrix has no number over 1, so that no cotangent is too large for it; those of 1 are taken as the rule."""
    x = image(20, 1, decades=30)
    _, pull = jax.vjp(lambda x: minicnn.lp_pool(x, (size,), stride=1, p=3), jnp.asarray(x))
    ones = np.ones((21 - size, 1), np.float32)
    at_one = np.float64(pull(ones)[0])
    given = np.float64(pull(ones * np.float32(scale))[0]) / scale
    np.testing.assert_allclose(given[np.abs(at_one) > 1e-2], at_one[np.abs(at_one) > 1e-2], rtol=1e-6)
    assert np.isfinite(given).all()


def test_only_cpus_compute_in_float64() -> None:
    """Programs for other devices have scaled powers, and a CPU's programs keep float32 on their outside."""
    traced = jax.jit(jax.grad(lambda x: minicnn.lp_pool(x, (7, 7), stride=1, p=3).sum())).trace(image(1, 29, 30, 8))
    texts = [traced.lower(lowering_platforms=(platform,)).as_text() for platform in ("cpu", "cuda", "tpu")]
    assert ["f64" in text for text in texts] == [True, False, False]
    assert [each.dtype for each in traced.jaxpr.out_avals] == [jnp.float32]


@pytest.mark.parametrize(
    ("dtype", "power", "wide"), [("float32", 6, True), ("float32", 6.5, False), ("float64", 2, False)]
)
def test_powers_are_wide_where_float64_has_room(dtype: str, power: float, wide: bool) -> None:
    assert is_wide(jnp.dtype(dtype), power) is wide
