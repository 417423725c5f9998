"""The check of a layer holds for a right one and fails for each wrong one; every network is checked at one image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv, conv_map, patch_map
from minicnn.nn import ConvTranspose, Dense, Flatten, LocalConv, Rbf, Sequential, TiledConv, losses
from minicnn.train.recipes import recipe_of
from minicnn.zoo.proof import check_layer, check_network
from minicnn.zoo.registry import NETWORKS, network
from tests.train.tiny import MODEL, tiny_data

X_IN = jax.random.normal(jax.random.key(0), (6, 6, 2))
W = jax.random.normal(jax.random.key(1), (3, 3, 2, 4))
Y_BAR = jax.random.normal(jax.random.key(2), (4, 4, 4))


def _report(f):
    return check_layer("layer", conv_map(W, (6, 6)), f, X_IN, Y_BAR, patch_map(X_IN, W.shape), W)


def test_a_convolution_passes():
    report = _report(conv)
    assert report.ok
    assert [check.identity for check in report.checks] == ["forward = C", "vjp = Cᵀ", "weights = Xᵀ"]
    assert report.nnz == 16 * 9 * 2 * 4


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, w: conv(x, w, flip=True),
        lambda x, w: conv(x, w.at[0, 0, 0, 0].add(1e-4)),
        lambda x, w: conv(x, w) + 1e-4 * x[1:5, 1:5, :1],
        lambda x, w: conv(x, w) * jnp.nan,
    ],
    ids=["kernel flipped", "one tap off", "an arrow more", "nan"],
)
def test_a_wrong_layer_fails(wrong):
    assert not _report(wrong).ok


def test_a_wrong_gradient_alone_fails():
    @jax.custom_jvp
    def f(x, w):
        return conv(x, w)

    f.defjvp(lambda primals, tangents: (f(*primals), 1.001 * jax.jvp(conv, primals, tangents)[1]))
    checks = {check.identity: check.ok for check in _report(f).checks}
    assert checks == {"forward = C": True, "vjp = Cᵀ": False, "weights = Xᵀ": False}


def holds(model, image, loss=losses.cross_entropy):
    params = model.init(jax.random.key(0), image.shape)
    reports = check_network(model, params, image, 1, loss)
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
    reports = check_network(model, params, image, 1)
    assert all(report.ok for report in reports), reports


def test_a_wrong_matrix_is_seen(monkeypatch):
    monkeypatch.setattr(Dense, "map_at", lambda self, params, x: 2 * self.map(params, x.shape))
    params = MODEL.init(jax.random.key(0), (4, 4, 1))
    reports = check_network(MODEL, params, tiny_data().test.images[0], 1)
    assert [report.ok for report in reports] == [True, False, False]


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_by_name(name):
    image = np.random.default_rng(0).random(network(name).in_shape, np.float32)
    holds(network(name).build(), image, recipe_of(name).loss)
