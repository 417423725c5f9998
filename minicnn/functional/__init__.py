"""Convolution, transposed convolution and pooling as functions: arrays in, arrays out.

Arrays are channels-last with any number of leading batch axes: x is (*batch, *spatial, c_in). Arguments are validated
here, once; what lies below trusts them.
"""

from minicnn.functional.adaptive import (
    adaptive_avg_pool,
    adaptive_avg_pool_map,
    adaptive_max_pool,
    adaptive_max_pool_map_at,
    global_avg_pool,
    global_max_pool,
)
from minicnn.functional.convolution import conv, conv_map, conv_matrix, conv_transpose, patch_map
from minicnn.functional.kernels import compose_kernels, dense_kernel
from minicnn.functional.learned import channel_pool, matrix_pool, weighted_pool, weighted_pool_map
from minicnn.functional.local import add_bias, local_conv, local_map, tie, tiled_conv, tiled_map
from minicnn.functional.lp_pooling import global_lp_pool, lp_pool, lp_pool_map_at
from minicnn.functional.padding import pad, pad_map
from minicnn.functional.pooling import avg_pool, avg_pool_map, max_pool, max_pool_map_at
from minicnn.functional.unpooling import max_unpool
from minicnn.functional.windows import fold, unfold

__all__ = [
    "adaptive_avg_pool",
    "adaptive_avg_pool_map",
    "adaptive_max_pool",
    "adaptive_max_pool_map_at",
    "add_bias",
    "avg_pool",
    "avg_pool_map",
    "channel_pool",
    "compose_kernels",
    "conv",
    "conv_map",
    "conv_matrix",
    "conv_transpose",
    "dense_kernel",
    "fold",
    "global_avg_pool",
    "global_lp_pool",
    "global_max_pool",
    "local_conv",
    "local_map",
    "lp_pool",
    "lp_pool_map_at",
    "matrix_pool",
    "max_pool",
    "max_pool_map_at",
    "max_unpool",
    "pad",
    "pad_map",
    "patch_map",
    "tie",
    "tiled_conv",
    "tiled_map",
    "unfold",
    "weighted_pool",
    "weighted_pool_map",
]
