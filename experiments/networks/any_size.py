"""What does a network answer on an image that is larger than those it knows?

LeNet's last layers are convolutions, too, whose output happens to be 1 × 1: F6 and the classifier become kernels of one
tap. On a larger page each layer has a larger matrix C with the same weights, and the output is a map of scores, one
every 4 pixels, the product of the strides. Each is what LeNet says of the 32 × 32 crop there: exactly so with integer
weights, on a page of 40 × 40 and on others that are not square. The map is cheaper than the crops, which compute most
of it again and again. A LeNet trained on single digits reads a page of them.

That it reads one half of them, and that the map of 40 × 40 saves half of the work, are bounds of our own.

Sources: LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998), sections
II.B (C5 is a convolution since larger inputs make its maps larger) and VII (replicated networks on lines of digits).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, equal
from minicnn import data, nn, zoo
from minicnn.nn import losses

ROWS = (37,)
SMALL = {"steps": 60, "pages": 2}
FULL = {"steps": 2_000}

PAGES = ((32, 32), (40, 40), (32, 64), (52, 40))
STEP = 4  # pixels between the crops of neighbouring scores: two pools of 2
SIZE = 32


def run(steps: int = 250, pages: int = 4, seed: int = 0) -> Result:
    """Apply LeNet to pages.

    Args:
        steps: of training on digits, for the page that is read.
        pages: whose maps are compared with LeNet on every crop, at least 2.
        seed: of the weights and the pages.
    """
    model, wide = zoo.LeNet5(), anywhere(zoo.LeNet5())
    sides = PAGES[:pages]
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        exact = integer_weights(model, rng)
        same = [_compared(model, wide, exact, rng.integers(0, 3, (*page, 1)).astype(np.float64)) for page in sides]
    sizes = [(scores.shape[0], scores.shape[1]) for scores, _ in same]
    expected = [tuple((n - SIZE) // STEP + 1 for n in page) for page in sides]
    differences = [float(np.abs(scores - crops).max()) for scores, crops in same]
    digits = data.digits()
    params = trained(model, digits.train, steps, seed)
    labels, image = page_of(digits.test)
    scores = np.asarray(jax.jit(wide.apply)(flat_weights(params), jnp.asarray(image)))
    read = scores[:: SIZE // STEP, :: SIZE // STEP].argmax(-1)
    work = [
        (page, multiply_adds(wide, page), np.prod(e) * multiply_adds(wide, (SIZE, SIZE)))
        for page, e in zip(sides, expected, strict=True)
    ]
    claims: list[Claim] = [
        equal("sizes of the maps of scores", sizes, expected, "⌊(n − 32)/4⌋ + 1"),
        equal("map − LeNet on each crop, largest, for each page", differences, [0.0] * len(sides), "the same weights"),
        equal(
            "parameters of LeNet, of LeNet on any size",
            [_count(model, (SIZE, SIZE)), _count(wide, (SIZE, SIZE))],
            [61_706, 61_706],
            "nothing is added",
        ),
        at_least(
            "share of digits that the trained network reads from a page",
            float((read == labels).mean()),
            0.5,
            "chance: 0.1",
        ),
        at_least(
            "multiply-adds of all crops over those of the map, 40 × 40",
            work[1][2] / work[1][1],
            2,
            "shared computation",
        ),
    ]
    rows = [
        (f"{p[0]} × {p[1]}", f"{e[0]} × {e[1]}", once, int(crops), crops / once)
        for (p, once, crops), e in zip(work, expected, strict=True)
    ]
    columns = ("page", "scores", "multiply-adds of the map", "of the crops", "ratio")
    return Result(claims, (Table("The work for a page", columns, tuple(rows)),), (_picture(image, scores),))


def anywhere(model: nn.Sequential) -> nn.Sequential:
    """The network with its dense layers as convolutions of one tap, and nothing flattened."""
    layers = [nn.Conv(a.features, (1, 1)) if isinstance(a, nn.Dense) else a for a in model.layers]
    return nn.Sequential(tuple(a for a in layers if not isinstance(a, nn.Flatten)))


def flat_weights(params: Any) -> Any:
    """The parameters for the network on any size, from LeNet's: kernels of one tap from the dense layers' weights."""
    wide = []
    for own in params:
        if "w" in own and own["w"].ndim == 2:
            wide.append(own | {"w": minicnn.dense_kernel(own["w"].T, (1, 1, own["w"].shape[0]))})
        else:
            wide.append(own)
    flatten = next(n for n, layer in enumerate(zoo.LeNet5().layers) if isinstance(layer, nn.Flatten))
    return tuple(own for n, own in enumerate(wide) if n != flatten)


def integer_weights(model: nn.Sequential, rng: np.random.Generator) -> Any:
    """Weights −1, 0 and 1: with maxima and ReLUs everything stays an integer below 2⁵³."""
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), (SIZE, SIZE, 1)))
    return jax.tree.map(lambda p: jnp.asarray(rng.integers(-1, 2, p.shape).astype(np.float64)), shapes)


def _compared(
    model: nn.Sequential, wide: nn.Sequential, params: Any, page: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The map of scores of a page, and LeNet's scores of every crop."""
    scores = np.asarray(jax.jit(wide.apply)(flat_weights(params), jnp.asarray(page)))
    corners = [STEP * np.arange(n) for n in scores.shape[:2]]
    crops = np.stack([page[i : i + SIZE, j : j + SIZE] for i in corners[0] for j in corners[1]])
    return scores, np.asarray(jax.jit(model.apply)(params, jnp.asarray(crops))).reshape(scores.shape)


