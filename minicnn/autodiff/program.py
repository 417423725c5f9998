"""Programs: graphs whose arrows carry linear maps. To transpose one, reverse its arrows and transpose their labels."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from itertools import accumulate, zip_longest
from typing import Any, NamedTuple
from unicodedata import combining, normalize

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Shaped

from minicnn import ops
from minicnn.autodiff.layers import Layer, LayerTable, Row, layers_of
from minicnn.autodiff.times import times, times_on_mesh
from minicnn.dtypes import operand
from minicnn.forms.memory import check_fits
from minicnn.maps import LinearMap
from minicnn.pytrees import pytree, static

_DOT, _BAR = "\u0307", "\u0304"


class Node(NamedTuple):
    """A point of the graph: the tangent of one array, or its cotangent after transposition.

    On an explicit mesh both lie as the array does, which is its `layout`; elsewhere that is None.
    """

    name: str
    shape: tuple[int, ...]
    dtype: jnp.dtype
    layout: PartitionSpec | None = None

    def layout_behind(self, batch: tuple[int, ...]) -> PartitionSpec | None:
        """The layout of many, which have batch axes in front."""
        return None if self.layout is None else PartitionSpec(*(None for _ in batch), *self.layout)


@pytree
class Arrow:
    """An arrow: the node `target` receives map·`source`. Nodes are given by their places in the program.

    `layer` is the layer whose weights the map holds, and None where it holds none.
    """

    map: LinearMap
    source: int = static()
    target: int = static()
    label: str = static()
    layer: Layer | None = static(default=None)

    def reversed(self, last: int) -> "Arrow":
        """The transposed map from target to source, in the program whose nodes are counted from the other end."""
        symmetric = not self.label or self.map.T is self.map
        label = (
            self.label if symmetric else (self.label.removesuffix("ᵀ") if self.label[-1] == "ᵀ" else self.label + "ᵀ")
        )
        return Arrow(self.map.T, last - self.target, last - self.source, label, self.layer)


@pytree
class Program:
    """A linear function as a graph: every node but the inputs is the sum of map·source over the arrows into it.

    Call it with one array or pytree per argument, or with batches of them: equal leading axes everywhere.
    A program is a pytree; the leaves of its maps are its leaves.

    Attributes:
        arrows: in the order in which they are followed.
        nodes: every source before its targets.
        inputs: nodes that the arguments' leaves enter at.
        outputs: nodes that the results' leaves leave from.
        in_tree: how the inputs make up the arguments, a tuple.
        out_tree: how the outputs make up the results, a tuple.
        transposed: whether tangents flow, or cotangents.
        fixed: what the arguments hold besides the inputs that is no float: constants, such as integer tokens.
    """

    arrows: tuple[Arrow, ...]
    nodes: tuple[Node, ...] = static()
    inputs: tuple[int, ...] = static()
    outputs: tuple[int, ...] = static()
    in_tree: Any = static()
    out_tree: Any = static()
    transposed: bool = static(default=False)
    fixed: tuple[str, ...] = static(default=())

    @property
    def T(self) -> "Program":
        """The transposed program: inputs and outputs exchanged, arrows reversed, labels transposed."""
        last = len(self.nodes) - 1
        return Program(
            arrows=tuple(arrow.reversed(last) for arrow in reversed(self.arrows)),
            nodes=self.nodes[::-1],
            inputs=tuple(last - n for n in self.outputs),
            outputs=tuple(last - n for n in self.inputs),
            in_tree=self.out_tree,
            out_tree=self.in_tree,
            transposed=not self.transposed,
            fixed=self.fixed,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and columns of the matrix: the sizes of all outputs and of all inputs."""
        rows, columns = (sum(math.prod(self.nodes[n].shape) for n in ns) for ns in (self.outputs, self.inputs))
        return rows, columns

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros: entries that some path through the maps reaches.

        Raises:
            MemoryError: if the structure would not fit, before it is multiplied out.
        """
        from minicnn.autodiff import sparsity

        return sparsity.nnz(self)

    @property
    def nnz_at_point(self) -> int:
        """The number of entries that a path through entries other than zero reaches, as the maps are at this point.

        A relu that is dead, an entry that was no maximum and a score that is masked end a path here.

        Raises:
            MemoryError: as `nnz`.
        """
        from minicnn.autodiff import sparsity

        return sparsity.nnz_at_point(self)

    def to_scipy(self) -> Any:
        """Multiply out the matrix as a `scipy.sparse.csr_array`.

        Raises:
            MemoryError: if it would not fit, before it is multiplied out.
        """
        from minicnn.autodiff import sparsity

        return sparsity.to_scipy(self)

    def simplify(self) -> "Program":
        """Merge neighbouring diagonals, reshapes and permutations, and drop identities: the same matrix, fewer arrows.

        >>> P = minicnn.lift(lambda x: 2 * jnp.tanh(3 * x), jnp.ones(2))
        >>> print(str(P.simplify()).partition("= ")[2])
        diag(a)·ẋ
        """
        from minicnn.autodiff import simplification

        return simplification.simplify(self)

    def as_map(self) -> LinearMap:
        """The whole program as one linear map; several inputs, or outputs, make one vector, one after the other.

        >>> A = minicnn.lift(lambda x: jnp.cumsum(x) * x, jnp.ones(3)).as_map()
        >>> A.T(jnp.ones(3))
        Array([4., 4., 4.], dtype=float32)
        """
        from minicnn.autodiff import program_map

        return program_map.as_map(self)

    def table(self, sigma: bool = False) -> LayerTable:
        """A row for each layer: its matrix, and what there is to count about it. Nothing is multiplied out.

        Args:
            sigma: find bounds of each layer's largest singular value, too.

        >>> w = jnp.ones((3, 1, 2))
        >>> minicnn.lift(lambda x: minicnn.conv(x, w), jnp.ones((6, 1))).table()
        layer  matrix  non-zeros  density  parameters  connections  multiply-adds  reads
        w         8×6         24   50.00%           6           24             24      3
        total                 24                    6           24             24
        """
        from minicnn.autodiff.receptive_field import receptive_fields

        reads = receptive_fields(self.T if self.transposed else self)
        rows = (Row.of(name, arrow, reads.get(arrow.target, ()), sigma) for name, arrow in layers_of(self).items())
        return LayerTable(tuple(rows))

    def __getitem__(self, name: str) -> LinearMap:
        """The map of a layer, by the name that `table` has for it.

        Raises:
            KeyError: listing the names that there are.
        """
        layers = layers_of(self)
        if name not in layers:
            raise KeyError(
                f"no layer is called {name!r}: {', '.join(layers) or 'no map of this program holds weights'}"
            )
        A = layers[name].map
        return A.T if self.transposed else A

    def equations(self) -> Iterator[tuple[int, list[Arrow]]]:
        """Every node that is not an input, with the arrows into it."""
        into: list[list[Arrow]] = [[] for _ in self.nodes]
        for arrow in self.arrows:
            into[arrow.target].append(arrow)
        inputs = set(self.inputs)
        return ((n, arrows) for n, arrows in enumerate(into) if n not in inputs)

    def __call__(self, *vectors: Any) -> Any:
        """Send tangents along the arrows.

        Args:
            *vectors: one for each argument, with the argument's structure, shapes and dtypes, or with equal batch axes
                in front of every shape.

        Returns:
            One result, or a tuple of several.

        Raises:
            ValueError: if the structure or a shape is wrong.
            TypeError: if a dtype is wrong.
        """
        leaves, batch = self._entering(vectors)
        values = dict(zip(self.inputs, leaves, strict=True))
        for n, arrows in self.equations():
            dtype, layout = self.nodes[n].dtype, self.nodes[n].layout_behind(batch)
            product = times if layout is None else partial(times_on_mesh, layout=layout)
            terms = [ops.astype(product(arrow.map, values[arrow.source]), dtype) for arrow in arrows]
            values[n] = ops.total(terms) if terms else jnp.zeros((*batch, *self.nodes[n].shape), dtype)
        results = jax.tree.unflatten(self.out_tree, [values[n] for n in self.outputs])
        return results[0] if len(results) == 1 else results

    def matrix(self) -> Shaped[Array, "out in"]:
        """The Jacobian: the maps multiplied along every path and added. Columns are the inputs one after the other.

        Raises:
            MemoryError: if it would not fit, with its size, before anything is allocated.
        """
        rows, columns = self.shape
        check_fits((rows,), (columns,), self.nodes[0].dtype)
        # fewer unit vectors; with a real part among complex numbers the transpose's entries are not the matrix's
        if rows < columns and not any(jnp.issubdtype(node.dtype, jnp.complexfloating) for node in self.nodes):
            return self.T.matrix().T
        sizes = [math.prod(self.nodes[n].shape) for n in self.outputs]
        images = zip(jax.tree.leaves(self(*self.basis())), sizes, strict=True)
        return ops.concatenate([ops.reshape(image, (columns, size)) for image, size in images], 1).T

    def basis(self) -> Any:
        """The unit vectors, as one batch for every input."""
        nodes = [self.nodes[n] for n in self.inputs]
        sizes = [math.prod(node.shape) for node in nodes]
        rows = zip(nodes, accumulate([0, *sizes]), sizes, strict=False)
        eyes = [
            jnp.eye(sum(sizes), size, -start, dtype=node.dtype).reshape(sum(sizes), *node.shape)
            for node, start, size in rows
        ]
        return jax.tree.unflatten(self.in_tree, eyes)

    def _entering(self, vectors: tuple[Any, ...]) -> tuple[list[Any], tuple[int, ...]]:
        """The leaves of the arguments, checked, and their batch axes."""
        leaves, tree = jax.tree.flatten(vectors)
        if tree != self.in_tree:
            raise ValueError(f"the {self._kind} has the structure {tree}: it must be {self.in_tree}")
        nodes = [self.nodes[n] for n in self.inputs]
        leaves = [_array(leaf, node, self._kind) for leaf, node in zip(leaves, nodes, strict=True)]
        batch = leaves[0].shape[: leaves[0].ndim - len(nodes[0].shape)] if leaves else ()
        for leaf, node in zip(leaves, nodes, strict=True):
            if leaf.shape != (*batch, *node.shape):
                raise ValueError(
                    f"the {self._kind} of `{node.name}` has shape {leaf.shape}: "
                    f"it must be {node.shape}, or all of them with the same batch axes in front"
                )
        return leaves, batch

    @property
    def _kind(self) -> str:
        return "cotangent" if self.transposed else "tangent"

    @property
    def names(self) -> list[str]:
        """What the nodes are called: ẋ for the tangent of x, x̄ for its cotangent."""
        mark = _BAR if self.transposed else _DOT
        return [_marked(node.name, mark) for node in self.nodes]

    def __str__(self) -> str:
        """The equations of the program, one line for each node."""
        names = self.names
        given, returned = (", ".join(names[n] for n in ns) for ns in (self.inputs, self.outputs))
        lines = [f"{names[n]} = {_total(arrows, names)}" for n, arrows in self.equations()]
        head = f"{'Pᵀ' if self.transposed else 'P'}({given}) → {returned}"
        fixed = f", with {', '.join(self.fixed)} constant" if self.fixed else ""
        return "\n".join([head + fixed, *(f"  {line}" for line in lines)])

    def __repr__(self) -> str:
        """The same equations as `str`."""
        return str(self)

    def _repr_html_(self) -> str:
        """The program beside its transpose, for a notebook."""
        columns = "".join(
            f'<pre style="display:inline-block;vertical-align:top;margin:0 3em 0 0">{escape(str(program))}</pre>'
            for program in (self, self.T)
        )
        return f'<div style="overflow-x:auto;white-space:nowrap">{columns}</div>'

    def dot(self) -> str:
        """The graph in graphviz's language, an arrow for each map: `graphviz.Source(program.dot())` draws it."""
        names = self.names
        ends = set(self.inputs) | set(self.outputs)
        nodes = [
            f'  n{n} [label="{_quoted(names[n])}\\n{node.shape}"{", shape=box" if n in ends else ""}];'
            for n, node in enumerate(self.nodes)
        ]
        arrows = [f'  n{a.source} -> n{a.target} [label="{_quoted(a.label)}"];' for a in self.arrows]
        return "\n".join(["digraph {", "  rankdir=LR;", *nodes, *arrows, "}"])


