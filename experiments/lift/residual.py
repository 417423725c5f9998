"""What are the singular values of each layer of a trained residual network, and what does training do to them?

A residual network is trained, lifted at an image, and each of its convolutions is taken out of the program by its name:
a matrix, whose singular values `minicnn.linalg` finds. They are those of the layer as it is, with zeros around its
images. The literature takes the values of the circular convolution instead, which Fourier transforms give: close, and
no bound; a bound is the circulant that has room for the zeros. Batch norm at rest multiplies the rows of each matrix;
the table has σ₁ before the training, after it, and with the batch norm. The Jacobians of the blocks are lifted as well:
the σ₁ of the whole network is at most their product, and far below.

Layers whose matrix is too large for all of its values have those of the circular convolution in the figure, and σ₁ by
the method of Lanczos.

Sources: K. He et al., "Deep residual learning for image recognition" (2016), section 4.2, for the networks of 6n + 2
layers, with shortcuts that have no weights; H. Sedghi, V. Gupta & P. Long, "The singular values of convolutional
layers" (2019), for the circular values of each layer of a residual network; R. Horn & C. Johnson, *Matrix analysis*,
for the values of parts of a matrix, of products and for the sum of all squares.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import minicnn
from experiments.fitting import fitted
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most
from experiments.networks.cifar import images
from minicnn import linalg
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"stages": 2, "width": 3, "side": 8, "examples": 512, "steps": 100}
FULL = {"data": "cifar10", "blocks": 3, "width": 16, "side": 32, "examples": 50_000, "steps": 1000}

BATCH, RATE = 64, 1e-2  # of Adam
RESTING = 512  # images whose means and variances batch norm keeps for the network at rest
# Rows and columns up to which all singular values are found, and the largest one from them: seconds, and tenths of one.
ALL_VALUES, LARGEST_OF_ALL = 1536, 512
EPSILON = 1e-5  # added to the variances
HORN = "Horn & Johnson"
FIRST = "0"  # what the layer before the blocks is called, so that names are in the order of the layers

Params = dict[str, Any]
Moments = dict[str, tuple[Any, Any]]


class Conv(NamedTuple):
    """A convolution of the network.

    Attributes:
        name: of the layer.
        c_in: channels that it reads.
        c_out: channels that it gives.
        stride: 2 where the images become smaller.
    """

    name: str
    c_in: int
    c_out: int
    stride: int = 1


class Found(NamedTuple):
    """The singular values of a layer.

    Attributes:
        name: of the layer.
        A: its matrix.
        values: all of them, those of the circular convolution if A is large.
        before: σ₁ before the training.
        sigma: σ₁.
        normed: σ₁ with the batch norm.
        squares: what the squares of `values` add up to: those of the weights, each as often as it is in the matrix.
        circular: σ₁ of the circular convolution.
        roomy: σ₁ of the circulant with room for the zeros, where the stride is 1.
    """

    name: str
    A: LinearMap
    values: np.ndarray
    before: float
    sigma: float
    normed: float
    squares: float
    circular: float
    roomy: float


def run(
    data: str = "digits",
    stages: int = 3,
    blocks: int = 1,
    width: int = 6,
    side: int = 16,
    examples: int = 1437,
    steps: int = 300,
    seed: int = 0,
) -> Result:
    """Train a residual network and find the singular values of its layers.

    Args:
        data: "digits" in front of photographs, or "cifar10".
        stages: sizes of images in the network, each half of the one before.
        blocks: of each stage; 3 for the network of 20 layers.
        width: channels of the first ones; 16 for the networks of the source.
        side: of the images, in pixels.
        examples: training images, at most.
        steps: of the training.
        seed: of the weights and the batches.
    """
    x, labels, x_new, labels_new = shrunk(data, side, examples)
    before = start(stages, blocks, width, np.random.default_rng(seed))
    params, _ = fitted(loss, before, x, labels, jax.random.key(seed), steps=steps, batch=BATCH, rate=RATE)
    rest = at_rest(params, x[:RESTING])
    right = float((np.asarray(scores(params, x_new, rest)).argmax(1) == labels_new).mean())
    image = x_new[0]
    P = minicnn.lift(lambda x, params: network(params, x, rest)[0], image, params)
    Q = minicnn.lift(lambda x, params: network(params, x, rest)[0], image, before)
    named = {conv: f"params.{conv.name}.w" for conv in convs(params)}
    found = [layer(conv, P[name], Q[name], params, rest) for conv, name in named.items()]
    jacobians = [largest(A) for A in parts(params, rest, image)]
    whole = largest(P.as_map())
    claims = [
        at_least("share of test images that is right", right, 0.2, "it has learnt: chance is 0.1"),
        *_claims(found, jacobians, whole),
    ]
    rows = tuple((f.name, f"{f.A.shape[0]:,}×{f.A.shape[1]:,}", f.before, f.sigma, f.circular, f.normed) for f in found)
    columns = ("layer", "matrix", "σ₁ before training", "σ₁", "σ₁ circular", "σ₁ with batch norm")
    layers = Table(f"The convolutions; {right:.1%} of the test images are right", columns, rows)
    words = [*(f"block {n}" for n in range(1, len(jacobians) - 1)), "mean and dense layer"]
    chain = tuple(zip(["first layer", *words], jacobians, strict=True))
    together = (*chain, ("their product", float(np.prod(jacobians))), ("the network", whole))
    return Result(claims, (layers, Table("σ₁ of Jacobians at an image", ("of", "σ₁"), together)), (_picture(found),))


def shrunk(data: str, side: int, examples: int) -> tuple[jax.Array, jax.Array, jax.Array, np.ndarray]:
    """Images averaged down to a side, with their labels, to learn from and to test on."""
    whole = images(data)
    smaller = lambda x: minicnn.avg_pool(jnp.asarray(x, jnp.float32), (x.shape[1] // side,) * 2)
    train, test = whole.train[:examples], whole.test[:2000]
    return smaller(train.images), jnp.asarray(train.labels), smaller(test.images), np.asarray(test.labels)


def start(stages: int, blocks: int, width: int, rng: np.random.Generator) -> Params:
    """Parameters of the network, as He et al. draw them."""
    layers = [Conv(FIRST, 3, width)]
    c_in = width
    for stage in range(stages):
        for block in range(blocks):
            c_out, name = width * 2**stage, f"{stage + 1}.{block + 1}"
            layers += [Conv(f"{name}a", c_in, c_out, 1 + (c_out > c_in)), Conv(f"{name}b", c_out, c_out)]
            c_in = c_out
    params: Params = {}
    for conv in layers:
        w = rng.normal(0, (2 / (9 * conv.c_out)) ** 0.5, (3, 3, conv.c_in, conv.c_out)).astype(np.float32)
        params[conv.name] = {
            "w": w,
            "scale": np.ones(conv.c_out, np.float32),
            "shift": np.zeros(conv.c_out, np.float32),
        }
    head = rng.normal(0, c_in**-0.5, (c_in, 10)).astype(np.float32)
    return jax.tree.map(jnp.asarray, params | {"head": {"w": head, "b": np.zeros(10, np.float32)}})


def convs(params: Params) -> Iterator[Conv]:
    """The convolutions in their order; the first of a stage has a stride where it makes the channels more."""
    for name in sorted(params.keys() - {"head"}):  # the order of a dictionary is lost under jit
        c_in, c_out = params[name]["w"].shape[2:]
        yield Conv(name, c_in, c_out, 2 if name != FIRST and c_out > c_in else 1)


def normed_conv(params: Params, conv: Conv, x: Any, rest: Moments | None) -> tuple[Any, tuple[Any, Any]]:
    """A convolution and its batch norm, with the moments of the batch or those at rest; the moments as well."""
    own = params[conv.name]
    y = minicnn.conv(x, own["w"], stride=conv.stride, padding=1)
    axes = tuple(range(y.ndim - 1))
    mean, variance = rest[conv.name] if rest else (y.mean(axes), y.var(axes))
    return own["scale"] * (y - mean) / jnp.sqrt(variance + EPSILON) + own["shift"], (mean, variance)


def first(params: Params, x: Any, rest: Moments | None) -> tuple[Any, Moments]:
    """The layer before the blocks."""
    y, moments = normed_conv(params, next(convs(params)), x, rest)
    return jax.nn.relu(y), {FIRST: moments}


def block(params: Params, pair: tuple[Conv, Conv], x: Any, rest: Moments | None) -> tuple[Any, Moments]:
    """Two convolutions, and a shortcut that leaves rows and columns out and fills up with channels of zeros."""
    a, b = pair
    y, of_a = normed_conv(params, a, x, rest)
    y, of_b = normed_conv(params, b, jax.nn.relu(y), rest)
    short = x[..., :: a.stride, :: a.stride, :]
    more = [(0, 0)] * (x.ndim - 1) + [(0, a.c_out - a.c_in)]
    return jax.nn.relu(jnp.pad(short, more) + y), {a.name: of_a, b.name: of_b}


def head(params: Params, x: Any) -> Any:
    """The mean of each channel, and a dense layer."""
    return x.mean((-3, -2)) @ params["head"]["w"] + params["head"]["b"]


def pairs(params: Params) -> list[tuple[Conv, Conv]]:
    """The convolutions of each block."""
    _, *rest = convs(params)
    return list(zip(rest[::2], rest[1::2], strict=True))


def network(params: Params, x: Any, rest: Moments | None) -> tuple[Any, Moments]:
    """The scores of an image or a batch, and the moments of every batch norm."""
    x, moments = first(params, x, rest)
    for pair in pairs(params):
        x, more = block(params, pair, x, rest)
        moments |= more
    return head(params, x), moments


def loss(params: Params, x: Any, labels: Any) -> Any:
    chosen = jax.nn.log_softmax(network(params, x, None)[0])
    return -jnp.take_along_axis(chosen, labels[:, None], 1).mean()


@jax.jit
def at_rest(params: Params, x: Any) -> Moments:
    """The moments that batch norm keeps."""
    return network(params, x, None)[1]


@jax.jit
def scores(params: Params, x: Any, rest: Moments) -> Any:
    return network(params, x, rest)[0]


def layer(conv: Conv, A: LinearMap, before: LinearMap, params: Params, rest: Moments) -> Found:
    """The singular values of a convolution that was taken out of the lifted network."""
    w = jnp.asarray(params[conv.name]["w"])
    size = A.in_shape[-3:-1]
    around = minicnn.conv_map(w, size, stride=conv.stride, padding=1, padding_mode="circular")
    more = minicnn.conv_map(w, tuple(n + 2 for n in size), padding=1, padding_mode="circular")
    scale = params[conv.name]["scale"] / jnp.sqrt(rest[conv.name][1] + EPSILON)
    small = max(A.shape) <= ALL_VALUES
    circular = np.asarray(linalg.svdvals(around, method="fourier"))
    values = np.asarray(linalg.svdvals(A)) if small else circular
    mode = "zeros" if small else "circular"
    ones = jnp.ones((*size, conv.c_in))
    counts = minicnn.patch_map(ones, w.shape, stride=conv.stride, padding=1, padding_mode=mode)
    return Found(
        conv.name,
        A,
        values,
        largest(before),
        float(values[0]) if small else largest(A),
        largest(minicnn.conv_map(w * scale, size, stride=conv.stride, padding=1)),
        float((counts.T(jnp.ones(counts.out_shape)) * w**2).sum()),
        float(circular[0]),
        float(linalg.svdvals(more, method="fourier")[0]) if conv.stride == 1 else np.inf,
    )


def largest(A: LinearMap) -> float:
    """σ₁, of the dense matrix where that is small."""
    return float(linalg.svdvals(A)[0] if max(A.shape) <= LARGEST_OF_ALL else linalg.norm(A))


def parts(params: Params, rest: Moments, image: Any) -> Iterator[LinearMap]:
    """The Jacobians of the first layer, of each block and of the head, at what an image becomes before them."""
    yield minicnn.lift(lambda x: first(params, x, rest)[0], image).as_map()
    x = first(params, image, rest)[0]
    for pair in pairs(params):
        yield minicnn.lift(lambda x, pair=pair: block(params, pair, x, rest)[0], x).as_map()
        x = block(params, pair, x, rest)[0]
    yield minicnn.lift(lambda x: head(params, x), x).as_map()


def _claims(found: list[Found], jacobians: list[float], whole: float) -> list[Claim]:
    # Values of a dense decomposition are right to some roundings of the largest, for each row.
    rounding = max(max(f.A.shape) for f in found) * float(np.finfo(np.float32).eps)
    off = [abs(float((f.values.astype(float) ** 2).sum()) / f.squares - 1) for f in found]
    return [
        at_most("Σσ² against the squares of all entries, largest relative difference", max(off), rounding, HORN),
        at_most(
            "σ₁ over that of the circulant with room for the zeros, largest",
            max(f.sigma / f.roomy for f in found),
            1 + rounding,
            f"{HORN}: a part of a matrix",
        ),
        at_most(
            "σ₁ of the network's Jacobian over the product of its parts",
            whole / float(np.prod(jacobians)),
            1 + rounding,
            f"{HORN}: products",
        ),
    ]


def _picture(found: list[Found]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for n, each in enumerate(found):
            shade = colormaps["viridis"](0.9 * n / max(len(found) - 1, 1))
            share = (np.arange(len(each.values)) + 0.5) / len(each.values)
            left.plot(share, each.values, color=shade, label=each.name)
        left.set(title="all singular values", xlabel="share of them", xlim=(0, 1), ylim=(0, None))
        if len(found) <= _NAMED:
            left.legend(frameon=False, fontsize="small", ncols=2)
        places = np.arange(len(found))
        for heights, style, label in (
            ([f.before for f in found], "k:", "before training"),
            ([f.sigma for f in found], "o-", "after training"),
            ([f.normed for f in found], "s--", "with batch norm"),
        ):
            right.plot(places, heights, style, label=label)
        right.set(title="σ₁ of each layer", ylim=(0, None))
        right.set_xticks(places, [f.name for f in found], rotation=90)
        right.legend(frameon=False, fontsize="small")

    caption = "The singular values of each convolution, the first one darkest, and the largest from layer to layer."
    return Picture("values", caption, draw, 0.5)


_NAMED = 9  # layers for which a legend has room
