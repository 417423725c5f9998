"""Holding a spectral norm, and the Lipschitz constant of a network that follows from those of its layers."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp

from minicnn.arguments import flag, number, sizes
from minicnn.linalg.brackets import bracket
from minicnn.linalg.methods import check_map, exact
from minicnn.maps import Compose, ConvMap, Dense, Diagonal, LinearMap, LocalMap, TiledMap


def project(A: LinearMap, bound: float, *, nearest: bool = False, rtol: float = 1e-3) -> LinearMap:
    """Make the largest singular value at most `bound`, certified.

    The kernel is scaled, so that the map stays a convolution; one that is within the bound stays as it is. The nearest
    matrix within the bound instead clips the singular values: it is no convolution with a small kernel any more.

    Args:
        A: a map of floating or complex numbers, not under jit.
        bound: greater than 0.
        nearest: clip the singular values instead, by an exact method.
        rtol: how close the certificate comes to σ₁: so much may be lost.

    Returns:
        A map with the structure of A: `project(conv_map(w, …), 1).w` is the new kernel. With `nearest`, another one.

    Raises:
        ValueError: if the bound is not positive, or with `nearest` no exact method takes the map.
        TypeError: under jit.

    >>> w = jnp.array([3.0, 4.0]).reshape(2, 1, 1)
    >>> A = project(minicnn.conv_map(w, (1,), padding="FULL"), 1.0)
    >>> A.w.ravel().round(3)
    Array([0.6, 0.8], dtype=float32)
    """
    check_map(A)
    bound = number("bound", bound)
    if not bound > 0:
        raise ValueError(f"`bound`={bound} must be greater than 0")
    if flag("nearest", nearest):
        return exact(A).function(A, lambda s: jnp.minimum(s, bound))
    upper = bracket(A, rtol).upper
    # the scaled numbers are rounded, which may lengthen the map by a unit
    unit = float(jnp.finfo(A.dtype).eps)
    return A if upper <= bound else scaled(A, bound / upper * (1 - 2 * unit))


def scaled(A: LinearMap, c: float) -> LinearMap:
    """The map times a number, with the number in the map's own array where it has one."""
    match A:
        case ConvMap() | TiledMap() | LocalMap():
            return replace(A, w=(c * A.w).astype(A.w.dtype))
        case Dense():
            return replace(A, M=(c * A.M).astype(A.M.dtype))
        case Diagonal():
            return replace(A, d=(c * A.d).astype(A.d.dtype))
        case Compose():
            for n, factor in enumerate(A.factors):
                if isinstance(factor, ConvMap | TiledMap | Dense | Diagonal):
                    return Compose((*A.factors[:n], scaled(factor, c), *A.factors[n + 1 :]))
    return c * A


class Lipschitz(NamedTuple):
    """An upper bound on the Lipschitz constant of a network, and what each layer contributes.

    Attributes:
        upper: the product over the layers.
        layers: the name of each layer and its own bound.
    """

    upper: float
    layers: tuple[tuple[str, float], ...]


def lipschitz(model: Any, params: Any, in_shape: Sequence[int]) -> Lipschitz:
    """Bound how much a network can lengthen a difference of inputs, in the Euclidean norm: certified layer by layer.

    The product of the layers' constants is an upper bound, in general far from the least one. A linear layer
    contributes the upper end of its `bracket`, an activation its steepest slope, a max pool the root of the windows
    that share an input.

    Args:
        model: a layer of `minicnn.nn`, such as a Sequential.
        params: its parameters.
        in_shape: shape of one input.

    Raises:
        TypeError: for a layer that has no Lipschitz constant, such as `Rbf`, naming it.

    >>> from minicnn import nn
    >>> model = nn.Sequential((nn.Activation("sigmoid"), nn.MaxPool((2, 2))))
    >>> lipschitz(model, ({}, {}), (4, 4, 1)).upper
    0.25
    """
    if not hasattr(model, "lipschitz") and not hasattr(model, "layers"):
        raise TypeError(f"`model` is {type(model).__name__}: give a layer of minicnn.nn, such as a Sequential")
    single = not hasattr(model, "layers")
    labels = (type(model).__name__,) if single else model.labels
    layers, own = ((model,), (params,)) if single else (model.layers, params)
    if not isinstance(own, tuple | list) or len(own) != len(layers):
        raise TypeError(
            f"`params` must be the parameters that init returns, one entry for each of {len(layers)} layers"
        )
    found, shape = [], sizes("in_shape", in_shape)
    for label, layer, weights in zip(labels, layers, own, strict=True):
        found.append((label, float(layer.lipschitz(weights, shape))))
        shape = layer.out_shape(shape)
    return Lipschitz(math.prod(value for _, value in found), tuple(found))
