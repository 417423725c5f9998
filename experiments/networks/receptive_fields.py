"""How much of its input does a unit see, and how much of that counts?

The relation i = s·o + d·k − p of each layer, put into the next, gives the input positions of a unit of the last layer:
the size of its receptive field, the step to the next unit, and how far the first one hangs over the border. For VGG-16
and AlexNet that is held against published numbers, and against the support of the gradient of a one-channel replica in
one dimension with all weights 1. What counts is less. Along the paths from a unit to the input the gradient is a
product of convolutions, so that its variance is Σ s²·(k² − 1)/12 over the layers, s the step at each: the deviation
grows as the square root of the depth, the field in proportion to it. The same holds on average for random weights.

That two deviations on either side are at most seven tenths of VGG-16's field is a bound of our own.

Sources: Araujo, Norris & Sim (2019), Computing receptive fields of convolutional neural networks, and the table of
tf-slim's receptive_field: vgg_16 212/32/90, alexnet_v2 195/32/64; Luo et al. (2016), Understanding the effective
receptive field; LeCun et al. (1998) for LeNet-5's layers.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_most, equal

ROWS = (36,)
SMALL = {"draws": 20}
FULL = {"draws": 2_000}

# A layer: its kind, taps, stride, and padding on both sides.
Spec = tuple[str, int, int, int]
_CONV: Spec = ("conv", 3, 1, 1)
NETWORKS: dict[str, tuple[Spec, ...]] = {
    "VGG-16": tuple(s for n in (2, 2, 3, 3, 3) for s in (*(_CONV,) * n, ("pool", 2, 2, 0))),
    "AlexNet": (
        ("conv", 11, 4, 0),
        ("pool", 3, 2, 0),
        ("conv", 5, 1, 2),
        ("pool", 3, 2, 0),
        *(_CONV,) * 3,
        ("pool", 3, 2, 0),
    ),
    "LeNet-5": (("conv", 5, 1, 0), ("pool", 2, 2, 0), ("conv", 5, 1, 0), ("pool", 2, 2, 0), ("conv", 5, 1, 0)),
}
PUBLISHED = {"VGG-16": (212, 32, 90), "AlexNet": (195, 32, 64), "LeNet-5": (32, 4, 0)}
LENET5 = (5, 6, 14, 16, 32)


def run(draws: int = 200, seed: int = 0) -> Result:
    """Compute fields and measure them.

    Args:
        draws: random networks over which squared gradients are averaged.
        seed: of the weights.
    """
    fields = {name: field(layers) for name, layers in NETWORKS.items()}
    with jax.enable_x64(True):
        gradients = {name: gradient_of_ones(layers) for name, layers in NETWORKS.items()}
        deep = {n: deviation(gradient_of_ones((_CONV,) * n)) for n in (4, 16)}
        random = random_gradient(NETWORKS["VGG-16"], draws, seed)
    measured = {name: deviation(g) for name, g in gradients.items()}
    predicted = {name: np.sqrt(variance(layers)) for name, layers in NETWORKS.items()}
    vgg = NETWORKS["VGG-16"]
    claims: list[Claim] = [
        *(
            equal(
                f"{name}: field, step, padding",
                fields[name],
                PUBLISHED[name],
                "LeCun et al. (1998)" if name == "LeNet-5" else "tf-slim's table",
            )
            for name in NETWORKS
        ),
        *(
            equal(f"{name}: inputs with a gradient", int((g > 0).sum()), PUBLISHED[name][0], "rows of C_L…C₁")
            for name, g in gradients.items()
        ),
        equal(
            "LeNet-5, layer by layer",
            [field(NETWORKS["LeNet-5"][: n + 1])[0] for n in range(5)],
            LENET5,
            "C1, S2, C3, S4, C5",
        ),
        *(
            equal(
                f"{name}: deviation of the gradient over the one predicted",
                measured[name] / predicted[name],
                1,
                "Σ s²(k² − 1)/12",
                1e-9,
            )
            for name in NETWORKS
        ),
        equal(
            f"VGG-16, {draws} draws of weights, with maxima and ReLUs: the same",
            deviation(random) / predicted["VGG-16"],
            1,
            "Luo et al. (2016): on average",
            0.1 + 1 / np.sqrt(draws),
        ),
        at_most(
            "VGG-16: share of the field within two deviations",
            4 * measured["VGG-16"] / 212,
            0.7,
            "effective < theoretical",
        ),
        *(
            equal(
                f"{n} convolutions of 3: deviation over √n",
                s / np.sqrt(n),
                np.sqrt(2 / 3),
                "the square root of the depth",
                1e-9,
            )
            for n, s in deep.items()
        ),
    ]
    rows = [(name, *fields[name], measured[name], 4 * measured[name] / fields[name][0]) for name in NETWORKS]
    table = Table(
        "Receptive fields",
        ("network", "field", "step", "padding", "deviation", "±2 deviations over field"),
        tuple(rows),
    )
    layers = Table(
        "VGG-16, layer by layer",
        ("layer", "field", "step"),
        tuple((f"{n + 1}: {s[0]} {s[1]}", *field(vgg[: n + 1])[:2]) for n, s in enumerate(vgg)),
    )
    return Result(claims, (table, layers), (_picture(gradients, random),))


def axes_of(layers: Sequence[Spec]) -> list[minicnn.Axis]:
    """The axes from the last layer, with two outputs, back to the first."""
    axes, outputs = [], 2
    for _, taps, stride, padding in reversed(layers):
        inputs = stride * (outputs - 1) + taps
        axes.append(minicnn.Axis(inputs, outputs, taps, stride, low=padding))
        outputs = inputs
    return axes


def field(layers: Sequence[Spec]) -> tuple[int, int, int]:
    """The size of the field, the step to the next one, and the padding before the first, by the relation."""
    spans = []
    for o in (0, 1):
        first = last = o
        for axis in axes_of(layers):
            first, last = axis.position(first, 0), axis.position(last, axis.kernel_size - 1)
        spans.append((first, last))
    return spans[0][1] - spans[0][0] + 1, spans[1][0] - spans[0][0], -spans[0][0]


def variance(layers: Sequence[Spec]) -> float:
    """The variance of where a path ends: each layer adds that of a uniform distribution over its taps."""
    step, total = 1, 0.0
    for _, taps, stride, _ in layers:
        total += step**2 * (taps**2 - 1) / 12
        step *= stride
    return total


def deviation(g: np.ndarray) -> float:
    """The deviation of positions with these weights."""
    places, p = np.arange(len(g)), g / g.sum()
    return float(np.sqrt(p @ (places - p @ places) ** 2))


def length(layers: Sequence[Spec]) -> int:
    """The size of an input that a few units see in full, whatever is padded."""
    return 4 * field(layers)[0]


def gradient_of_ones(layers: Sequence[Spec]) -> np.ndarray:
    """The gradient of the middle unit of a replica whose weights are all 1 and whose pools are sums."""

    def unit(x: jax.Array) -> jax.Array:
        for _, taps, stride, padding in layers:
            x = minicnn.conv(x, jnp.ones((taps, 1, 1)), stride=stride, padding=((padding, padding),))
        return x[len(x) // 2, 0]

    return np.asarray(jax.jit(jax.grad(unit))(jnp.zeros((length(layers), 1))))[:, 0]


def random_gradient(layers: Sequence[Spec], draws: int, seed: int, channels: int = 8) -> np.ndarray:
    """The mean squared gradient of a unit over random weights, with ReLUs and maxima, on random inputs."""

    def unit(x: jax.Array, key: jax.Array) -> jax.Array:
        for n, (kind, taps, stride, padding) in enumerate(layers):
            if kind == "pool":
                x = minicnn.max_pool(x, (taps,), stride=stride)
                continue
            scale = np.sqrt(2 / taps / channels)
            w = scale * jax.random.normal(jax.random.fold_in(key, n), (taps, channels, channels))
            x = jax.nn.relu(minicnn.conv(x, w, stride=stride, padding=((padding, padding),)))
        return x[len(x) // 2, 0]

    @jax.jit
    def squared(keys: Any) -> jax.Array:
        def one(_: None, key: jax.Array) -> tuple[None, jax.Array]:
            x = jax.random.normal(jax.random.fold_in(key, 99), (length(layers), channels))
            return None, (jax.grad(unit)(x, key) ** 2).sum(1)

        g = jax.lax.scan(one, None, keys)[1]
        return (g / jnp.maximum(g.sum(1, keepdims=True), 1e-300)).mean(0)

    return np.asarray(squared(jax.random.split(jax.random.key(seed), draws)))


def _picture(gradients: dict[str, np.ndarray], random: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, 2), ("VGG-16", "AlexNet"), strict=True):
            g = gradients[name] / gradients[name].sum()
            seen = np.flatnonzero(g)
            places = np.arange(len(g)) - seen.mean()
            if name == "VGG-16":
                axes.plot(places, random / random.sum(), color="#D55E00", linewidth=1, label="random weights")
            axes.plot(places, g, color="#0072B2", label="all weights 1")
            axes.axvspan(places[seen[0]] - 0.5, places[seen[-1]] + 0.5, color="0.92", label="receptive field")
            half = 0.7 * len(seen)
            axes.set(title=name, xlabel="input position", xlim=(-half, half), ylim=(0, 1.5 * g.max()))
            axes.legend(frameon=False, fontsize="small", loc="upper left")
        figure.axes[0].set_ylabel("gradient, sum 1")

    return Picture("fields", "The gradient of one unit within its receptive field.", draw, 0.45)
