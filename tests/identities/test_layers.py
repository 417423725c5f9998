"""The layer check holds for a right layer and fails for each wrong one."""

import jax
import jax.numpy as jnp
import pytest

from minicnn import conv, conv_map, patch_map
from minicnn.identities.layers import check_layer

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
