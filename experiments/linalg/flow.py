"""Is the density of a convolutional flow a density: does it integrate to one?

A flow z = f(x) that is invertible turns a Gaussian into a density of x, log p(x) = log N(z) + Σ log|det|, one
determinant for each of its maps. Here x has two entries, the pixels of an image of 1×2 with one channel, and the maps
are convolutions of three taps padded by zeros, C = [[b, c], [a, b]], between activations x + a·tanh(b·x + c) that rise.
`minicnn.linalg.slogdet` gives each log|det C| exactly, inside the gradient that trains the flow on two half-moons. The
density is added up over a fine grid. The determinant of the *circular* convolution, which is what a transform gives,
does not belong to these matrices: with it the same flow has no density.

Sources: E. Hoogeboom, R. van den Berg & M. Welling, "Emerging convolutions for generative normalizing flows" (2019);
D. P. Kingma & P. Dhariwal, "Glow" (2018); change of variables.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from minicnn import linalg
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"layers": 2, "steps": 60, "cells": 120}
FULL = {"layers": 16, "steps": 8000, "cells": 800}

EDGE = 6.0  # of the square over which the density is added up, in standard deviations of the data
POINTS = 512  # of the two half-moons
RATE = 5e-3


def run(layers: int = 8, steps: int = 2000, cells: int = 400, seed: int = 0) -> Result:
    """Train a flow on two half-moons and add up its density.

    Args:
        layers: of the flow, each a convolution and an activation.
        steps: of the training.
        cells: of the grid on a side.
        seed: of the data and of the parameters.
    """
    with jax.enable_x64(True):
        data = moons(seed)
        x = jnp.asarray(data)
        begun = start(layers, seed)
        params, losses = trained(begun, x, steps)
        centres = (np.arange(cells) + 0.5) * 2 * EDGE / cells - EDGE
        grid = jnp.asarray(np.stack(np.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 2))
        area = (2 * EDGE / cells) ** 2
        exact = np.exp(np.asarray(log_density(params, grid))).reshape(cells, cells)
        circular = np.exp(np.asarray(log_density(params, grid, "circular")))
        totals = {"exact": exact.sum() * area, "circular": circular.sum() * area}
        jacobians = jax.vmap(jax.jacfwd(lambda x: flow(params, x[None])[0][0]))(x[:16])
        logarithms = np.asarray(flow(params, x[:16])[1])
        claims = _claims(totals, losses, np.asarray(jnp.linalg.slogdet(jacobians)[1]), logarithms)
        warped = np.asarray(flow(params, x)[0])
    table = Table("The integral of the density", ("determinant of", "integral"), tuple(totals.items()))
    return Result(claims, (table,), (_picture(data, warped, exact, centres),))


def moons(seed: int) -> np.ndarray:
    """Two half-moons, of mean 0 and deviation 1."""
    x = np.asarray(make_moons(POINTS, noise=0.06, random_state=seed)[0])
    return (x - x.mean(0)) / x.std(0)


def start(layers: int, seed: int) -> dict[str, jax.Array]:
    """Parameters of a flow that is nearly the identity."""
    rng = np.random.default_rng(seed)
    drawn = {"taps": (layers, 3), "bias": (layers, 2), "bend": (layers, 2), "slope": (layers, 2)}
    params = {name: jnp.asarray(0.3 * rng.standard_normal(shape)) for name, shape in drawn.items()}
    return params | {"taps": params["taps"] + jnp.array([0.0, 1.0, 0.0])}


def convolution(taps: Any, mode: str = "zeros") -> LinearMap:
    """The matrix of one layer."""
    return minicnn.conv_map(taps.reshape(3, 1, 1), (2,), padding=1, padding_mode=mode)


def flow(params: Any, x: Any, mode: str = "zeros") -> tuple[Any, Any]:
    """What the flow makes of points (n, 2), and the logarithm of its determinant at each.

    Args:
        params: of the layers.
        x: points.
        mode: of padding, of the convolution whose determinant is taken; what is multiplied is padded by zeros.
    """

    def layer(carry: Any, own: Any) -> tuple[Any, None]:
        x, logarithm = carry
        x = convolution(own["taps"])(x[..., None])[..., 0] + own["bias"]
        logarithm += linalg.slogdet(convolution(own["taps"], mode), method="dense")[1]
        # The slope is 1 + (e^bend − 1)·(1 − tanh²) > 0: it rises whatever the parameters are.
        scale = jnp.exp(own["slope"])
        t = jnp.tanh(scale * x)
        gain = jnp.expm1(own["bend"])
        logarithm += jnp.log1p(gain * (1 - t**2)).sum(-1)
        return (x + gain / scale * t, logarithm), None

    return jax.lax.scan(layer, (x, jnp.zeros(len(x))), params)[0]


@partial(jax.jit, static_argnames="mode")
def log_density(params: Any, x: Any, mode: str = "zeros") -> jax.Array:
    """log p(x) at each point."""
    z, logarithm = flow(params, x, mode)
    return logarithm - (z**2).sum(-1) / 2 - jnp.log(2 * jnp.pi)


@partial(jax.jit, static_argnames="steps")
def trained(params: Any, x: Any, steps: int) -> tuple[Any, jax.Array]:
    """Adam on all points at once; the parameters and the mean of −log p before each step."""
    import optax

    adam = optax.adam(optax.cosine_decay_schedule(RATE, steps))

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        params, state = carry
        loss, bar = jax.value_and_grad(lambda p: -log_density(p, x).mean())(params)
        updates, state = adam.update(bar, state)
        return (optax.apply_updates(params, updates), state), loss

    (params, _), losses = jax.lax.scan(step, (params, adam.init(params)), length=steps)
    return params, losses


def _claims(totals: dict[str, float], losses: Any, jacobians: np.ndarray, logarithms: np.ndarray) -> list[Claim]:
    # −log p of the Gaussian with the data's mean and variances, which are 0 and 1.
    gaussian = np.log(2 * np.pi) + 1
    return [
        equal("integral of the density", totals["exact"], 1.0, "a density", 1e-3),
        differs("integral with the circular determinant", round(totals["circular"], 2), 1.0, "another matrix"),
        at_most(
            "log|det| of the layers less that of JAX's Jacobian at 16 points, largest",
            float(np.abs(jacobians - logarithms).max()),
            1e-10,
            "determinants multiply",
        ),
        at_least("a Gaussian's −log p less the flow's", gaussian - float(losses[-1]), 0.0, "it has learnt"),
        at_most("−log p after training less before", float(losses[-1] - losses[0]), 0.0, "gradients through slogdet"),
    ]  # fmt: skip


def _picture(data: np.ndarray, warped: np.ndarray, density: np.ndarray, centres: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        left.plot(*data.T, ".", color="k", markersize=2)
        left.set(title="data", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
        edge = centres[0], centres[-1]
        middle.imshow(density.T, origin="lower", extent=(*edge, *edge), cmap="cividis")
        middle.set(title="density", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
        right.plot(*warped.T, ".", color="k", markersize=2)
        right.set(title="the data as z", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
        for axes in (left, middle, right):
            axes.set_aspect("equal")

    return Picture("density", "Two half-moons, the density of the flow, and where it takes the data.", draw, 0.38)
