"""What does it cost to hold every layer of LeNet at a spectral norm of 1, and what is it good for?

While it is trained every layer is divided by its `minicnn.linalg.norm`, through which the gradient passes; after each
epoch `project` holds it at 1 with a certificate, and the product of the layers' brackets bounds the network: by 1,
where the plain network has a bound in the hundreds. A network whose scores move by no more than their input keeps its
answer within margin/√2 of an image, the margin being the distance of the two largest scores. That is a promise for
every direction; a gradient attack measures from the other side, and must never do better than the promise allows.
Scores are multiplied by a number in the loss only, since those of such a network cannot be far apart. What is found: it
costs some accuracy; most images have a promise where the plain network has none for any; and under an attack of some
length more answers stay right.

How much accuracy it may cost, how many images must have a promise, how many more answers must stay right, and that the
plain network's bound is at least 10, where it is in the hundreds, are bounds of our own. That an attack does no better
than the promise is a theorem; the claim tests the code.

Sources: H. Gouk et al., "Regularisation of neural networks by enforcing Lipschitz continuity" (2021); Y. Tsuzuku, I.
Sato & M. Sugiyama, "Lipschitz-margin training" (2018), for the radius; scikit-learn's digits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import minicnn
from experiments import classifiers
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most
from minicnn import linalg, nn
from minicnn.data import digits
from minicnn.maps import ConvMap, Dense, LinearMap
from minicnn.zoo import LeNet5

ROWS = ()
SMALL = {"epochs": 1, "examples": 64, "tested": 16, "attack_steps": 2}
FULL = {"side": 32, "epochs": 60, "tested": 360}

BATCH, RATE = 32, 5e-3  # of Adam; the rate falls to zero along a cosine
BOUND = 1 - 1e-5  # of each layer: what rounding adds to seven certificates does not lift their product above 1
LENET_SIDE = 32
RTOL = 0.05  # of the certificates while training: so much of each norm may be given away
SHARPNESS = 10.0  # of the softmax in the loss; with more, small margins satisfy it; with less, few images are learnt
RADII = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6)  # lengths of a change of an image, whose pixels are between 0 and 1


Change = Callable[[LinearMap], LinearMap]


class Network(NamedTuple):
    """A trained network, and what was found of it."""

    params: Any
    upper: list[float]
    accuracies: list[float]
    measured: np.ndarray
    certified: np.ndarray


def run(
    side: int = 8, epochs: int = 60, examples: int = 1437, tested: int = 120, attack_steps: int = 20, seed: int = 0
) -> Result:
    """Train LeNet twice, plain and held, and attack both.

    Args:
        side: 32 for LeNet-5, or 8 for one of its pattern with an eighth of the weights.
        epochs: passes over the training images.
        examples: training images.
        tested: test images that are attacked.
        attack_steps: of the gradient attack.
        seed: of the parameters, the order and the attack.
    """
    data, model = digits(), network(side)
    x, labels = (jnp.asarray(a[:examples]) for a in (unit(data.train.images, side), data.train.labels))
    x_new, labels_new = (jnp.asarray(a) for a in (unit(data.test.images, side), data.test.labels))
    found = {}
    for held in (False, True):
        rng = np.random.default_rng(seed)
        params, uppers, accuracies = classifiers.start(model, x.shape[1:], rng), [], []
        state = _adam().init(params)
        for done in range(epochs):
            rate = RATE * (1 + np.cos(np.pi * done / epochs)) / 2
            order = rng.permutation(len(x))[: len(x) // BATCH * BATCH].reshape(-1, BATCH)
            params, state = epoch(model, params, state, x, labels, order, rate, held)
            if held:
                params = with_weights(model, params, x.shape[1:], of_norm_one)
                params = with_weights(model, params, x.shape[1:], projected)
            uppers.append(certified_bound(model, params, x.shape[1:]))
            accuracies.append(float((scores(model, params, x_new).argmax(-1) == labels_new).mean()))
        few = x_new[:tested], labels_new[:tested]
        measured = np.array([attacked(model, params, *few, radius, attack_steps) for radius in RADII])
        certified = promised(np.asarray(scores(model, params, few[0])), np.asarray(few[1]), uppers[-1])
        found["held" if held else "plain"] = Network(params, uppers, accuracies, measured, certified)
    return Result(_claims(found), (_table(found), _layers(model, found, x.shape[1:])), (_picture(found),))


def network(side: int) -> nn.Sequential:
    """LeNet-5, or a smaller one: two convolutions, each with a max pool, and two dense layers."""
    if side == LENET_SIDE:
        return LeNet5()
    squash, pool = nn.Activation("relu"), nn.MaxPool((2, 2))
    layers = (nn.Conv(6, (3, 3)), squash, pool, nn.Conv(16, (2, 2)), squash, pool, nn.Flatten())
    labels = ("C1", "C1 activation", "S2", "C3", "C3 activation", "S4", "flatten")
    dense = (nn.Dense(32), squash, nn.Dense(10))
    return nn.Sequential((*layers, *dense), (*labels, "F6", "F6 activation", "output"))


def unit(images: Any, side: int) -> np.ndarray:
    """Pixels as floats between 0 and 1, averaged down to so many on a side."""
    pixels = (jnp.asarray(images, jnp.float32) + 0.1) / 1.275
    return np.asarray(minicnn.avg_pool(pixels, (pixels.shape[1] // side,) * 2))


def with_weights(model: nn.Sequential, params: Any, shape: tuple[int, ...], change: Change) -> Any:
    """The parameters with the map of each layer that has weights changed."""
    new = []
    for layer, own in zip(model.layers, params, strict=True):
        new.append(own)
        if "w" in own:
            match change(layer.map(own, shape)):
                case ConvMap(w=w):
                    new[-1] = own | {"w": w}
                case Dense(M=M):
                    new[-1] = own | {"w": M.T}
        shape = layer.out_shape(shape)
    return tuple(new)


def of_norm_one(A: LinearMap) -> LinearMap:
    """A/‖A‖, to rounding."""
    norm = linalg.norm(A)
    return jax.tree.map(lambda w: w / norm, A)


def projected(A: LinearMap) -> LinearMap:
    """The same map if its norm is at most 1, else scaled: certified."""
    return linalg.project(A, BOUND, rtol=RTOL)


def certified_bound(model: nn.Sequential, params: Any, shape: tuple[int, ...]) -> float:
    """The product of the layers' certified bounds."""
    bound = 1.0
    for layer, own in zip(model.layers, params, strict=True):
        bound *= linalg.bracket(layer.map(own, shape), RTOL).upper if "w" in own else layer.lipschitz(own, shape)
        shape = layer.out_shape(shape)
    return bound


