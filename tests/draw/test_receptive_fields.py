"""The frames are what the middle unit of each layer reads."""

import jax.numpy as jnp
import numpy as np

from minicnn import conv_map, draw, zoo
from minicnn.draw.receptive_fields import fields
from minicnn.nn import Conv, ConvTranspose, Sequential


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


def test_the_field_of_a_map_is_what_its_row_reads():
    w = jnp.ones((3, 2, 1, 1))
    narrow, wide = conv_map(w, (9, 8), stride=(2, 1)), conv_map(w, (13, 12), dilation=(2, 4))
    for A in (narrow, narrow.T, wide, narrow @ wide, conv_map(w, (9, 8), padding=(2, 1), padding_mode="circular")):
        *_, (label, spans) = fields(A, A.in_shape)
        middle = [(size - 1) // 2 for size in A.out_shape[:-1]]
        row = np.asarray(A.matrix()).reshape(*A.out_shape[:-1], *A.in_shape[:-1])[*middle]
        assert spans == tuple((places.min(), places.max() + 1) for places in np.nonzero(row))
        legend = draw.receptive_field(A).get_legend()
        assert legend is not None
        assert legend.get_texts()[-1].get_text().startswith(label)


def test_layers_within_layers_have_fields_of_their_own():
    inner = Sequential((Conv(1, (3, 3)), Conv(1, (3, 3))), ("a", "b"))
    outer = Sequential((inner, Conv(1, (2, 2), stride=2)), ("inner", "c"))
    assert [label for label, _ in fields(outer, (12, 12, 1))] == ["a", "b", "c"]
    assert [label for label, _ in fields(Conv(1, (3, 3)), (12, 12, 1))] == ["Conv"]
