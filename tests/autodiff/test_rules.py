"""Every primitive: values, first and second derivatives are JAX's; every map is the Jacobian at its shapes."""

import importlib
from functools import partial
from pkgutil import iter_modules
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

import minicnn
from minicnn import autodiff, functional
from minicnn.autodiff.rules import table
from minicnn.ops import primitives
from minicnn.primitive import Primitive
from tests import strategies
from tests.autodiff.catalogue import CASES, Case, elementwise
from tests.strategies import seeds

DTYPES = ("float32", "float64")
ROUNDINGS = 200  # more than these small programs make, each of one unit in the last place of the largest number


def derivatives(engine: Any, f: Any, y_bar: Any, xs: tuple[Any, ...], x_dots: tuple[Any, ...]) -> tuple[Any, ...]:
    """The value, the products with both Jacobians, and the derivative of the transposed one's by both modes."""

    def pulled(*xs: Any) -> Any:
        return sum(((x_bar * x_dot).sum() for x_bar, x_dot in zip(engine.vjp(f, *xs)[1](y_bar), x_dots, strict=True)))

    y, pullback = engine.vjp(f, *xs)
    forward_over_reverse = engine.jvp(lambda *xs: engine.vjp(f, *xs)[1](y_bar), xs, x_dots)[1]
    reverse_twice = engine.grad(pulled, tuple(range(len(xs))))(*xs) if y.dtype == jnp.float32 else ()
    return y, pullback(y_bar), engine.jvp(f, xs, x_dots)[1], forward_over_reverse, reverse_twice


@partial(jax.jit, static_argnums=(0, 1))
def both(f: Any, reference: Any, y_bar: Any, xs: Any, x_dots: Any) -> Any:
    return derivatives(autodiff, f, y_bar, xs, x_dots), derivatives(jax, reference or f, y_bar, xs, x_dots)


def agrees(case: Case, seed: int, dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        xs = tuple(map(jnp.asarray, case.arguments(seed, dtype)))
        x_dots = tuple(map(jnp.asarray, case._replace(data="integers").arguments(seed + 1, dtype)))
        shape = jax.eval_shape(case.reference or case.f, *xs)
        y_bar = jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape.shape), shape.dtype)
        ours, theirs = both(case.f, case.reference, y_bar, xs, x_dots)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            assert a.dtype == b.dtype
            scale = (
                0
                if case.exact
                else ROUNDINGS * float(jnp.finfo(a.dtype).eps) * max(1, abs(np.asarray(b)).max(initial=0))
            )
            np.testing.assert_allclose(a, b, rtol=0, atol=scale)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_a_primitive_and_its_first_and_second_derivatives_are_those_of_jax(name: str, dtype: str) -> None:
    agrees(CASES[name], 0, dtype)


@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.sampled_from(DTYPES), seeds)
def test_elementwise_and_structural_primitives_agree_in_every_shape(
    data: Any, shape: list[int], dtype: str, seed: int
) -> None:
    column = tuple(data.draw(st.sampled_from([1, size])) for size in shape)[data.draw(st.integers(0, len(shape) - 1)) :]
    cases = elementwise(tuple(shape), column)
    agrees(cases[data.draw(st.sampled_from(list(cases)))], seed, dtype)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CASES)
def test_the_maps_of_a_primitive_have_the_shapes_of_its_operands(name: str) -> None:
    case = CASES[name]
    P = autodiff.make_program(case.f, *case.arguments(0, np.float32))
    for arrow in P.arrows:
        assert arrow.map.in_shape == P.nodes[arrow.source].shape
        assert arrow.map.out_shape == P.nodes[arrow.target].shape


@given(strategies.cases(), seeds)
def test_convolutions_of_every_geometry_have_jaxs_derivatives_bit_by_bit(case: strategies.Case, seed: int) -> None:
    x, w, y_bar = map(jnp.asarray, case.data(seed))
    x_dot, w_dot, _ = map(jnp.asarray, case.data(seed + 1))

    @jax.jit
    def both(x: Any, w: Any) -> Any:
        f = partial(minicnn.conv, **case.options)
        return [(e.vjp(f, x, w)[1](y_bar), e.jvp(f, (x, w), (x_dot, w_dot))) for e in (autodiff, jax)]

    jax.tree.map(np.testing.assert_array_equal, *both(x, w))


def test_every_primitive_has_an_entry() -> None:
    rooms = [importlib.import_module(f"minicnn.functional.{m.name}") for m in iter_modules(functional.__path__)]
    there = {value for room in [primitives, *rooms] for value in vars(room).values() if isinstance(value, Primitive)}
    assert {str(primitive) for primitive in there - set(table)} == set()
