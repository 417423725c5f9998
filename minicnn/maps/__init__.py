"""Linear maps: matrices that multiply, transpose and compose, whether or not they are ever stored."""

from minicnn.maps.algebra import Compose, Sum, add, compose
from minicnn.maps.base import LinearMap, Transposed
from minicnn.maps.blocks import Block, Kronecker, block, kronecker
from minicnn.maps.convolution import ConvMap, PatchMap
from minicnn.maps.elementary import Dense, Diagonal, Permute, Reshape, Scale, identity
from minicnn.maps.exchange import to_lineax
from minicnn.maps.local import LocalMap, TiledMap
from minicnn.maps.padding import Pad
from minicnn.maps.pointwise import InverseDiagonal, Mask
from minicnn.maps.pooling import AveragePool, Selection
from minicnn.maps.products import Batched, Contraction
from minicnn.maps.sharding import shard_rows
from minicnn.maps.structure import Broadcast, Gather, Slice
from minicnn.maps.windows import BinSum, Unfold, WindowSum

__all__ = [
    "AveragePool",
    "Batched",
    "BinSum",
    "Block",
    "Broadcast",
    "Compose",
    "Contraction",
    "ConvMap",
    "Dense",
    "Diagonal",
    "Gather",
    "InverseDiagonal",
    "Kronecker",
    "LinearMap",
    "LocalMap",
    "Mask",
    "Pad",
    "PatchMap",
    "Permute",
    "Reshape",
    "Scale",
    "Selection",
    "Slice",
    "Sum",
    "TiledMap",
    "Transposed",
    "Unfold",
    "WindowSum",
    "add",
    "block",
    "compose",
    "identity",
    "kronecker",
    "shard_rows",
    "to_lineax",
]
