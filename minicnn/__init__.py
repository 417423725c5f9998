"""minicnn: every layer is a matrix, and differentiation is transposition."""

from importlib.metadata import version

from minicnn.axis import Axis
from minicnn.functional import (
    avg_pool,
    conv,
    conv_map,
    conv_matrix,
    conv_transpose,
    fold,
    max_pool,
    pad,
    patch_map,
    unfold,
)

__version__ = version("minicnn")

__all__ = [
    "Axis",
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
