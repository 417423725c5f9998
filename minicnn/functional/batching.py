"""Leading batch axes, which the functions of this package take any number of."""

import math
from collections.abc import Callable
from typing import Any

from minicnn import ops


def batched(function: Callable[..., Any], x: Any, rank: int, *operands: Any, **params: Any) -> Any:
    """Call a function of (b, *spatial, c), and of what else it takes, on an x with any number of leading batch axes."""
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    y = function(ops.reshape(x, (math.prod(batch), *image)), *operands, **params)
    return ops.reshape(y, (*batch, *y.shape[1:]))
