"""Layers: init, apply, and the matrix of each."""

from minicnn.nn import initializers, losses
from minicnn.nn.convolution import Conv, ConvTranspose
from minicnn.nn.elementary import Activation, Dense, Flatten
from minicnn.nn.layer import Layer
from minicnn.nn.local import LocalConv, TiledConv
from minicnn.nn.pooling import AvgPool, LpPool, MaxPool, Subsample
from minicnn.nn.rbf import Rbf
from minicnn.nn.sequential import Sequential

__all__ = [
    "Activation",
    "AvgPool",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Flatten",
    "Layer",
    "LocalConv",
    "LpPool",
    "MaxPool",
    "Rbf",
    "Sequential",
    "Subsample",
    "TiledConv",
    "initializers",
    "losses",
]
