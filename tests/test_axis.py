"""One axis: the relation, its closure under transposition, sizes and padding words."""

from itertools import product

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given, settings

from minicnn import Axis
from minicnn.axis import Sliding
from tests import oracles
from tests.strategies import WORDS, axes

thorough = settings(max_examples=200)


def tap_tensor(axis: Axis) -> np.ndarray:
    return oracles.tap_tensor(
        axis.in_size, axis.out_size, axis.kernel_size, axis.stride, axis.dilation, axis.stretch, axis.low
    )


@thorough
@given(axes())
def test_taps_are_the_relation(axis):
    np.testing.assert_array_equal(axis.taps(), tap_tensor(axis))


@thorough
@given(axes())
def test_transposing_twice_is_the_same_axis(axis):
    transposed = axis.T
    assert axis == transposed.T


@thorough
@given(axes())
def test_taps_of_the_transpose_are_the_transposed_taps(axis):
    np.testing.assert_array_equal(axis.T.taps(), axis.taps().transpose(2, 1, 0))


@thorough
@given(axes())
def test_flipping_reverses_the_taps(axis):
    np.testing.assert_array_equal(axis.flipped.taps(), axis.taps()[:, ::-1])
    assert axis.flipped.flipped == axis
    assert axis.forwards == (axis if axis.dilation > 0 else axis.flipped)


@thorough
@given(axes())
def test_flipping_and_transposing_commute(axis):
    flipped, transposed = axis.flipped, axis.T
    assert transposed.flipped == flipped.T


@thorough
@given(axes())
def test_tap_of_is_the_tap_that_joins_output_and_input(axis):
    expected = np.full((axis.out_size, axis.in_size), axis.kernel_size)
    for o, k, i in np.argwhere(tap_tensor(axis)):
        expected[o, i] = k
    np.testing.assert_array_equal(axis.tap_of(), expected)


@given(axes())
def test_tap_of_is_the_same_in_jax(axis):
    np.testing.assert_array_equal(jax.jit(lambda: axis.tap_of(jax.numpy))(), axis.tap_of())


@thorough
@given(axes())
def test_counts_are_the_taps_of_each_output_that_meet_an_input(axis):
    np.testing.assert_array_equal(axis.counts(), (axis.input_of() >= 0).sum(1))
    assert axis.nnz == axis.taps().sum()


@given(axes())
def test_triples_are_the_ones_of_the_tap_tensor(axis):
    ones = np.zeros((axis.out_size, axis.kernel_size, axis.in_size), int)
    ones[axis.triples()] = 1
    np.testing.assert_array_equal(ones, axis.taps())


@given(axes())
def test_input_of_is_where_output_and_tap_meet(axis):
    expected = np.full((axis.out_size, axis.kernel_size), -1)
    for o, k, i in np.argwhere(tap_tensor(axis)):
        expected[o, k] = i
    np.testing.assert_array_equal(axis.input_of(), expected)


@thorough
@given(axes())
def test_nnz_counts_the_ones(axis):
    assert axis.nnz == tap_tensor(axis).sum()


@thorough
@given(axes())
def test_reads_and_unread_are_rows_and_zero_columns(axis):
    seen = np.atleast_2d(tap_tensor(axis).any(axis=1))
    assert [axis.reads(o) for o in range(axis.out_size)] == [tuple(np.flatnonzero(row)) for row in seen]
    assert axis.unread() == tuple(np.flatnonzero(np.logical_not(seen.any(axis=0))))


def test_a_kernel_of_any_size_is_counted_without_a_table():
    axis = Axis.of(1_000_000, 100_000)
    assert axis.nnz == 900_001 * 100_000
    assert axis.reads(5) == tuple(range(5, 100_005))
    assert axis.unread() == ()


steps, lengths = st.integers(1, 60), st.integers(0, 3000)


@thorough
@given(
    st.builds(Axis, lengths, lengths, lengths, steps, steps.map(lambda d: 31 - d or 1), steps, st.integers(-3000, 3000))
)
def test_long_axes_are_counted_as_their_outputs_and_inputs_are(axis):
    assert axis.nnz == axis.counts().sum() == axis.T.counts().sum()
    assert axis.unread() == tuple(np.flatnonzero(axis.T.counts() == 0))


def test_axes_of_any_size_are_counted_without_a_list():
    assert Axis.of(10**9, 10**6).nnz == (10**9 - 10**6 + 1) * 10**6
    assert Axis.of(2 * 10**9, 10**9, stride=10**6).nnz == (10**3 + 1) * 10**9
    assert Axis.of(10**9, 10**5).unread() == ()


@thorough
@given(axes())
def test_triples_are_the_ones_in_row_major_order(axis):
    np.testing.assert_array_equal(np.transpose(axis.triples()), np.argwhere(tap_tensor(axis)))


slidings = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
paddings = st.one_of(st.sampled_from(WORDS), st.integers(-2, 3), st.tuples(st.integers(-3, 4), st.integers(-3, 4)))


