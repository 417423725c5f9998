"""Dense, Flatten and Activation: the layers without windows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Shaped

from minicnn import maps, ops
from minicnn.arguments import look_up
from minicnn.dtypes import operand
from minicnn.functional import patch_map
from minicnn.maps import Diagonal, LinearMap, Reshape, compose
from minicnn.nn.arguments import a_count, a_draw, a_flag, a_function, an_input, features, settle
from minicnn.nn.initializers import Initializer, he_normal
from minicnn.nn.layer import Layer, Params, Shape, weights_of, with_bias


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer: y = Wᵀx + b, with w of shape (features in, features out).

    Attributes:
        features: size of the output.
        bias: add b.
        w_init: initialiser of w.

    >>> layer = Dense(84)
    >>> params = layer.init(jax.random.key(0), (120,))
    >>> layer.map(params, (120,)).shape
    (84, 120)
    """

    features: int
    bias: bool = True
    w_init: Initializer = he_normal

    def __post_init__(self) -> None:
        settle(self, features=a_count, bias=a_flag, w_init=a_function)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw w with `w_init`; b is zero.

        Raises:
            TypeError: for what is no key, no shape or no dtype.
            ValueError: if the inputs have more than one axis.
        """
        c_in = features(a_draw(key, in_shape, dtype), "Dense")
        w = self.w_init(key, (c_in, self.features), dtype)
        return {"w": w, "b": jnp.zeros(self.features, dtype)} if self.bias else {"w": w}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Multiply by wᵀ and add b.

        Raises:
            ValueError: if x has other features than w takes.
        """
        return with_bias(_product, x, weights_of(params), params)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (features,)."""
        features(in_shape, "Dense")
        return (self.features,)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The matrix wᵀ."""
        w = weights_of(params)
        return maps.Dense(w.T, in_shape, (self.features,), w.dtype)

    def weight_map(self, params: Params, x: Shaped[Array, " c"]) -> LinearMap:
        """The patch matrix X(x): a dense layer is a convolution of one tap on one position."""
        w = weights_of(params)
        X = patch_map(x[None], (1, *w.shape))
        return compose(Reshape(X.out_shape, (self.features,), w.dtype), X, Reshape(w.shape, X.in_shape, w.dtype))


def _product(x: Any, w: Any) -> Any:
    if x.shape[-1:] != w.shape[:1]:
        raise ValueError(f"`x` has shape {x.shape} and `w` takes {w.shape[0]} features: they are the last axis of x")
    return ops.matmul(x, w)


@dataclass(frozen=True)
class Flatten(Layer):
    """The layer vec, from (*batch, *spatial, c) to (*batch, features), with `ndim` spatial axes.

    >>> Flatten().out_shape((5, 5, 16))
    (400,)
    """

    ndim: int = 2

    def __post_init__(self) -> None:
        settle(self, ndim=a_count)

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw nothing: a change of shape has no parameters."""
        a_draw(key, in_shape, dtype, self.ndim)
        return {}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Lay x out as vec(x)."""
        x = operand("x", x)
        batch, image = x.shape[: -self.ndim - 1], x.shape[-self.ndim - 1 :]
        return ops.reshape(x, (*batch, math.prod(image)))

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape (features,)."""
        return (math.prod(an_input(in_shape, self.ndim)),)

    def map(self, params: Params, in_shape: Shape) -> LinearMap:
        """The identity between the two shapes."""
        return Reshape(in_shape, self.out_shape(in_shape), jnp.dtype(jnp.float32))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "gelu": ops.gelu,
    "silu": ops.silu,
    "softplus": ops.softplus,
    "lecun_tanh": lambda x: ops.mul(1.7159, ops.tanh(ops.mul(2 / 3, x))),
}


# The steepest slope of each: of gelu and silu beyond 1, where they overshoot.
SLOPES = {
    "relu": 1.0,
    "sigmoid": 0.25,
    "tanh": 1.0,
    "gelu": 1.1290,
    "silu": 1.0999,
    "softplus": 1.0,
    "lecun_tanh": 1.7159 * 2 / 3,
}


@dataclass(frozen=True)
class Activation(Layer):
    """An elementwise function; its matrix at x is the diagonal of its derivative.

    Attributes:
        name: "relu", "sigmoid", "tanh", "gelu", "silu", "softplus" or "lecun_tanh", LeCun's 1.7159·tanh(2x/3) with
            f(±1) = ±1.

    >>> Activation("relu").map_at({}, jnp.array([-1.0, 2.0])).matrix()
    Array([[0., 0.],
           [0., 1.]], dtype=float32)
    """

    name: str

    def __post_init__(self) -> None:
        look_up("name", self.name, ACTIVATIONS, "an activation")

    def init(self, key: jax.Array, in_shape: Shape, dtype: DTypeLike = jnp.float32) -> Params:
        """Draw nothing: the function has no parameters."""
        a_draw(key, in_shape, dtype)
        return {}

    def apply(self, params: Params, x: Any, *, key: jax.Array | None = None) -> Any:
        """Apply the function, entry by entry."""
        return ACTIVATIONS[self.name](x)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape of the input."""
        return an_input(in_shape)

    def lipschitz(self, params: Params, in_shape: Shape) -> float:
        """The steepest slope of the function."""
        return SLOPES[self.name]

    def map_at(self, params: Params, x: Shaped[Array, "..."]) -> LinearMap:
        """The diagonal matrix diag(f′(x))."""
        _, derivative = jax.jvp(ACTIVATIONS[self.name], (x,), (jnp.ones_like(x),))
        return Diagonal(derivative, x.shape, x.dtype)
