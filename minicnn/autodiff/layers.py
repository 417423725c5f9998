"""The layers of a program: the maps that hold weights, and what there is to count about them, in closed form."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce, singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import maps
from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from minicnn.autodiff.program import Arrow, Program


@dataclass(frozen=True)
class Layer:
    """What an arrow says about the layer whose weights its map holds.

    Attributes:
        name: its module or its weights.
        parameters: how many numbers it has, biases included.
        biased: whether a bias is added to its outputs. A derivative does not see it, connections are counted with it.
    """

    name: str
    parameters: int = 0
    biased: bool = False


def layer_named(name: str, sizes: Mapping[str, int], module: str = "", source: str = "") -> Layer | None:
    """What is known of the layer whose weights have a name: the arrays of the same owner are its own as well.

    Args:
        name: of the weights, params.conv.kernel say; their owner is params.conv.
        sizes: how many numbers each array has that was given, by name.
        module: what the layer is called, if not as its weights are.
        source: the name of what the map is applied to, if it has one.

    Returns:
        The layer; None where the map is applied to weights and holds the data, which is an argument by itself.
    """
    if "." in source and "." not in name:
        return None
    owner, _, _ = name.rpartition(".")
    beside = {name: sizes.get(name, 0)}
    if owner:
        beside |= {other: size for other, size in sizes.items() if other.rpartition(".")[0] == owner}
    biased = any(other.rpartition(".")[2] in _BIASES for other in beside)
    return Layer(module or name, sum(beside.values()), biased)


_BIASES = {"b", "bias", "offset"}  # what minicnn and haiku, flax and equinox, and norms call what they add


def layers_of(program: "Program") -> dict[str, "Arrow"]:
    """The arrows of layers, by name, in the direction of tangents; several of one name are numbered."""
    forward = program.T if program.transposed else program
    pairs = [(arrow.layer.name, arrow) for arrow in forward.arrows if arrow.layer]
    count, seen = Counter(name for name, _ in pairs), Counter[str]()
    found: dict[str, Arrow] = {}
    for name, arrow in pairs:
        number = f"[{seen[name]}]" if count[name] > 1 else ""
        seen[name] += 1
        found[name + number] = arrow
    return found


@dataclass(frozen=True)
class Row:
    """One layer in a table.

    Attributes:
        name: of the layer.
        shape: rows and columns of its matrix.
        nnz: its structural non-zeros.
        parameters: its weights and biases.
        connections: non-zeros whose weight is not zero, and one for each output that has a bias.
        multiply_adds: products with weights, those with padding included, as they are usually counted.
        reads: how many input positions an output of the layer depends on, for each axis that windows slide along.
        sigma: bounds of the largest singular value, where they were asked for.
    """

    name: str
    shape: tuple[int, int]
    nnz: int
    parameters: int
    connections: int
    multiply_adds: int
    reads: tuple[int, ...] = ()
    sigma: tuple[float, float] | None = None

    @property
    def density(self) -> float:
        """The part of the matrix that its non-zeros are."""
        return self.nnz / max(math.prod(self.shape), 1)

    @classmethod
    def of(cls, name: str, arrow: "Arrow", reads: tuple[int, ...], sigma: bool) -> "Row":
        """The row of a layer."""
        A, layer = arrow.map, arrow.layer
        biases = A.shape[0] if layer and layer.biased else 0
        return cls(
            name,
            A.shape,
            A.nnz,
            layer.parameters if layer else 0,
            connections(A) + biases,
            multiply_adds(A),
            reads,
            _bracket(A) if sigma else None,
        )


@dataclass(frozen=True)
class LayerTable:
    """The layers of a program, in the order in which tangents meet them."""

    rows: tuple[Row, ...]

    @property
    def total(self) -> Row:
        """The sums over all layers; the shape is of no matrix and left empty."""
        sums = (sum(getattr(row, name) for row in self.rows) for name in _SUMMED)
        return Row("total", (0, 0), **dict(zip(_SUMMED, sums, strict=True)))

    def __str__(self) -> str:
        """Lay out the table as text, numbers to the right; closer together where a terminal would break the lines."""
        rows = [*map(_cells, self.rows), _cells(self.total)]
        used = [k for k in range(len(_HEAD)) if any(row[k] for row in rows)]
        heads, body = [_HEAD[k] for k in used], [[row[k] for k in used] for row in rows]
        text = _text([heads, *body], "  ")
        if max(map(len, text.splitlines())) <= _TERMINAL:
            return text
        parts = [head.rpartition("-") for head in heads]
        return _text([[first + hyphen for first, hyphen, _ in parts], [last for *_, last in parts], *body], " ")

    def __repr__(self) -> str:
        """The same text as `str`."""
        return str(self)

    def _repr_html_(self) -> str:
        cell = lambda text, tag: f'<{tag} style="text-align:right">{text}</{tag}>'
        rows = [(_HEAD, "th"), *((_cells(row), "td") for row in (*self.rows, self.total))]
        lines = ("".join(cell(text, tag) for text in texts) for texts, tag in rows)
        return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


_TERMINAL = 80  # letters of a line that every terminal shows
_SUMMED = ("nnz", "parameters", "connections", "multiply_adds")
_HEAD = ["layer", "matrix", "non-zeros", "density", "parameters", "connections", "multiply-adds", "reads", "σ₁"]


def _text(cells: Sequence[Sequence[str]], gap: str) -> str:
    """Set rows of words below each other, the first column to the left and the others to the right."""
    columns = [(max(map(len, column)), column) for column in zip(*cells, strict=True)]
    set_columns = [[word.rjust(w) if k else word.ljust(w) for word in column] for k, (w, column) in enumerate(columns)]
    return "\n".join(gap.join(line).rstrip() for line in zip(*set_columns, strict=True))


def _cells(row: Row) -> list[str]:
    matrix = f"{row.shape[0]:,}×{row.shape[1]:,}" if row.shape != (0, 0) else ""
    return [
        row.name,
        matrix,
        f"{row.nnz:,}",
        f"{row.density:.2%}" if matrix else "",
        f"{row.parameters:,}",
        f"{row.connections:,}",
        f"{row.multiply_adds:,}",
        "×".join(map(str, row.reads)),
        f"{row.sigma[0]:.4g} to {row.sigma[1]:.4g}" if row.sigma else "",
    ]


def _bracket(A: LinearMap) -> tuple[float, float]:
    from minicnn import linalg  # pyright: ignore[reportAttributeAccessIssue]

    found = linalg.bracket(A)
    return float(found.lower), float(found.upper)


@singledispatch
def connections(A: LinearMap) -> int:
    """The number of products of a layer with a weight that is not zero."""
    return A.nnz


@singledispatch
def multiply_adds(A: LinearMap) -> int:
    """The number of products that a layer is usually said to take."""
    return A.nnz


@connections.register
def _(A: maps.Compose) -> int:
    return sum(connections(factor) for factor in A.factors if not factor.one_to_one)


@multiply_adds.register
def _(A: maps.Compose) -> int:
    return sum(multiply_adds(factor) for factor in A.factors if not factor.one_to_one)


@connections.register
def _(A: maps.Batched) -> int:
    return math.prod(A.batch) * connections(A.A)


@multiply_adds.register
def _(A: maps.Batched) -> int:
    return math.prod(A.batch) * multiply_adds(A.A)


@connections.register
def _(A: maps.ConvMap) -> int:
    """Every tap counts as often as it meets an input."""
    meetings = (np.bincount(axis.triples()[1], minlength=axis.kernel_size) for axis in A.geometry.axes)
    places = reduce(np.multiply.outer, meetings, np.ones((), np.int64))
    weights = (np.asarray(A.w) != 0) & A.geometry.joined
    return int((places * weights.sum((-1, -2))).sum())


@multiply_adds.register
def _(A: maps.ConvMap) -> int:
    """Every tap counts once for each output, or for each input of a transposed convolution."""
    stretched = any(axis.stretch > 1 for axis in A.geometry.axes)
    positions = math.prod(axis.in_size if stretched else axis.out_size for axis in A.geometry.axes)
    kernel = math.prod(axis.kernel_size for axis in A.geometry.axes)
    return positions * kernel * int(A.geometry.joined.sum())


@connections.register
def _(A: maps.Contraction) -> int:
    """Every weight counts once for each combination of the letters that it does not have."""
    x, y, z = A.spec
    sizes: dict[str, Any] = dict(zip(x + z, A.in_shape + A.out_shape, strict=True))
    return int(np.count_nonzero(A.y)) * math.prod(size for letter, size in sizes.items() if letter not in y)


@connections.register
def _(A: maps.Dense) -> int:
    return int(np.count_nonzero(A.M))
