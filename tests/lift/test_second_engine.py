"""For functions made of our own primitives there are two engines: lift reads JAX's derivative, autodiff has its own."""

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import ops
from minicnn.autodiff import make_program
from tests.autodiff.catalogue import CASES


def agree(f, *args, exact: bool) -> None:
    """Both programs have one matrix, entry by entry, and so have their transposes."""
    ours, lifted = make_program(f, *args), minicnn.lift(f, *args, argnums=tuple(range(len(args))))
    assert (lifted.in_tree, lifted.out_tree) == (ours.in_tree, ours.out_tree)
    compare = np.testing.assert_array_equal if exact else lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5)
    compare(lifted.to_scipy().toarray(), ours.to_scipy().toarray())  # nothing is compiled for sparse products
    compare(lifted.T.to_scipy().toarray(), ours.T.to_scipy().toarray())


# What is made of several primitives that have cases of their own, or takes seconds to compile.
SELDOM = {
    *("floor division", "remainder", "divmod", "rounding", "arctan2", "hypot", "elu", "leaky_relu", "softplus", "silu"),
    *("gelu", "gelu, exactly", "steps", "var", "std", "prod", "cumprod", "log_softmax", "any and all", "trace", "dot"),
    *("negative", "subtract", "multiply", "divide", "vdot", "inner", "outer", "matmul of two batches", "moveaxis"),
    *("tensordot", "diag", "diag of a vector", "conv, dense", "conv, diagonals", "conv, circular", "tiled_conv"),
    *("repeat", "tile", "flip", "roll", "swapaxes", "pad, symmetric", "lp_pool", "lp_pool, p = 3", "global_lp_pool"),
    *("adaptive_max_pool", "max_pool", "channel_pool", "max_unpool"),
}
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in SELDOM else name for name in CASES]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMES)
def test_both_engines_give_one_matrix(name):
    case = CASES[name]
    agree(case.f, *map(jnp.asarray, case.arguments(0, np.float32)), exact=case.exact)


@pytest.mark.parametrize("stride", [1, 2])
def test_an_lp_pool_lifts_to_the_matrix_of_its_windows(stride: int) -> None:
    pool = lambda x: minicnn.lp_pool(x[:, None], (4,), stride=stride, p=3)
    agree(pool, jnp.array([1.0, -2, 0, 0, 0, 0, 3, 5, -4]), exact=False)


KINKS = {
    "relu": (ops.relu, [0, -1, 1, -0.0]),
    "leaky_relu": (ops.leaky_relu, [0, -1, 1, -0.0]),
    "abs": (ops.abs, [0, -1, 1, -0.0]),
    "maximum": (lambda x: ops.maximum(x, 1), [0, 1, 2]),
    "maximum of both": (lambda x: ops.maximum(x, x[::-1]), [1, 3, 1]),
    "minimum": (lambda x: ops.minimum(x, x[::-1]), [1, 3, 1]),
    "clip": (lambda x: ops.clip(x, -1, 1), [-2, -1, 0, 1, 2]),
    "max": (ops.max, [2, 1, 2, 2]),
    "min": (ops.min, [1, 1, 2]),
    "where": (lambda x: ops.where(x > 0, x, 2 * x), [0, 1]),
    "sort": (lambda x: ops.sort(x), [2, 1, 2]),
    "max_pool": (lambda x: minicnn.max_pool(x[:, None], (2,), stride=1), [1, 1, 0, 0]),
    "max_pool of many taps": (lambda x: minicnn.max_pool(x[:, None], (5,), stride=1), [0, 2, 2, 1, 2, 0]),
    "adaptive_max_pool": (lambda x: minicnn.adaptive_max_pool(x[:, None], (2,)), [1, 1, 0]),
    "lp_pool": (lambda x: minicnn.lp_pool(x[:, None], (2,)), [0, 0, 3, 4]),
    "integer power": (lambda x: x**0 + x**1, [0, 2]),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", KINKS)
def test_both_engines_agree_where_a_function_has_a_kink(name):
    f, values = KINKS[name]
    agree(f, jnp.asarray(values, jnp.float32), exact=name not in {"lp_pool"})
