"""`lift`: from a function of arrays to the program of its derivative at a point."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.autodiff.program import Program
from minicnn.autodiff.trace import path_name
from minicnn.autodiff.transformations import argument_names, places_of
from minicnn.lift.linear_jaxpr import linear_jaxpr
from minicnn.lift.names import Names, arrays_of
from minicnn.lift.recording import Fallback, Recording
from minicnn.lift.wording import Wording


def lift(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    fallback: Fallback = None,
    own_rules: bool = True,
) -> Program:
    """Read any JAX function as the program of its derivative at a point: a graph whose arrows carry linear maps.

    Args:
        f: a function of arrays and pytrees of arrays, made of JAX: plain jax.numpy, flax, equinox, haiku, ours.
        *args: its arguments, where the derivative is taken.
        argnums: which of them vary. Their leaves that are no floats are constants, like all other arguments.
        fallback: "columns" builds the matrix of a primitive whose map is not known, column by column.
        own_rules: whether a `jax.custom_vjp` is what the transpose of its own rule says, or what its function computes.

    Returns:
        P, with P(*tangents) = y_dot. Its transpose P.T is ours, and none of JAX's rules for transposing is used.

    Raises:
        TypeError: if nothing that varies is a float, a result is none, or there is no result; inside of `jax.jit` and
            the like, where a number decides what is linear.
        ValueError: if `fallback` is neither "columns" nor None.
        LiftError: for what cannot be read as a map, with the primitive, the line that it stands in, and what to do.

    >>> P = minicnn.lift(lambda x: jnp.tanh(2 * x).sum(), jnp.zeros(3))
    >>> P.matrix()
    Array([[2., 2., 2.]], dtype=float32)
    """
    if fallback not in (None, "columns"):
        raise ValueError(f'`fallback`={fallback!r} must be "columns", or None')
    chosen = places_of(argnums, len(args))
    words = argument_names(f, len(args))
    names = Names()
    for name, array in arrays_of(f, dict(zip(words, args, strict=True))):
        names.give(array, name)
        names.sizes.setdefault(name, int(np.size(array)))
    varying = tuple(args[n] for n in chosen)
    leaves, tree = jax.tree.flatten_with_path(varying)
    floats = [_is_float(leaf) for _, leaf in leaves]
    if not any(floats):
        raise TypeError(f"`argnums`={argnums!r} chooses no floats: only floats have derivatives; use .astype(float)")
    labels = [path_name(path, [words[n] for n in chosen]) for path, _ in leaves]
    primals = [jnp.asarray(leaf) for (_, leaf), is_float in zip(leaves, floats, strict=True) if is_float]

    def of_floats(*given: Any) -> Any:
        values = iter(given)
        whole = [next(values) if is_float else leaf for (_, leaf), is_float in zip(leaves, floats, strict=True)]
        places = dict(zip(chosen, jax.tree.unflatten(tree, whole), strict=True))
        y = f(*(places.get(n, arg) for n, arg in enumerate(args)))
        _check_floats(y)
        return y

    y, linear = linear_jaxpr(of_floats, primals, names, own_rules)
    run = Recording(Wording(names, linear.jaxpr), fallback)
    inputs = [run.node(primal, label) for primal, label in zip(primals, compress(labels, floats), strict=True)]
    outputs = run.read(linear.jaxpr, linear.consts, inputs)
    without = jax.tree.unflatten(tree, [0 if is_float else None for is_float in floats])
    program = run.program(inputs, jax.tree.structure(without), outputs, linear.out_avals, jax.tree.structure((y,)))
    fixed = tuple(label for label, is_float in zip(labels, floats, strict=True) if not is_float)
    return replace(program, fixed=fixed)


def _check_floats(y: Any) -> None:
    leaves, _ = jax.tree.flatten_with_path(y)
    if not leaves:
        raise TypeError(f"the result is {y!r}, which holds no array: return what varies with the arguments")
    for path, leaf in leaves:
        if not _is_float(leaf):
            place = jax.tree_util.keystr(path)
            kind = getattr(leaf, "dtype", type(leaf).__name__)
            raise TypeError(
                f"the result{' ' + place if place else ''} is {kind}: only floats have derivatives; leave it out, "
                "or use .astype(float)"
            )


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | float | complex | np.number) and bool(
        jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
    )
