"""Decompositions of the tap tensor: identities of rationals, proved once for all data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.axis import Axis
from minicnn.forms import Decomposition
from minicnn.forms.cuts import Cut
from minicnn.forms.decomposition import is_dyadic, is_local, kinds, phases, terms, toom_cook

tiles = st.builds(
    lambda axis, tile: Cut.outputs(axis, tile).axis,
    st.builds(
        Axis,
        in_size=st.just(40),
        out_size=st.just(12),
        kernel_size=st.integers(1, 5),
        stride=st.integers(1, 4),
        dilation=st.integers(-4, 4).filter(bool),
        stretch=st.integers(1, 3),
        low=st.integers(-3, 3),
    ),
    st.integers(1, 4),
)


@given(tiles)
def test_the_factors_decompose_the_tap_tensor_of_any_tile(axis: Axis) -> None:
    factors = Decomposition.of(axis)
    assert factors.proves(axis)
    assert factors.T.proves(axis.T)
    assert Decomposition.taps(axis).proves(axis)
    assert factors.terms == terms(axis) <= max(axis.nnz, 1)
    assert factors.is_local == all(is_local(*kind) for kind in kinds(axis))


@given(tiles)
def test_every_triple_lies_in_one_phase(axis: Axis) -> None:
    triples = [
        (outputs[a], taps[b], inputs[a + b])
        for outputs, taps, inputs in phases(axis)
        for a in range(len(outputs))
        for b in range(len(taps))
    ]
    assert sorted(triples) == sorted(zip(*(column.tolist() for column in axis.triples()), strict=True))


@pytest.mark.parametrize(("outputs", "taps"), [(2, 2), (2, 3), (3, 2), (4, 3), (6, 3), (2, 5), (1, 4), (4, 1)])
def test_so_many_outputs_and_taps_take_one_product_fewer_than_both_together(outputs: int, taps: int) -> None:
    factors = toom_cook(outputs, taps)
    assert factors.terms == outputs + taps - 1
    assert factors.proves(Axis(in_size=outputs + taps - 1, out_size=outputs, kernel_size=taps))


@pytest.mark.parametrize("outputs", range(1, 6))
@pytest.mark.parametrize("taps", range(1, 6))
def test_factors_of_up_to_four_points_are_dyadic(outputs: int, taps: int) -> None:
    assert toom_cook(outputs, taps).is_dyadic == is_dyadic(outputs, taps)


def test_two_outputs_and_three_taps_have_winograds_matrices() -> None:
    """Lavin & Gray, *Fast algorithms for convolutional neural networks* (arXiv 1509.09308), equation 7, up to signs."""
    factors = toom_cook(2, 3)
    order = [0, 1, 2, 3]
    np.testing.assert_array_equal(abs(factors.B.T)[order], [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]])
    np.testing.assert_array_equal(abs(factors.G.T * 2)[order].astype(int), [[2, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 2]])
    np.testing.assert_array_equal(factors.A.T[order], [[1, 0], [1, 1], [1, -1], [0, 1]])


def test_pairs_of_outputs_meet_nothing_that_they_do_not_read_and_triples_do() -> None:
    local = {(t, k): toom_cook(t, k).is_local for t in (1, 2, 3) for k in (1, 2, 3)}
    assert [pair for pair, is_local in local.items() if not is_local] == [(3, 2), (3, 3)]


def test_a_wrong_entry_is_found() -> None:
    axis = Axis(in_size=4, out_size=2, kernel_size=3)
    right = Decomposition.of(axis)
    B = right.B.copy()
    B[2, 0] += 1
    assert not Decomposition(right.A, right.G, B).proves(axis)


def test_an_axis_that_reads_padding_is_no_tile() -> None:
    with pytest.raises(ValueError, match="reads beyond its input"):
        Decomposition.of(Axis.of(5, 3, padding="SAME"))
