"""Leading batch axes, which the functions of this package take any number of."""

import math
from collections.abc import Callable
from typing import Any

from minicnn import ops
from minicnn.functional.jitted import in_one_program


def batched(function: Callable[..., Any], x: Any, rank: int, *operands: Any, **params: Any) -> Any:
    """Call a function of (b, *spatial, c), and of what else it takes, on an x with any number of leading batch axes."""
    return in_one_program(_in_one_batch, x, *operands, function=function, rank=rank, **params)


def _in_one_batch(x: Any, *operands: Any, function: Callable[..., Any], rank: int, **params: Any) -> Any:
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    y = function(ops.reshape(x, (math.prod(batch), *image)), *operands, **params)
    return ops.reshape(y, (*batch, *y.shape[1:]))
