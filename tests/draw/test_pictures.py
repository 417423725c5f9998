"""What is drawn of maps, programs and runs is what they are; reduction keeps every non-zero visible."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from minicnn import autodiff, conv, conv_map, draw, ops, zoo
from minicnn.draw.fields import fields
from minicnn.draw.matrices import reduced
from minicnn.draw.programs import places
from minicnn.draw.style import background, lightness, tap_colors
from minicnn.functional.pooling import avg_pool_map
from minicnn.maps import Dense
from minicnn.nn import Conv, ConvTranspose, Sequential
from minicnn.train import Record

mpl.use("agg")
W = jnp.arange(1.0, 10.0).reshape(3, 3, 1, 1) - 4


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def C():
    return conv_map(W, (4, 4))


def test_a_map_is_drawn_beside_its_transpose(C):
    left, right = draw.pair(C)
    assert left.get_title().startswith("C: forward, 4×16")
    assert right.get_title().startswith("Cᵀ: backward, 16×4")
    np.testing.assert_array_equal(left.images[0].get_array(), C.matrix())
    np.testing.assert_array_equal(right.images[0].get_array(), C.matrix().T)


def test_the_sign_can_be_seen_in_greyscale(C):
    image = draw.matrix(C).images[0]
    levels = [lightness(image.to_rgba(value)[:3]) for value in np.linspace(-5, 5, 11)]
    assert (np.diff(levels) > 0.02).all()


@pytest.mark.parametrize("dark", [False, True])
def test_each_tap_has_its_own_color(C, dark):
    with background(dark):
        axes = draw.taps(C)
    picture = np.asarray(axes.images[0].get_array())
    colors = tap_colors(9, dark)
    entries = np.asarray(C.matrix())
    for row, column in np.ndindex(entries.shape):
        tap = C.symbols()[row, column]
        expected = np.zeros(4) if tap == "0" else colors[3 * "₀₁₂".index(tap[1]) + "₀₁₂".index(tap[2])]
        np.testing.assert_array_equal(picture[row, column], expected)
    assert {text.get_text() for text in axes.texts} == {f"w{a}{b}" for a in "₀₁₂" for b in "₀₁₂"}
    assert (np.diff([lightness(color[:3]) for color in colors]) > 0).all()


def test_taps_of_a_pool_and_of_what_has_none():
    axes = draw.taps(avg_pool_map((4, 4, 2), (2, 2)))
    assert axes.get_title() == "8×32, 32 non-zeros, 8 taps"
    with pytest.raises(TypeError, match="Dense has no taps"):
        draw.taps(Dense(jnp.eye(2), (2,), (2,), jnp.dtype("float32")))


def test_taps_of_padding_that_copies_are_added_where_they_meet():
    C = conv_map(W, (4, 3), padding=((1, 0), (0, 0)), padding_mode="replicate")
    for A in (C, C.T):
        axes = draw.taps(A)
        assert axes.get_title().endswith("24 non-zeros, 9 taps and 3 sums of taps")
    below, beside = (tap_colors(9)[taps] for taps in ([0, 1, 2], [3, 4, 5]))
    picture = np.asarray(draw.taps(C).images[0].get_array())
    np.testing.assert_allclose(picture[0, :3], (below + beside) / 2)
    assert "w₀₀+w₁₀" in {text.get_text() for text in draw.taps(C).texts}


def test_reduction_keeps_a_single_non_zero():
    entries = np.zeros((1000, 2000))
    entries[777, 1234] = -3
    assert reduced(entries).min() == -3
    assert max(reduced(entries).shape) <= 400


def test_the_spectrum_is_that_of_the_matrix(C):
    axes = draw.spectrum(C)
    axes = draw.spectrum(C.T, axes)
    expected = np.linalg.svd(np.asarray(C.matrix()), compute_uv=False)
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert axes.lines[0].get_label().startswith("4×16, rank 4 of at most 4")


def test_receptive_fields_of_lenet():
    found = {label: {stop - start for start, stop in spans} for label, spans in fields(zoo.LeNet5(), (32, 32, 1))}
    assert found == {"C1": {5}, "S2": {6}, "C3": {14}, "S4": {16}, "C5": {32}}
    axes = draw.receptive_field(zoo.LeNet5(), image=np.zeros((32, 32)))
    assert len({patch.get_linestyle() + str(patch.get_edgecolor()) for patch in axes.patches}) == 5


def test_the_field_of_a_transposed_convolution_is_what_its_row_reads():
    layers = Sequential((Conv(1, (3, 2), stride=2), ConvTranspose(1, (4, 3), stride=2)))
    params = ({"w": jnp.ones((3, 2, 1, 1))}, {"w": jnp.ones((4, 3, 1, 1))})
    (_, spans) = list(fields(layers, (15, 15, 1)))[-1]
    A = layers.map(params, (15, 15, 1))
    middle = [(size - 1) // 2 for size in A.out_shape[:-1]]
    row = np.asarray(A.matrix()).reshape(*A.out_shape[:-1], *A.in_shape[:-1])[*middle]
    rows, columns = np.nonzero(row)
    assert spans == ((rows.min(), rows.max() + 1), (columns.min(), columns.max() + 1))


def test_a_program_points_down_and_its_transpose_up():
    P = autodiff.make_program(lambda x, w: ops.sum(ops.tanh(conv(x, w)) + conv(x, w)), jnp.ones((4, 4, 1)), W)
    spots = places(P)
    assert len(set(spots)) == len(P.nodes)
    assert all(spots[arrow.source][1] < spots[arrow.target][1] for arrow in P.arrows)
    for axes, program in zip(draw.program(P), (P, P.T), strict=True):
        shown = [text.get_text() for text in axes.texts]
        assert all(any(text.startswith(f"{name}\n") for text in shown) for name in program.names)
        assert all(arrow.label in shown for arrow in program.arrows if arrow.label)
        written = [text.get_position() for text in axes.texts if text.get_text()]
        assert len(set(written)) == len(written)  # none hides another


def test_a_run_is_drawn():
    records = [Record(n, 10 * n, 1 / n, 0.9, 0.8, 1.0 * n) for n in (1, 2, 3)]
    loss, error = draw.training(records)
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [1, 1 / 2, 1 / 3])
    assert len(error.lines) == 2
