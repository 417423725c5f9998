"""Linear equations read as a program: every equation becomes an arrow for each operand that varies."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import jax_internals, maps
from minicnn.arguments import untraced
from minicnn.autodiff.layers import Layer
from minicnn.autodiff.program import Arrow, Node, Program, needed
from minicnn.forms import fence
from minicnn.forms.meshes import known_layout
from minicnn.jax_internals import Jaxpr
from minicnn.lift.columns import columns
from minicnn.lift.evaluation import evaluated
from minicnn.lift.linear_jaxpr import LOOKED_AT
from minicnn.lift.refusal import LiftError, refused
from minicnn.lift.rules import Equation, Rule, table
from minicnn.lift.wording import Wording
from minicnn.maps import LinearMap

Fallback = Literal["columns"] | None

_Found = tuple[LinearMap, int, int, str, Layer | None]  # of one arrow: from which operand, to which result


class Varying(NamedTuple):
    """A value that depends on the inputs: its place among the nodes."""

    node: int


class Recording:
    """The graph that grows while equations are read.

    Attributes:
        wording: what constants and layers are called.
        fallback: what to do with a primitive that has no row in the table.
    """

    def __init__(self, wording: Wording, fallback: Fallback = None) -> None:
        self.wording = wording
        self.fallback: Fallback = fallback
        self.nodes: list[Node] = []
        self.arrows: list[Arrow] = []

    def node(self, aval: Any, name: str | None = None) -> Varying:
        """A new node."""
        name = name or f"v{len(self.nodes)}".translate(_SUBSCRIPT)
        layout = aval.layout if isinstance(aval, Node) else known_layout(aval)
        self.nodes.append(Node(name, tuple(aval.shape), jnp.dtype(aval.dtype), layout))
        return Varying(len(self.nodes) - 1)

    def read(self, jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """Read equations one after the other; constants are computed, and what varies becomes nodes and arrows."""
        return evaluated(jaxpr, constants, arguments, self._read_one)

    def _read_one(self, equation: Any, operands: list[Any]) -> list[Any]:
        varies = any(isinstance(x, Varying) for x in operands)
        return self._varying(equation, operands) if varies else self._constant(equation, operands)

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
        names = self.wording.names
        if all(names.of(x) for x in operands if np.ndim(x)):  # others may be what varied, at the point
            names.pass_on(operands, results)
        return results

    def _varying(self, equation: Any, operands: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if name in _ENTERED:
            return _ENTERED[name](self, equation, operands)
        if name in table:
            return self._results(equation, operands, self._by_rule(table[name], equation, operands))
        return self.by_columns(equation, operands, "has no linear map in minicnn.lift.rules.table")

    def by_columns(self, equation: Any, operands: list[Any], why: str) -> list[Varying]:
        """Read an equation by its columns, if that is wanted, and otherwise refuse it for this reason."""
        if self.fallback is None:
            raise refused(equation, f'{why}: lift with fallback="columns" builds its matrix, if it is small')
        varying = [n for n, x in enumerate(operands) if isinstance(x, Varying)]
        found = ((*each, equation.primitive.name, None) for each in columns(equation, operands, varying))
        return self._results(equation, operands, found)

    def _results(self, equation: Any, operands: list[Any], arrows: Iterable[_Found]) -> list[Varying]:
        results = [self.node(atom.aval) for atom in equation.outvars]
        for A, n, place, label, layer in arrows:
            self._arrow(A, operands[n], results[place], label, layer)
        return results

    def _by_rule(self, rule: Rule, equation: Any, operands: list[Any]) -> Iterator[_Found]:
        """The maps that the table has for an equation."""
        varying = [n for n, x in enumerate(operands) if isinstance(x, Varying)]
        constants = [x for x in operands if not isinstance(x, Varying)]
        if not rule.together and len(varying) > 1:
            raise refused(equation, "multiplies what varies by what varies: it is not linear")
        if rule.together and any(_is_nonzero_float(x) for x in constants):
            raise refused(equation, "adds a constant to what varies: it is not linear")
        known = 0
        for n, place in product(varying, range(len(equation.outvars))):
            A = rule.map(_seen_from(equation, operands, place), n)
            if A is not None:
                known += 1
                source = self.nodes[operands[n].node].name
                label = rule.label(n).format(c=self.wording.constant(equation, constants), x=source)
                holds_weights = label.startswith(("C(", "M("))
                layer = self.wording.layer(equation, constants, source) if holds_weights else None
                yield A, n, place, label, layer
        if not known:
            raise refused(equation, "is not linear in this operand, or not known to be with these parameters")


def _seen_from(equation: Any, operands: Sequence[Any], place: int) -> Equation:
    shapes = [jax.ShapeDtypeStruct(a.aval.shape, a.aval.dtype) for a in (*equation.invars, *equation.outvars)]
    values = tuple(None if isinstance(x, Varying) else x for x in operands)
    return Equation(equation.params, tuple(shapes[: len(values)]), values, tuple(shapes[len(values) :]), place)


def _is_nonzero_float(x: Any) -> bool:
    if not jnp.issubdtype(jnp.result_type(x), jnp.inexact):
        return False
    untraced("args", x, "lift at numbers, outside of jax.jit, jax.grad and jax.vmap")
    return bool(np.any(np.asarray(x)))


def _enter(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    closed = jax_internals.inner(equation)
    return run.read(closed.jaxpr, closed.consts, operands)


def _polynomial(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A polynomial at a point is linear in its coefficients: it is read as the sum of its terms."""

    def terms(x: Any, *coefficients: Any) -> Any:
        return sum(c * x**k for k, c in enumerate(coefficients))

    closed = jax.make_jaxpr(terms)(*(jax.ShapeDtypeStruct(a.aval.shape, a.aval.dtype) for a in equation.invars))
    return run.read(closed.jaxpr, closed.consts, operands)


