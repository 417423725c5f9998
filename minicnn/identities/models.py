"""A model of any library, certified as a whole and layer by layer."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from minicnn.identities.certificate import Certificate
from minicnn.identities.certification import certify
from minicnn.identities.function import Function
from minicnn.identities.points import Points, draw, kind_of
from minicnn.lift.models import Model, read_model


def certify_model(model: Any, *inputs: Any, key: Array | None = None) -> tuple[Certificate, ...]:
    """Certify a model, or any function, at its inputs: whole, and where JAX can look into it, layer by layer.

    Args:
        model: of flax (linen or nnx), equinox, haiku, minicnn or PyTorch, or a function of arrays.
        *inputs: what it is applied to, with the axes that the library wants; PyTorch's as arrays, too.
        key: for parameters that are still to be drawn.

    Returns:
        The certificate of the model as a function of its inputs, unless its matrix would not fit, or it is not linear
        and cannot be computed in float64; then the one of its operations, in which parameters vary as well.

    >>> [certificate.ok for certificate in certify_model(jnp.tanh, jnp.ones(3))]
    [True, True]
    """
    read = read_model(model, *inputs, key=jax.random.key(0) if key is None else key)
    f = _of_inputs(read)
    found = []
    if any(jnp.issubdtype(jnp.result_type(x), jnp.inexact) for x in inputs):
        with suppress(MemoryError, _MixedError):
            found.append(_whole(f, inputs, read.opaque))
    if not read.opaque:
        found.append(certify(read.f, read.params, *inputs, kind="layers"))
    return tuple(found)


class _MixedError(Exception):
    """The function joins its inputs with arrays of its own, by functions that want one dtype."""


def _of_inputs(read: Model) -> Callable[..., Any]:
    """The model as a function of its inputs, whose parameters have as many digits as they."""

    def f(*inputs: Any) -> Any:
        dtype = jnp.result_type(*(x for x in inputs if jnp.issubdtype(jnp.result_type(x), jnp.inexact)))
        cast = lambda leaf: leaf.astype(dtype) if _is_real(leaf) else leaf
        return read.f(jax.tree.map(cast, read.params), *inputs)

    return f


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _whole(f: Callable[..., Any], inputs: Any, opaque: bool) -> Certificate:
    """The certificate in float64 where no rounding bound can be derived: at a point, and of what JAX does not see."""
    function = Function(f, inputs)
    drawn = function.at(draw(function, jax.random.key(0)))
    kind = kind_of(drawn, Points.of(drawn))
    if kind != "function" and not opaque:
        return certify(f, *inputs)
    claimed = _differences(function) if opaque and kind == "function" else None
    try:
        kind = "function" if kind == "function" else "auto"
        return certify(f, *inputs, matrix=claimed, kind=kind, reference="float64")
    except TypeError as error:
        raise _MixedError from error


_STEP = 1e-4  # in float64 the error of these differences is about its fourth power, and 1e-16 divided by it


def _differences(function: Function) -> np.ndarray:
    """The Jacobian by central differences of fourth order, for code that has no derivative but the one in question."""
    with jax.enable_x64(True):
        wide = function.at(tuple(np.asarray(x, np.float64) for x in function.primals))
        x = np.asarray(wide.inputs.join(wide.primals))
        value = lambda vector: np.asarray(wide.outputs.join(wide(*wide.inputs.split(jnp.asarray(vector)))))
        across = lambda step: value(x + step) - value(x - step)
        columns = [8 * across(unit) - across(2 * unit) for unit in _STEP * np.eye(len(x))]
        return np.stack(columns, 1) / (12 * _STEP)