def _adam() -> optax.GradientTransformation:
    return optax.scale_by_adam()


@partial(jax.jit, static_argnums=0)
def scores(model: nn.Sequential, params: Any, x: Any) -> jax.Array:
    """The ten scores of each image."""
    return model.apply(params, x)


@partial(jax.jit, static_argnames=("model", "held"))
def epoch(
    model: nn.Sequential, params: Any, state: Any, x: Any, labels: Any, order: Any, rate: float, held: bool
) -> tuple[Any, Any]:
    """A step of Adam for each batch."""

    def loss(params: Any, batch: jax.Array) -> jax.Array:
        if held:
            params = with_weights(model, params, x.shape[1:], of_norm_one)
        return nn.losses.cross_entropy((SHARPNESS if held else 1) * model.apply(params, x[batch]), labels[batch])

    def step(carry: Any, batch: jax.Array) -> tuple[Any, None]:
        params, state = carry
        bar = jax.grad(loss)(params, batch)
        updates, state = _adam().update(bar, state)
        return (jax.tree.map(lambda p, u: p - rate * u, params, updates), state), None

    return jax.lax.scan(step, (params, state), order)[0]


@partial(jax.jit, static_argnums=(0, 5))
def attacked(model: nn.Sequential, params: Any, x: Any, labels: Any, radius: float, steps: int) -> jax.Array:
    """The share of images that keep their label while a change of at most this length lowers its margin."""

    def margin(change: jax.Array) -> jax.Array:
        y = model.apply(params, x + change)
        own = jnp.take_along_axis(y, labels[:, None], -1)[:, 0]
        return own - jnp.where(jax.nn.one_hot(labels, y.shape[-1]) > 0, -jnp.inf, y).max(-1)

    def length(v: jax.Array) -> jax.Array:
        return jnp.sqrt((v**2).sum((1, 2, 3), keepdims=True)) + 1e-12

    def step(carry: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], None]:
        change, kept = carry
        bar = jax.grad(lambda v: margin(v).sum())(change)
        change = change - 0.25 * radius * bar / length(bar)
        change = change * jnp.minimum(1, radius / length(change))
        return (change, kept & (margin(change) > 0)), None

    start = jnp.zeros_like(x)
    (_, kept), _ = jax.lax.scan(step, (start, margin(start) > 0), length=steps)
    return kept.mean()


