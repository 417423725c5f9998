"""Networks in plain jax.numpy, each a function of one array of floats, with its input."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

Network = tuple[Callable[[Any], Any], np.ndarray]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape) / 2


def lenet(dtype: Any) -> Network:
    """Convolution, average, tanh, convolution of other axes, maximum, dense, log-softmax."""
    w1, w2, w3 = (jnp.asarray(drawn(*shape), dtype) for shape in ((3, 3, 1, 2), (3, 2, 2, 2), (4, 3)))

    def f(x):
        x = lax.conv_general_dilated(x, w1, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jnp.tanh(lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4)
        x = lax.conv_general_dilated(x.transpose(0, 3, 1, 2), w2, (1, 1), "VALID")
        x = jax.nn.relu(lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 1, 1), "VALID"))
        return jax.nn.log_softmax(x.reshape(x.shape[0], -1)[:, :4] @ w3)

    return f, drawn(1, 8, 8, 1)


def layer_norm(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def gpt(dtype: Any) -> Network:
    """Two blocks of causal attention with two heads and a dense pair with GELU, scanned over stacked weights."""
    keys = "qkvo"
    weights = {key: jnp.asarray(drawn(2, 4, 4, seed=n), dtype) for n, key in enumerate(keys)}
    weights |= {"up": jnp.asarray(drawn(2, 4, 6), dtype), "down": jnp.asarray(drawn(2, 6, 4), dtype)}

    def heads(x):
        return x.reshape(x.shape[0], 2, 2)

    def block(x, w):
        y = layer_norm(x)
        q, k, v = (heads(y @ w[key]) for key in "qkv")
        scores = jnp.einsum("thd,shd->hts", q, k) / 2**0.5
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[1:], bool)), scores, -jnp.inf)
        x = x + jnp.einsum("hts,shd->thd", jax.nn.softmax(scores), v).reshape(x.shape) @ w["o"]
        return x + jax.nn.gelu(layer_norm(x) @ w["up"]) @ w["down"], None

    return lambda x: lax.scan(block, x, weights)[0], drawn(4, 4)


def lstm(dtype: Any) -> Network:
    """All states of a scan over four steps."""
    w_x, w_h = jnp.asarray(drawn(3, 20), dtype), jnp.asarray(drawn(5, 20), dtype)

    def step(state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ w_x + h @ w_h, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros(5, dtype), jnp.zeros(5, dtype)
    return lambda x: lax.scan(step, start, x)[1], drawn(4, 3)


def normed(dtype: Any) -> Network:
    """Batch norm in training, group norm, GELU by erf."""

    def f(x):
        x = (x - x.mean((0, 1))) / jnp.sqrt(x.var((0, 1)) + 1e-3)
        groups = x.reshape(*x.shape[:-1], 2, 2)
        groups = groups - groups.mean((1, 3), keepdims=True)
        groups = groups / jnp.sqrt((groups**2).mean((1, 3), keepdims=True) + 1e-3)
        return jax.nn.gelu(groups.reshape(x.shape), approximate=False)

    return f, drawn(2, 3, 4)


def resized(dtype: Any) -> Network:
    """Dilated, depthwise and transposed convolutions, and an image made larger."""
    w1, w2, w3 = (jnp.asarray(drawn(*shape), dtype) for shape in ((3, 3, 1, 2), (2, 2, 1, 2), (2, 2, 2, 1)))
    conv = partial(lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def f(x):
        y = jax.nn.silu(conv(x, w1, (1, 1), "SAME", rhs_dilation=(2, 2)))
        y = conv(y, w2, (2, 2), "SAME", feature_group_count=2)
        y = lax.conv_transpose(y, w3, (2, 2), "SAME")
        return jax.image.resize(jnp.concatenate([x, y], -1), (1, 6, 6, 2), "bilinear")

    return f, drawn(1, 4, 4, 1)


def loss(name: str) -> Callable[[Any], Network]:
    """One of optax's losses of a batch of scores."""

    def network(dtype: Any) -> Network:
        classes = jnp.array([1, 0, 2])
        targets = jax.nn.one_hot(classes, 4, dtype=dtype)
        losses = {
            "softmax_cross_entropy": lambda x: optax.losses.softmax_cross_entropy(x, targets),
            "with integer labels": lambda x: optax.losses.softmax_cross_entropy_with_integer_labels(x, classes),
            "sigmoid_binary_cross_entropy": lambda x: optax.losses.sigmoid_binary_cross_entropy(x, targets),
            "huber_loss": lambda x: optax.losses.huber_loss(x, targets).sum(),
            "cosine_distance": lambda x: optax.losses.cosine_distance(x, targets, epsilon=1e-3),
        }
        return losses[name], drawn(3, 4)

    return network


PLAIN: dict[str, Callable[[Any], Network]] = {
    "LeNet": lenet,
    "GPT": gpt,
    "LSTM": lstm,
    "norms": normed,
    "resized": resized,
    **{
        name: loss(name)
        for name in (
            "softmax_cross_entropy",
            "with integer labels",
            "sigmoid_binary_cross_entropy",
            "huber_loss",
            "cosine_distance",
        )
    },
}
