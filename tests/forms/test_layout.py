"""Laying a kernel out by the tap tensor, and the adjoint: entry by entry, and row by row as for long kernels."""

from unittest.mock import patch

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.axis import Axis
from minicnn.forms import layout
from minicnn.forms.layout import collect, from_matrix, lay, taps_of_matrix
from tests.strategies import axes, seeds


def draw(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(np.float32) for shape in shapes]


short_and_long = pytest.mark.parametrize("short", [layout._SHORT, 0])


@short_and_long
@given(a=axes(least=1), b=axes(least=1), seed=seeds)
def test_lay_is_the_contraction_with_the_tap_tensor(short, a, b, seed):
    (w,) = draw(seed, (a.kernel_size, b.kernel_size, 2, 3))
    expected = np.einsum("oki,pqj,kqcd->oipjcd", a.taps(), b.taps(), w)
    with patch.object(layout, "_SHORT", short):
        np.testing.assert_array_equal(jax.jit(lambda w: lay(w, (a, b)))(w), expected)


@short_and_long
@given(a=axes(least=1), b=axes(least=1), seed=seeds)
def test_collect_is_the_adjoint_of_lay(short, a, b, seed):
    (m,) = draw(seed, (a.out_size, a.in_size, b.out_size, b.in_size, 2, 3))
    expected = np.einsum("oki,pqj,oipjcd->kqcd", a.taps(), b.taps(), m)
    with patch.object(layout, "_SHORT", short):
        np.testing.assert_array_equal(jax.jit(lambda m: collect(m, (a, b)))(m), expected)


@short_and_long
@given(axis=axes(least=1), seed=seeds)
def test_the_derivative_of_lay_is_lay_and_its_vjp_collect(short, axis, seed):
    w, w_dot, m = draw(seed, (axis.kernel_size, 1, 2), (axis.kernel_size, 1, 2), (axis.out_size, axis.in_size, 1, 2))

    def derivatives(w, w_dot, m):
        laid, tangent = jax.jvp(lambda w: lay(w, (axis,)), (w,), (w_dot,))
        _, vjp = jax.vjp(lambda w: lay(w, (axis,)), w)
        return tangent - lay(w_dot, (axis,)), vjp(m)[0] - collect(m, (axis,)), laid

    with patch.object(layout, "_SHORT", short):
        forward, backward, _ = jax.jit(derivatives)(w, w_dot, m)
    np.testing.assert_array_equal(forward, 0)
    np.testing.assert_array_equal(backward, 0)


@short_and_long
@given(axis=axes(least=1))
def test_lay_copies_a_nan_tap_to_its_own_entries_only(short, axis):
    w = np.zeros((axis.kernel_size, 1, 1), np.float32)
    w[0] = np.nan
    with patch.object(layout, "_SHORT", short):
        laid = np.asarray(jax.jit(lambda w: lay(w, (axis,)))(w))[..., 0, 0]
    np.testing.assert_array_equal(np.isnan(laid), axis.taps()[:, 0] == 1)


TILES = (
    Axis(in_size=4, out_size=2, kernel_size=3),
    Axis(in_size=8, out_size=4, kernel_size=5).T,
    Axis(in_size=5, out_size=2, kernel_size=3, stride=2),
    Axis(in_size=3, out_size=4, kernel_size=3, stretch=2, low=1),  # taps of two entries, and of one
    Axis(in_size=6, out_size=2, kernel_size=3, dilation=-2, low=-4),
    Axis(in_size=2, out_size=1, kernel_size=4),  # taps of no entry
    Axis(in_size=3, out_size=2, kernel_size=6, stride=3, low=3),  # taps of one entry each, in another order
)


@pytest.mark.parametrize("groups", [1, 2])
@given(a=st.sampled_from(TILES), b=st.sampled_from(TILES), seed=seeds)
def test_the_taps_of_a_matrix_are_what_collect_makes_of_it(groups, a, b, seed):
    (blocks,) = draw(seed, (groups, a.in_size * b.in_size * 2, a.out_size * b.out_size * 3))
    expected = collect(from_matrix(blocks, (a, b)), (a, b))
    np.testing.assert_array_equal(taps_of_matrix(blocks, (a, b)), expected)


def test_a_nan_in_a_matrix_reaches_the_tap_of_its_entry_only():
    axis = TILES[3]
    blocks = np.zeros((1, axis.in_size, axis.out_size), np.float32)
    for o, i in np.ndindex(axis.out_size, axis.in_size):
        tap, marked = axis.tap_of()[o, i], blocks.copy()
        marked[0, i, o] = np.nan
        reached = np.isnan(taps_of_matrix(marked, (axis,))).ravel()
        assert reached.tolist() == [k == tap for k in range(axis.kernel_size)]