def trained(model: nn.Sequential, split: data.Split, steps: int, seed: int) -> Any:
    """LeNet after some steps of Adam on single digits."""
    optimizer = optax.adam(2e-3)
    params = model.init(jax.random.key(seed), (SIZE, SIZE, 1))
    images, labels = jnp.asarray(split.images), jnp.asarray(split.labels)

    @jax.jit
    def step(params: Any, state: Any, key: jax.Array) -> tuple[Any, Any]:
        chosen = jax.random.choice(key, len(images), (64,))
        bar = jax.grad(lambda p: losses.cross_entropy(model.apply(p, images[chosen]), labels[chosen]))(params)
        updates, state = optimizer.update(bar, state)
        return optax.apply_updates(params, updates), state

    state = optimizer.init(params)
    for n in range(steps):
        params, state = step(params, state, jax.random.fold_in(jax.random.key(seed + 1), n))
    return params


def page_of(split: data.Split, rows: int = 3, columns: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Digits side by side, and what they are."""
    tiles = split.images[: rows * columns, ..., 0].reshape(rows, columns, SIZE, SIZE)
    page = tiles.transpose(0, 2, 1, 3).reshape(rows * SIZE, columns * SIZE, 1)
    return split.labels[: rows * columns].reshape(rows, columns), page


def multiply_adds(model: nn.Sequential, page: tuple[int, int]) -> int:
    """The non-zeros of every C: one product each."""
    total, shape = 0, (*page, 1)
    for layer in model.layers:
        if isinstance(layer, nn.Conv):
            drawn = jax.eval_shape(partial(layer.init, in_shape=shape), jax.random.key(0))
            total += layer.map(jax.tree.map(lambda p: jnp.zeros(p.shape), drawn), shape).nnz
        shape = layer.out_shape(shape)
    return total


def _count(model: nn.Sequential, page: tuple[int, int]) -> int:
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), (*page, 1)))
    return sum(p.size for p in jax.tree.leaves(params))


def _picture(page: np.ndarray, scores: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.imshow(page[..., 0], cmap="gray_r")
        left.set(xticks=[], yticks=[], title="page, and what the network reads")
        for i, j in np.ndindex(-(-scores.shape[0] // 8), -(-scores.shape[1] // 8)):
            found = scores[8 * i, 8 * j].argmax()
            left.text(SIZE * j + 2, SIZE * i + 9, str(found), color="#D55E00", weight="bold")
        p = np.exp(scores - scores.max(-1, keepdims=True))
        image = right.imshow((p / p.sum(-1, keepdims=True)).max(-1), cmap="cividis", vmin=0, vmax=1)
        places = np.stack(np.meshgrid(np.arange(0, scores.shape[1], 8), np.arange(0, scores.shape[0], 8)), -1).reshape(
            -1, 2
        )
        right.plot(*places.T, "o", color="#D55E00", fillstyle="none")
        right.set(xticks=[], yticks=[], title=f"map of {scores.shape[0]} × {scores.shape[1]} scores")
        figure.colorbar(image, ax=right, shrink=0.7, label="largest probability")

    return Picture("page", "A page of digits and the map of scores; circles are at the middle of a digit.", draw, 0.42)
