"""One image on many devices: each holds a block, reads a window, and finds what one device finds, bit by bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.axis import Axis
from minicnn.forms.device_tiles import DeviceTiles
from tests.forms.spatial import CASES, WHOLE
from tests.simulated import answers, to_run


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    names = [name for (name,) in to_run(request, "name")]
    return dict(zip(names, answers("tests.forms.spatial", names, devices=8), strict=True))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CASES)
def test_eight_devices_find_the_bits_of_one_and_only_neighbours_speak(found: dict[str, Any], name: str) -> None:
    answer = found[name]
    assert not isinstance(answer, str), answer
    assert answer["same"], answer
    assert name in WHOLE or (answer["lies"] and answer["moved"] == []), answer


@st.composite
def spread_axes(draw: st.DrawFn) -> DeviceTiles:
    devices = draw(st.integers(2, 5))
    outputs, block = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    return DeviceTiles(
        Axis(
            in_size=block * devices,
            out_size=outputs * devices,
            kernel_size=draw(st.integers(1, 6)),
            stride=draw(st.integers(1, 4)),
            dilation=draw(st.integers(-3, 3).filter(bool)),
            stretch=draw(st.integers(1, 4)),
            low=draw(st.integers(-3, 6)),
        ),
        devices,
    )


@given(spread_axes())
def test_the_tile_of_a_device_is_its_part_of_the_tap_tensor(tiles: DeviceTiles) -> None:
    axis, inside, taps = tiles.axis, tiles.cut.axis, tiles.axis.taps()
    for device, (start, skipped) in enumerate(zip(tiles.starts, tiles.skipped, strict=True)):
        rows = range(skipped, skipped + tiles.outputs)
        reads = range(start, start + tiles.extent, tiles.cut.x.spacing)
        there = [n for n, position in enumerate(reads) if 0 <= position < axis.in_size]
        found = np.zeros((tiles.outputs, axis.kernel_size, axis.in_size), int)
        found[:, :, [reads[n] for n in there]] = inside.taps()[rows][:, :, there]
        np.testing.assert_array_equal(found, taps[device * tiles.outputs : (device + 1) * tiles.outputs])


@given(spread_axes())
def test_what_is_sent_holds_every_row_that_a_tile_reads(tiles: DeviceTiles) -> None:
    sent = {rows.hop: rows for rows in tiles.sent()}
    for device, start in enumerate(tiles.starts):
        for position in range(max(start, 0), min(start + tiles.extent, tiles.axis.in_size)):
            hop = position // tiles.block - device
            assert sent[hop].start <= position % tiles.block < sent[hop].stop
