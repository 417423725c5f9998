"""minicnn: every layer is a matrix, and differentiation is transposition."""

from importlib.metadata import version

from minicnn import compat
from minicnn.axis import Axis
from minicnn.forms.explanation import explain_form
from minicnn.functional import (
    adaptive_avg_pool,
    adaptive_max_pool,
    add_bias,
    avg_pool,
    channel_pool,
    compose_kernels,
    conv,
    conv_map,
    conv_matrix,
    conv_transpose,
    dense_kernel,
    fold,
    global_avg_pool,
    global_lp_pool,
    global_max_pool,
    local_conv,
    lp_pool,
    matrix_pool,
    max_pool,
    max_unpool,
    pad,
    patch_map,
    tie,
    tiled_conv,
    unfold,
    weighted_pool,
)
from minicnn.identities import certify

__version__ = version("minicnn")

__all__ = [
    "Axis",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "add_bias",
    "avg_pool",
    "certify",
    "channel_pool",
    "compat",
    "compose_kernels",
    "conv",
    "conv_map",
    "conv_matrix",
    "conv_transpose",
    "dense_kernel",
    "explain_form",
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
