"""Which non-zeros of a transformer's Jacobian does its causal mask remove, and which does a mixer never have?

The Jacobian of a block of tokens × channels is lifted at a point and counted twice: `nnz` are the entries that a path
through the maps reaches whatever the numbers are, `nnz_at_point` those that a path through numbers other than zero
reaches. An MLP-mixer is sparse by structure: mixing tokens joins equal channels, mixing channels joins equal tokens,
and only the two together fill the matrix. Attention is dense by structure, and what the mask removes is seen at the
point alone: exactly the blocks of tokens that come later, whose scores are −∞ and whose softmax is 0. A mask that
leaves the last few tokens is the window of a convolution, and layers of it reach as far as a stack of convolutions.

The entries other than 0 that JAX's forward mode finds are the oracle; and later tokens are moved, which must leave the
outputs of all earlier ones as they are, to the last bit.

Sources: I. Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision" (2021); A. Vaswani et al., "Attention is
all you need" (2017), section 3.2.3, for the mask; I. Beltagy, M. Peters & A. Cohan, "Longformer" (2020), section 3.1,
for windows in layers. Weights are random: the counts do not depend on them.
"""

from collections.abc import Callable
from functools import partial
from textwrap import wrap
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

import minicnn
from experiments.frame import Claim, Picture, Result, Table, equal

ROWS = ()
SMALL = {"tokens": 5, "channels": 3}
FULL = {"tokens": 16, "channels": 12, "window": 4, "layers": 4}

Function = Callable[[Any], Any]
Weights = dict[str, Any]


class Case(NamedTuple):
    """A network, and how many entries it must have: by structure, and at a point."""

    f: Function
    nnz: int
    at_point: int


class Found(NamedTuple):
    """What was found of a network: 0 where no path leads, 1 where only a path through zeros does, 2 elsewhere."""

    pattern: np.ndarray
    nnz: int
    at_point: int
    by_jax: int


