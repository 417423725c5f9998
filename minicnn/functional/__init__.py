"""Convolution, transposed convolution and pooling as functions: arrays in, arrays out.

Arrays are channels-last with any number of leading batch axes: x is (*batch, *spatial, c_in). Arguments are validated
here, once; what lies below trusts them.
"""

from minicnn.functional.convolution import conv, conv_map, conv_matrix, conv_transpose, patch_map
from minicnn.functional.padding import pad
from minicnn.functional.pooling import avg_pool, max_pool
from minicnn.functional.windows import fold, unfold

__all__ = [
    "avg_pool",
    "conv",
    "conv_map",
    "conv_matrix",
    "conv_transpose",
    "fold",
    "max_pool",
    "pad",
    "patch_map",
    "unfold",
]