def _unchanged(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    return operands


def _own_step(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A primitive of ours that only says how XLA is to compile: what it computes is read."""
    step = partial(fence.STEPS[equation.primitive.name], **equation.params)
    closed = jax.make_jaxpr(step)(*(jax.ShapeDtypeStruct(a.aval.shape, a.aval.dtype) for a in equation.invars))
    return run.read(closed.jaxpr, closed.consts, operands)


def _linear_solve(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A system solved by a function that came with it: its equations are linear in the right-hand side."""
    lengths, solve = equation.params["const_lengths"], equation.params["jaxprs"].solve
    before = lengths.matvec + lengths.vecmat
    of_solve, sides = operands[before : before + lengths.solve], operands[sum(lengths) :]
    try:
        return run.read(solve.jaxpr, solve.consts, [*of_solve, *sides])
    except LiftError:  # an iterative solver looks at what it has reached
        return run.by_columns(equation, operands, "is solved by steps that are not linear")


def _pulled_back(run: Recording, equation: Any, operands: list[Any]) -> list[Any]:
    """A custom_vjp states the transpose: its backward function is read as a program, and transposed."""
    pull_back = jax_internals.pull_back_of(equation)
    count = equation.params["num_res"]
    residuals, tangents = operands[:count], operands[count:]
    cotangents = [jnp.zeros(a.shape, a.dtype) for a in equation.params["out_avals"]]
    with jax.disable_jit():
        try:
            closed = jax.make_jaxpr(lambda *y_bars: pull_back(*residuals, *y_bars))(*cotangents)
        except LOOKED_AT as error:
            why = "has a backward function that looks at values: lift with own_rules=False reads its function instead"
            raise refused(equation, why) from error
    backward = Recording(run.wording, run.fallback)
    inputs = [backward.node(y_bar) for y_bar in cotangents]
    outputs = backward.read(closed.jaxpr, closed.consts, inputs)
    trees = [jax.tree.structure(tuple(values)) for values in (cotangents, outputs)]
    return run.insert(backward.program(inputs, trees[0], outputs, closed.out_avals, trees[1]).T, tangents)


_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ENTERED = {
    **dict.fromkeys((*jax_internals.CALLS, "custom_jvp_call"), _enter),
    "polynomial": _polynomial,
    "custom_linear_solve": _linear_solve,
    "custom_lin": _pulled_back,
    "optimization_barrier": _unchanged,
    "device_put": _unchanged,
    **dict.fromkeys(fence.STEPS, _own_step),
}
