"""A fence keeps two loops apart on a CPU, and is nothing anywhere else."""

import re

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import conv
from minicnn.forms import trilinear
from minicnn.forms.fence import fence
from tests.processors import on_a_cpu


@on_a_cpu
def test_what_lies_before_a_fence_is_no_part_of_the_loop_behind_it():
    def loops(keep):
        program = jax.jit(lambda x: jnp.flip(keep(2 * x), 0) + 1).lower(jnp.ones(300)).compile()
        return str(program.as_text()).count("kind=kLoop")

    assert (loops(fence), loops(lambda x: x)) == (2, 1)


@on_a_cpu
def test_equal_fences_are_computed_once():
    program = jax.jit(lambda x: (2 * fence(jnp.sin(x)), fence(jnp.sin(x))[::-1])).lower(jnp.ones(30)).compile()
    assert str(program.as_text()).count(" call(") == 1


@on_a_cpu
def test_fences_of_one_type_are_calls_of_one_function():
    program = jax.jit(lambda x, y: (fence(x) + fence(2 * x), fence(y))).lower(jnp.ones(3), jnp.ones(4)).as_text()
    assert (program.count("func.func private"), program.count("call @")) == (2, 3)


@on_a_cpu
def test_a_function_that_is_called_as_a_fence_is_none():
    @jax.jit
    def f(x):
        return 0 * x

    x, program = jnp.ones(4), jax.jit(lambda x: f(x) + fence(x))
    name = re.findall(r"call @([^(]*fence[^(]*)", program.lower(x).as_text())[0]
    f.__wrapped__.__name__ = re.sub(r"\W", "_", name)
    jax.clear_caches()
    np.testing.assert_array_equal(program(x), x)


def test_other_platforms_have_no_fences():
    program = jax.jit(fence).trace(jnp.ones(3)).lower(lowering_platforms=("cuda",)).as_text()
    assert "call" not in program


def test_its_derivative_is_the_identity_also_under_vmap():
    x, x_dot = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 3))
    y, y_dot = jax.jvp(jax.vmap(fence, 1, 1), (x,), (x_dot,))
    (x_bar,) = jax.vjp(fence, x)[1](x_dot)
    for found, expected in ((y, x), (y_dot, x_dot), (x_bar, x_dot)):
        np.testing.assert_array_equal(found, expected)


def test_what_a_fence_waits_for_has_no_derivative():
    x, new = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 4))
    y, pullback = jax.vjp(jax.vmap(fence), x, new)
    np.testing.assert_array_equal(y, x)
    for found, expected in zip(pullback(2 * x), (2 * x, jnp.zeros((2, 4))), strict=True):
        np.testing.assert_array_equal(found, expected)


def temporary_megabytes(f, *arguments):
    analysis = jax.jit(f).lower(*arguments).compile().memory_analysis()
    assert analysis is not None
    return analysis.temp_size_in_bytes / 1e6


@on_a_cpu
def test_what_waits_for_another_array_is_not_computed_before_it():
    """Of ten large arrays, made of one and summed one after the other, no more than a few are there at a time."""

    def megabytes(passed):
        def sums(x, scales):
            total = jnp.zeros(())
            for scale in scales:
                total = total + jnp.sort(jnp.sin(passed(x, total) * scale)).sum()
            return total

        return temporary_megabytes(sums, jnp.ones(250_000), jnp.ones(10))

    assert megabytes(fence) < 5


@on_a_cpu
def test_the_terms_of_a_kernel_are_there_while_they_are_multiplied_and_no_longer():
    def megabytes(layers):
        def network(x, kernels):
            for w in kernels:
                x = jnp.tanh(conv(x, w, padding="SAME", form="winograd"))
            return x

        arguments = jnp.ones((1, 4, 4, 128)), [jnp.ones((3, 3, 128, 128)) for _ in range(layers)]
        return temporary_megabytes(network, *arguments)

    assert megabytes(6) - megabytes(3) < 1  # three kernels of 16 terms have 3.1


@on_a_cpu
def test_the_zeros_that_a_loop_over_portions_adds_to_are_not_there_before_it(monkeypatch):
    monkeypatch.setattr(trilinear, "_portions", lambda *_: 2)

    def megabytes(layers):
        def loss(kernels, x):
            for w in kernels:
                x = jnp.tanh(conv(x, w, padding="SAME", form="tiles"))
            return x.sum()

        step = lambda kernels, x: jax.tree.map(jnp.subtract, kernels, jax.grad(loss)(kernels, x))
        return temporary_megabytes(step, [jnp.ones((3, 3, 128, 128))] * layers, jnp.ones((2, 4, 4, 128)))

    assert megabytes(6) - megabytes(3) < 0.1  # three kernels have 1.8


@on_a_cpu
def test_a_layer_of_256_channels_needs_no_more_than_the_c_library_keeps_for_the_next_call():
    """Above 32 MB it gives every call fresh pages, which took ten of 26 ms."""

    def gradients(x, w):
        y, pull_back = jax.vjp(lambda x, w: conv(x, w, padding="SAME"), x, w)
        return y, pull_back(jnp.ones_like(y))

    assert temporary_megabytes(gradients, jnp.ones((8, 14, 14, 256)), jnp.ones((3, 3, 256, 256))) < 32
