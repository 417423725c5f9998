"""docs/transposed_convention.md, row by row: what equals our conv_transpose elsewhere, and what is no adjoint."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import minicnn

SIZES = [(3, 1), (3, 2), (4, 2), (2, 3)]  # (kernel, stride), the last with a stride larger than the kernel


def numbers(*shape: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), jnp.float32)


def kernel(k: int) -> Any:
    """The kernel of a convolution from 2 to 3 channels, all taps different."""
    return numbers(k, k, 2, 3, seed=1) + 10 * jnp.arange(k * k).reshape(k, k, 1, 1)


Y = numbers(2, 4, 3, 3)


def flipped(w: Any) -> Any:
    return w[::-1, ::-1].swapaxes(-1, -2)


@pytest.mark.parametrize(("k", "s"), SIZES)
def test_lax_same_with_transpose_kernel(k: int, s: int) -> None:
    theirs = lax.conv_transpose(Y, kernel(k), (s, s), "SAME", transpose_kernel=True)
    np.testing.assert_array_equal(minicnn.conv_transpose(Y, kernel(k), stride=s, padding="SAME"), theirs)


@pytest.mark.parametrize(("k", "s"), SIZES)
def test_lax_valid_with_transpose_kernel_pads_the_output_up_to_the_stride(k: int, s: int) -> None:
    theirs = lax.conv_transpose(Y, kernel(k), (s, s), "VALID", transpose_kernel=True)
    ours = minicnn.conv_transpose(Y, kernel(k), stride=s, output_padding=max(s - k, 0))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dilation", [1, 2])
def test_lax_pairs_are_the_convolution_s_padding_only_if_asked(dilation: int) -> None:
    pads, options = ((1, 0), (2, 1)), {"rhs_dilation": (dilation,) * 2, "transpose_kernel": True}
    ours = minicnn.conv_transpose(Y, kernel(3), stride=2, padding=pads, dilation=dilation)
    consistent = lax.conv_transpose(Y, kernel(3), (2, 2), pads, use_consistent_padding=True, **options)
    np.testing.assert_array_equal(ours, consistent)
    stretched = [(2 * dilation - low, 2 * dilation - high) for low, high in pads]
    np.testing.assert_array_equal(ours, lax.conv_transpose(Y, kernel(3), (2, 2), stretched, **options))
    assert lax.conv_transpose(Y, kernel(3), (2, 2), pads, **options).shape != ours.shape


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_lax_by_default_is_no_adjoint(padding: Any) -> None:
    w = flipped(kernel(3))
    theirs = lax.conv_transpose(Y, w, (2, 2), padding)
    np.testing.assert_array_equal(minicnn.conv_transpose(Y, flipped(w), stride=2, padding=padding), theirs)
    unflipped = minicnn.conv_transpose(Y, w.swapaxes(-1, -2), stride=2, padding=padding)
    assert bool((unflipped != theirs).any())


@pytest.mark.parametrize("padding", ["SAME", "VALID", "CIRCULAR", 1])
@pytest.mark.parametrize("transpose_kernel", [True, False])
def test_flax(padding: Any, transpose_kernel: bool) -> None:
    nnx = pytest.importorskip("flax.nnx")
    k, s = 3, 2
    layer = nnx.ConvTranspose(
        3, 2, (k, k), (s, s), padding=padding, use_bias=False, transpose_kernel=transpose_kernel, rngs=nnx.Rngs(0)
    )
    w = kernel(k)
    layer.kernel[...] = w if transpose_kernel else flipped(w)
    same = {
        "SAME": {"padding": "SAME"},
        "VALID": {},
        "CIRCULAR": {"padding": 1, "padding_mode": "circular", "output_size": (8, 6)},
        1: {"padding": k - 1 - 1},
    }[padding]
    ours, theirs = minicnn.conv_transpose(Y, w, stride=s, **same), layer(Y)
    if padding == "CIRCULAR" and not transpose_kernel:
        assert bool((ours != theirs).any())
    else:
        np.testing.assert_array_equal(ours, theirs)


def test_flax_circular_layers_are_adjoint_if_the_kernel_is_transposed() -> None:
    nnx = pytest.importorskip("flax.nnx")
    options: dict[str, Any] = {"padding": "CIRCULAR", "use_bias": False, "rngs": nnx.Rngs(0)}
    forward = nnx.Conv(2, 3, (3, 3), (2, 2), **options)
    back = nnx.ConvTranspose(3, 2, (3, 3), (2, 2), transpose_kernel=True, **options)
    forward.kernel[...] = back.kernel[...] = kernel(3)
    x = numbers(2, 8, 6, 2, seed=2)
    ours = minicnn.conv(x, kernel(3), stride=2, padding=1, padding_mode="circular")
    np.testing.assert_array_equal(forward(x), ours)
    assert float(jnp.vdot(forward(x), Y)) == float(jnp.vdot(x, back(Y)))


@pytest.mark.parametrize(("padding", "output_padding", "dilation"), [(0, 0, 1), (1, 1, 1), (((1, 0), (2, 1)), 0, 2)])
def test_equinox_needs_the_kernel_flipped(padding: Any, output_padding: int, dilation: int) -> None:
    eqx = pytest.importorskip("equinox")
    layer = eqx.nn.ConvTranspose2d(
        3,
        2,
        3,
        2,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        use_bias=False,
        key=jax.random.key(0),
    )
    w = kernel(3)
    weight = flipped(w).transpose(3, 2, 0, 1)
    layer = eqx.tree_at(lambda layer: layer.weight, layer, weight)
    theirs = layer(Y[0].transpose(2, 0, 1)).transpose(1, 2, 0)
    options: dict[str, Any] = {"stride": 2, "padding": padding, "dilation": dilation}
    np.testing.assert_array_equal(minicnn.conv_transpose(Y[0], w, output_padding=output_padding, **options), theirs)


@pytest.mark.parametrize(("k", "s"), SIZES)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_keras(k: int, s: int, padding: Any) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    layer = keras.layers.Conv2DTranspose(2, k, s, padding, use_bias=False)
    layer.build(Y.shape)
    layer.set_weights([np.asarray(kernel(k))])
    extra: dict[str, Any] = {"padding": "SAME"} if padding == "same" else {"output_padding": max(s - k, 0)}
    np.testing.assert_array_equal(minicnn.conv_transpose(Y, kernel(k), stride=s, **extra), np.asarray(layer(Y)))


@pytest.mark.parametrize(
    ("padding", "output_padding", "dilation", "groups"), [(0, 0, 1, 1), (1, 1, 1, 1), (2, 1, 2, 3)]
)
def test_pytorch(padding: int, output_padding: int, dilation: int, groups: int) -> None:
    torch = pytest.importorskip("torch")
    w = kernel(3)[:, :, : 2 if groups == 1 else 1]
    theirs = torch.nn.functional.conv_transpose2d(
        torch.tensor(np.asarray(Y).transpose(0, 3, 1, 2)),
        torch.tensor(np.asarray(w).transpose(3, 2, 0, 1)),
        stride=2,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
    options: dict[str, Any] = {"stride": 2, "padding": padding, "dilation": dilation, "groups": groups}
    ours = minicnn.conv_transpose(Y, w, output_padding=output_padding, **options)
    np.testing.assert_array_equal(ours, theirs.numpy().transpose(0, 2, 3, 1))
