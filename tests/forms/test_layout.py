"""Laying a kernel out by the tap tensor, and the adjoint."""

import jax
import numpy as np
from hypothesis import given

from minicnn.forms.layout import collect, lay
from tests.strategies import axes, seeds


def draw(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(np.float32) for shape in shapes]


@given(axes(least=1), axes(least=1), seeds)
def test_lay_is_the_contraction_with_the_tap_tensor(a, b, seed):
    (w,) = draw(seed, (a.kernel_size, b.kernel_size, 2, 3))
    expected = np.einsum("oki,pqj,kqcd->oipjcd", a.taps(), b.taps(), w)
    np.testing.assert_array_equal(jax.jit(lambda w: lay(w, (a, b)))(w), expected)


@given(axes(least=1), axes(least=1), seeds)
def test_collect_is_the_adjoint_of_lay(a, b, seed):
    w, m = draw(seed, (a.kernel_size, b.kernel_size, 2, 3), (a.out_size, a.in_size, b.out_size, b.in_size, 2, 3))
    laid, collected = jax.jit(lambda w, m: (lay(w, (a, b)), collect(m, (a, b))))(w, m)
    assert np.vdot(laid, m) == np.vdot(w, collected)


@given(axes(least=1), seeds)
def test_the_derivative_of_lay_is_lay_and_its_vjp_collect(axis, seed):
    w, w_dot, m = draw(seed, (axis.kernel_size, 1, 2), (axis.kernel_size, 1, 2), (axis.out_size, axis.in_size, 1, 2))

    def derivatives(w, w_dot, m):
        laid, tangent = jax.jvp(lambda w: lay(w, (axis,)), (w,), (w_dot,))
        _, vjp = jax.vjp(lambda w: lay(w, (axis,)), w)
        return tangent - lay(w_dot, (axis,)), vjp(m)[0] - collect(m, (axis,)), laid

    forward, backward, _ = jax.jit(derivatives)(w, w_dot, m)
    np.testing.assert_array_equal(forward, 0)
    np.testing.assert_array_equal(backward, 0)


@given(axes(least=1))
def test_lay_copies_a_nan_tap_to_its_own_entries_only(axis):
    w = np.zeros((axis.kernel_size, 1, 1), np.float32)
    w[0] = np.nan
    laid = np.asarray(jax.jit(lambda w: lay(w, (axis,)))(w))[..., 0, 0]
    np.testing.assert_array_equal(np.isnan(laid), axis.taps()[:, 0] == 1)
