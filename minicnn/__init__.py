"""minicnn: every layer is a matrix, and differentiation is transposition.

`import minicnn` loads nothing but this file: a public name or a module of the package is loaded when it is first used.
"""

import sys
from types import ModuleType

TYPE_CHECKING = False  # as type checkers know it: `typing` takes twenty times as long to import as this file
if TYPE_CHECKING:
    from typing import Any

    from minicnn import autodiff as autodiff
    from minicnn import bench as bench
    from minicnn import compat, linalg
    from minicnn import data as data
    from minicnn import draw as draw
    from minicnn import explore as explore
    from minicnn import forms as forms
    from minicnn import maps as maps
    from minicnn import nn as nn
    from minicnn import ops as ops
    from minicnn import train as train
    from minicnn import zoo as zoo
    from minicnn.acceleration import accelerate
    from minicnn.axis import Axis
    from minicnn.forms.explanation import explain_form
    from minicnn.functional import (
        adaptive_avg_pool,
        adaptive_avg_pool_map,
        adaptive_max_pool,
        adaptive_max_pool_map_at,
        add_bias,
        avg_pool,
        avg_pool_map,
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
        local_map,
        lp_pool,
        lp_pool_map_at,
        matrix_pool,
        max_pool,
        max_pool_map_at,
        max_unpool,
        pad,
        pad_map,
        patch_map,
        tie,
        tiled_conv,
        tiled_map,
        unfold,
        weighted_pool,
        weighted_pool_map,
    )
    from minicnn.identities import certify
    from minicnn.lift import lift

__version__ = "0.1.0"

__all__ = [
    "Axis",
    "accelerate",
    "adaptive_avg_pool",
    "adaptive_avg_pool_map",
    "adaptive_max_pool",
    "adaptive_max_pool_map_at",
    "add_bias",
    "avg_pool",
    "avg_pool_map",
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
    "lift",
    "linalg",
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

# Modules of the package that are loaded like names; most are not in `__all__`, for some need libraries of an extra.
_MODULES = (
    "autodiff",
    "bench",
    "compat",
    "data",
    "draw",
    "explore",
    "forms",
    "linalg",
    "maps",
    "nn",
    "ops",
    "train",
    "zoo",
)
# Where names live that are not in `functional`.
_ELSEWHERE = {
    "Axis": "axis",
    "accelerate": "acceleration",
    "certify": "identities",
    "explain_form": "forms.explanation",
    "lift": "lift",
}


def _load(name: str) -> "Any":
    """Load a public name, or any module of the package, when it is first used.

    Raises:
        AttributeError: if there is neither.
    """
    from importlib import import_module

    if name in __all__ and name not in _MODULES:
        value = getattr(import_module(f"minicnn.{_ELSEWHERE.get(name, 'functional')}"), name)
        setattr(sys.modules["minicnn"], name, value)
        return value
    if not name.startswith("_"):
        try:
            return import_module(f"minicnn.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"minicnn.{name}":
                raise
    raise AttributeError(f"module 'minicnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})


class _Package(ModuleType):
    """The package, in which `lift` is the function: importing `minicnn.lift` would put the module in its place."""

    def __setattr__(self, name: str, value: "Any") -> None:
        super().__setattr__(name, value.lift if name == "lift" and isinstance(value, ModuleType) else value)


sys.modules["minicnn"].__class__ = _Package
if not TYPE_CHECKING:  # or every name that is not there would have the type Any
    __getattr__ = _load
