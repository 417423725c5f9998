"""What is a stage of a network, and which networks does the pattern describe?

A stage is affine, then detects, then pools: C·x + b, a ReLU, a maximum. At each image the last two are matrices, too:
the diagonal D(x) of ones where the detector answers, and the selection S(x) of where the maxima are. So a network is
W·S(x)·D(x)·(C·x + b) + c, its derivative is the product W·S(x)·D(x)·C, and both are found without rounding on integers.
A maximum and a ReLU can be exchanged, since neither changes an order; a mean and a ReLU cannot. Networks are built from
[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX, whose layers and parameters are compared with counts by hand.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3 and figure 9.7, the three stages of a layer;
CS231n, *Convolutional neural networks*, layer patterns and the four common ones.
"""

from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from minicnn import nn, zoo
from minicnn.draw import matrix as draw_matrix

ROWS = (40,)
SMALL = {"most": 1}
FULL = {"most": 5}

CS231N = "CS231n, layer patterns"
PATTERN = "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX"
# The four common patterns of CS231n, with their convolutions, ReLUs, pools and dense layers; SOFTMAX is its last FC.
COMMON = {
    "INPUT-SOFTMAX": (0, 0, 0, 1),
    "INPUT-CONV-RELU-SOFTMAX": (1, 1, 0, 1),
    "INPUT-[CONV-RELU-POOL]*2-FC-RELU-SOFTMAX": (2, 3, 2, 2),
    "INPUT-[CONV-RELU-CONV-RELU-POOL]*3-[FC-RELU]*2-SOFTMAX": (6, 8, 3, 3),
}
IN = (6, 6, 2)  # of the network that is multiplied out


def run(most: int = 3, seed: int = 0) -> Result:
    """Multiply a network out, and build many.

    Args:
        most: the largest number that stands for N, M and K in the pattern.
        seed: of the integers.
    """
    example = zoo.from_pattern("INPUT-CONV-RELU-POOL-FC", channels=12, features=10)
    built = {counts: network(*counts) for counts in product(range(1, most + 1), range(1, most + 1), range(most + 1))}
    claims: list[Claim] = [
        *_stages(np.random.default_rng(seed)),
        equal("INPUT-CONV-RELU-POOL-FC: output, parameters", _sizes(example, (32, 32, 3)), (10, 31_066), CS231N),
        *(equal(text, _kinds(zoo.from_pattern(text)), kinds, CS231N) for text, kinds in COMMON.items()),
        equal(
            f"layers of {len(built)} networks of the pattern: N·M, N·M + K, M and K + 1 of each kind",
            sum(_kinds(model) == (n * m, n * m + k, m, k + 1) for (n, m, k), model in built.items()),
            len(built),
            "brackets repeat",
        ),
        equal(
            "parameters of each, counted by hand",
            sum(_sizes(model, (32, 32, 3))[1] == by_hand(*counts) for counts, model in built.items()),
            len(built),
            "9·c·c′ + c′ and m·n + n",
        ),
        equal("without POOL? nothing shrinks", _sizes(network(2, 2, 1, pool=False), (32, 32, 3)), _unpooled(), CS231N),
    ]
    rows = [(text, *_kinds(zoo.from_pattern(text)), _sizes(zoo.from_pattern(text), (32, 32, 3))[1]) for text in COMMON]
    table = Table(
        "Patterns for 32×32×3: 32 channels, 128 features, 10 classes",
        ("pattern", "CONV", "RELU", "POOL", "FC", "parameters"),
        tuple(rows),
    )
    return Result(claims, (table,), (_picture(seed),))


def network(n: int, m: int, k: int, *, pool: bool = True) -> nn.Sequential:
    """The network of the pattern for 32×32×3 with 4 channels, twice as many behind each pool, and 5 features."""
    return zoo.from_pattern(PATTERN, {"N": n, "M": m, "K": k}, channels=4, features=5, pool=pool)


