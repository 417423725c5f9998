"""The transformations. Each linearises a function once; what differs is what it asks of the program."""

import inspect
import math
import reprlib
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from minicnn import ops
from minicnn.arguments import integers, is_integer
from minicnn.autodiff.program import Program
from minicnn.autodiff.trace import described, trace
from minicnn.primitive import value_of

Argnums = int | Sequence[int]


def make_program(f: Callable[..., Any], *primals: Any) -> Program:
    """The derivative of f at a point, as a program.

    >>> P = make_program(lambda x, w: x * w, 2.0, 3.0)
    >>> print(P)
    P(ẋ, ẇ) → v̇₂
      v̇₂ = diag(w)·ẋ + diag(x)·ẇ
    >>> print(P.T)
    Pᵀ(v̄₂) → x̄, w̄
      w̄ = diag(x)·v̄₂
      x̄ = diag(w)·v̄₂
    """
    return linearize(f, *primals)[1]


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Program]:
    """The value of f and the program of its derivative, both at `primals`.

    Args:
        f: a function of arrays and pytrees of arrays, made of minicnn's primitives.
        *primals: its arguments, floating.

    Returns:
        (y, P), with P(*tangents) = y_dot.

    Raises:
        TypeError: if an argument is not floating.

    >>> y, P = linearize(lambda x: x**3, jnp.array([1.0, 2.0]))
    >>> P(jnp.ones(2))
    Array([ 3., 12.], dtype=float32)
    """
    y, program, _ = trace(f, primals, argument_names(f, len(primals)))
    return y, program


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of f and its derivative in the direction of `tangents`: (y, J·x_dot).

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if a tangent does not fit its argument.

    >>> jvp(lambda x: x * x, (jnp.array([1.0, 2.0]),), (jnp.array([1.0, 0.0]),))
    (Array([1., 4.], dtype=float32), Array([2., 0.], dtype=float32))
    """
    y, program = linearize(f, *_listed("primals", primals))
    return y, program(*_listed("tangents", tangents))


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of f and multiplication by the transposed Jacobian.

    Args:
        f: as in `linearize`.
        *primals: its arguments, floating.
        has_aux: f returns a pair, of which only the first is differentiated.

    Returns:
        (y, pullback), or (y, pullback, aux). pullback(y_bar) is a tuple with a cotangent for each argument.

    >>> y, pullback = vjp(lambda x, w: x @ w, jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]))
    >>> pullback(1.0)
    (Array([3., 4.], dtype=float32), Array([1., 2.], dtype=float32))
    """
    y, program, aux = trace(f, primals, argument_names(f, len(primals)), has_aux=has_aux)
    pullback = Partial(_pull_back, program.T)
    return (y, pullback, aux) if has_aux else (y, pullback)


