"""Layers one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn.maps import LinearMap, compose
from minicnn.nn.arguments import a_draw, an_input, settle
from minicnn.nn.layer import Layer, Params, Shape


class Step(NamedTuple):
    """One layer at work."""

    label: str
    layer: Layer
    params: Params
    input: Any
    output: Any

    def map_at(self) -> LinearMap:
        """The layer's Jacobian at its input."""
        return self.layer.map_at(self.params, self.input)


@dataclass(frozen=True)
class Sequential(Layer):
    """Layers one after the other; the parameters are a tuple, one entry per layer.

    The Jacobian at x is the product of the layers' Jacobians: the chain rule as matrix multiplication.

    Attributes:
        layers: the layers, the first applied first.
        names: a name for each layer in tables and pictures; the class names if empty.

    >>> from minicnn.nn import Activation, Dense
    >>> model = Sequential((Dense(3), Activation("tanh"), Dense(2)))
    >>> params = model.init(jax.random.key(0), (4,))
    >>> model.map_at(params, jnp.ones(4)).shape
    (2, 4)
    """

    layers: tuple[Layer, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        settle(self)
        if not isinstance(self.layers, tuple) or not all(isinstance(layer, Layer) for layer in self.layers):
            raise TypeError(f"`layers`={self.layers!r} must be one tuple of layers: Sequential((Dense(3), Dense(2)))")
        if not all(isinstance(name, str) for name in self.names):
            raise TypeError(f"`names`={self.names!r} must be words: the layers are one tuple, Sequential((…, …))")
        if self.names and len(self.names) != len(self.layers):
            raise ValueError(f"`names` has {len(self.names)} entries for {len(self.layers)} layers: give one each")

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each layer."""
        return self.names or tuple(type(layer).__name__ for layer in self.layers)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw each layer's parameters from the key folded with its position."""
        return _compiled_draw(self, key, a_draw(key, in_shape, dtype), dtype)

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Apply layer after layer."""
        for step in self.steps(params, x, key=key):
            x = step.output
        return x

    def steps(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Iterator["Step"]:
        """Yield each layer with its parameters, its input and its output.

        Raises:
            TypeError, ValueError: if the parameters are not one entry for each layer.
        """
        for position, (label, layer, own) in enumerate(zip(self.labels, *self._with_own(params), strict=True)):
            own_key = None if key is None else jax.random.fold_in(key, position)
            step = Step(label, layer, own, x, layer.apply(own, x, key=own_key))
            yield step
            x = step.output

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape after the last layer."""
        in_shape = an_input(in_shape)
        for layer in self.layers:
            in_shape = layer.out_shape(in_shape)
        return in_shape

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The product of the layers' matrices.

        Raises:
            TypeError, ValueError: if a layer is not linear, or the parameters are not one entry for each layer.
        """
        maps = []
        for layer, own in zip(*self._with_own(params), strict=True):
            maps.append(layer.map(own, in_shape))
            in_shape = layer.out_shape(in_shape)
        return compose(*reversed(maps))

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """The product of the layers' Jacobians, each at what the layers before it make of x."""
        return compose(*reversed([step.map_at() for step in self.steps(params, x)]))

    def _with_own(self, params: Any) -> tuple[tuple[Layer, ...], Params]:
        """The layers, and the parameters of each."""
        if not isinstance(params, tuple | list):
            raise TypeError(f"`params` is a {type(params).__name__} and must be a tuple, as `init` returns it")
        if len(params) != len(self.layers):
            raise ValueError(
                f"`params` has {len(params)} entries for {len(self.layers)} layers: give what `init` returns"
            )
        return self.layers, params


def _draw(model: Sequential, key: jax.Array, in_shape: Shape, dtype: DTypeLike) -> Params:
    params = []
    for position, layer in enumerate(model.layers):
        params.append(layer.init(jax.random.fold_in(key, position), in_shape, dtype))
        in_shape = layer.out_shape(in_shape)
    return tuple(params)


# One program for all layers: operation by operation, it is the compiler that takes the time.
_compiled_draw = jax.jit(_draw, static_argnums=(0, 2, 3))
