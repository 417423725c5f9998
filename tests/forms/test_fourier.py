"""The fourier form: the same products within its rounding bound, for every geometry."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from minicnn import conv
from minicnn.forms import Arithmetic, Fourier
from minicnn.forms.fourier import Circle
from tests.forms.test_forms import geometry_of, images
from tests.strategies import CORNERS, Case, cases, seeds

ARITHMETIC = Arithmetic()


def bound(case: Case, a: np.ndarray, b: np.ndarray, terms: int) -> float:
    """Three transforms of n numbers round by about log n each, relative to the norms of what they transform."""
    size = np.prod([Circle.of(axis).size for axis in geometry_of(case).axes])
    eps = float(np.finfo(np.float32).eps)
    return eps * (8 * np.log2(size + 1) + terms + 4) * float(np.linalg.norm(a) * np.linalg.norm(b)) + 1e-30


def check(case: Case, seed: int) -> None:
    x, w, y = case.data(seed)
    geometry, x, y = geometry_of(case), images(case, x), images(case, y)

    @jax.jit
    def products(x: Any, w: Any, y: Any) -> tuple[jax.Array, jax.Array]:
        return Fourier().convolve(geometry, x, w, ARITHMETIC), Fourier().correlate(geometry, x, y, ARITHMETIC)

    product, weights = products(x, w, y)
    expected = case.times(case.matrix(w), x, (len(x), *geometry.out_shape))
    np.testing.assert_allclose(product, expected, rtol=0, atol=bound(case, x, w, geometry.c_in))
    gradient = (case.patches(x).T @ y.ravel()).reshape(case.w_shape)
    np.testing.assert_allclose(weights, gradient, rtol=0, atol=bound(case, x, y, len(x)))


@given(cases(), seeds)
def test_fourier_is_the_convolution_within_its_bound(case: Case, seed: int) -> None:
    check(case, seed)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [name for name, case in CORNERS.items() if 0 not in case.x_shape])
def test_fourier_in_the_corners(name: str) -> None:
    check(CORNERS[name], 0)


def test_complex_operands_are_not_conjugated() -> None:
    rng = np.random.default_rng(0)
    x, w = ((rng.normal(size=s) + 1j * rng.normal(size=s)).astype(np.complex64) for s in ((2, 9, 2), (4, 2, 3)))
    np.testing.assert_allclose(conv(x, w, form="fourier"), conv(x, w, form="dense"), atol=1e-5)


@pytest.mark.parametrize(("dtype", "preferred"), [("float32", None), ("float32", "float32"), ("bfloat16", "float32")])
def test_fourier_and_its_vjps_through_the_primitives(dtype: str, preferred: str | None) -> None:
    """Its spectra are complex: a real accumulation type must not drop their imaginary parts."""
    case = CORNERS["2d"]
    x, w, y_bar = (jnp.asarray(a, dtype) for a in case.data(0))

    @jax.jit
    def values(x: Any, w: Any, y_bar: Any) -> tuple[Any, ...]:
        product = lambda x, w: conv(x, w, form="fourier", preferred_element_type=preferred, **case.options)
        y, pull_back = jax.vjp(product, x, w)
        return y, *pull_back(y_bar.astype(y.dtype))

    y, x_bar, w_bar = values(x, w, y_bar)
    assert (y.dtype, x_bar.dtype, w_bar.dtype) == (preferred or dtype, dtype, dtype)
    x, w, y_bar = (np.asarray(a, np.float32) for a in (x, w, y_bar))
    rounded = float(jnp.finfo(dtype).eps) / 2
    for found, exact, terms, (a, b) in (
        (y, case.times(case.matrix(w), x, case.y_shape), w.shape[-2], (x, w)),
        (x_bar, case.times(case.matrix(w).T, y_bar, case.x_shape), w.shape[-1], (y_bar, w)),
        (w_bar, (case.patches(x).T @ y_bar.ravel()).reshape(case.w_shape), len(x), (x, y_bar)),
    ):
        error = bound(case, a, b, terms)
        np.testing.assert_allclose(np.asarray(found, np.float32), exact, rtol=rounded, atol=error * (1 + rounded))


def test_fourier_refuses_integers() -> None:
    with pytest.raises(TypeError, match='`form`="fourier" rounds and the operands are int32: use "tiles"'):
        conv(jnp.ones((5, 1), int), jnp.ones((2, 1, 1), int), form="fourier")
