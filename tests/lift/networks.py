"""Networks as people write them in flax, each with small sizes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from tests.lift.compiling import once


class Block(nn.Module):
    """Two 3×3 convolutions around which the input passes by."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x):
        norm = partial(nn.BatchNorm, use_running_average=True)
        y = nn.Conv(self.features, (3, 3), self.stride, padding=1, use_bias=False, name="conv1")(x)
        y = nn.relu(norm(name="bn1")(y))
        y = norm(name="bn2")(nn.Conv(self.features, (3, 3), padding=1, use_bias=False, name="conv2")(y))
        if x.shape != y.shape:
            x = nn.Conv(self.features, (1, 1), self.stride, use_bias=False, name="shortcut")(x)
            x = norm(name="bn3")(x)
        return nn.relu(x + y)


class ResNet18(nn.Module):
    """He, Zhang, Ren & Sun, *Deep residual learning for image recognition*, table 1."""

    width: int = 64
    classes: int = 1000

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.width, (7, 7), 2, padding=3, use_bias=False, name="conv1")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True, name="bn1")(x))
        x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        for stage in range(4):
            for block in range(2):
                stride = 2 if stage and not block else 1
                x = Block(self.width * 2**stage, stride, name=f"layer{stage + 1}_{block}")(x)
        return nn.Dense(self.classes, name="fc")(x.mean((1, 2)))


C3 = np.array(  # which maps of S2 each map of C3 is connected to: LeCun, Bottou, Bengio & Haffner 1998, table I
    [
        [int(place) for place in row]
        for row in (
            "1000111001111011",
            "1100011100111101",
            "1110001110010111",
            "0111001111001011",
            "0011100111101101",
            "0001110011110111",
        )
    ]
)


class Subsampling(nn.Module):
    """Sums of windows times a coefficient for each map, and a bias: a depthwise convolution whose taps are tied."""

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        coefficient = self.param("kernel", nn.initializers.normal(), (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        kernel = jnp.broadcast_to(coefficient, (2, 2, 1, channels))
        numbers = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(
            x, kernel, (2, 2), "VALID", dimension_numbers=numbers, feature_group_count=channels
        )
        return y + bias


class LeNet5(nn.Module):
    """LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition*, 1998."""

    @nn.compact
    def __call__(self, x):
        squash = lambda x: 1.7159 * jnp.tanh(2 / 3 * x)
        conv = partial(nn.Conv, padding="VALID")
        mask = jnp.broadcast_to(C3, (5, 5, 6, 16))
        x = squash(Subsampling(name="S2")(conv(6, (5, 5), name="C1")(x)))
        x = squash(Subsampling(name="S4")(conv(16, (5, 5), mask=mask, name="C3")(x)))
        x = squash(conv(120, x.shape[-3:-1], name="C5")(x))  # 5×5 on the images of 1998: all of S4
        x = squash(nn.Dense(84, name="F6")(x.reshape(*x.shape[:-3], -1)))
        return nn.Dense(10, use_bias=False, name="output")(x)


class UNet(nn.Module):
    """Dilated, depthwise and transposed convolutions, an image made larger, paths that pass by."""

    @nn.compact
    def __call__(self, x):
        a = nn.silu(nn.Conv(2, (3, 3), kernel_dilation=2)(x))
        b = nn.avg_pool(a, (2, 2), (2, 2))
        b = nn.gelu(nn.Conv(4, (3, 3), feature_group_count=2)(b))
        up = nn.ConvTranspose(2, (2, 2), (2, 2))(b)
        large = jax.image.resize(b, (*a.shape[:3], 4), "bilinear")
        return nn.Conv(1, (1, 1))(nn.GroupNorm(1)(jnp.concatenate([a, up, large], -1)))


class ViT(nn.Module):
    """Patches, a class token, places, one block of attention and a head."""

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (2, 2), (2, 2), name="patches")(x)
        x = x.reshape(x.shape[0], -1, 4)
        token = self.param("token", nn.initializers.normal(1.0), (1, 1, 4))
        x = jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, 4)), x], 1)
        x = x + self.param("places", nn.initializers.normal(1.0), (1, x.shape[1], 4))
        x = x + nn.MultiHeadDotProductAttention(2, name="attention")(nn.LayerNorm()(x))
        x = x + nn.Dense(4)(nn.gelu(nn.Dense(8)(nn.LayerNorm()(x)), approximate=False))
        return nn.Dense(3, name="head")(x[:, 0])