def beside(left: Program, right: Program) -> str:
    """Two programs side by side: P and Pᵀ."""
    lines = str(left).splitlines()
    width = max(map(_width, lines)) + 4
    pairs = zip_longest(lines, str(right).splitlines(), fillvalue="")
    return "\n".join((a + " " * (width - _width(a)) + b).rstrip() for a, b in pairs)


def needed(program: Program) -> Program:
    """The program without the nodes and arrows that no output depends on."""
    keep = {*program.inputs, *program.outputs}
    arrows = []
    for arrow in reversed(program.arrows):
        if arrow.target in keep:
            keep.add(arrow.source)
            arrows.append(arrow)
    place = {n: position for position, n in enumerate(sorted(keep))}
    return replace(
        program,
        arrows=tuple(replace(a, source=place[a.source], target=place[a.target]) for a in reversed(arrows)),
        nodes=tuple(program.nodes[n] for n in place),
        inputs=tuple(place[n] for n in program.inputs),
        outputs=tuple(place[n] for n in program.outputs),
    )


def _array(x: Any, node: Node, kind: str) -> Any:
    if isinstance(x, int | float):
        return jnp.full((), x, node.dtype)
    vector = operand(kind, x)
    if vector.dtype == node.dtype:
        return vector
    raise TypeError(
        f"the {kind} of `{node.name}` is {vector.dtype.name}: it must be {node.dtype.name}, "
        f"as the value is; convert it with .astype"
    )


def _total(arrows: Sequence[Arrow], names: Sequence[str]) -> str:
    return " + ".join(f"{a.label}·{names[a.source]}" if a.label else names[a.source] for a in arrows) or "0"


def _marked(name: str, mark: str) -> str:
    """A name with a dot or a bar over its last letter: v₁ becomes v̇₁."""
    return normalize("NFC", re.sub(r"([^\W\d_₀-₉])(?=[\W\d_₀-₉]*$)", rf"\1{mark}", name))


def _width(line: str) -> int:
    return sum(not combining(character) for character in line)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