def run(tokens: int = 8, channels: int = 4, window: int = 3, layers: int = 2, seed: int = 0) -> Result:
    """Lift each network at a point and count.

    Args:
        tokens: of the sequence.
        channels: of each token.
        window: how many tokens the mask leaves, the token itself included, where it is a window.
        layers: how often attention with a window is repeated.
        seed: of the weights and of the point.
    """
    rng = np.random.default_rng(seed)
    x = jnp.asarray(rng.normal(size=(tokens, channels)), jnp.float32)
    described = cases(tokens, channels, window, layers, rng)
    found = {name: counted(case.f, x) for name, case in described.items()}
    later = [(i, j) for i in range(tokens) for j in range(i + 1, tokens)]
    names, numbers = ", ".join(described), "counted tokens and channels"
    structure, point = [case.nnz for case in described.values()], [case.at_point for case in described.values()]
    claims: list[Claim] = [
        equal(f"entries by structure of {names}", [each.nnz for each in found.values()], structure, numbers),
        equal("entries at the point of the same", [each.at_point for each in found.values()], point, numbers),
        equal("entries of the same that are not 0", [each.by_jax for each in found.values()], point, "jax.jacfwd"),
    ]
    for name in CAUSAL:
        removed = np.argwhere(found[name].pattern == 1)
        blocks = sorted({(int(i), int(j)) for i, j in removed // channels})
        claims += [
            equal(f"{name}: pairs of tokens whose entries are removed", blocks, later, VASWANI),
            equal(f"{name}: entries removed", len(removed), len(later) * channels**2, VASWANI),
            equal(f"{name}: how far later tokens move earlier outputs", leak(described[name].f, x), 0, VASWANI),
        ]
    rows = tuple(
        (name, each.nnz, each.at_point, each.nnz - each.at_point, f"{each.at_point / x.size**2:.0%}")
        for name, each in found.items()
    )
    columns = ("network", "by structure", "at the point", "removed", "density at the point")
    table = Table(f"Entries of the Jacobian, {tokens} tokens of {channels} channels", columns, rows)
    return Result(claims, (table,), (_picture(found, channels),))


VASWANI = "Vaswani et al., 3.2.3: no token sees a later one"
CAUSAL = ("causal attention", "causal transformer block")


def cases(tokens: int, channels: int, window: int, layers: int, rng: np.random.Generator) -> dict[str, Case]:
    """The networks by name, all with residual connections."""
    distance = np.subtract.outer(np.arange(tokens), np.arange(tokens))
    everything, block = tokens**2 * channels**2, channels**2
    earlier = tokens * (tokens + 1) // 2 * block
    seen = lambda reach: sum(min(i + 1, reach) for i in range(tokens)) * block
    t, c = mlp(tokens, rng), mlp(channels, rng)
    a = {name: matrix(channels, channels, rng) for name in "qkvo"}
    attend = partial(attention, a)
    near = (distance >= 0) & (distance < window)

    def windows(x: Any) -> Any:
        for _ in range(layers):
            x = attend(near, x)
        return x

    return {
        "mixing tokens": Case(partial(mixed_tokens, t), channels * tokens**2, channels * tokens**2),
        "mixing channels": Case(partial(mixed_channels, c), tokens * block, tokens * block),
        "mixer block": Case(lambda x: mixed_channels(c, mixed_tokens(t, x, normed), normed), everything, everything),
        "attention": Case(partial(attend, distance >= -tokens), everything, everything),
        "causal attention": Case(partial(attend, distance >= 0), everything, earlier),
        "causal transformer block": Case(
            lambda x: mixed_channels(c, attention(a, distance >= 0, x, normed), normed), everything, earlier
        ),
        f"attention, the last {window} tokens": Case(partial(attend, near), everything, seen(window)),
        f"{layers} layers of it": Case(windows, everything, seen(layers * (window - 1) + 1)),
    }


def matrix(rows: int, columns: int, rng: np.random.Generator) -> jax.Array:
    return jnp.asarray(rng.normal(size=(rows, columns)) / rows**0.5, jnp.float32)


def mlp(width: int, rng: np.random.Generator) -> Weights:
    """The weights of two dense layers, with twice as many units between them."""
    return {"up": matrix(width, 2 * width, rng), "down": matrix(2 * width, width, rng)}


def same(x: Any) -> Any:
    return x


def normed(x: Any) -> Any:
    """Layer norm: each token with mean 0 and variance 1."""
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def mixed_channels(w: Weights, x: Any, norm: Function = same) -> Any:
    """Two dense layers on the channels of each token."""
    return x + jax.nn.gelu(norm(x) @ w["up"]) @ w["down"]


def mixed_tokens(w: Weights, x: Any, norm: Function = same) -> Any:
    """Two dense layers on each channel of all tokens."""
    return x + (jax.nn.gelu(norm(x).T @ w["up"]) @ w["down"]).T


def attention(w: Weights, mask: np.ndarray, x: Any, norm: Function = same) -> Any:
    """One head: every token takes the mean of the values that the mask leaves, weighted by the softmax of scores."""
    y = norm(x)
    scores = (y @ w["q"]) @ (y @ w["k"]).T / x.shape[1] ** 0.5
    return x + jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ (y @ w["v"]) @ w["o"]


def counted(f: Function, x: jax.Array) -> Found:
    """The entries of the Jacobian at a point, by structure and by value."""
    P = minicnn.lift(f, x)
    jacobian = np.asarray(jax.jit(jax.jacfwd(f))(x)).reshape(P.shape)
    pattern = np.where(jacobian, 2, 0)
    rows, columns, _ = P.as_map().entries()
    pattern[rows, columns] = np.maximum(pattern[rows, columns], 1)
    return Found(pattern, P.nnz, P.nnz_at_point, int(np.count_nonzero(jacobian)))


def leak(f: Function, x: jax.Array) -> float:
    """How far the outputs of earlier tokens move when all later ones are moved, at most."""
    batch = jnp.stack([x, *(x.at[first:].add(1.0) for first in range(1, len(x)))])
    y, *moved = np.asarray(jax.jit(jax.vmap(f))(batch))
    return float(max(np.abs(each - y)[:first].max() for first, each in enumerate(moved, 1)))


COLOURS = ("white", "#f0b060", "#20406e")  # no path, removed at the point, there


def _picture(found: dict[str, Found], channels: int) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, (name, each) in zip(figure.subplots(2, 4).flat, found.items(), strict=True):
            axes.imshow(each.pattern, ListedColormap(COLOURS), vmin=0, vmax=2, interpolation="nearest")
            for edge in range(channels, len(each.pattern), channels):
                axes.axhline(edge - 0.5, color="0.6", linewidth=0.4)
                axes.axvline(edge - 0.5, color="0.6", linewidth=0.4)
            axes.set(xticks=(), yticks=())
            axes.set_title("\n".join(wrap(name, 20)), fontsize="small")
            axes.set_xlabel(f"{each.at_point:,} of {each.nnz:,}", fontsize="small")
        words = ("no path", "a path by structure, removed at the point", "not zero at the point")
        pairs = zip(COLOURS, words, strict=True)
        marks = [Patch(facecolor=colour, edgecolor="0.6", label=word) for colour, word in pairs]
        figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize="small")

    caption = (
        "Jacobians of blocks, output down and input across, a square for each pair of tokens: where no path leads, "
        "where the mask removes what the structure allows, and what is there."
    )
    return Picture("patterns", caption, draw, 0.66)
