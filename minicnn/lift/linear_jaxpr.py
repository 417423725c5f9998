"""The derivative of a function at a point, as a straight list of linear equations."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from minicnn.jax_internals import ClosedJaxpr
from minicnn.lift.names import Names
from minicnn.lift.refusal import LiftError, line_of
from minicnn.lift.unrolling import Unrolling


def linear_jaxpr(
    f: Callable[..., Any], primals: Sequence[Any], names: Names, own_rules: bool = True
) -> tuple[Any, ClosedJaxpr]:
    """The value of f at `primals`, arrays of floats, and the equations of its derivative there.

    JAX differentiates, equation by equation: `jax.linearize` evaluates f and records what happens to tangents. Nothing
    is transposed. Calls, loops and branches are gone, because f is unrolled and, where it is traced anew by rules of
    its own, under `jax.disable_jit`.
    """
    straight = unrolled(f, primals, Unrolling(names, own_rules))
    with jax.disable_jit():
        try:
            y, f_dot = jax.linearize(straight, *primals)
        except LOOKED_AT as error:
            place = line_of(error)
            code = f"the code at {place}" if place else "the function"
            raise LiftError(
                f"{code} makes numbers of Python or NumPy of what varies, and these have no derivative: use jax.numpy, "
                "or jax.lax.stop_gradient around what it makes them of"
            ) from error
        return y, jax.make_jaxpr(f_dot)(*primals)


def unrolled(f: Callable[..., Any], primals: Sequence[Any], run: Unrolling) -> Callable[..., Any]:
    """The function with its loops unrolled; itself, where it looks at values, which only a run at a point has."""
    try:
        closed, shape = jax.make_jaxpr(f, return_shape=True)(*primals)
    except LOOKED_AT:
        return f
    out_tree = jax.tree.structure(shape)

    def straight(*arguments: Any) -> Any:
        results = run.evaluate(closed.jaxpr, closed.consts, arguments)
        return jax.tree.unflatten(out_tree, results)

    return straight


# What JAX raises where a function looks at a value that is not there yet.
LOOKED_AT = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
