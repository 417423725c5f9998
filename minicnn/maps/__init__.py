"""Linear maps: matrices that multiply, transpose and compose, whether or not they are ever stored."""

from minicnn.maps.algebra import Compose, Sum, add, compose
from minicnn.maps.base import LinearMap, Transposed
from minicnn.maps.convolution import ConvMap, PatchMap
from minicnn.maps.elementary import Dense, Diagonal, Permute, Reshape, Scale, identity
from minicnn.maps.pooling import AveragePool, Selection
from minicnn.maps.windows import Unfold, WindowSum

__all__ = [
    "AveragePool",
    "Compose",
    "ConvMap",
    "Dense",
    "Diagonal",
    "LinearMap",
    "PatchMap",
    "Permute",
    "Reshape",
    "Scale",
    "Selection",
    "Sum",
    "Transposed",
    "Unfold",
    "WindowSum",
    "add",
    "compose",
    "identity",
]
