"""A fence keeps two loops apart on a CPU, and is nothing anywhere else."""

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.forms.fence import fence


def test_what_lies_before_a_fence_is_no_part_of_the_loop_behind_it():
    def loops(keep):
        program = jax.jit(lambda x: jnp.flip(keep(2 * x), 0) + 1).lower(jnp.ones(300)).compile()
        return str(program.as_text()).count("kind=kLoop")

    assert (loops(fence), loops(lambda x: x)) == (2, 1)


def test_equal_fences_are_computed_once():
    program = jax.jit(lambda x: (2 * fence(jnp.sin(x)), fence(jnp.sin(x))[::-1])).lower(jnp.ones(30)).compile()
    assert str(program.as_text()).count(" call(") == 1


def test_other_platforms_have_no_fences():
    program = jax.jit(fence).trace(jnp.ones(3)).lower(lowering_platforms=("cuda",)).as_text()
    assert "call" not in program


def test_its_derivative_is_the_identity_also_under_vmap():
    x, x_dot = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 3))
    y, y_dot = jax.jvp(jax.vmap(fence, 1, 1), (x,), (x_dot,))
    (x_bar,) = jax.vjp(fence, x)[1](x_dot)
    for found, expected in ((y, x), (y_dot, x_dot), (x_bar, x_dot)):
        np.testing.assert_array_equal(found, expected)
