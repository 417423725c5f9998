"""Products of two arrays."""

import builtins
import reprlib
from collections import Counter
from collections.abc import Sequence
from string import ascii_letters, ascii_uppercase
from typing import Any

import jax

from minicnn.arguments import integer
from minicnn.forms.arithmetic import checked_precision
from minicnn.ops import primitives
from minicnn.ops.elementwise import conj, mul
from minicnn.ops.operands import astype, axes_of, broadcast_to, common_shape, dtype_of, promoted, shape_of, wide
from minicnn.ops.reductions import sum
from minicnn.ops.structure import expand_dims, ravel
from minicnn.primitive import ArrayLike


def einsum(spec: str, x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The product of two arrays in index notation, "ij,jk->ik".

    Raises:
        TypeError: if the specification is no string.
        ValueError: if the specification has no arrow or repeats a letter within one array, or the arrays do not fit it.
    """
    if not isinstance(spec, str):
        raise TypeError(f'`spec`={reprlib.repr(spec)} must be a string, as "ij,jk->ik"')
    spec = spec.replace(" ", "")
    names, arrow, out = spec.partition("->")
    parts = (*names.split(","), out)
    if not arrow or len(parts) != 3 or any(count > 1 for part in parts for count in Counter(part).values()):
        raise ValueError(
            f'`spec`={spec!r} must name two arrays and the result, as "ij,jk->ik", each letter once in each'
        )
    x, y = promoted(x, y)
    of_x, of_y, _ = parts
    if lone := set(out) - {*of_x, *of_y}:
        raise ValueError(f"`spec`={spec!r} has {', '.join(sorted(lone))} in the result and in neither array")
    _check_sizes(spec, {"x": (of_x, shape_of(x)), "y": (of_y, shape_of(y))})
    a, b = _shared(of_x, of_y + out), _shared(of_y, of_x + out)
    dtype = dtype_of(x)
    if (a, b) != (of_x, of_y):  # what is summed alone is not rounded before it is multiplied
        x, y = wide(x), wide(y)
    x, y = _sum_over(x, of_x, a), _sum_over(y, of_y, b)
    return astype(primitives.einsum_p(x, y, spec=(a, b, out), precision=checked_precision(precision)), dtype)


def _check_sizes(spec: str, arrays: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Refuse arrays that lack an axis for a letter, or have different sizes for one: nothing is repeated in silence."""
    known: dict[str, int] = {}
    for name, (letters, shape) in arrays.items():
        if len(letters) != len(shape):
            raise ValueError(f"`{name}` has shape {shape}, and {letters!r} of {spec!r} names {len(letters)} axes")
        for letter, size in zip(letters, shape, strict=True):
            if known.setdefault(letter, size) != size:
                shapes = " and ".join(f"{name}{shape}" for name, (_, shape) in arrays.items())
                raise ValueError(
                    f"{shapes} do not fit {spec!r}: {letter!r} is {known[letter]} in one and {size} in the other"
                )


def matmul(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The matrix product over the last axes; leading axes of either are batch axes, broadcast."""
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not rank_x or not rank_y:
        raise ValueError("a matrix product needs an axis to sum over: multiply a number with mul")
    if rank_x > 2 and rank_y > 2:
        batch = common_shape({"x[..., 0, 0]": shape_of(x)[:-2], "y[..., 0, 0]": shape_of(y)[:-2]})
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


def vdot(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The scalar product of all entries, those of x conjugated."""
    return einsum("i,i->", conj(ravel(x)), ravel(y), precision=precision)


def inner(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The sum over the last axes of both; a number multiplies."""
    if not shape_of(x) or not shape_of(y):
        return mul(x, y)
    return tensordot(x, y, (-1, -1), precision=precision)


def tensordot(
    x: ArrayLike,
    y: ArrayLike,
    axes: int | tuple[int | Sequence[int], int | Sequence[int]] = 2,
    *,
    precision: jax.lax.PrecisionLike = None,
) -> Any:
    """The sum over axes of x and axes of y, taken pair by pair: so many of the last of x and the first of y, or these.

    Raises:
        ValueError: if there are not as many axes of x as of y.
    """
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    pair = axes if isinstance(axes, Sequence) else (tuple(range(-integer("axes", axes, 0), 0)), tuple(range(axes)))
    of_x, of_y = axes_of(pair[0], rank_x, "axes"), axes_of(pair[1], rank_y, "axes")
    if len(of_x) != len(of_y):
        raise ValueError(f"`axes`={axes} must name as many axes of x as of y")
    left, right = list(ascii_letters[:rank_x]), list(ascii_letters[rank_x : rank_x + rank_y])
    for a, b in zip(of_x, of_y, strict=True):
        right[b] = left[a]
    out = [letter for letter in left + right if (letter in left) != (letter in right)]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y, precision=precision)


def outer(x: ArrayLike, y: ArrayLike) -> Any:
    """All products of an entry of x, a row each, with an entry of y, a column each."""
    return mul(expand_dims(ravel(x), 1), ravel(y))


def _shared(letters: str, elsewhere: str) -> str:
    """The letters of an array that are elsewhere, too."""
    return "".join(letter for letter in letters if letter in elsewhere)


def _sum_over(x: ArrayLike, letters: str, kept: str) -> Any:
    """Sum an array over the letters that are not kept."""
    lone = tuple(axis for axis, letter in enumerate(letters) if letter not in kept)
    return sum(x, lone) if lone else x