def promised(y: np.ndarray, labels: np.ndarray, upper: float) -> np.ndarray:
    """The share of images whose label no change of each length can alter: margin > √2·L·radius."""
    own = y[np.arange(len(y)), labels]
    others = np.where(np.eye(y.shape[-1], dtype=bool)[labels], -np.inf, y).max(-1)
    return np.array([((own - others) > np.sqrt(2) * upper * radius).mean() for radius in RADII])


def _claims(found: dict[str, Network]) -> list[Claim]:
    plain, held = found["plain"], found["held"]
    claims = [
        at_most("held: largest certified bound after an epoch", max(held.upper), 1, "`project`"),
        at_least("plain: bound after the last epoch", plain.upper[-1], 10, "nothing holds it"),
        *(
            at_least(f"{name}: attacked less certified, least", (n.measured - n.certified).min(), 0, "a theorem")
            for name, n in found.items()
        ),
        at_most("plain: share certified at a length of 0.05", plain.certified[1], 0, "its bound is of no use"),
    ]  # fmt: skip
    if len(held.upper) >= FULLY_TRAINED:
        claims += [
            at_least("held: accuracy", held.accuracies[-1], 0.85, "it reads the digits"),
            at_most("accuracy that holding costs", plain.accuracies[-1] - held.accuracies[-1], 0.08, "some"),
            at_least("held: share certified at a length of 0.05", held.certified[1], 0.5, "margin/√2"),
            at_least(
                "attacked with a length of 0.3: held less plain", held.measured[4] - plain.measured[4], 0.1, "flatter"
            ),
        ]
    return claims


FULLY_TRAINED = 10  # epochs from which on accuracies are claimed


def _table(found: dict[str, Network]) -> Table:
    rows = [
        (
            name,
            n.accuracies[-1],
            n.upper[-1],
            *(f"{m:.2f} ≥ {c:.2f}" for m, c in zip(n.measured, n.certified, strict=True)),
        )
        for name, n in found.items()
    ]
    columns = ("network", "accuracy", "Lipschitz bound", *(f"{radius:g}" for radius in RADII))
    return Table("Share of right answers under changes of each length: attacked ≥ certified", columns, tuple(rows))


def _layers(model: nn.Sequential, found: dict[str, Network], in_shape: tuple[int, ...]) -> Table:
    by_network = {name: linalg.lipschitz(model, n.params, in_shape).layers for name, n in found.items()}
    rows = [
        (label, *(dict(layers)[label] for layers in by_network.values()))
        for label, layer in zip(model.labels, model.layers, strict=True)
        if isinstance(layer, nn.Conv | nn.Dense)
    ]
    return Table("Certified bound of each layer", ("layer", *by_network), tuple(rows))


def _picture(found: dict[str, Network]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for (name, n), style, colour in zip(found.items(), ("-", "--"), ("#d55e00", "#0072b2"), strict=True):
            left.semilogy(range(1, len(n.upper) + 1), n.upper, style, color=colour, marker=".", label=name)
            right.plot(RADII, n.measured, style, color=colour, marker=".", label=f"{name}, attacked")
            right.plot(RADII, n.certified, ":", color=colour, label=f"{name}, certified")
        left.set(title="certified Lipschitz bound", xlabel="epoch")
        right.set(title="right answers", xlabel="length of the change", ylim=(-0.03, 1.03))
        left.legend(frameon=False)
        right.legend(frameon=False, fontsize="small")

    return Picture("robustness", "The bound after each epoch; right answers under attack, and certified.", draw, 0.48)
