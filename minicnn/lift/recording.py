"""Linear equations read as a program: every equation becomes an arrow for each operand that varies."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from minicnn import maps
from minicnn.autodiff.layers import Layer, layer_named
from minicnn.autodiff.program import Arrow, Node, Program, needed
from minicnn.forms import jax_internals
from minicnn.lift.names import Names
from minicnn.lift.refusal import LiftError, refused
from minicnn.lift.rules import Equation, Rule, table
from minicnn.lift.unrolling import FUNCTION
from minicnn.maps import LinearMap

Fallback = Literal["columns"] | None


_Found = tuple[LinearMap, int, int, str, Layer | None]  # of one arrow: from which operand, to which result
_WEIGHTS = ("C(", "M(")  # how the labels of maps begin that hold weights


class Varying(NamedTuple):
    """A value that depends on the inputs: its place among the nodes."""

    node: int


class Recording:
    """The graph that grows while equations are read.

    Attributes:
        names: what constants are called.
        fallback: what to do with a primitive that has no row in the table.
        shared: how many scopes all equations are in, the outermost: they say nothing.
    """

    def __init__(self, names: Names, fallback: Fallback = None) -> None:
        self.names = names
        self.fallback: Fallback = fallback
        self.shared = 0
        self.nodes: list[Node] = []
        self.arrows: list[Arrow] = []

    def node(self, aval: Any, name: str | None = None) -> Varying:
        """A new node."""
        name = name or f"v{len(self.nodes)}".translate(_SUBSCRIPT)
        self.nodes.append(Node(name, tuple(aval.shape), jnp.dtype(aval.dtype)))
        return Varying(len(self.nodes) - 1)

    def read(self, jaxpr: core.Jaxpr, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """Read equations one after the other; constants are computed, and what varies becomes nodes and arrows."""
        values: dict[Any, Any] = {}
        values.update(zip(jaxpr.constvars, constants, strict=True))
        values.update(zip(jaxpr.invars, arguments, strict=True))
        read = lambda atom: atom.val if isinstance(atom, core.Literal) else values[atom]
        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            if any(isinstance(x, Varying) for x in operands):
                results = self._varying(equation, operands)
            else:
                results = self._constant(equation, operands)
            values.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def program(
        self, inputs: Sequence[Varying], in_tree: Any, outputs: Sequence[Any], avals: Any, out_tree: Any
    ) -> Program:
        """The program from these inputs to these outputs, each the end of one path."""
        uses = {*(x.node for x in inputs), *(arrow.source for arrow in self.arrows)}
        ends: list[int] = []
        for output, aval in zip(outputs, avals, strict=True):
            varies = isinstance(output, Varying)
            if varies and output.node not in uses:
                ends.append(output.node)
            else:
                copy = self.node(aval)
                if varies:
                    self._arrow(maps.identity(tuple(aval.shape), aval.dtype), output, copy, "")
                ends.append(copy.node)
            uses.add(ends[-1])
        starts = tuple(x.node for x in inputs)
        return needed(Program(tuple(self.arrows), tuple(self.nodes), starts, tuple(ends), in_tree, out_tree))

    def insert(self, program: Program, sources: Sequence[Any]) -> list[Varying]:
        """Copy a program to the end of the graph; its inputs receive these values, its outputs are returned."""
        places = [self.node(node) for node in program.nodes]
        for source, n in zip(sources, program.inputs, strict=True):
            if isinstance(source, Varying):
                self._arrow(maps.identity(program.nodes[n].shape, program.nodes[n].dtype), source, places[n], "")
        for arrow in program.arrows:
            self._arrow(arrow.map, places[arrow.source], places[arrow.target], arrow.label, arrow.layer)
        return [places[n] for n in program.outputs]

    def _arrow(self, A: LinearMap, source: Varying, target: Varying, label: str, layer: Layer | None = None) -> None:
        self.arrows.append(Arrow(A, source.node, target.node, label, layer))

    def _constant(self, equation: Any, operands: list[Any]) -> list[Any]:
        with jax.disable_jit(False):
            results = jax_internals.bound(equation, operands)
        if all(self.names.of(x) for x in operands if np.ndim(x)):  # others may be what varied, at the point
            self.names.pass_on(operands, results)
        return results

    def _varying(self, equation: Any, operands: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if name in _ENTERED:
            try:
                return _ENTERED[name](self, equation, operands)
            except LiftError as error:
                if self.fallback is None:
                    raise refused(equation, f"is made of what is not linear: {error}") from error
        if name in table:
            arrows = self._by_rule(table[name], equation, operands)
        elif self.fallback == "columns":
            arrows = self._by_columns(equation, operands)
        else:
            raise refused(equation, 'has no linear map in minicnn.lift.rules.table: lift with fallback="columns" '
                          "builds its matrix, if it is small")  # fmt: skip
        results = [self.node(atom.aval) for atom in equation.outvars]
        for A, n, place, label, layer in arrows:
            self._arrow(A, operands[n], results[place], label, layer)
        return results

    def _by_rule(self, rule: Rule, equation: Any, operands: list[Any]) -> list[_Found]:
        varying = [n for n, x in enumerate(operands) if isinstance(x, Varying)]
        constants = [x for x in operands if not isinstance(x, Varying)]
        if not rule.together and len(varying) > 1:
            raise refused(equation, "multiplies what varies by what varies: it is not linear")
        if rule.together and any(_is_nonzero_float(x) for x in constants):
            raise refused(equation, "adds a constant to what varies: it is not linear")
        called, layer = self._called(equation, constants), self._layer(rule, equation, operands)
        shapes = [jax.ShapeDtypeStruct(a.aval.shape, a.aval.dtype) for a in (*equation.invars, *equation.outvars)]
        avals = tuple(shapes[: len(operands)]), tuple(shapes[len(operands) :])
        values = tuple(None if isinstance(x, Varying) else x for x in operands)
        found = []
        for place in range(len(equation.outvars)):
            eq = Equation(equation.params, avals[0], values, avals[1], place)
            entries = [(n, rule.map(eq, n)) for n in varying]
            labels = {n: rule.label(n).format(c=called, x=self.nodes[operands[n].node].name) for n in varying}
            found += [(A, n, place, labels[n], layer) for n, A in entries if A is not None]
        if not found:
            raise refused(equation, "is not linear in this operand, or not known to be with these parameters")
        return found

    def _by_columns(self, equation: Any, operands: list[Any]) -> list[_Found]:
        """The matrices of an equation, one column after the other."""
        found = []
        for n, x in enumerate(operands):
            if not isinstance(x, Varying):
                continue
            aval, size = equation.invars[n].aval, int(np.prod(equation.invars[n].aval.shape))
            if max(size, *(int(np.prod(a.aval.shape)) for a in equation.outvars)) > _LARGEST_BY_COLUMNS:
                raise refused(
                    equation, f"has a matrix of more than {_LARGEST_BY_COLUMNS} columns or rows: state its map"
                )
            zeros = [jnp.zeros(a.aval.shape, a.aval.dtype) if isinstance(x, Varying) else x
                     for a, x in zip(equation.invars, operands, strict=True)]  # fmt: skip
            columns = [
                equation.primitive.bind(*zeros[:n], unit, *zeros[n + 1 :], **equation.params)
                for unit in jnp.eye(size, dtype=aval.dtype).reshape(size, *aval.shape)
            ]
            for place, out in enumerate(equation.outvars):
                images = [c[place] if equation.primitive.multiple_results else c for c in columns]
                M = jnp.stack([image.ravel() for image in images], 1)
                A = maps.Dense(M, tuple(aval.shape), tuple(out.aval.shape), out.aval.dtype)
                found.append((A, n, place, equation.primitive.name, None))
        return found

    def _layer(self, rule: Rule, equation: Any, operands: Sequence[Any]) -> Layer | None:
        """The layer that a map belongs to if its label says that it holds weights, and these have a name."""
        varying = [n for n, x in enumerate(operands) if isinstance(x, Varying)]
        named = [name for x in operands if not isinstance(x, Varying) and np.ndim(x) and (name := self.names.of(x))]
        if not named or not rule.label(varying[0]).startswith(_WEIGHTS):
            return None
        source = self.nodes[operands[varying[0]].node].name
        return layer_named(named[0], self.names.sizes, self._module(equation), source)

    def _called(self, equation: Any, constants: Sequence[Any]) -> str:
        """What a label calls the constant of an equation."""
        arrays = [x for x in constants if np.ndim(x)]
        named = next((name for x in arrays if (name := self.names.of(x))), None)
        if not arrays and constants:
            return f"{np.asarray(constants[0]).item():.4g}"
        if named:
            return self._module(equation) or named
        scopes = self._scopes(equation)
        return scopes[-1].removesuffix(FUNCTION) if scopes else "a"

    def _scopes(self, equation: Any) -> tuple[str, ...]:
        """The scopes of an equation, without those that all equations share."""
        return jax_internals.scopes(equation)[self.shared :]

    def _module(self, equation: Any) -> str:
        """The module that an equation belongs to; functions are none."""
        return "/".join(scope for scope in self._scopes(equation) if not scope.endswith(FUNCTION))


def _is_nonzero_float(x: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(x), jnp.inexact) and np.any(np.asarray(x)))


def _enter(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    closed = jax_internals.inner(equation)
    return run.read(closed.jaxpr, closed.consts, operands)


def _linear_solve(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A system solved by a function that came with it: its equations are linear in the right-hand side."""
    lengths, solve = equation.params["const_lengths"], equation.params["jaxprs"].solve
    before = lengths.matvec + lengths.vecmat
    of_solve, sides = operands[before : before + lengths.solve], operands[sum(lengths) :]
    return run.read(solve.jaxpr, solve.consts, [*of_solve, *sides])


def _pulled_back(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A custom_vjp states the transpose: its backward function is read as a program, and transposed."""
    pull_back = jax_internals.pull_back_of(equation)
    count = equation.params["num_res"]
    residuals, tangents = operands[:count], operands[count:]
    cotangents = [jnp.zeros(a.shape, a.dtype) for a in equation.params["out_avals"]]
    with jax.disable_jit():
        closed = jax.make_jaxpr(lambda *y_bars: pull_back(*residuals, *y_bars))(*cotangents)
    backward = Recording(run.names, run.fallback)
    backward.shared = run.shared
    inputs = [backward.node(y_bar) for y_bar in cotangents]
    outputs = backward.read(closed.jaxpr, closed.consts, inputs)
    trees = [jax.tree.structure(tuple(values)) for values in (cotangents, outputs)]
    return run.insert(backward.program(inputs, trees[0], outputs, closed.out_avals, trees[1]).T, tangents)


_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_LARGEST_BY_COLUMNS = 4096  # rows or columns: 128 MB in float64
_ENTERED = {
    **dict.fromkeys(jax_internals.CALLS, _enter),
    "custom_linear_solve": _linear_solve,
    "custom_lin": _pulled_back,
}
