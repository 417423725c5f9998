"""The definition against brute force, and the library against the definition: small integers, tolerance zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from minicnn import conv, conv_transpose
from minicnn.definition import tau
from minicnn.forms import Convolution
from minicnn.forms.geometry import Geometry
from tests.strategies import CORNERS, Case, cases, seeds


def geometry_of(case: Case) -> Geometry:
    return Convolution.of(case.w_shape, case.in_size, **case.options).geometry


def one(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One image, the kernel and one cotangent."""
    rng = np.random.default_rng(seed)
    geometry = geometry_of(case)
    x, w, y = (rng.integers(-4, 5, s).astype(np.float32) for s in (geometry.in_shape, case.w_shape, geometry.out_shape))
    return x, w, y


@given(cases(stretched=True, one_image=True), seeds)
def test_leaving_arrays_out_gives_the_matrices(case: Case, seed: int):
    x, w, _ = one(case, seed)
    geometry = geometry_of(case)
    C, X = case.matrix(w), case.patches(x)
    np.testing.assert_array_equal(np.reshape(tau(geometry, w=w), C.shape), C)
    np.testing.assert_array_equal(np.reshape(tau(geometry, x=x), X.shape), X)


@pytest.mark.parametrize("name", ["2d", "grouped", "stretched_and_strided", "flipped_padded_dilated", "3d_everything"])
def test_the_convolution_and_its_gradients_are_the_definition(name: str):
    case = CORNERS[name]
    x, w, y_bar = one(case, 0)
    geometry = geometry_of(case)
    y, pull_back = jax.vjp(lambda x, w: conv(x, w, **case.options), x, w)
    x_bar, w_bar = pull_back(jnp.asarray(y_bar))
    np.testing.assert_array_equal(y, tau(geometry, x=x, w=w))
    np.testing.assert_array_equal(x_bar, tau(geometry, w=w, y=y_bar))
    np.testing.assert_array_equal(w_bar, tau(geometry, x=x, y=y_bar))
    transposed = conv_transpose(y_bar, w, output_size=case.in_size, **case.options)
    np.testing.assert_array_equal(transposed, tau(geometry, w=w, y=y_bar))


def test_the_form_is_a_number_and_its_gradients_are_the_three_products():
    case = CORNERS["grouped"]
    x, w, y = (jnp.asarray(a) for a in one(case, 1))
    geometry = geometry_of(case)
    gradients = jax.grad(tau, argnums=(1, 2, 3))(geometry, x, w, y)
    products = tau(geometry, w=w, y=y), tau(geometry, x=x, y=y), tau(geometry, x=x, w=w)
    for gradient, product in zip(gradients, products, strict=True):
        np.testing.assert_array_equal(gradient, product)


def test_a_mask_drops_channels_from_the_definition():
    mask = np.array([[1, 0], [1, 1]])
    geometry = Convolution.of((3, 2, 2), (5,), mask=mask).geometry
    x, w = jnp.arange(10.0).reshape(5, 2), jnp.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(tau(geometry, x=x, w=w), conv(x, w * mask))
    np.testing.assert_array_equal(tau(geometry, x=x, w=w), conv(x, w, mask=mask))
