"""How many parameters has a layer, and when are dense layers and convolutions the same?

Twelve filters on a volume of 32 × 32 × 3, padded to keep the size, give 32 × 32 × 12: the matrix C has one block for
each pair of an output and an input channel, itself the matrix of a one-channel convolution. Ten filters of 5 × 5 × 3
have 75 weights and a bias each: 76 · 10 = 760. A dense layer on a volume is a convolution whose kernel is as large as
the volume: 7 × 7 × 512 → 4,096; a convolution is a dense layer with the weights C. Both ways the outputs are equal,
without rounding on integers.

Sources: CS231n, *Convolutional neural networks*, for the volumes, 7 × 7 × 512 → 4,096 and the conversions; notes on
convolutional networks after *Deep Learning*, for 76 · 10 = 760.
"""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, equal
from minicnn import nn
from minicnn.draw import matrix as draw_matrix

ROWS = (38, 41, 42)
SMALL = {"features": 4}
FULL = {"features": 512}

# Each layer with its input, and the published numbers: the output, the parameters where there are some.
LAYERS = {
    "12 filters of 5×5": (nn.Conv(12, (5, 5), padding="SAME"), (32, 32, 3), (32, 32, 12)),
    "10 filters of 5×5": (nn.Conv(10, (5, 5)), (32, 32, 3), (28, 28, 10)),
    "one filter of 5×5": (nn.Conv(1, (5, 5)), (32, 32, 3), (28, 28, 1)),
    "the classifier of the CIFAR-10 example": (nn.Dense(10), (16 * 16 * 12,), (10,)),
    "7×7×512 → 4,096, dense": (nn.Dense(4096), (7 * 7 * 512,), (4096,)),
    "7×7×512 → 4,096, a convolution": (nn.Conv(4096, (7, 7)), (7, 7, 512), (1, 1, 4096)),
}


def run(features: int = 32, seed: int = 0) -> Result:
    """Count parameters and convert layers.

    Args:
        features: outputs of the dense layer on 7 × 7 × 512 that is computed; all 4,096 are counted.
        seed: of the integers.
    """
    counts = {name: parameters(layer, in_shape) for name, (layer, in_shape, _) in LAYERS.items()}
    claims: list[Claim] = [
        *(equal(f"{name}: output", layer.out_shape(i), o, "CS231n") for name, (layer, i, o) in LAYERS.items()),
        equal("10 filters of 5×5×3: parameters", counts["10 filters of 5×5"], 760, "76 · 10 = 760"),
        equal("one neuron: weights and bias", counts["one filter of 5×5"], 75 + 1, "75 + 1"),
        equal(
            "parameters of the example's classifier",
            counts["the classifier of the CIFAR-10 example"],
            30_730,
            "3,072·10 + 10",
        ),
        *(
            equal(f"{name}: parameters", counts[name], 7 * 7 * 512 * 4096 + 4096, "one weight for each pair")
            for name in LAYERS
            if "4,096" in name
        ),
        *_blocks(np.random.default_rng(seed)),
        *_converted(np.random.default_rng(seed), features),
    ]
    rows = [(name, i, layer.out_shape(i), counts[name]) for name, (layer, i, _) in LAYERS.items()]
    table = Table("Layers", ("layer", "input", "output", "parameters"), tuple(rows))
    return Result(claims, (table,), (_picture(),))


def parameters(layer: nn.Layer, in_shape: tuple[int, ...]) -> int:
    """The number of weights and biases, without drawing them."""
    params = jax.eval_shape(lambda: layer.init(jax.random.key(0), in_shape))
    return sum(p.size for p in jax.tree.leaves(params))


def integers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Integers whose products and sums single precision holds exactly."""
    return rng.integers(-4, 5, shape).astype(np.float32)


def _blocks(rng: np.random.Generator) -> list[Claim]:
    w = integers(rng, 3, 3, 3, 4)
    C = np.asarray(minicnn.conv_matrix(jnp.asarray(w), (6, 6), padding="SAME"))
    blocks = C.reshape(36, 4, 36, 3)
    single = lambda i, o: np.asarray(
        minicnn.conv_matrix(jnp.asarray(w[..., i : i + 1, o : o + 1]), (6, 6), padding="SAME")
    )
    errors = [np.abs(blocks[:, o, :, i] - single(i, o)).max() for o in range(4) for i in range(3)]
    x, one = integers(rng, 6, 6, 3), jnp.asarray(w)
    summed = reduce(np.add, [np.einsum("pq,q->p", single(i, 2), x[..., i].ravel()) for i in range(3)])
    return [
        equal("blocks C[o, i] − one-channel matrices, largest entry of 12", max(errors), 0, "[C_{o,i}]"),
        equal(
            "output channel 2 − Σ C[2, i]·xᵢ, largest",
            np.abs(np.asarray(minicnn.conv(jnp.asarray(x), one, padding="SAME"))[..., 2].ravel() - summed).max(),
            0,
            "a sum over channels",
        ),
    ]


def _converted(rng: np.random.Generator, features: int) -> list[Claim]:
    M, x = integers(rng, features, 7 * 7 * 512), integers(rng, 7, 7, 512)
    kernel = minicnn.dense_kernel(jnp.asarray(M), (7, 7, 512))
    y = minicnn.conv(jnp.asarray(x), kernel)
    w, image = integers(rng, 3, 3, 2, 4), integers(rng, 9, 9, 2)
    weights = minicnn.conv_matrix(jnp.asarray(w), (9, 9), stride=2, padding="SAME")
    dense = nn.Dense(weights.shape[0], bias=False).apply({"w": weights.T}, jnp.asarray(image).ravel())
    back = np.asarray(kernel).reshape(-1, features).T
    return [
        equal(
            f"7×7×512 → {features}: convolution − dense layer, largest",
            np.abs(np.asarray(y).ravel() - M @ x.ravel()).max(),
            0,
            "the same weights",
        ),
        equal("the kernel turned back into a matrix − the matrix, largest", np.abs(back - M).max(), 0, "a reshape"),
        equal(
            "dense layer with the weights C − convolution, largest",
            np.abs(dense - minicnn.conv(jnp.asarray(image), jnp.asarray(w), stride=2, padding="SAME").ravel()).max(),
            0,
            "C·vec(x)",
        ),
        at_least("share of zeros in C", float((weights == 0).mean()), 0.5, "CS231n: mostly zero"),
    ]


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        w = np.arange(1, 13, dtype=np.float32).reshape(3, 2, 2)[..., None, :, :].reshape(3, 1, 2, 2)
        C = np.asarray(minicnn.conv_matrix(jnp.asarray(w), (6, 1), padding=((1, 1), (0, 0)))).reshape(6, 2, 6, 2)
        left, right = figure.subplots(1, 2)
        draw_matrix(jnp.asarray(C.reshape(12, 12)), left)
        draw_matrix(jnp.asarray(C.transpose(1, 0, 3, 2).reshape(12, 12)), right)
        left.set(title="C, channels last")
        right.set(title="C, channels first: 2 × 2 blocks")
        for line in (right.axhline, right.axvline):
            line(6, color="#D55E00", linewidth=2)

    return Picture(
        "blocks", "One matrix of two input and two output channels in two orders: a block for each pair.", draw, 0.5
    )
