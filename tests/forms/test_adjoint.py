"""A product by the tiles of the transposed geometry is the product, and auto takes it where it is cheaper."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv_map
from minicnn.forms import Arithmetic, Tiles, tiles
from minicnn.forms.choice import backwards, best_tile
from tests.strategies import CORNERS, Case

HOW = Arithmetic()


@pytest.mark.parametrize("name", [name for name, case in CORNERS.items() if 0 not in case.x_shape])
def test_the_tiles_of_the_transpose_give_the_same_product(name: str) -> None:
    case: Case = CORNERS[name]
    x, w, _ = case.data(0)
    C = conv_map(jnp.asarray(w), case.in_size, **case.options)
    back = C.geometry.T
    images = jnp.asarray(x.reshape(-1, *C.in_shape))
    tile = best_tile(back, len(images))
    whole = tuple(max(axis.out_size, 1) for axis in back.axes)

    @jax.jit
    def products(x: jax.Array, w: jax.Array) -> list[jax.Array]:
        return [tiles.adjoint(C.geometry, t, x, w, HOW) for t in (tile, whole)]

    expected = case.times(case.matrix(w), np.asarray(images), (len(images), *C.out_shape))
    for y in products(images, C.w):
        np.testing.assert_array_equal(y, expected)


def test_backpropagation_to_the_input_of_lenets_c1_goes_by_the_tiles_of_c1() -> None:
    C = conv_map(jnp.ones((5, 5, 1, 6)), (32, 32))
    assert backwards(C.T.geometry, 128)
    assert not backwards(C.geometry, 128)


@pytest.mark.parametrize("stride", [1, 2])
def test_products_and_weights_by_either_way_agree(stride: int) -> None:
    rng = np.random.default_rng(0)
    x, w, y = (
        jnp.asarray(rng.integers(-4, 5, shape), jnp.float32)
        for shape in ((3, 12, 12, 2), (5, 5, 1, 8), (3, 8 // stride, 8 // stride, 8))
    )
    C = conv_map(w, (12, 12), groups=2, stride=stride)

    @jax.jit
    def both(x: jax.Array, y: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        back, swapped = C.geometry.T, C.T.w
        forms = (Tiles(), Tiles(1))
        return [(form.product(back, y, swapped, HOW), form.weights(back, y, x, HOW)) for form in forms]

    assert backwards(C.geometry.T, 3)
    for a, b in zip(*both(x, y), strict=True):
        np.testing.assert_array_equal(a, b)
