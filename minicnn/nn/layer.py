"""What every layer answers: its parameters, its output and its matrix."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.arguments import check_keywords, numeric
from minicnn.axis import Axis
from minicnn.forms.arithmetic import summing
from minicnn.functional import add_bias
from minicnn.maps import LinearMap
from minicnn.nn.arguments import a_key, an_input
from minicnn.ops.operands import wide

Params = Any
Shape = tuple[int, ...]


def _checked_init(init: Callable[..., Params]) -> Callable[..., Params]:
    """The drawing of parameters, for a key, a shape of inputs and a dtype that are such."""

    @wraps(init)
    def checked(self: "Layer", key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        a_key("key", key)
        numeric("dtype", dtype)
        return init(self, key, an_input("in_shape", in_shape, self.rank), dtype)

    return checked


def _checked_out_shape(out_shape: Callable[..., Shape]) -> Callable[..., Shape]:
    """The shape of outputs, for a shape of inputs that is one."""

    @wraps(out_shape)
    def checked(self: "Layer", in_shape: Shape) -> Shape:
        return out_shape(self, an_input("in_shape", in_shape, self.rank))

    return checked


class Layer(ABC):
    """A layer is a frozen description without arrays; its parameters travel beside it.

    Shapes are those of one example: (*spatial, channels), or (features,) after `Flatten`. `apply` takes any leading
    batch axes.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        """Refuse a keyword that the layer does not have, with the one that was probably meant."""
        check_keywords(cls.__name__, kwargs, (field.name for field in fields(cast(Any, cls))) if kwargs else ())
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Check what every layer is given: keys, and shapes of as many axes as it slides its windows along."""
        super().__init_subclass__(**kwargs)
        for name, checked in (("init", _checked_init), ("out_shape", _checked_out_shape)):
            if name in cls.__dict__:
                setattr(cls, name, checked(cls.__dict__[name]))

    @property
    def rank(self) -> int | None:
        """The number of spatial axes of the inputs; None for a layer without windows."""
        window = getattr(self, "kernel_size", getattr(self, "window", None))
        return None if window is None else len(window)

    @_checked_init
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
    if "b" not in params:
        return multiply(x, w)
    b, dtype = params["b"], jnp.result_type(x.dtype, w.dtype) if dtype is None else jnp.dtype(dtype)
    if summing(dtype) == dtype:
        return add_bias(multiply(x, w), b)
    y = multiply(wide(x), wide(w)) if summed is None else summed(x, w)
    return ops.astype(add_bias(y, wide(b)), jnp.result_type(dtype, b.dtype))
