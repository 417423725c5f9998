"""Convolution, transposed convolution and pooling as functions: arrays in, arrays out.

Arrays are channels-last with any number of leading batch axes: x is (*batch, *spatial, c_in). Arguments are validated
here, once; what lies below trusts them.
"""

from minicnn.functional.adaptive import adaptive_avg_pool, adaptive_max_pool, global_avg_pool, global_max_pool
from minicnn.functional.convolution import conv, conv_map, conv_matrix, conv_transpose, patch_map
from minicnn.functional.kernels import compose_kernels, dense_kernel
from minicnn.functional.learned import channel_pool, matrix_pool, weighted_pool
from minicnn.functional.local import add_bias, local_conv, tie, tiled_conv
from minicnn.functional.norms import global_lp_pool, lp_pool
from minicnn.functional.padding import pad
from minicnn.functional.pooling import avg_pool, max_pool
from minicnn.functional.unpooling import max_unpool
from minicnn.functional.windows import fold, unfold

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "add_bias",
    "avg_pool",
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
    "lp_pool",
    "matrix_pool",
    "max_pool",
    "max_unpool",
    "pad",
    "patch_map",
    "tie",
    "tiled_conv",
    "unfold",
    "weighted_pool",
]
