"""Cutting an axis into tiles that share one matrix."""

import math
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.axis import Axis
from minicnn.forms import gathering
from minicnn.forms.cuts import Cut, Span
from minicnn.forms.gathering import gather, scatter
from tests.strategies import axes

many_pieces = pytest.mark.parametrize("pieces", [gathering._PIECES, 1])
cuts = st.sampled_from([Cut.outputs, Cut.inputs])


def reach(span: Span, size: int) -> list[list[int]]:
    """For each tile the positions of the axis that it holds, -1 where it overhangs."""
    starts = [span.first + tile * span.step for tile in range(span.count)]
    return [
        [p if 0 <= p < size else -1 for p in range(start, start + span.spacing * span.length, span.spacing)]
        for start in starts
    ]


@settings(max_examples=300)
@given(axes(least=1), cuts, st.integers(1, 10))
def test_the_tiles_added_up_are_the_axis(axis, cut, size):
    part = cut(axis, size)
    whole, tile = axis.taps().astype(int), part.axis.taps().astype(int)
    total = np.zeros((axis.out_size + 1, axis.kernel_size, axis.in_size + 1), int)
    for outputs, inputs in zip(reach(part.y, axis.out_size), reach(part.x, axis.in_size), strict=True):
        for row, o in enumerate(outputs):
            for column, i in enumerate(inputs):
                total[o, :, i] += tile[row, :, column]
    np.testing.assert_array_equal(total[: axis.out_size, :, : axis.in_size], whole)


@settings(max_examples=300)
@given(axes(least=1), st.integers(1, 10))
def test_blocks_cover_the_axis_and_none_is_idle(axis, size):
    outputs, inputs = Cut.outputs(axis, size), Cut.inputs(axis, size)
    for span, n in ((outputs.y, axis.out_size), (inputs.x, axis.in_size)):
        assert (span.first, span.step) == (0, span.length)
        assert 0 <= span.count * span.length - n < span.length


@settings(max_examples=100)
@given(axes(least=1), cuts, st.integers(1, 10))
def test_the_cut_of_the_transposed_axis_is_the_transposed_cut(axis, cut, size):
    other = {Cut.outputs: Cut.inputs, Cut.inputs: Cut.outputs}[cut]
    assert other(axis.T, size) == cut(axis, size).T


def test_windows_leave_out_what_no_tap_reads():
    strided_alike = Cut.outputs(Axis.of(in_size=20, kernel_size=3, stride=2, dilation=2), 4)
    assert (strided_alike.x.length, strided_alike.x.spacing) == (6, 2)
    one_output = Cut.outputs(Axis.of(in_size=20, kernel_size=3, stride=2, dilation=3), 1)
    assert (one_output.x.length, one_output.x.spacing) == (3, 3)


def test_gather_copies_each_position_of_each_tile():
    x = np.arange(1.0, 15).reshape(1, 14, 1)
    spans = Span(3, 5, 2, -1), Span(3, 3, 2, -1, 2), Span(2, 5, 6, 1, 2), Span(2, 3, 3, 12), Span(4, 3, 1, -2, 4)
    for span in spans:
        held = np.array(reach(span, 14))
        expected = np.where(held >= 0, x.ravel()[held], 0)
        np.testing.assert_array_equal(gather(jnp.asarray(x), 1, [span])[0, 0, ..., 0], expected)


OVERLAPPING = [Span(3, 5, 2, -1), Span(3, 3, 2, -1, 2), Span(2, 5, 6, 1, 2)], (6, 8, 14)
IN_ORDER = [Span(3, 2, 2), Span(8, 1, 1), Span(2, 7, 7)], (6, 8, 14)
SPANS = {
    "overlapping": OVERLAPPING,
    "in order": IN_ORDER,
    "the first in order": ([Span(6, 1, 1), *OVERLAPPING[0][1:]], (6, 8, 14)),
    "the last in order": ([*OVERLAPPING[0][:2], IN_ORDER[0][2]], (6, 8, 14)),
    "a single tile first": ([Span(1, 6, 6), OVERLAPPING[0][1], IN_ORDER[0][2]], (6, 8, 14)),
}


@pytest.mark.sampled(3)
@many_pieces
@pytest.mark.parametrize("few", [1, 3, 100])
@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", SPANS)
def test_scatter_is_the_transpose_of_gather(name, groups, channels, few, pieces):
    (spans, size), shape = SPANS[name], (2, 6, 8, 14, groups * channels)
    x = jnp.arange(float(math.prod(shape))).reshape(shape)
    y, pull_back = jax.vjp(lambda x: gather(x, groups, spans), x)
    with patch.object(gathering, "_PIECES", pieces), patch.object(gathering, "FEW", few):
        np.testing.assert_array_equal(pull_back(y)[0], scatter(y, spans, size))
