"""Max pooling sends its gradient to the first largest input, whatever the windows and the data."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff
from tests.processors import on_a_cpu

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


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", WINDOWS)
def test_the_gradient_of_max_pooling_is_jaxs_on_ties_infinities_and_nans(name: str) -> None:
    shape, window, options = WINDOWS[name]
    x = jnp.asarray(np.random.default_rng(1).choice(POOR, shape))
    f = partial(minicnn.max_pool, window=window, **options)
    y_bar = jnp.asarray(np.random.default_rng(2).integers(-4, 5, jax.eval_shape(f, x).shape), jnp.float32)

    ours, expected = jax.jit(lambda x: [engine.vjp(f, x)[1](y_bar)[0] for engine in (autodiff, jax)])(x)
    np.testing.assert_array_equal(ours, expected)


@on_a_cpu
@pytest.mark.parametrize("window", [(2, 2), (3, 2)])
def test_the_maxima_take_no_loop_that_their_winners_do_not(window: tuple[int, int]) -> None:
    def loops(results: Any) -> int:
        program = lambda x, y_bar: results(*jax.vjp(lambda x: minicnn.max_pool(x, window), x), y_bar)
        x, y_bar = jnp.ones((2, 6, 6, 3)), jnp.ones((2, 6 // window[0], 6 // window[1], 3))
        return str(jax.jit(program).lower(x, y_bar).compile().as_text()).count(" fusion(")

    assert loops(lambda y, pull_back, y_bar: (y, pull_back(y_bar))) == loops(
        lambda y, pull_back, y_bar: pull_back(y_bar)
    )
