"""The matrices of an equation whose map is not known, found column by column."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn import jax_internals, maps
from minicnn.lift.refusal import refused

_LARGEST = 4096  # rows or columns: 128 MB in float64


def columns(equation: Any, operands: Sequence[Any], varying: Sequence[int]) -> Iterator[tuple[maps.Dense, int, int]]:
    """A stored matrix for each operand that varies and each result, with the places of both.

    Raises:
        LiftError: if one would be large, or the primitive turns out not to be linear.
    """
    sizes = [math.prod(atom.aval.shape) for atom in (*equation.invars, *equation.outvars)]
    if max(sizes) > _LARGEST:
        raise refused(equation, f"has a matrix of more than {_LARGEST} columns or rows: enter its map in the table")
    zeros = [jnp.zeros(a.aval.shape, a.aval.dtype) for a in equation.invars]
    at_zero = [zeros[n] if n in varying else x for n, x in enumerate(operands)]
    for n in varying:
        apply = lambda x, n=n: jax_internals.bound(equation, [*at_zero[:n], x, *at_zero[n + 1 :]])
        aval = equation.invars[n].aval
        units = jnp.eye(sizes[n], dtype=aval.dtype).reshape(sizes[n], *aval.shape)
        images = [apply(unit) for unit in units]
        for place, out in enumerate(equation.outvars):
            M = jnp.stack([jnp.ravel(image[place]) for image in images], 1)
            A = maps.Dense(M, tuple(aval.shape), tuple(out.aval.shape), out.aval.dtype)
            _check_linear(equation, A, lambda x, place=place, apply=apply: apply(x)[place])
            yield A, n, place


def _check_linear(equation: Any, A: maps.Dense, apply: Callable[[Any], Any]) -> None:
    """Hold the matrix against the primitive at one point: what is not linear differs there."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=A.in_shape), A.M.dtype)
    bound = (A.shape[1] + 8) * jnp.finfo(A.dtype).eps * jnp.abs(A.M).sum() * jnp.abs(x).max()
    if not (jnp.abs(A(x) - apply(x)) <= _SLACK * bound).all():
        raise refused(equation, "is not linear, so that it has no matrix")


_SLACK = 2**10  # an iterative solver is not as exact as a sum; what is not linear is off by far more
