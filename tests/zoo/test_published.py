"""The networks have the published sizes, and their matrices prove it: non-zeros of C plus biases = connections."""

import pickle
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn import nn, zoo
from minicnn.cli import app
from minicnn.zoo.bitmaps import BITMAPS
from minicnn.zoo.registry import NETWORKS
from minicnn.zoo.summary import summary

LENET5 = zoo.LeNet5(original=True)
NAMED = dict(zip(LENET5.labels, LENET5.layers, strict=True))

# label: parameters, connections, shape of C, non-zeros of C
PAPER = {
    "C1": (156, 122_304, (4704, 1024), 117_600),
    "S2": (12, 5_880, (1176, 4704), 4_704),
    "C3": (1_516, 151_600, (1600, 1176), 150_000),
    "S4": (32, 2_000, (400, 1600), 1_600),
    "C5": (48_120, 48_120, (120, 400), 48_000),
    "F6": (10_164, 10_164, (84, 120), 10_080),
    "output": (0, 840, (10, 84), 840),
}


# One row per map of S2, one column per map of C3.
TABLE_I = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""


@cache
def rows(name):
    return summary(NETWORKS[name].build(), NETWORKS[name].in_shape)


def totals(name):
    return sum(row.parameters for row in rows(name)), sum(row.connections for row in rows(name))


def test_each_layer_of_lenet5_has_its_published_parameters_and_connections():
    counted = {row.label: (row.parameters, row.connections, row.matrix, row.nnz) for row in rows("lenet5-1998")}
    assert counted == PAPER


@pytest.mark.parametrize(
    ("name", "parameters", "connections"),
    [("lenet5-1998", 60_000, 340_908), ("lenet1", 2_578, 98_442), ("lenet4", 17_090, 264_386)],
)
def test_each_network_has_its_published_total(name, parameters, connections):
    assert totals(name) == (parameters, connections)


def test_todays_lenet5_has_a_full_c3():
    assert totals("lenet5")[0] == 61_706
    assert rows("lenet5")[2].nnz == 240_000


def test_the_cifar_example_has_the_published_shapes():
    assert [row.out_shape for row in rows("cifarnet")] == [(32, 32, 12), (16, 16, 12), (10,)]
    assert rows("cifarnet")[-1].parameters == 30_730


def test_c3_reads_the_maps_of_the_table():
    table = np.array(NAMED["C3"].mask)
    np.testing.assert_array_equal(table, np.array([list(row) for row in TABLE_I.split()]) == "X")
    assert table.sum() == 60
    C = NAMED["C3"].map(NAMED["C3"].init(jax.random.key(0), (14, 14, 6)), (14, 14, 6))
    blocks = np.asarray(C.matrix()).reshape(100, 16, 196, 6).any((0, 2))
    np.testing.assert_array_equal(blocks, table.T)


def test_weights_are_uniform_within_the_bound_of_their_own_fan_in():
    layer = NAMED["C3"]
    w = np.asarray(layer.init(jax.random.key(0), (14, 14, 6))["w"])
    assert w.shape == (5, 5, 60)
    inputs = np.array(layer.mask).sum(0)[np.nonzero(layer.mask)[1]]
    for fan_in in (3, 4, 6):
        largest = abs(w[..., inputs == fan_in]).max() * np.sqrt(25 * fan_in) / 2.4
        assert 0.98 < largest <= 1


def test_kept_kernels_of_different_channels_differ():
    w = np.asarray(NAMED["C3"].init(jax.random.key(0), (14, 14, 6))["w"]).reshape(25, 60)
    assert len(np.unique(w)) == w.size


def test_bitmaps_are_twelve_rows_of_seven_and_far_apart():
    codes = np.array(BITMAPS)
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    differing = (codes[:, None] != codes).sum(-1)[~np.eye(10, dtype=bool)]
    assert differing.min() >= 5


# Top, right of it and down, bottom, left of it and up, middle; 1, 4 and 7 are not drawn as such displays have them.
SEGMENTS = {
    "a": np.s_[1, 3],
    "b": np.s_[3:5, 5:],
    "c": np.s_[7:9, 5:],
    "d": np.s_[10, 3],
    "e": np.s_[7:9, :2],
    "f": np.s_[3:5, :2],
    "g": np.s_[5:7, 3],
}


def test_the_bitmaps_are_the_digits_as_seven_segments_show_them():
    shown = [
        "".join(name for name, place in SEGMENTS.items() if (np.reshape(bitmap, (12, 7))[place] > 0).any())
        for bitmap in BITMAPS
    ]
    assert shown == ["abcdef", "adfg", "abdeg", "abcdg", "bce", "acdfg", "acdefg", "ab", "abcdefg", "abcdfg"]


def test_each_bitmap_is_recognised_as_its_digit():
    distances = nn.Rbf(BITMAPS).apply({}, jnp.asarray(BITMAPS, jnp.float32))
    np.testing.assert_array_equal(distances.argmin(1), np.arange(10))
    np.testing.assert_array_equal(jnp.diag(distances), 0)


def test_c5_is_a_convolution_that_happens_to_be_1x1():
    params = LENET5.init(jax.random.key(0), (32, 32, 1))
    until_c5 = nn.Sequential(LENET5.layers[:9], LENET5.labels[:9])
    assert until_c5.labels[-1] == "C5"
    maps = until_c5.apply(params[:9], jnp.ones((40, 40, 1)))
    assert maps.shape == (3, 3, 120)
    np.testing.assert_allclose(maps[0, 0], until_c5.apply(params[:9], jnp.ones((32, 32, 1)))[0, 0], atol=1e-5)


def test_the_receptive_fields_are_those_of_the_layers():
    params = LENET5.init(jax.random.key(0), (40, 40, 1))
    size, fields = (40, 40, 1), []
    A = None
    for label, layer, own in zip(LENET5.labels, LENET5.layers, params, strict=True):
        if label in ("C1", "S2", "C3", "S4", "C5"):
            reach = np.asarray(abs(layer.map(own, size).matrix()) > 0, np.float32)
            A = reach if A is None else reach @ A
            fields.append(round(np.sqrt(np.count_nonzero(A[0]))))
        if label == "C5":
            break
        size = layer.out_shape(size)
    assert fields == [5, 6, 14, 16, 32]


def test_the_original_takes_no_other_classes():
    with pytest.raises(ValueError, match="the original is fixed"):
        zoo.LeNet5(classes=26, original=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_survives_pickling(name):
    model = NETWORKS[name].build()
    assert pickle.loads(pickle.dumps(model)) == model
    assert pickle.loads(pickle.dumps(NETWORKS[name])).build() == model


def test_the_command_prints_the_published_numbers_beside():
    result = CliRunner().invoke(app, ["model", "lenet5-1998"], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    assert result.output.count("340,908") == 2
    assert result.output.count("1,516") == 2
    assert "…" not in result.output


def test_an_unknown_network_lists_those_there_are():
    result = CliRunner().invoke(app, ["model", "alexnet"], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "`model`='alexnet' is unknown: use one of lenet5, lenet5-1998" in result.output
