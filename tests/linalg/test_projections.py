"""Held norms and Lipschitz constants, certified."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import linalg, maps, nn
from tests.linalg.examples import MAPS, conv, dense, kernel


@pytest.mark.parametrize("name", ["zeros", "circular"])
def test_a_projected_map_is_within_the_bound(name: str) -> None:
    A = MAPS[name][1]()
    held, clipped = linalg.project(A, 0.5), linalg.project(A, 0.5, nearest=True)
    assert linalg.bracket(held).lower <= 0.5
    assert 0.499 < np.linalg.norm(dense(held), 2) <= 0.5
    U, s, Vh = np.linalg.svd(dense(A), full_matrices=False)
    np.testing.assert_allclose(dense(clipped), (U * np.minimum(s, 0.5)) @ Vh, rtol=0, atol=1e-12)
    assert linalg.project(A, 1e3) is A


def test_a_projected_convolution_stays_one() -> None:
    w = kernel(3, 3, 2, 2)
    A = conv(w, padding="SAME", padding_mode="circular")
    held = linalg.project(A, 1.0)
    assert jax.tree.structure(held) == jax.tree.structure(A)
    np.testing.assert_allclose(held.factors[0].w / w, np.full(w.shape, held.factors[0].w[0, 0, 0, 0] / w[0, 0, 0, 0]))
    assert isinstance(linalg.project(3 * maps.Reshape((2,), (1, 2), jnp.dtype("float64")), 1.0), maps.Compose)


def test_the_lipschitz_constant_of_a_network_bounds_every_jacobian() -> None:
    layers = (nn.Conv(3, (3, 3)), nn.Activation("gelu"), nn.MaxPool((2, 2), stride=1), nn.Flatten(), nn.Dense(4))
    model = nn.Sequential((*layers, nn.Activation("silu")))
    params = model.init(jax.random.key(0), (6, 5, 1), jnp.float64)
    found = linalg.lipschitz(model, params, (6, 5, 1))
    assert found.upper == pytest.approx(np.prod([value for _, value in found.layers]))
    assert dict(found.layers)["MaxPool"] == 2
    for seed in range(5):
        J = model.map_at(params, 3 * kernel(6, 5, 1, seed=seed))
        assert np.linalg.norm(np.asarray(J.matrix()), 2) <= found.upper


@pytest.mark.parametrize("name", nn.elementary.SLOPES)
def test_no_activation_is_steeper_than_its_constant(name: str) -> None:
    x = np.linspace(-12, 12, 24_001)
    slopes = np.asarray(nn.Activation(name).map_at({}, jnp.asarray(x)).d)
    assert 0.999 * nn.elementary.SLOPES[name] < np.abs(slopes).max() <= nn.elementary.SLOPES[name]


def test_what_has_no_constant_is_named() -> None:
    with pytest.raises(TypeError, match="Rbf has no Lipschitz constant"):
        linalg.lipschitz(nn.Rbf(((1.0, 2.0),)), {}, (2,))
