"""What a network is made of, read off its matrices."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from minicnn.nn import Activation, Flatten, Sequential
from minicnn.nn.layer import Shape


@dataclass(frozen=True)
class Row:
    """What one layer is made of.

    Attributes:
        label: the name of the layer.
        out_shape: the shape of what it makes of one image.
        parameters: the numbers it stores and learns.
        matrix: rows and columns of C, or of the Jacobian where the layer is not linear.
        nnz: structural non-zeros of that matrix.
        biases: one per output where the layer has a bias.
    """

    label: str
    out_shape: Shape
    parameters: int
    matrix: tuple[int, int]
    nnz: int
    biases: int

    @property
    def connections(self) -> int:
        """Connections as the papers count them: every non-zero, and the bias of every output."""
        return self.nnz + self.biases


def summary(model: Sequential, in_shape: Shape) -> tuple[Row, ...]:
    """One row per layer that connects anything: neither activations nor changes of shape.

    Args:
        model: the network.
        in_shape: of one image.

    >>> from minicnn.zoo import LeNet5
    >>> rows = summary(LeNet5(original=True), (32, 32, 1))
    >>> rows[2].label, rows[2].parameters, rows[2].connections
    ('C3', 1516, 151600)
    >>> sum(row.parameters for row in rows), sum(row.connections for row in rows)
    (60000, 340908)
    """
    params = model.init(jax.random.key(0), in_shape)
    rows = []
    for label, layer, own in zip(model.labels, model.layers, params, strict=True):
        out_shape = layer.out_shape(in_shape)
        if not isinstance(layer, Activation | Flatten):
            A = layer.map_at(own, jnp.zeros(in_shape))
            rows.append(Row(label, out_shape, _size(own), A.shape, A.nnz, math.prod(out_shape) if "b" in own else 0))
        in_shape = out_shape
    return tuple(rows)


def _size(params: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))
