"""Max pooling sends its gradient to the first largest input, whatever the windows and the data."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff

WINDOWS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "side by side": ((2, 6, 4, 3), (2, 2), {}),
    "a remainder": ((2, 7, 5, 3), (3, 2), {}),
    "padded": ((2, 7, 5, 3), (3, 2), {"padding": "SAME"}),
    "an overhang": ((7, 4), (3,), {"ceil_mode": True}),
    "cropped": ((8, 1), (3,), {"padding": ((-1, -1),)}),
    "three axes": ((2, 3, 6, 6, 4, 1), (2, 3, 1), {"padding": ((0, 0), (1, 2), (0, 0))}),
    "overlapping": ((2, 6, 5, 2), (3, 2), {"stride": 1, "padding": 1}),
    "dilated": ((9, 2), (2,), {"dilation": 2, "padding": 1}),
}
POOR = np.array([-np.inf, -np.inf, -np.inf, np.nan, 1.0, 1.0, 2.0], np.float32)


@pytest.mark.parametrize("name", WINDOWS)
def test_the_gradient_of_max_pooling_is_jaxs_on_ties_infinities_and_nans(name: str) -> None:
    shape, window, options = WINDOWS[name]
    x = jnp.asarray(np.random.default_rng(1).choice(POOR, shape))
    f = partial(minicnn.max_pool, window=window, **options)
    y_bar = jnp.asarray(np.random.default_rng(2).integers(-4, 5, jax.eval_shape(f, x).shape), jnp.float32)

    ours, expected = jax.jit(lambda x: [engine.vjp(f, x)[1](y_bar)[0] for engine in (autodiff, jax)])(x)
    np.testing.assert_array_equal(ours, expected)
