"""Linear maps: matrices that multiply, transpose and compose, whether or not they are ever stored."""

from minicnn.maps.algebra import Compose, Sum, add, compose
from minicnn.maps.base import LinearMap, Transposed, to_lineax
from minicnn.maps.complex import Conjugate, ImaginaryPart, RealPart
from minicnn.maps.contraction import Contraction
from minicnn.maps.convolution import ConvMap, PatchMap, exchanged_channels
from minicnn.maps.elementary import Dense, Diagonal, InverseDiagonal, Mask, Permute, Reshape, Scale, identity
from minicnn.maps.fourier import Fourier
from minicnn.maps.indexing import Broadcast, CumulativeSum, Gather, Reverse, Slice
from minicnn.maps.kronecker import Batched, Block, Kronecker, block, kronecker
from minicnn.maps.local import LocalMap, TiledMap
from minicnn.maps.padding import Pad
from minicnn.maps.pooling import AveragePool, BinAverage, Selection
from minicnn.maps.sharding import Vary, shard_rows
from minicnn.maps.solves import TriangularSolve, TridiagonalSolve
from minicnn.maps.windows import BinSum, PowerWindowSum, Unfold, WindowSum

__all__ = [
    "AveragePool",
    "Batched",
    "BinAverage",
    "BinSum",
    "Block",
    "Broadcast",
    "Compose",
    "Conjugate",
    "Contraction",
    "ConvMap",
    "CumulativeSum",
    "Dense",
    "Diagonal",
    "Fourier",
    "Gather",
    "ImaginaryPart",
    "InverseDiagonal",
    "Kronecker",
    "LinearMap",
    "LocalMap",
    "Mask",
    "Pad",
    "PatchMap",
    "Permute",
    "PowerWindowSum",
    "RealPart",
    "Reshape",
    "Reverse",
    "Scale",
    "Selection",
    "Slice",
    "Sum",
    "TiledMap",
    "Transposed",
    "TriangularSolve",
    "TridiagonalSolve",
    "Unfold",
    "Vary",
    "WindowSum",
    "add",
    "block",
    "compose",
    "exchanged_channels",
    "identity",
    "kronecker",
    "shard_rows",
    "to_lineax",
]
