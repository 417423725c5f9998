"""Every identity of the catalogue holds on every example, and fails where a side is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import certify, conv
from minicnn.identities.catalogue import CATALOGUE, DoesNotApplyError
from minicnn.identities.examples import EXAMPLES, Example
from minicnn.zoo import LeNet5


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_identity_holds_on_every_example(name):
    checked = 0
    for example in EXAMPLES[1:4:2]:
        try:
            comparisons = CATALOGUE[name].check(example)
        except DoesNotApplyError:
            continue
        checked += 1
        assert comparisons
        assert all(comparison.ok for comparison in comparisons), (example.label, *map(str, comparisons))
    assert checked


@pytest.mark.long
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.label)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_whole_catalogue(name, example):
    try:
        comparisons = CATALOGUE[name].check(example)
    except DoesNotApplyError as why:
        pytest.skip(str(why))
    assert all(comparison.ok for comparison in comparisons), "\n".join(map(str, comparisons))


@pytest.mark.parametrize("name", ["forward", "input gradient", "weight gradient", "Gauss-Newton", "composition"])
def test_an_identity_fails_for_another_layer(name, monkeypatch):
    uneven = lambda s, x, w: conv(x, w, **s.options).at[-1].multiply(2)
    monkeypatch.setattr(Example, "conv", uneven)
    assert not all(comparison.ok for comparison in CATALOGUE[name].check(EXAMPLES[2]))


def test_every_identity_says_what_it_claims():
    assert all(identity.formula and identity.explanation.endswith(".") for identity in CATALOGUE.values())


def test_the_jacobian_of_lenet_is_the_product_of_its_matrices():
    model = LeNet5()
    shapes = jax.eval_shape(lambda key: model.init(key, (32, 32, 1)), jax.random.key(0))
    rng = np.random.default_rng(0)
    draw = lambda shape: jnp.asarray(rng.choice((-1, 0, 0, 1), shape), jnp.float32)
    params = jax.tree.map(lambda leaf: draw(leaf.shape), shapes)
    image = draw((32, 32, 1))
    f, J = lambda x: model.apply(params, x), model.map_at(params, image)
    certificate = certify(f, image, matrix=J, kind="function", ways=["vjp", "autodiff transposed"])
    assert certificate.ok, certificate
    assert (certificate.shape, certificate.skipped) == ((10, 1024), {})
    assert all(comparison.verdict == "equal" for comparison in certificate.comparisons)