def linear_transpose(f: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of a linear function, as a function.

    Args:
        f: a linear function.
        *primals: arrays, or `jax.ShapeDtypeStruct`s, with the shapes and dtypes of its arguments.

    Returns:
        A function from a cotangent of the result to a tuple with one for each argument.

    Raises:
        ValueError: if f is not linear, naming the primitive.

    >>> linear_transpose(minicnn.ops.sum, jnp.zeros(3))(jnp.ones(()))
    (Array([1., 1., 1.], dtype=float32),)
    """
    zeros = jax.tree.map(jnp.zeros_like, primals)
    _, program, _ = trace(f, zeros, argument_names(f, len(primals)), linear=True)
    return Partial(_pull_back, program.T)


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function, as a function of the same arguments.

    Args:
        f: a function with a scalar result.
        argnums: which arguments to differentiate; one gives its gradient, several a tuple.
        has_aux: f returns a pair (value, aux); the gradient function returns (gradient, aux).

    Raises:
        TypeError: if an argument is not floating, or the result not a real scalar.

    >>> grad(lambda x: (x * x).sum())(jnp.array([1.0, 2.0]))
    Array([2., 4.], dtype=float32)
    """
    value_and_gradient = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, gradients = value_and_gradient(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The same as `grad`, with the value beside the gradient: (value, gradient), or ((value, aux), gradient).

    >>> value_and_grad(lambda x: (x * x).sum())(jnp.array([1.0, 2.0]))
    (Array(5., dtype=float32), Array([2., 4.], dtype=float32))
    """

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        g, primals, names = _varying(f, argnums, args, kwargs)
        y, program, aux = trace(g, primals, names, has_aux=has_aux)
        _check_scalar(y)
        gradients = _pull_back(program.T, 1.0)
        return (y, aux) if has_aux else y, _chosen(argnums, gradients)

    return value_and_gradient


def jacfwd(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The Jacobian, column by column: the program applied to the unit vectors.

    Args:
        f: as in `linearize`.
        argnums: which arguments to differentiate.

    Returns:
        A function of the same arguments. Its result has the structure of f's, every leaf of which is replaced by the
        structure of the arguments with leaves of shape (*out, *in).

    >>> jacfwd(lambda x: x * x)(jnp.array([1.0, 2.0]))
    Array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    return _jacobian(f, argnums, lambda program: program.matrix())


def jacrev(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The Jacobian, row by row: the transposed program applied to the unit vectors. As `jacfwd` otherwise.

    >>> jacrev(lambda x: x * x)(jnp.array([1.0, 2.0]))
    Array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    return _jacobian(f, argnums, lambda program: program.T.matrix().T)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a scalar function times a vector: the derivative of the gradient in one direction.

    Returns:
        An array or pytree like the argument; with several arguments a tuple.

    >>> hvp(lambda x: (x**3).sum(), (jnp.array([1.0, 2.0]),), (jnp.array([1.0, 1.0]),))
    Array([ 6., 12.], dtype=float32)
    """
    count = len(_listed("primals", primals))
    argnums = 0 if count == 1 else tuple(range(count))
    return jvp(grad(f, argnums), primals, tangents)[1]


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives of a function: the Jacobian, column by column, of its Jacobian, row by row.

    Args:
        f: as in `linearize`; most often its result is one number.
        argnums: which arguments to differentiate.

    Returns:
        A function of the same arguments, with the structure of `jacfwd(jacrev(f))`: for one array of shape (*in) and a
        scalar f an array of shape (*in, *in).

    >>> hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0]))
    Array([[ 6.,  0.],
           [ 0., 12.]], dtype=float32)
    """
    return jacfwd(jacrev(f, argnums), argnums)


def _jacobian(f: Callable[..., Any], argnums: Argnums, matrix: Callable[[Program], Any]) -> Callable[..., Any]:
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        g, primals, names = _varying(f, argnums, args, kwargs)
        y, program, _ = trace(g, primals, names)
        if not jax.tree.leaves(y) or not jax.tree.leaves(primals):
            raise TypeError(f"a Jacobian needs numbers to differentiate and a result, and the function {described(y)}")
        J = matrix(program)
        outs, out_tree = jax.tree.flatten(y)
        ins, in_tree = jax.tree.flatten(primals)
        rows = [
            [
                ops.reshape(J[row, column], (*jnp.shape(value_of(out)), *jnp.shape(value_of(x))))
                for x, column in _spans(ins)
            ]
            for out, row in _spans(outs)
        ]
        return jax.tree.unflatten(out_tree, [_chosen(argnums, jax.tree.unflatten(in_tree, row)) for row in rows])

    return jacobian


def _listed(name: str, values: Any) -> Sequence[Any]:
    """One value for each argument.

    Raises:
        TypeError: for what is no tuple or list, most often the value of the only argument.
    """
    if not isinstance(values, tuple | list):
        raise TypeError(f"`{name}`={reprlib.repr(values)} must be a tuple with one entry for each argument, as (x,)")
    return values


def _spans(leaves: Sequence[Any]) -> list[tuple[Any, slice]]:
    """Every leaf with the place of its entries when all are laid out one after the other."""
    ends = accumulate(math.prod(jnp.shape(value_of(leaf))) for leaf in leaves)
    return [(leaf, slice(*bounds)) for leaf, bounds in zip(leaves, pairwise([0, *ends]), strict=True)]


def _pull_back(transposed: Program, *cotangents: Any) -> tuple[Any, ...]:
    if len(cotangents) != 1:
        raise TypeError(f"{len(cotangents)} cotangents were given: give one, with the structure of the result")
    gradients = transposed(*cotangents)
    return gradients if len(transposed.out_tree.children()) > 1 else (gradients,)


def _varying(
    f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], list[str]]:
    """The function f of the arguments to differentiate, these arguments, and their names."""
    names = argument_names(f, len(args))
    chosen = places_of(argnums, len(args))

    def g(*varying: Any) -> Any:
        places = dict(zip(chosen, varying, strict=True))
        return f(*(places.get(n, arg) for n, arg in enumerate(args)), **kwargs)

    return g, tuple(args[n] for n in chosen), [names[n] for n in chosen]


def places_of(argnums: Argnums, count: int) -> list[int]:
    """The arguments to differentiate, counted from 0."""
    given = integers("argnums", argnums)
    for n in given:
        if not -count <= n < count:
            raise TypeError(
                f"`argnums`={argnums!r} asks for positional argument {n} and the function was called with {count}: "
                "pass what is differentiated by position"
            )
    if not given:
        raise ValueError(f"`argnums`={argnums!r} names no argument: there is nothing to differentiate")
    places = [n % count for n in given]
    if len({*places}) < len(places):
        raise ValueError(f"`argnums`={argnums!r} names an argument twice: each has one gradient")
    return places


def _chosen(argnums: Argnums, results: tuple[Any, ...]) -> Any:
    return results[0] if is_integer(argnums) else results


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """What f calls its first arguments, for programs to print.

    Raises:
        TypeError: if f is not a function.
    """
    if not callable(f):
        raise TypeError(f"`f`={reprlib.repr(f)} is not a function: only functions have derivatives")
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional[:count] + [f"x{n}" for n in range(len(positional), count)]


def _check_scalar(y: Any) -> None:
    shapes = [jnp.shape(value_of(leaf)) for leaf in jax.tree.leaves(y)]
    if not shapes:
        raise TypeError(f"a gradient needs one number, and the function {described(y)}")
    if shapes != [()]:
        raise TypeError(
            f"the result has shape {', '.join(map(str, shapes))}: a gradient needs one number; sum, or use vjp"
        )
    if jnp.iscomplexobj(value_of(y)):
        raise TypeError("the result is complex: a gradient needs a real number; use vjp")
