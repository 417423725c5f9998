"""Tiles of inputs, and of outputs on one axis and inputs on the next: their products are the product."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv_map
from minicnn.forms import Arithmetic, Tiles
from tests.strategies import CORNERS, Case

ARITHMETIC = Arithmetic()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [name for name, case in CORNERS.items() if 0 not in case.x_shape])
def test_tiles_of_inputs_give_the_same_product_and_the_same_weights(name: str) -> None:
    case: Case = CORNERS[name]
    x, w, y = case.data(0)
    C = conv_map(jnp.asarray(w), case.in_size, **case.options)
    images, cotangents = (jnp.asarray(a.reshape(-1, *shape)) for a, shape in ((x, C.in_shape), (y, C.out_shape)))
    mixed = tuple("inputs" if axis % 2 else "outputs" for axis in range(case.rank))
    forms = (Tiles(2, "inputs"), Tiles(99, "inputs"), Tiles(2, mixed))

    @jax.jit
    def products(x: jax.Array, w: jax.Array, y: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        return [
            (form.convolve(C.geometry, x, w, ARITHMETIC), form.correlate(C.geometry, x, y, ARITHMETIC))
            for form in forms
        ]

    expected = case.times(case.matrix(w), np.asarray(images), (len(images), *C.out_shape))
    gradient = (case.patches(x).T @ y.ravel()).reshape(case.w_shape)
    for product, weights in products(images, C.w, cotangents):
        np.testing.assert_array_equal(product, expected)
        np.testing.assert_array_equal(weights, gradient)
