"""Automatic differentiation from scratch: programs whose arrows are matrices.

`rules` states one linear map per operand of each primitive; `trace` runs a function and records these maps as a
`program`; transposing the program is reverse mode. `transformations` asks for both.
"""

from minicnn.autodiff.layers import Layer, LayerTable, Row
from minicnn.autodiff.program import Arrow, Node, Program, beside
from minicnn.autodiff.transformations import (
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    make_program,
    value_and_grad,
    vjp,
)

__all__ = [
    "Arrow",
    "Layer",
    "LayerTable",
    "Node",
    "Program",
    "Row",
    "beside",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "make_program",
    "value_and_grad",
    "vjp",
]
