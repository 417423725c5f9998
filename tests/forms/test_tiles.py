"""Cutting an axis into tiles that share one matrix."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.forms.tiles import Cut
from tests.strategies import axes


@settings(max_examples=200)
@given(axes(least=1), st.integers(1, 10))
def test_the_tiles_side_by_side_are_the_axis(axis, outputs):
    cut = Cut.of(axis, outputs)
    whole, part = axis.taps(), cut.axis.taps()
    for o in range(axis.out_size):
        tile, row = divmod(o, cut.axis.out_size)
        start = cut.first + tile * cut.step
        for i in range(axis.in_size):
            inside = 0 <= i - start < cut.axis.in_size
            expected = part[row, :, i - start] if inside else np.zeros(axis.kernel_size)
            np.testing.assert_array_equal(whole[o, :, i], expected)


@settings(max_examples=200)
@given(axes(least=1), st.integers(1, 10))
def test_the_tiles_cover_all_outputs_and_no_tile_is_idle(axis, outputs):
    cut = Cut.of(axis, outputs)
    assert 0 <= cut.count * cut.axis.out_size - axis.out_size < cut.axis.out_size
