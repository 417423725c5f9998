"""The frames are what the middle unit of each layer reads."""

import jax.numpy as jnp
import numpy as np

from minicnn import draw, zoo
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
