"""What every layer answers: its parameters, its output and its matrix."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_keywords
from minicnn.axis import Axis
from minicnn.dtypes import operand
from minicnn.forms.arithmetic import summing
from minicnn.functional import add_bias
from minicnn.maps import LinearMap
from minicnn.ops.operands import wide

Params = Any
Shape = tuple[int, ...]


class Layer(ABC):
    """A layer is a frozen description without arrays; its parameters travel beside it.

    Shapes are those of one example: (*spatial, channels), or (features,) after `Flatten`. `apply` takes any leading
    batch axes.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        """Refuse a keyword that the layer does not have, with the one that was probably meant."""
        check_keywords(cls.__name__, kwargs, (field.name for field in fields(cast(Any, cls))) if kwargs else ())
        return super().__new__(cls)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw parameters for inputs of one shape; {} for a layer without any."""
        return {}

    @abstractmethod
    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """The layer's output; x is (*batch, *in_shape)."""

    def axes(self, in_shape: Shape) -> tuple[Axis, ...]:
        """The relation between outputs and inputs on each spatial axis; () for a layer that has no windows."""
        return ()

    @abstractmethod
    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape of one output for inputs of one shape."""

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The layer's matrix, without the bias.

        Raises:
            TypeError: if the layer is not linear.
        """
        raise TypeError(f"{type(self).__name__} is not linear: use map_at(params, x), its Jacobian at one x")

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """The layer's Jacobian at one example x; a linear layer's is the same everywhere."""
        return self.map(params, x.shape)

    def lipschitz(self, params: Params, in_shape: Shape) -> float:
        """The most by which the layer lengthens a difference of inputs, an upper bound in the Euclidean norm.

        Raises:
            TypeError: if the layer has none.
        """
        from minicnn.linalg import bracket

        try:
            A = self.map(params, in_shape)
        except TypeError:
            raise TypeError(f"{type(self).__name__} has no Lipschitz constant that is known") from None
        return bracket(A).upper

    def weight_map(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap | None:
        """X(x), the matrix that multiplies vec(w) at one example x; None for a layer without weights."""
        return None


def weights_of(params: Params) -> Any:
    """The weights among a layer's parameters.

    Raises:
        TypeError: if there are none.
    """
    try:
        return params["w"]
    except (KeyError, IndexError, TypeError):
        got = f"a dict of {[*params]}" if isinstance(params, dict) else f"of type {type(params).__name__}"
        raise TypeError(f"`params` is {got}: it must be what `init` of the layer makes, a dict with 'w'") from None


Multiply = Callable[[Any, Any], Any]


def with_bias(
    multiply: Multiply, x: Any, w: Any, params: Params, summed: Multiply | None = None, dtype: DTypeLike | None = None
) -> Any:
    """The layer's output, multiply(x, w) + b where it has a bias: one sum, of short floats as well, rounded once.

    Args:
        multiply: the product of the layer.
        x: its input.
        w: its weights, or the kernel made of them.
        params: its parameters.
        summed: the product in the dtype in which numbers of x and w are summed; by default that of x and w converted.
        dtype: of the product, if it is not that of x and w.
    """
    x = operand("x", x)
    if "b" not in params:
        return multiply(x, w)
    b, dtype = params["b"], jnp.result_type(x.dtype, w.dtype) if dtype is None else jnp.dtype(dtype)
    if summing(dtype) == dtype:
        return add_bias(multiply(x, w), b)
    y = multiply(wide(x), wide(w)) if summed is None else summed(x, w)
    return ops.astype(add_bias(y, wide(b)), jnp.result_type(dtype, b.dtype))
