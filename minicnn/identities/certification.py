"""`certify`: the matrix of a function found in every way, and compared entry by entry."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
from jaxtyping import Array

from minicnn.arguments import look_up
from minicnn.identities.certificate import Certificate
from minicnn.identities.claim import Claim, coarsest, in_float64
from minicnn.identities.comparison import Comparison
from minicnn.identities.function import Function, check_leaves
from minicnn.identities.layers import layer_by_layer
from minicnn.identities.magnitudes import input_roundoff
from minicnn.identities.materialise import WAYS, check_room
from minicnn.identities.points import Points, draw, kind_of
from minicnn.identities.proofs import PROOFS
from minicnn.identities.rounding import roundoff

KINDS = ("auto", "linear", "bilinear", "function", "layers")
_HELD = 6  # matrices at once: the claimed one, the found one, their difference, its sizes, counts and bounds


def certify(
    f: Callable[..., Any],
    *args: Any,
    matrix: Any = None,
    kind: str = "auto",
    exact: bool = True,
    key: Array | None = None,
    reference: Any = None,
    ways: Sequence[str] = WAYS,
) -> Certificate:
    """Prove, entry by entry, that the derivative of f is the transpose of its matrix.

    The matrix of f is found from f itself (one-hot inputs), from `jax.jvp`, `jax.vjp` and `jax.linear_transpose`, and
    from `minicnn.autodiff` where f is made of minicnn's primitives, else from `minicnn.lift`; all are compared with
    each other and with `matrix`. For a bilinear f both faces and the mixed second derivative are; for any other f its
    Jacobian at `args`, and, where f is a scalar, the symmetry of its Hessian.

    Args:
        f: a JAX function of arrays or pytrees.
        *args: its arguments. Floating leaves vary, all others are constants.
        matrix: an array (out, in) or a `LinearMap`: the claim that f is linear with this matrix; with
            `kind="function"` that this is its Jacobian at `args`; with `kind="bilinear"` a pair, one for each argument.
            With a map a failure can name the tap and the likely cause.
        kind: what is claimed: "linear", "bilinear", or "function" for nothing but a derivative at a point. "auto"
            finds out. "layers" claims that each operation of f at `args` has the transpose of its matrix for a vjp, and
            names the layer, the file and the line of one that has not; nothing but `f` and `args` is then looked at.
        exact: replace the arguments of a linear or bilinear f by small integers; where nothing but integers in the
            exact range of the dtype is ever computed, no difference at all is allowed.
        key: for the drawn integers.
        reference: the matrix or Jacobian in float64, which each side is then held to; or "float64", to find all sides
            of f in float64. What is allowed is the resolution of the dtype of f at the largest entry: no theorem, but
            a decision where no rounding bound can be derived.
        ways: which ways to take; all of them by default.

    Returns:
        A certificate: `.ok`, `.table()`, `.raise_if_failed()`, `.to_json()`.

    Raises:
        TypeError: if f has no floating arguments or results, or mixes real and complex ones.
        ValueError: for an unknown kind or way, or a bilinear f without two arguments.
        MemoryError: if the matrices would not fit, before anything is computed.

    >>> w = jnp.ones((3, 3, 1, 1))
    >>> certificate = minicnn.certify(lambda x: minicnn.conv(x, w), jnp.ones((5, 5, 1)))
    >>> certificate.ok, certificate.kind, certificate.shape
    (True, 'linear', (9, 25))
    """
    look_up("kind", kind, dict.fromkeys(KINDS))
    if unknown := set(ways) - set(WAYS):
        raise ValueError(f"`ways` holds {', '.join(sorted(unknown))}: use some of {', '.join(WAYS)}")
    function = Function(f, args)
    check_leaves(function)
    if kind == "layers":
        return _layers(function)
    check_room(function, _HELD)
    drawn = function.at(draw(function, jax.random.key(0) if key is None else key))
    resolution = None
    if isinstance(reference, str):
        if reference != "float64":
            raise ValueError(f'`reference`={reference!r}: give a matrix in float64, or "float64"')
        reference, resolution = None, coarsest(function)
    with jax.default_matmul_precision("highest"), _widened(resolution):
        if kind == "auto":
            kind = "linear" if matrix is not None else kind_of(drawn, Points.of(drawn))
        at = drawn if exact and kind != "function" else function
        at = at if resolution is None else in_float64(at)
        chosen = tuple(way for way in WAYS if way in ways)
        found = list(PROOFS[kind](Claim(at, matrix, exact, reference, chosen, resolution)))
    shape = function.outputs.size, function.inputs.size
    compared = tuple(comparison for comparison in found if not comparison.left_out)
    skipped = {comparison.identity: comparison.left_out for comparison in found if comparison.left_out}
    return Certificate(kind, shape, _arithmetic(function), compared, skipped)


def _layers(function: Function) -> Certificate:
    """Certify every operation in float64, where the function can be computed in it, and else in its own dtype."""
    resolution = coarsest(function)
    with jax.default_matmul_precision("highest"):
        with _widened(resolution):
            found = _in_float64(function, resolution)
        found = found or tuple(layer_by_layer(function, resolution))
    return Certificate("layers", (function.outputs.size, function.inputs.size), _arithmetic(function), found)


def _in_float64(function: Function, resolution: Any) -> tuple[Comparison, ...]:
    """What is found in float64: nothing where a function, or a backward function, wants the dtype of its own arrays."""
    try:
        wide = in_float64(function)
        return tuple(layer_by_layer(wide, resolution)) if wide.outputs.like else ()
    except (TypeError, ValueError):  # what is no matter of the dtype is raised again in the function's own
        return ()


def _widened(resolution: Any) -> AbstractContextManager[Any]:
    return nullcontext() if resolution is None else jax.enable_x64(True)


def _arithmetic(function: Function) -> str:
    dtype = coarsest(function)
    name, _ = input_roundoff(function)
    return f"{dtype.name} (u = {roundoff(dtype):.1e})" + (f", factors rounded to {name}" if name else "")
