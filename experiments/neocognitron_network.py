"""The Neocognitron of 1980: three stages of S- and C-planes, and how presentations of patterns change them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import minicnn
from experiments.neocognitron_cells import area, c_layer, s_layer

PLANES, SIDE = 24, 16
S_PADDING, C_PADDING = (2, 1, 0), (-1, 1, 0)  # so that planes have the paper's sizes; -1 leaves a border unread
S_COLUMNS, C_AREAS = (5, 5, 2), (5, 5, 2)
R, Q, ALPHA = (4.0, 1.5, 1.5), (1.0, 16.0, 16.0), 0.5
# What the sources at hand do not give was found by trying about 570 draws on two to eight networks each: the decay of c
# and of d, what d adds up to in each stage, and the largest initial a.
C_DECAY, D_DECAY = 0.67, 0.8
D_SUMS = (12.0, 60.0, 16.0)
SMALLEST = (1.2e-3, 1.2e-3, 1.2e-4)

C_WEIGHTS = area(5, C_DECAY)
D_WEIGHTS = tuple(total * area(size, D_DECAY) for total, size in zip(D_SUMS, C_AREAS, strict=True))

Weights = tuple[tuple[Any, Any], ...]  # a, (5, 5, K, planes), and b, (planes), of each stage


class Stage(NamedTuple):
    """What one stage makes of its input u: S-cells, the inhibiting cells beside them, and C-cells."""

    u: Any
    s: Any
    v: Any
    c: Any


def newborn(rng: np.random.Generator) -> Weights:
    """Weights to begin with: small random a, so that planes differ, and no inhibition."""
    inputs = (1, PLANES, PLANES)
    return tuple(
        (jnp.asarray(most * rng.random((5, 5, k, PLANES))), jnp.zeros(PLANES))
        for most, k in zip(SMALLEST, inputs, strict=True)
    )


def stages(weights: Weights, x: Float[Array, "*n h w 1"]) -> list[Stage]:
    """Every cell of the network for one image or several."""
    found = list[Stage]()
    u = x
    for (a, b), r, d, *padding in zip(weights, R, D_WEIGHTS, S_PADDING, C_PADDING, strict=True):
        s, v = s_layer(u, a, b, C_WEIGHTS, r, padding[0])
        c = c_layer(s, d, ALPHA, padding[1])
        found.append(Stage(u, s, v, c))
        u = c
    return found


def seed_cells(s: Float[Array, "h w planes"], column: int) -> tuple[Array, Array]:
    """The seed cell of each plane, as a flat position, and whether it has one.

    An S-column holds all cells, of every plane, whose positions lie in one square. The largest of each column is a
    candidate, if it answers at all; the largest candidate of a plane is its seed.
    """
    largest = minicnn.max_pool(s.max(-1, keepdims=True), (column, column), stride=1)
    # A cell is the largest of some column if it reaches the smallest among its columns' maxima.
    reach = -minicnn.max_pool(-largest, (column, column), stride=1, padding=column - 1)
    candidates = jnp.where((s >= reach) & (s > 0), s, 0).reshape(-1, s.shape[-1])
    return candidates.argmax(0), candidates.max(0) > 0


def reinforced(weights: Weights, x: Float[Array, "h w 1"]) -> Weights:
    """The weights after one presentation: Δa = q·c·u around the seed cell, Δb = q·v/2 at it, for its whole plane."""
    changed = list[tuple[Any, Any]]()
    for (a, b), stage, q, column, padding in zip(weights, stages(weights, x), Q, S_COLUMNS, S_PADDING, strict=True):
        at, chosen = seed_cells(stage.s, column)
        seen = minicnn.unfold(stage.u, (5, 5), padding=padding).reshape(-1, *a.shape[:3])[at]
        c = C_WEIGHTS[..., None] / a.shape[2]
        a_dot = q * jnp.einsum("pijk,ijk,p->ijkp", seen, jnp.broadcast_to(c, a.shape[:3]), chosen)
        changed.append((a + a_dot, b + q / 2 * chosen * stage.v.reshape(-1)[at]))
    return tuple(changed)


@jax.jit
def grown(weights: Weights, x: Float[Array, "networks h w 1"]) -> Weights:
    """The weights of several networks after one presentation to each."""
    return jax.lax.map(lambda pair: reinforced(*pair), (weights, x))


@jax.jit
def answers(weights: Weights, x: Float[Array, "n h w 1"]) -> Float[Array, "networks n planes"]:
    """The C-cells of the last stage of several networks, for the same images."""
    return jax.lax.map(lambda w: stages(w, x)[-1].c[:, 0, 0], weights)
