"""Products of two arrays."""

import builtins
from collections import Counter
from string import ascii_uppercase
from typing import Any

import jax
import jax.numpy as jnp

from minicnn.ops import primitives
from minicnn.ops.elementwise import mul
from minicnn.ops.operands import broadcast_to, promoted, shape_of
from minicnn.ops.reductions import sum
from minicnn.ops.structure import expand_dims, ravel
from minicnn.primitive import ArrayLike


def einsum(spec: str, x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The product of two arrays in index notation, "ij,jk->ik".

    Raises:
        ValueError: if the specification has no arrow or repeats a letter within one array.
    """
    spec = spec.replace(" ", "")
    names, arrow, out = spec.partition("->")
    parts = (*names.split(","), out)
    if not arrow or len(parts) != 3 or any(count > 1 for part in parts for count in Counter(part).values()):
        raise ValueError(
            f'`spec`={spec!r} must name two arrays and the result, as "ij,jk->ik", each letter once in each'
        )
    (x, a), (y, b) = _without_lone(x, parts[0], parts[1] + out), _without_lone(y, parts[1], parts[0] + out)
    return primitives.einsum_p(*promoted(x, y), spec=(a, b, out), precision=precision)


def matmul(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The matrix product over the last axes; leading axes of either are batch axes, broadcast."""
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not rank_x or not rank_y:
        raise ValueError("a matrix product needs an axis to sum over: multiply a number with mul")
    if rank_x > 2 and rank_y > 2:
        batch = jnp.broadcast_shapes(shape_of(x)[:-2], shape_of(y)[:-2])
        x, y = (broadcast_to(z, (*batch, *shape_of(z)[-2:])) for z in (x, y))
    letters = ascii_uppercase[: len(shape_of(x if rank_x > rank_y else y)[:-2])]
    row, column = "i" * (rank_x > 1), "k" * (rank_y > 1)
    left, right = (letters if rank > 2 else "" for rank in (rank_x, rank_y))
    return einsum(f"{left}{row}j,{right}j{column}->{letters}{row}{column}", x, y, precision=precision)


def dot(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The sum over the last axis of x and the last but one of y; a number multiplies."""
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not rank_x or not rank_y:
        return mul(x, y)
    left, right = ascii_uppercase[: rank_x - 1], ascii_uppercase[rank_x - 1 :][: builtins.max(rank_y - 2, 0)]
    column = "k" * (rank_y > 1)
    return einsum(f"{left}j,{right}j{column}->{left}{right}{column}", x, y, precision=precision)


def outer(x: ArrayLike, y: ArrayLike) -> Any:
    """All products of an entry of x, a row each, with an entry of y, a column each."""
    return mul(expand_dims(ravel(x), 1), ravel(y))


def _without_lone(x: ArrayLike, letters: str, elsewhere: str) -> tuple[Any, str]:
    """Sum an operand over the letters that no other array has."""
    kept = "".join(letter for letter in letters if letter in elsewhere)
    lone = tuple(axis for axis, letter in enumerate(letters) if letter not in elsewhere)
    return (sum(x, lone) if lone else x), kept
