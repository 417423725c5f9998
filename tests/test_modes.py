"""Every function in every mode of JAX that concerns functions: whoever sets one still gets all of the library.

Modes that change how a program is traced are all set at once, and one at a time in the long run.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, compat, nn
from tests.autodiff.catalogue import CASES
from tests.functional.meshes import ONE_OF_A_KIND
from tests.functional.test_family import FAMILY, arrays


class Function(NamedTuple):
    f: Callable[..., Any]
    arguments: tuple[Any, ...]


def w(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).integers(-3, 4, shape), jnp.float32)


NETWORK = nn.Sequential((nn.Conv(2, (3, 3)), nn.Activation("tanh"), nn.AvgPool((2, 2)), nn.Flatten(), nn.Dense(3)))
PARAMS = NETWORK.init(jax.random.key(0), (6, 6, 1))
MAPS = {
    "conv_map": lambda w: minicnn.conv_map(w, (4, 4), padding=1),
    "conv_map, circular": lambda w: minicnn.conv_map(w, (4, 4), padding=1, padding_mode="circular"),
    "patch_map": lambda w: minicnn.patch_map(w, (2, 2, 2, 1)),
}
FUNCTIONS = {
    **{name: Function(m.function, tuple(map(jnp.asarray, arrays(m, batch=2)))) for name, m in FAMILY.items()},
    **{f"ops: {n}": Function(c.f, tuple(map(jnp.asarray, c.arguments(0, np.float32)))) for n, c in CASES.items()},
    **{
        f"conv as {form}": Function(lambda x, w, f=form: minicnn.conv(x, w, form=f), (w(1, 4, 4, 2), w(2, 2, 2, 2)))
        for form in ("dense", "tiles", "diagonals", "fourier")
    },
    "depthwise": Function(lambda x, w: minicnn.conv(x, w, groups=2), (w(1, 4, 4, 2), w(2, 2, 1, 2))),
    **{f"{n}, its matrix": Function(lambda w, A=A: A(w).matrix(), (w(3, 3, 2, 2),)) for n, A in MAPS.items()},
    **{
        f"{n}, transposed": Function(lambda w, A=A: A(w).T(jnp.ones(A(w).out_shape)), (w(3, 3, 2, 2),))
        for n, A in MAPS.items()
    },
    "autodiff.grad": Function(autodiff.grad(lambda w: minicnn.conv(w, w).sum()), (w(2, 2, 2, 2),)),
    "nn": Function(lambda x: NETWORK.apply(PARAMS, x), (w(2, 6, 6, 1),)),
    "cross_entropy": Function(lambda x: nn.losses.cross_entropy(x, jnp.array([0, 2])), (w(2, 3),)),
    "competitive": Function(lambda x: nn.losses.competitive(x, jnp.array([0, 2])), (w(2, 3),)),
    "squared_error": Function(nn.losses.squared_error, (w(2, 3), w(2, 3) + 1)),
    "Rbf": Function(lambda x: nn.Rbf(((1, 2), (3, 4))).apply({}, x), (w(3, 2),)),
    "Rbf, its matrix": Function(lambda x: nn.Rbf(((1, 2), (3, 4))).map_at({}, x).matrix(), (w(2),)),
    "compat.conv_transpose": Function(
        lambda x, w: compat.conv_transpose(x, w, (2, 1), "SAME"), (w(1, 3, 3, 2), w(2, 2, 2, 3))
    ),
    "theano_conv2d": Function(compat.theano_conv2d, (w(1, 2, 4, 4), w(3, 2, 2, 2))),
}


@contextmanager
def option(name: str, value: Any) -> Iterator[None]:
    """An option of `jax.config` that has no context manager of its own."""
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        yield
    finally:
        jax.config.update(name, before)


Mode = Callable[[], AbstractContextManager[Any]]
TRACED: dict[str, Mode] = {
    "rank promotion": lambda: jax.numpy_rank_promotion("raise"),
    "dtype promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "checks": lambda: option("jax_enable_checks", True),
    "leaks": jax.checking_leaks,
    "keys": lambda: option("jax_debug_key_reuse", True),
    "random bits": lambda: option("jax_default_prng_impl", "rbg"),
    "64-bit dtypes": lambda: option("jax_explicit_x64_dtypes", "error"),
    "softmax": lambda: option("jax_softmax_custom_jvp", False),
    "static indices": lambda: option("jax_check_static_indices", True),
    "linearize": lambda: option("jax_use_direct_linearize", False),
    "precision": lambda: jax.default_matmul_precision("highest"),
}
EXECUTED: dict[str, Mode] = {
    "no jit": jax.disable_jit,
    "NaNs": lambda: jax.debug_nans(True),
    "infinities": lambda: jax.debug_infs(True),
}


def with_gradients(function: Function) -> Callable[..., Any]:
    """A sum of squares of what the function returns, that itself, and the gradients in all arguments."""

    def loss(*arguments: Any) -> Any:
        found = function.f(*arguments)
        return sum((jnp.abs(leaf) ** 2).sum() for leaf in jax.tree.leaves(found)), found

    return jax.value_and_grad(loss, tuple(range(len(function.arguments))), has_aux=True)


def failures(ask: Callable[[Function], Any], names: Any = FUNCTIONS) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            ask(FUNCTIONS[name])
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"[:300]
    return found


@pytest.fixture(scope="module")
def little_to_search() -> Iterator[None]:
    """Each search for leaks goes through all objects that are collected: those that were there before are left out."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def lowered(function: Function) -> None:
    """Trace the function with its gradients and lower it."""
    jax.jit(with_gradients(function)).lower(*function.arguments)


@pytest.mark.sampled(5)
@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_in_all_modes_of_tracing_at_once(name: str) -> None:
    with ExitStack() as modes:
        for mode in TRACED.values():
            modes.enter_context(mode())
        assert failures(lowered, (name,)) == {}


@pytest.mark.long
@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("mode", TRACED)
def test_all_functions_in_one_mode_of_tracing(mode: str) -> None:
    with TRACED[mode]():
        assert failures(lowered) == {}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ONE_OF_A_KIND)
@pytest.mark.parametrize("mode", EXECUTED)
def test_a_function_computes_the_same_in_a_mode_of_execution(mode: str, name: str) -> None:
    def same(function: Function) -> None:
        f = with_gradients(function)
        expected = jax.jit(f)(*function.arguments)
        with EXECUTED[mode]():
            found = f(*function.arguments)
        for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(np.abs(b).max(), 1))

    assert failures(same, (name,)) == {}


def test_nothing_is_moved_between_host_and_device_behind_the_back_of_who_forbids_it() -> None:
    """Only the value is asked for: the 1 that `jax.grad` starts from is itself moved to the device."""

    def guarded(function: Function) -> None:
        with jax.transfer_guard("disallow"):
            jax.block_until_ready(function.f(*function.arguments))

    assert failures(guarded, FAMILY.keys() - {"max_unpool"}) == {}  # the table makes its indices on the spot


@pytest.mark.parametrize("name", ["conv", "max_pool", "avg_pool", "lp_pool"])
def test_a_nan_is_reported_where_it_is_made(name: str) -> None:
    function = FUNCTIONS[name]
    x, *rest = function.arguments
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        function.f(jnp.full_like(x, jnp.nan), *rest)