class GPT(nn.Module):
    """Integer tokens, a causal mask, tied embeddings."""

    @nn.compact
    def __call__(self, tokens):
        embedding = nn.Embed(7, 4, name="embedding")
        x = embedding(tokens) + self.param("places", nn.initializers.normal(1.0), (tokens.shape[0], 4))
        mask = nn.make_causal_mask(tokens)
        x = x + nn.MultiHeadDotProductAttention(2, name="attention")(nn.LayerNorm()(x), mask=mask)
        x = x + nn.Dense(4)(nn.gelu(nn.Dense(8)(nn.LayerNorm()(x))))
        return embedding.attend(x)


class Trained(nn.Module):
    """Batch norm as it is in training: the batch's own mean and variance."""

    @nn.compact
    def __call__(self, x):
        return nn.relu(nn.BatchNorm(use_running_average=False)(nn.Conv(2, (3, 3))(x)))


class NnxBlock(nnx.Module):
    """Two 3×3 convolutions around which the input passes by, by a convolution where the sizes differ."""

    def __init__(self, c_in: int, c_out: int, stride: int, rngs: nnx.Rngs):
        conv = partial(nnx.Conv, use_bias=False, rngs=rngs)
        norm = partial(nnx.BatchNorm, use_running_average=True, rngs=rngs)
        self.conv1, self.norm1 = conv(c_in, c_out, (3, 3), stride, padding=1), norm(c_out)
        self.conv2, self.norm2 = conv(c_out, c_out, (3, 3), padding=1), norm(c_out)
        alike = (c_in, stride) == (c_out, 1)
        self.shortcut = (lambda x: x) if alike else nnx.Sequential(conv(c_in, c_out, (1, 1), stride), norm(c_out))

    def __call__(self, x):
        y = self.norm2(self.conv2(nnx.relu(self.norm1(self.conv1(x)))))
        return nnx.relu(self.shortcut(x) + y)


class NnxResNet(nnx.Module):
    """A stem with a maximum, two blocks of which the second halves the image, and a classifier."""

    def __init__(self, rngs: nnx.Rngs):
        self.conv, self.norm = nnx.Conv(1, 2, (3, 3), rngs=rngs), nnx.BatchNorm(2, use_running_average=True, rngs=rngs)
        self.blocks = nnx.Sequential(NnxBlock(2, 2, 1, rngs), NnxBlock(2, 3, 2, rngs))
        self.dense = nnx.Linear(3, 3, rngs=rngs)

    def __call__(self, x):
        x = nnx.max_pool(nnx.relu(self.norm(self.conv(x))), (2, 2), (2, 2))
        return self.dense(self.blocks(x).mean((1, 2)))


Network = Callable[[Any], tuple[Callable[[Any], Any], np.ndarray]]  # from a dtype to a function and an input


def varied(tree: Any, dtype: Any) -> Any:
    """Parameters and statistics in a dtype, moved a little, so that no mean is 0, no variance 1 and no bias absent."""
    leaves, structure = jax.tree.flatten(tree)
    draw = np.random.default_rng(2)
    moved = [jnp.asarray(np.asarray(leaf) + draw.uniform(0.1, 0.3, leaf.shape), dtype) for leaf in leaves]
    return jax.tree.unflatten(structure, moved)


def linen(module: nn.Module, *shape: int) -> Network:
    """A module with parameters in a dtype, as a function of its input, and an input."""

    def network(dtype: Any) -> tuple[Callable[[Any], Any], np.ndarray]:
        x = np.random.default_rng(len(shape)).normal(size=shape)
        variables = varied(once(module.init)(jax.random.key(1), jnp.asarray(x, dtype)), dtype)
        return lambda x: module.apply(variables, x, mutable=["batch_stats"])[0], x

    return network


def linen_lstm(dtype: Any) -> tuple[Callable[[Any], Any], np.ndarray]:
    return linen(nn.RNN(nn.LSTMCell(3, param_dtype=dtype)), 3, 2)(dtype)  # its state has the dtype of parameters


def nnx_resnet(dtype: Any) -> tuple[Callable[[Any], Any], np.ndarray]:
    definition, state = nnx.split(NnxResNet(nnx.Rngs(0)), nnx.Any(nnx.Param, nnx.BatchStat))
    state = varied(state, dtype)
    return lambda x: nnx.merge(definition, state)(x), np.random.default_rng(0).normal(size=(1, 8, 8, 1))


FLAX: dict[str, Network] = {
    "linen LeNet": linen(LeNet5(), 1, 16, 16, 1),
    "linen ResNet-18": linen(ResNet18(1, 2), 1, 8, 8, 1),
    "linen U-Net": linen(UNet(), 1, 4, 4, 1),
    "linen ViT": linen(ViT(), 1, 4, 4, 1),
    "linen LSTM": linen_lstm,
    "linen batch norm in training": linen(Trained(), 2, 3, 3, 1),
    "nnx ResNet": nnx_resnet,
}
