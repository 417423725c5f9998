"""Leading batch axes, which the functions of this package take any number of."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from minicnn import ops
from minicnn.primitive import Traced


def batched(function: Callable[..., Any], x: Any, rank: int, *operands: Any, **params: Any) -> Any:
    """Call a function of (b, *spatial, c), and of what else it takes, on an x with any number of leading batch axes.

    Of plain arrays it is one program with the change of shape before it and behind it: each by itself takes as long to
    compile as a small convolution.
    """
    if any(isinstance(operand, Traced) for operand in (x, *operands)):
        return _in_one_batch(function, rank, params, x, *operands)
    return _in_one_program(function, rank, tuple(params.items()), x, *operands)


def _in_one_batch(function: Callable[..., Any], rank: int, params: dict[str, Any], x: Any, *operands: Any) -> Any:
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    y = function(ops.reshape(x, (math.prod(batch), *image)), *operands, **params)
    return ops.reshape(y, (*batch, *y.shape[1:]))


@partial(jax.jit, static_argnums=(0, 1, 2), inline=True)
def _in_one_program(
    function: Callable[..., Any], rank: int, params: tuple[tuple[str, Any], ...], x: Any, *operands: Any
) -> Any:
    return _in_one_batch(function, rank, dict(params), x, *operands)
