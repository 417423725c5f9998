"""minicnn: every layer is a matrix, and differentiation is transposition."""

from importlib.metadata import version

from minicnn.axis import Axis
from minicnn.functional import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    channel_pool,
    conv,
    conv_map,
    conv_matrix,
    conv_transpose,
    fold,
    global_avg_pool,
    global_lp_pool,
    global_max_pool,
    lp_pool,
    matrix_pool,
    max_pool,
    max_unpool,
    pad,
    patch_map,
    unfold,
    weighted_pool,
)

__version__ = version("minicnn")

__all__ = [
    "Axis",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_pool",
    "channel_pool",
    "conv",
    "conv_map",
    "conv_matrix",
    "conv_transpose",
    "fold",
    "global_avg_pool",
    "global_lp_pool",
    "global_max_pool",
    "lp_pool",
    "matrix_pool",
    "max_pool",
    "max_unpool",
    "pad",
    "patch_map",
    "unfold",
    "weighted_pool",
]
