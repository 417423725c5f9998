"""The functions are the same compiled and step by step, with arrays of NumPy and on a device, and are traced once."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

import minicnn
from tests import oracles

X = np.random.default_rng(0).integers(-4, 5, (2, 5, 4, 2)).astype(np.float32)
W = np.random.default_rng(1).integers(-4, 5, (3, 2, 2, 3)).astype(np.float32)
SEEN = oracles.windows((5, 4), (3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1))
C = oracles.conv_matrix(W, SEEN, (5, 4), 1, False)
Y = (X.reshape(2, -1) @ C.T).reshape(2, 3, 3, 3)
FUNCTIONS = {
    "conv": (lambda: (minicnn.conv, (X, W)), Y),
    "conv_transpose": (lambda: (minicnn.conv_transpose, (Y, W)), (Y.reshape(2, -1) @ C).reshape(X.shape)),
    "conv_map": (lambda: (lambda w: minicnn.conv_map(w, (5, 4)).matrix(), (W,)), C),
    "max_pool": (lambda: (lambda x: minicnn.max_pool(x, (2, 2)), (X,)), X[:, :4].reshape(2, 2, 2, 2, 2, 2).max((2, 4))),
    "avg_pool": (
        lambda: (lambda x: minicnn.avg_pool(x, (2, 2)), (X,)),
        X[:, :4].reshape(2, 2, 2, 2, 2, 2).mean((2, 4)),
    ),
}


class Variants(chex.TestCase):
    """Each function in each way of calling it."""

    @chex.variants(with_jit=True, without_jit=True, with_device=True, without_device=True)
    @parameterized.parameters(*FUNCTIONS)
    def test_the_value_is_that_of_the_matrix(self, name: str) -> None:
        made, expected = FUNCTIONS[name]
        function, arguments = made()
        np.testing.assert_array_equal(self.variant(function)(*arguments), expected)


def test_a_function_is_traced_once_for_one_shape_and_again_for_another() -> None:
    chex.clear_trace_counter()
    conv = jax.jit(chex.assert_max_traces(minicnn.conv, n=2))
    for x in (X, X + 1, jnp.zeros((3, 5, 4, 2)), X):
        conv(x, W)
    never = jax.jit(chex.assert_max_traces(minicnn.conv, n=0))
    with pytest.raises(AssertionError):  # a trace too many is noticed
        never(X, W)