@thorough
@given(st.integers(0, 12), slidings, paddings)
def test_of_sees_what_a_window_sliding_over_the_padded_input_sees(n, row, padding):
    k, s, d, u = row
    pads = oracles.widths(padding, n, k, s, d, u)
    length = (u * (n - 1) + 1 if n else 0) + sum(pads)
    axis = Axis.of(n, k, s, padding, d, u)
    if length < 0 or min(pads) + n < 0:  # more is cropped than there is: only the size is defined
        assert axis.out_size == 0 or length >= d * (k - 1) + 1
        return
    expected = oracles.windows((n,), (k,), (s,), (pads,), (d,), (u,))
    np.testing.assert_array_equal(axis.input_of(), expected)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_sees_what_a_window_sliding_over_the_padded_input_sees(word):
    for n, k, s, d, u in product(range(1, 6), range(1, 5), range(1, 4), range(1, 3), range(1, 3)):
        pads = oracles.widths(word, n, k, s, d, u)
        if u * (n - 1) + 1 + sum(pads) >= d * (k - 1) + 1:
            expected = oracles.windows((n,), (k,), (s,), (pads,), (d,), (u,))
            np.testing.assert_array_equal(Axis.of(n, k, s, word, d, u).input_of(), expected)


@pytest.mark.parametrize("word", ["VALID", "SAME", "SAME_LOWER"])
def test_words_are_laxs_words(word):
    for n, k, s, d in product(range(1, 9), range(1, 5), range(1, 5), range(1, 4)):
        sliding, extent = Sliding(k, s, word, d), d * (k - 1) + 1
        assert sliding.widths(n) == tuple(*jax.lax.padtype_to_pads((n,), (extent,), (s,), word))


@pytest.mark.parametrize("word", ["SAME", "SAME_LOWER"])
def test_same_gives_one_output_per_stride(word):
    for n, k, s, d in product(range(1, 9), range(1, 5), range(1, 5), range(1, 4)):
        axis, (low, high) = Axis.of(n, k, s, word, d), Sliding(k, s, word, d).widths(n)
        assert axis.out_size == -(-n // s)
        assert 0 <= (high - low if word == "SAME" else low - high) <= 1


def test_full_is_every_overlap():
    for n, k, d in product(range(1, 9), range(1, 5), range(1, 4)):
        axis = Axis.of(n, k, 1, "FULL", d)
        assert axis.out_size == n + d * (k - 1)
        assert (axis.taps().sum(axis=(0, 2)) == n).all()


def test_causal_outputs_read_no_later_input():
    for n, k, d in product(range(1, 9), range(1, 5), range(1, 4)):
        axis = Axis.of(n, k, 1, "CAUSAL", d)
        assert axis.out_size == n
        assert all(axis.reads(o)[-1] == o for o in range(n))


def test_out_size_is_relationship_15_of_dumoulin_and_visin():
    for n, k, s, p, d in product(range(1, 13), range(1, 5), range(1, 5), range(4), range(1, 4)):
        spanned = k + (k - 1) * (d - 1)
        fits = n + 2 * p >= spanned
        assert Axis.of(n, k, s, p, d).out_size == ((n + 2 * p - spanned) // s + 1 if fits else 0)


def test_a_kernel_larger_than_the_padded_input_gives_size_zero():
    assert Axis.of(2, 5).out_size == 0
    assert Axis.of(2, 5, stride=7).out_size == 0


def test_the_sizes_of_the_textbook_figures():
    sizes = {
        (4, 3, 1, 0): 2,
        (5, 4, 1, 2): 6,
        (5, 3, 1, 1): 5,
        (5, 3, 1, 2): 7,
        (5, 3, 2, 0): 2,
        (5, 3, 2, 1): 3,
        (6, 3, 2, 1): 3,
    }
    assert {key: Axis.of(key[0], key[1], key[2], key[3]).out_size for key in sizes} == sizes


@thorough
@given(st.integers(0, 12), slidings, paddings)
def test_remainder_is_what_the_last_window_leaves(n, row, padding):
    k, s, d, u = row
    sliding, extent = Sliding(k, s, padding, d, u), d * (k - 1) + 1
    length = (u * (n - 1) + 1 if n else 0) + sum(oracles.widths(padding, n, k, s, d, u))
    if length >= extent:
        last = max(range(0, length - extent + 1, s))
        assert sliding.remainder(n) == length - (last + extent)


@thorough
@given(slidings, paddings, st.integers(0, 8))
def test_in_sizes_are_all_sizes_with_so_many_outputs(row, padding, outputs):
    k, s, d, u = row
    sliding = Sliding(k, s, padding, d, u)
    assert list(sliding.in_sizes(outputs)) == [n for n in range(80) if sliding.out_size(n) == outputs]


@thorough
@given(slidings, paddings, st.integers(1, 8))
def test_the_usual_in_size_is_the_smallest_but_for_same_the_largest(row, padding, outputs):
    k, s, d, u = row
    sliding = Sliding(k, s, padding, d, u)
    could = sliding.in_sizes(outputs)
    if could:
        assert sliding.in_size(outputs) == could[-1 if padding in ("SAME", "SAME_LOWER") else 0]
    else:
        with pytest.raises(ValueError, match=f"no input has {outputs} outputs"):
            sliding.in_size(outputs)


def test_the_usual_in_size_is_the_formula():
    for o, k, s, d, low, high in product(range(1, 6), range(1, 4), range(1, 4), range(1, 3), range(3), range(3)):
        size = s * (o - 1) + d * (k - 1) + 1 - low - high
        if size > 0:
            sliding = Sliding(k, s, (low, high), d)
            assert [sliding.in_size(o, extra=extra) for extra in range(s)] == list(range(size, size + s))
            assert [sliding.in_size(o, size + extra, extra) for extra in range(s)] == list(range(size, size + s))


def test_an_axis_is_static_under_jit():
    axis = Axis.of(5, 3)
    assert hash(axis) == hash(axis.T.T)
    assert jax.jit(lambda x, a: x * a.out_size, static_argnums=1)(2, axis) == 6
