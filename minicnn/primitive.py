"""Primitives and traced values: what our autodiff sees of a computation.

A primitive is a function of arrays with a name. Given plain arrays or JAX's tracers it computes; given a value that one
of our transformations traces, it hands itself to that trace. It knows nothing of derivatives: `minicnn.autodiff.rules`
holds one linear map per operand for each primitive.
"""

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


class Traced:
    """The base of traced values: an array seen by one of our transformations.

    It has the shape and dtype of its array. Operators and array methods are added by `minicnn.ops`.
    """

    __array_ufunc__ = None  # so that `numpy_array + traced` asks us

    trace: Trace
    shape: tuple[int, ...]
    dtype: jnp.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape))

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a traced value has no numpy array: use the function of the same name in minicnn.ops, "
            "or take the derivative outside of the numpy code"
        )


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
        return max((value.trace for value in traced), key=lambda trace: trace.level).process(self, operands, params)

    def __repr__(self) -> str:
        """The name."""
        return self.name