def by_hand(n: int, m: int, k: int) -> int:
    """The parameters of the pattern's network, counted."""
    total, channels = 0, 3
    for stage in range(m):
        for _ in range(n):
            total += (9 * channels + 1) * 4 * 2**stage
            channels = 4 * 2**stage
    inputs = (32 // 2**m) ** 2 * channels
    for _ in range(k):
        total += (inputs + 1) * 5
        inputs = 5
    return total + (inputs + 1) * 10


def _unpooled() -> tuple[int, int]:
    """The output and the parameters of two stages of two convolutions, one dense layer, nothing pooled."""
    return 10, (9 * 3 + 1) * 4 + 3 * (9 * 4 + 1) * 4 + (32 * 32 * 4 + 1) * 5 + (5 + 1) * 10


def _kinds(model: nn.Sequential) -> tuple[int, ...]:
    kinds = (nn.Conv, nn.Activation, nn.MaxPool, nn.Dense)
    return tuple(sum(isinstance(layer, kind) for layer in model.layers) for kind in kinds)


def _sizes(model: nn.Sequential, in_shape: tuple[int, ...]) -> tuple[int, int]:
    """The size of the output, and the number of parameters; none of them is drawn."""
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), in_shape))
    return int(np.prod(model.out_shape(in_shape))), sum(p.size for p in jax.tree.leaves(params))


def _drawn(rng: np.random.Generator) -> tuple[nn.Sequential, Any, jax.Array]:
    """A small network with integer weights, and an image of integers."""
    model = zoo.from_pattern("CONV-RELU-POOL-SOFTMAX", channels=3, classes=4)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), IN))
    params = jax.tree.map(lambda p: jnp.asarray(rng.integers(-4, 5, p.shape), jnp.float32), shapes)
    return model, params, jnp.asarray(rng.integers(-9, 10, IN), jnp.float32)


def matrices(model: nn.Sequential, params: Any, x: jax.Array) -> dict[str, np.ndarray]:
    """The matrix of each layer at an image: of the affine ones C and W, of the detector D(x), of the pool S(x)."""
    found, names = {}, iter(("C", "D(x)", "S(x)", "W"))
    for layer, own in zip(model.layers, params, strict=True):
        if not isinstance(layer, nn.Flatten):
            found[next(names)] = np.asarray(layer.map_at(own, x).matrix())
        x = layer.apply(own, x)
    return found


def _stages(rng: np.random.Generator) -> list[Claim]:
    model, params, x = _drawn(rng)
    C, D, S, W = matrices(model, params, x).values()
    b = np.tile(np.asarray(params[0]["b"]), 36)
    product_of_four = W @ S @ D @ C
    y = W @ (S @ (D @ (C @ np.asarray(x).ravel() + b))) + np.asarray(params[-1]["b"])
    jacobian = np.asarray(jax.jacobian(lambda x: model.apply(params, x))(x)).reshape(4, -1)
    affine = model.layers[0].apply(params[0], x)
    relu, maximum, mean = (
        lambda z: jnp.maximum(z, 0),
        lambda z: minicnn.max_pool(z, (2, 2)),
        lambda z: minicnn.avg_pool(z, (2, 2)),
    )
    apart = lambda f, g: float(jnp.abs(f(g(affine)) - g(f(affine))).max())
    stages = "Deep Learning, figure 9.7"
    return [
        equal("W·S(x)·D(x)·(C·x + b) + c − network, largest", np.abs(y - model.apply(params, x)).max(), 0, stages),
        equal("W·S(x)·D(x)·C − derivative of the network, largest", np.abs(product_of_four - jacobian).max(), 0, "jax"),
        equal(
            "entries of D(x), and off its diagonal",
            [*np.unique(D), np.abs(D - np.diag(np.diag(D))).max()],
            [0, 1, 0],
            "ReLU",
        ),
        equal("entries of S(x), and ones in each row", [*np.unique(S), *np.unique(S.sum(1))], [0, 1, 1], "a maximum"),
        equal("maximum and ReLU exchanged, largest difference", apart(relu, maximum), 0, "neither changes an order"),
        differs("mean and ReLU exchanged, largest difference", apart(relu, mean), 0.0, "a mean mixes signs"),
    ]


def _picture(seed: int) -> Picture:
    def draw(figure: Figure) -> None:
        found = matrices(*_drawn(np.random.default_rng(seed)))
        shown = {name: found[name] for name in ("W", "S(x)", "D(x)", "C")}
        shown["W·S·D·C"] = shown["W"] @ shown["S(x)"] @ shown["D(x)"] @ shown["C"]
        widths = [entries.shape[1] for entries in shown.values()]
        for axes, (title, entries) in zip(figure.subplots(1, 5, width_ratios=widths), shown.items(), strict=True):
            draw_matrix(entries, axes, title)
            axes.set(xlabel="", ylabel="", xticks=(), yticks=())
            axes.set_title(f"{title}\n{entries.shape[0]}×{entries.shape[1]}", fontsize="small")

    return Picture("stages", "The matrices of one stage and a classifier at one image, and their product.", draw, 0.3)
