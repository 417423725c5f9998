"""One matrix per group: how a laid-out kernel, a batch of tiles and their channels become rows and columns."""

import math
import re
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic


def groups_first(x: Shaped[Array, "b *n gc"], groups: int) -> Shaped[Array, "g b *n c"]:
    """Take the groups out of the channels."""
    return jnp.moveaxis(x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups), -2, 0)


def groups_last(x: Shaped[Array, "g b *n c"]) -> Shaped[Array, "b *n gc"]:
    """The inverse."""
    x = jnp.moveaxis(x, 0, -2)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def rows(tiles: Shaped[Array, "g b *m_and_l c"], rank: int) -> Shaped[Array, "g rows inside"]:
    """One row for each tile of each image; behind the batch stand `rank` axes of tiles, then what is in them."""
    return tiles.reshape(len(tiles), math.prod(tiles.shape[1 : 2 + rank]), math.prod(tiles.shape[2 + rank :]))


def matrix(laid: Shaped[Array, "*t_and_l c g d"]) -> Shaped[Array, "g in out"]:
    """From (t₁, l₁, t₂, l₂, …, c, g, d) to one matrix per group, (l₁, l₂, …, c) × (t₁, t₂, …, d)."""
    *pairs, c, g, d = range(laid.ndim)
    return rows(laid.transpose(g, *pairs[1::2], c, *pairs[::2], d), len(pairs) // 2)


def unmatrix(blocks: Shaped[Array, "g in out"], axes: Sequence[Axis]) -> Shaped[Array, "*t_and_l c g d"]:
    """The inverse of `matrix` for a kernel laid out by these axes."""
    inner, outer = [axis.in_size for axis in axes], [axis.out_size for axis in axes]
    c, d = blocks.shape[1] // math.prod(inner), blocks.shape[2] // math.prod(outer)
    rank = len(axes)
    places = [place for a in range(rank) for place in (2 + rank + a, 1 + a)]
    return blocks.reshape(len(blocks), *inner, c, *outer, d).transpose(*places, 1 + rank, 0, 2 + 2 * rank)


def multiply(spec: str, a: Shaped[Array, "g i j"], b: Shaped[Array, "g k l"], how: Arithmetic) -> Array:
    """One product for each group."""
    if len(a) == 1:
        return how.einsum(spec, a[0], b[0])[None]
    return how.einsum(re.sub(r"(\w+)", r"g\1", spec), a, b)
