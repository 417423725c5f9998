"""Primitives and traced values: what our autodiff sees of a computation.

A primitive is a function of arrays with a name. Given plain arrays or JAX's tracers it computes; given a value that one
of our transformations traces, it hands itself to that trace. It knows nothing of derivatives: `minicnn.autodiff.rules`
holds one linear map per operand for each primitive.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import jax
import jax.numpy as jnp
import numpy as np


class Trace(Protocol):
    """One run of one transformation. Traces begun later are inner ones and have the higher `level`."""

    level: int

    def process(self, primitive: "Primitive", operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Compute the primitive and record it."""
        ...

    def check_running(self) -> None:
        """Refuse a value that outlived its transformation."""
        ...


class Traced:
    """An array seen by one of our transformations: a point of its graph, and the value there.

    It has the shape and dtype of its value. `minicnn.ops` gives it the operators and methods of arrays.

    Attributes:
        run: the run of the transformation that it belongs to.
        primal: its value: an array, or a value of an outer trace.
        node: its place in the graph that the trace records.
    """

    __array_ufunc__ = None  # so that `numpy_array + traced` asks us
    __slots__ = ("node", "primal", "run")

    def __init__(self, run: Trace, primal: Any, node: int) -> None:
        self.run, self.primal, self.node = run, primal, node

    @property
    def value(self) -> Any:
        """The array under all traces. What is computed from it is a constant to every one of them."""
        return value_of(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> jnp.dtype:
        """The dtype of the value."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a traced value has no numpy array: use the function of the same name in minicnn.ops, "
            "or take the derivative outside of the numpy code"
        )

    def __array_function__(self, function: Callable[..., Any], *args: Any) -> NoReturn:
        raise TypeError(f"numpy.{function.__name__} was given a traced value: it would not see the derivative")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a traced value cannot be assigned to: make a new one with minicnn.ops.where or minicnn.ops.concatenate"
        )

    def __copy__(self) -> "Traced":
        """The value itself: it cannot be changed, and a copy would belong to no run."""
        return self

    def __deepcopy__(self, memo: Any) -> "Traced":
        """As `__copy__`."""
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a traced value cannot be pickled: it belongs to a run that ends with the derivative")

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a traced value has no `{name}`: minicnn.ops has what can be computed with it")

    def __repr__(self) -> str:
        """The dtype, the shape and the level of its trace; `value` has the numbers."""
        return f"Traced({self.dtype.name}{list(self.shape)}, level={self.run.level})"


def value_of(x: Any) -> Any:
    """The array under all traces of x; anything that is not traced is returned as it is."""
    while isinstance(x, Traced):
        x = x.primal
    return x


ArrayLike = jax.Array | np.ndarray | Traced | bool | int | float | complex | np.number


@dataclass(frozen=True, eq=False)
class Primitive:
    """A named function of arrays.

    Attributes:
        name: how programs print it.
        compute: the function itself: arrays as positional, static parameters as keyword arguments.
    """

    name: str
    compute: Callable[..., Any]

    def __call__(self, *operands: ArrayLike, **params: Any) -> Any:
        """Compute with plain arrays, or let the innermost trace among the operands record."""
        traced = [operand for operand in operands if isinstance(operand, Traced)]
        if not traced:
            return self.compute(*operands, **params)
        return max((value.run for value in traced), key=lambda run: run.level).process(self, operands, params)

    def __repr__(self) -> str:
        """The name of the primitive."""
        return self.name
