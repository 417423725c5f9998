"""Every layer of every network is checked at one image by the matrices that backpropagation needs of it."""

import jax
import numpy as np
import pytest

from minicnn.nn import ConvTranspose, Dense, Flatten, LocalConv, Rbf, Sequential, TiledConv, losses
from minicnn.train.recipes import recipe_of
from minicnn.zoo import proof
from minicnn.zoo.registry import NETWORKS, network
from tests.train.tiny import MODEL, tiny_data


def holds(model, image, loss=losses.cross_entropy):
    params = model.init(jax.random.key(0), image.shape)
    reports = proof.check_network(model, params, image, 1, loss)
    assert all(report.ok for report in reports), reports
    return reports


def test_a_network_whose_outputs_are_distances():
    centres = tuple(map(tuple, np.sign(np.random.default_rng(0).random((3, 5)) - 0.5)))
    model = Sequential((Flatten(), Dense(5), Rbf(centres)))
    assert len(holds(model, tiny_data().test.images[0], losses.competitive)) == 3


def test_a_bias_is_no_part_of_any_matrix():
    model = Sequential(
        (LocalConv(2, (2, 2)), TiledConv(2, (2, 2), tile=(2, 1)), ConvTranspose(1, (2, 2)), Flatten(), Dense(2))
    )
    image = tiny_data().test.images[0]
    params = jax.tree.map(lambda leaf: leaf + 1, model.init(jax.random.key(0), image.shape))
    reports = proof.check_network(model, params, image, 1)
    assert all(report.ok for report in reports), reports


def test_a_wrong_matrix_is_seen(monkeypatch):
    monkeypatch.setattr(Dense, "map_at", lambda self, params, x: 2 * self.map(params, x.shape))
    params = MODEL.init(jax.random.key(0), (4, 4, 1))
    reports = proof.check_network(MODEL, params, tiny_data().test.images[0], 1)
    assert [report.ok for report in reports] == [True, False, False]


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_by_name(name):
    image = np.random.default_rng(0).random(network(name).in_shape, np.float32)
    holds(network(name).build(), image, recipe_of(name).loss)
