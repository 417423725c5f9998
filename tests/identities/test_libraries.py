"""Layers that nobody here wrote: certified by one call, and which of their transposed convolutions are the adjoint."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import certify, conv_map

W = jnp.asarray(np.random.default_rng(0).permutation(np.arange(1, 55)).reshape(3, 3, 2, 3), jnp.float32)
X, Y = jnp.zeros((7, 7, 2)), jnp.zeros((3, 3, 3))
C = conv_map(W, (7, 7), stride=2)
WAYS = ["one-hot inputs", "vjp"]


def flipped(w: Any) -> Any:
    return w[::-1, ::-1].swapaxes(-1, -2)


def flax(name: str, w: Any, **options: Any) -> Any:
    nnx = pytest.importorskip("flax.nnx")
    c_in, c_out = (3, 2) if name == "ConvTranspose" else (2, 3)
    layer = getattr(nnx, name)(c_in, c_out, (3, 3), 2, padding="VALID", use_bias=False, rngs=nnx.Rngs(0), **options)
    layer.kernel[...] = w
    return layer


def equinox(name: str, w: Any) -> Any:
    eqx = pytest.importorskip("equinox")
    c_in, c_out = (3, 2) if name == "ConvTranspose2d" else (2, 3)
    layer = getattr(eqx.nn, name)(c_in, c_out, 3, 2, use_bias=False, key=jax.random.key(0))
    layer = eqx.tree_at(lambda layer: layer.weight, layer, w.transpose(3, 2, 0, 1))
    return lambda x: layer(x.transpose(2, 0, 1)).transpose(1, 2, 0)


def haiku(name: str, w: Any) -> Any:
    hk = pytest.importorskip("haiku")
    layer = hk.without_apply_rng(
        hk.transform(lambda x: getattr(hk, name)(w.shape[-1], 3, 2, padding="VALID", with_bias=False, name="layer")(x))
    )
    kernel = w if name == "Conv2D" else w.swapaxes(-1, -2)  # haiku's transposed kernels are (*kernel, out, in)
    return lambda x: layer.apply({"layer": {"w": kernel}}, x)


CONVOLUTIONS = {
    "flax": lambda: flax("Conv", W),
    "equinox": lambda: equinox("Conv2d", W),
    "haiku": lambda: haiku("Conv2D", W),
}


@pytest.mark.parametrize("library", CONVOLUTIONS)
def test_their_convolution_is_c(library):
    certificate = certify(CONVOLUTIONS[library](), X, matrix=C, ways=[*WAYS, "jvp", "linear_transpose"])
    assert certificate.ok, certificate
    assert all(comparison.exact for comparison in certificate.comparisons)


TRANSPOSED = {
    "flax, transpose_kernel": (lambda: flax("ConvTranspose", W, transpose_kernel=True), True),
    "flax, the default": (lambda: flax("ConvTranspose", W.swapaxes(-1, -2)), False),
    "equinox": (lambda: equinox("ConvTranspose2d", W.swapaxes(-1, -2)), False),
    "haiku": (lambda: haiku("Conv2DTranspose", W.swapaxes(-1, -2)), False),
}


@pytest.mark.parametrize("library", TRANSPOSED)
def test_their_transposed_convolution_is_the_adjoint_or_it_is_said_why_not(library):
    make, adjoint = TRANSPOSED[library]
    certificate = certify(make(), Y, matrix=C.T, ways=WAYS)
    assert certificate.ok is adjoint, certificate
    if not adjoint:
        assert all(comparison.causes == ("kernel not flipped",) for comparison in certificate.comparisons[-2:])


@pytest.mark.parametrize("library", ["equinox", "haiku"])
def test_with_a_flipped_kernel_they_are_the_adjoint(library):
    layer = equinox("ConvTranspose2d", flipped(W)) if library == "equinox" else haiku("Conv2DTranspose", flipped(W))
    assert certify(layer, Y, matrix=C.T, ways=WAYS).ok


def test_a_whole_layer_with_its_bias_is_affine():
    nnx = pytest.importorskip("flax.nnx")
    layer = nnx.Conv(1, 2, (3, 3), rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.array([1.0, 2.0])
    certificate = certify(layer, jnp.zeros((1, 4, 4, 1)), ways=WAYS)
    assert (certificate.kind, certificate.ok) == ("affine", True), certificate
