"""The three faces of a layer checked at one image: forward = C, vjp = Cᵀ, weight vjp = Xᵀ.

Each side is computed in its own way: by the layer and `jax.vjp` on one side, by the explicit matrices on the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Shaped

from minicnn.compilation import ONCE
from minicnn.identities.comparison import Comparison, Tolerance, all_hold, compare
from minicnn.identities.rounding import product_bound
from minicnn.maps import LinearMap
from minicnn.nn import Activation, Layer, Rbf, Sequential, losses


@dataclass(frozen=True)
class LayerReport:
    """The matrix of one layer, and the identities checked with it.

    Attributes:
        label: the layer.
        shape: rows and columns of its matrix.
        nnz: structural non-zeros of the matrix.
        nbytes: bytes of the dense matrix.
        checks: its identities.
    """

    label: str
    shape: tuple[int, int]
    nnz: int
    nbytes: int
    checks: tuple[Comparison, ...]

    @property
    def density(self) -> float:
        """The fraction of entries that are structural non-zeros."""
        return self.nnz / max(self.shape[0] * self.shape[1], 1)

    @property
    def ok(self) -> bool:
        """Whether all of its identities hold."""
        return all_hold(self.checks)


def check_layer(
    label: str,
    A: LinearMap,
    f: Any,
    x: Shaped[Array, "..."],
    y_bar: Shaped[Array, "..."],
    X: LinearMap | None = None,
    w: Shaped[Array, "..."] | None = None,
) -> LayerReport:
    """Check a layer f against its matrix A at x, and with its weights against X where it has any.

    Args:
        label: name of the layer.
        A: the layer's matrix at x.
        f: the layer without its bias: f(x), or f(x, w) for a layer with weights.
        x: one input.
        y_bar: a cotangent of the output.
        X: the matrix of the weights, X·vec(w) = A·vec(x).
        w: the weights.
    """
    operands = (x,) if w is None else (x, w)
    with jax.default_matmul_precision("highest"):
        y, (x_bar, *w_bar) = _forward_and_back(f, operands, y_bar)
        C = A.matrix()
        checks = [_compare("forward = C", y, C, x), _compare("vjp = Cᵀ", x_bar, C.T, y_bar)]
        if X is not None:
            checks.append(_compare("weights = Xᵀ", w_bar[0], X.matrix().T, y_bar))
    return LayerReport(label, A.shape, A.nnz, A.nbytes, tuple(checks))


@partial(jax.jit, static_argnums=0)
def _forward_and_back(f: Any, operands: tuple[Array, ...], y_bar: Array) -> tuple[Array, tuple[Array, ...]]:
    y, vjp = jax.vjp(f, *operands)
    return y, vjp(y_bar)


def _compare(identity: str, actual: Array, matrix: Shaped[Array, "out in"], x: Array) -> Comparison:
    """Compare an array with matrix·vec(x), against the rounding bound of every entry."""
    M, v = np.asarray(matrix), np.asarray(x).ravel()
    # BLAS may compute with what lies beside its operands, and NumPy warns of that; what is not finite is seen below.
    with np.errstate(all="ignore"):
        expected, magnitudes = M @ v, np.abs(M).astype(np.float64) @ np.abs(v)
    bound = product_bound(magnitudes, {M.dtype: int((M != 0).sum(1).max(initial=1))})
    return compare(identity, np.asarray(actual).ravel(), expected, lambda: Tolerance(bound))


class Linearised(NamedTuple):
    """A layer at its input: its matrix A, the matrix X of its weights if it has any, and its output's cotangent."""

    x: Array
    A: LinearMap
    X: LinearMap | None
    y_bar: Array


def check_network(
    model: Sequential,
    params: Any,
    image: Float[Array, "*spatial c"],
    label: int,
    loss: Callable[[Any, Any], Any] = losses.cross_entropy,
) -> tuple[LayerReport, ...]:
    """Check every linear layer at the values it has for this image, its cotangent being the gradient of the loss.

    Args:
        model: the network.
        params: its parameters.
        image: one input.
        label: its class, for the loss.
        loss: from outputs and label to a scalar.
    """
    linearised = lambda params, image, label: _linearised(model, loss, params, image, label)
    steps = jax.jit(linearised, compiler_options=ONCE)(params, image, label)
    return tuple(
        _check(name, layer, own, *step)
        for name, layer, own, step in zip(model.labels, model.layers, params, steps, strict=True)
        if not isinstance(layer, Activation)
    )


def _linearised(model: Sequential, loss: Any, params: Any, image: Array, label: Array) -> list[Linearised]:
    """Take every layer with what backpropagation needs of it."""
    steps = list(model.steps(params, image))
    y_bar = jax.grad(loss)(steps[-1].output, label)
    found = []
    for step in reversed(steps):
        A = step.map_at()
        X = step.layer.weight_map(step.params, step.input) if "w" in step.params else None
        found.append(Linearised(step.input, A, X, y_bar))
        y_bar = A.T(y_bar)
    return found[::-1]


def _check(
    name: str, layer: Layer, params: Any, x: Array, A: LinearMap, X: LinearMap | None, y_bar: Array
) -> LayerReport:
    if X is not None:
        without_bias = lambda x, w: layer.apply({"w": w}, x)
        return check_layer(name, A, without_bias, x, y_bar, X, params["w"])
    linear = {"w": params["w"]} if "w" in params else params
    f = lambda x: layer.apply(linear, x)
    # A pool is S(x)·x at its own x. Distances are no such product: what A multiplies there is a tangent.
    tangent = lambda x_dot: jax.jvp(f, (x,), (x_dot,))[1]
    return check_layer(name, A, tangent if isinstance(layer, Rbf) else f, x, y_bar)
