"""Every tap has its own colour, and its name where there is room."""

import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis, conv_map, draw
from minicnn.draw.style import background, lightness, tap_colors
from minicnn.draw.tap_table import tap_table
from minicnn.functional.local import local_map
from minicnn.functional.pooling import avg_pool_map
from minicnn.maps import Dense, WindowSum

SLIDING = {
    "local": (local_map(jnp.ones((2, 2, 3, 2, 1, 1)), (5, 3), stride=2, padding=((0, 0), (0, 1))), False),
    "sum": (WindowSum((Axis.of(5, 3, stride=2), Axis.of(4, 2, padding=1)), 2, jnp.dtype("float32")), False),
    "average": (avg_pool_map((5, 4, 3), (2, 3), stride=1), False),
    "several channels": (conv_map(jnp.ones((2, 3, 2, 3)), (4, 5), dilation=(2, 1)), True),
}
W = jnp.arange(1.0, 10.0).reshape(3, 3, 1, 1) - 4


@pytest.mark.parametrize("dark", [False, True])
def test_each_tap_has_its_own_color(C, dark):
    with background(dark):
        axes = draw.taps(C)
    picture = np.asarray(axes.images[0].get_array())
    colors = tap_colors(9)
    entries = np.asarray(C.matrix())
    for row, column in np.ndindex(entries.shape):
        tap = C.symbols()[row, column]
        expected = np.zeros(4) if tap == "0" else colors[3 * "₀₁₂".index(tap[1]) + "₀₁₂".index(tap[2])]
        np.testing.assert_array_equal(picture[row, column], expected)
    assert {text.get_text() for text in axes.texts} == {f"w{a}{b}" for a in "₀₁₂" for b in "₀₁₂"}
    assert (np.diff([lightness(color[:3]) for color in colors]) < 0).all()


def test_taps_of_a_pool_and_of_what_has_none():
    axes = draw.taps(avg_pool_map((4, 4, 2), (2, 2)))
    assert axes.get_title() == "8×32, 32 non-zeros, 8 taps"
    with pytest.raises(TypeError, match="slides no window and has no taps"):
        draw.taps(Dense(jnp.eye(2), (2,), (2,), jnp.dtype("float32")))


def test_taps_of_padding_that_copies_are_added_where_they_meet():
    C = conv_map(W, (4, 3), padding=((1, 0), (0, 0)), padding_mode="replicate")
    for A in (C, C.T):
        axes = draw.taps(A)
        assert axes.get_title().replace("\n", " ").endswith("24 non-zeros, 9 taps and 3 sums of taps")
    below, beside = (tap_colors(9)[taps] for taps in ([0, 1, 2], [3, 4, 5]))
    picture = np.asarray(draw.taps(C).images[0].get_array())
    np.testing.assert_allclose(picture[0, :3], (below + beside) / 2)
    assert "w₀₀+w₁₀" in {text.get_text() for text in draw.taps(C).texts}


def test_every_map_that_slides_a_window_has_taps():
    for name, (A, mixed) in SLIDING.items():
        for B in (A, A.T):
            table = tap_table(B)
            np.testing.assert_array_equal(table.dense >= 0, np.asarray(B.matrix()) != 0, name)
            *o, _ = np.unravel_index(table.rows, B.out_shape)
            *i, _ = np.unravel_index(table.columns, B.in_shape)
            kernel = [axis.kernel_size for axis in B.axes]
            apart = B.in_shape[-1] if mixed else 1  # input channels with weights of their own
            k = np.unravel_index(table.numbers // apart // B.out_shape[-1], kernel)
            for axis, *where in zip(B.axes, o, k, i, strict=True):
                np.testing.assert_array_equal(axis.taps()[*where], 1, name)
