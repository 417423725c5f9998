"""Tracing: run a function, compute as usual, and record the graph of its derivative on the side."""

import itertools
import linecache
import math
import re
import reprlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import maps, ops
from minicnn.arguments import flag
from minicnn.autodiff.layers import Layer, layer_named
from minicnn.autodiff.program import Arrow, Node, Program, needed
from minicnn.autodiff.rules import table
from minicnn.dtypes import array, operand
from minicnn.forms.meshes import known_layout
from minicnn.jax_internals import Tracer
from minicnn.ops.operands import vary_alike
from minicnn.primitive import Primitive, Traced, value_of

_levels = itertools.count()


class LinearTrace:
    """One run of one transformation. Its graph belongs to it alone, so that nothing outlives an exception.

    Attributes:
        level: the number of runs begun before; an inner run has a higher one than those around it.
        linear: refuse whatever is not linear in the inputs.
        finished: no more is recorded; a value that comes back now has leaked.
        inputs: the nodes of the inputs, which come first.
    """

    def __init__(self, linear: bool = False) -> None:
        self.level, self.linear, self.finished = next(_levels), linear, False
        self.inputs = range(0)
        self.nodes: list[Node] = []
        self.arrows: list[Arrow] = []

    def owns(self, x: Any) -> bool:
        """Whether a value is traced by this run, and not by another or by none."""
        return isinstance(x, Traced) and x.run is self

    def value(self, primal: Any, name: str | None = None) -> Traced:
        """A new node, and its traced value."""
        name = name or f"v{len(self.nodes)}".translate(_SUBSCRIPT)
        self.nodes.append(Node(name, primal.shape, primal.dtype, known_layout(value_of(primal))))
        return Traced(self, primal, len(self.nodes) - 1)

    def process(self, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Compute the primitive, and draw an arrow from every operand that the inputs reach.

        The primals may belong to an outer trace, which then records the computation, and the maps, in its turn.
        """
        self.check_running()
        operands = vary_alike(operands, [leaf for leaf in jax.tree.leaves(params) if isinstance(leaf, jax.Array)])
        primals = [x.primal if self.owns(x) else x for x in operands]
        y = primitive(*primals, **params)
        if not jnp.issubdtype(y.dtype, jnp.inexact):
            return y
        if primitive not in table:
            raise NotImplementedError(
                f"`{primitive}` has no derivative: enter its maps in minicnn.autodiff.rules.table"
            )
        rule = table[primitive]
        entries = {n: entry for n, x in enumerate(operands) if self.owns(x) and (entry := rule.entry(n))}
        if not entries:
            return y
        if self.linear:
            _check_linear(primitive, operands, set(entries))
        result = self.value(y)
        names = dict(zip(rule.operands, map(self._name, operands, rule.operands), strict=False))
        names["y"] = self.nodes[result.node].name
        for n, entry in entries.items():
            A = entry.map(y, *primals, **params)
            label, layer = entry.label.format(**params, **names), self._layer(entry.label, rule.operands, operands, n)
            self.arrows.append(Arrow(A, operands[n].node, result.node, label, layer))
        return result

    def check_running(self) -> None:
        """Refuse to go on after the end.

        Raises:
            RuntimeError: if the run has finished.
        """
        if self.finished:
            raise RuntimeError(
                "a traced value leaked: the transformation it belongs to has finished. Return it from the "
                "differentiated function (with has_aux=True, say) instead of storing it"
            )

    def finish(self, y: Any, inputs: Sequence[int], in_tree: Any) -> tuple[Any, Program]:
        """The function's value, and the program from the inputs' tangents to its own."""
        outputs, out_tree = jax.tree.flatten((y,))
        uses = Counter([arrow.source for arrow in self.arrows])
        uses.update([*inputs, *(output.node for output in outputs if self.owns(output))])
        nodes = [self._output(output, uses) for output in outputs]
        program = Program(tuple(self.arrows), tuple(self.nodes), tuple(inputs), tuple(nodes), in_tree, out_tree)
        return self.strip(y), needed(program)

    def strip(self, tree: Any) -> Any:
        """The tree with this run's values replaced by what they are outside of it."""
        for leaf in jax.tree.leaves(tree):
            if isinstance(leaf, Traced) and not self.owns(leaf):
                leaf.run.check_running()
        return jax.tree.map(lambda leaf: leaf.primal if self.owns(leaf) else leaf, tree)

    def _output(self, output: Any, uses: Counter[int]) -> int:
        """An output's node; a copy if it has other uses, so that every output is the end of one path."""
        traced = self.owns(output)
        if traced and uses[output.node] == 1:
            return output.node
        primal = output.primal if traced else array("f(...)", value_of(output))
        if not jnp.issubdtype(primal.dtype, jnp.inexact):
            raise TypeError(f"an output is {primal.dtype.name}: only floats have derivatives; use x.astype(float)")
        if self.linear and not traced and _nonzero(primal):
            raise ValueError("the function is not linear: one of its outputs is a constant other than zero")
        copy = self.value(primal)
        if traced:
            self.arrows.append(Arrow(maps.identity(copy.shape, copy.dtype), output.node, copy.node, ""))
        return copy.node

    def _layer(self, label: str, letters: str, operands: Sequence[Any], n: int) -> Layer | None:
        """The layer that a map belongs to if its label says that it holds weights: an input, or a constant."""
        match = re.fullmatch(r"[CM]\(\{(\w)\}\)", label)
        if match is None:
            return None
        weights = operands[letters.index(match[1])]
        if self.owns(weights) and weights.node not in self.inputs:
            return None
        sizes = {self.nodes[n].name: math.prod(self.nodes[n].shape) for n in self.inputs}
        name = self._name(weights, match[1])
        source = self.nodes[operands[n].node].name if operands[n].node in self.inputs else ""
        return layer_named(name, {**sizes, name: math.prod(weights.shape)}, source=source)

    def _name(self, operand: Any, fallback: str) -> str:
        """What a label calls an operand: the name of its node, the number it is, or the rule's word for a constant."""
        if self.owns(operand):
            return self.nodes[operand.node].name
        value = value_of(operand)
        if isinstance(value, Tracer) or np.size(value) > _LARGEST_NAMED:
            return fallback
        numbers = np.unique(np.asarray(value))
        return f"{numbers.item():.4g}" if numbers.size == 1 else fallback


def trace(
    f: Callable[..., Any],
    primals: tuple[Any, ...],
    names: Sequence[str],
    *,
    linear: bool = False,
    has_aux: bool = False,
) -> tuple[Any, Program, Any]:
    """Run f and return its value, the program of its derivative, and its auxiliary result.

    Raises:
        TypeError: if an input is not floating.
    """
    run = LinearTrace(linear)
    paths, in_tree = jax.tree.flatten_with_path(primals)
    inputs = [run.value(_floating(x, name), name) for x, name in ((x, path_name(path, names)) for path, x in paths)]
    run.inputs = range(len(inputs))
    try:
        y = f(*jax.tree.unflatten(in_tree, inputs))
        y, aux = _pair(y) if flag("has_aux", has_aux) else (y, None)
        value, program = run.finish(y, run.inputs, in_tree)
        return value, program, run.strip(aux)
    except (TypeError, AttributeError) as error:
        _explain(error)
        raise
    finally:
        run.finished = True


def _pair(y: Any) -> tuple[Any, Any]:
    """What a function returns of which only the first is differentiated.

    Raises:
        TypeError: if it is no pair.
    """
    if not isinstance(y, tuple | list) or len(y) != 2:
        raise TypeError(f"`has_aux`=True needs a pair (value, aux), and the function {described(y)}")
    return y[0], y[1]


def described(y: Any) -> str:
    """What a function did that has not returned what it should have."""
    kind = "an array" if hasattr(y, "dtype") else reprlib.repr(y)
    return "returns nothing: has it a return?" if y is None else f"returns {kind}"


def _check_linear(primitive: Primitive, operands: tuple[Any, ...], varying: set[int]) -> None:
    """Refuse a primitive that is not linear in its varying operands, or that adds a constant to them."""
    rule = table[primitive]
    added = (n for n in range(len(operands)) if n not in varying and rule.entry(n) and rule.linear_in({*varying, n}))
    if not rule.linear_in(varying):
        raise ValueError(
            f"`{primitive}` is not linear here: linear_transpose needs a linear function; use vjp at a point"
        )
    if any(_nonzero(operands[n]) for n in added):
        raise ValueError(f"`{primitive}` adds a constant: linear_transpose needs a linear function; use vjp at a point")


def _nonzero(constant: Any) -> bool:
    """Whether a constant is seen not to be zero; under jit it is not seen."""
    value = value_of(constant)
    return not isinstance(value, Tracer) and bool(np.any(np.asarray(value)))


def _floating(x: Any, name: str) -> Any:
    number = operand(name, x)
    if isinstance(number, Traced):
        number.run.check_running()
    if not jnp.issubdtype(number.dtype, jnp.inexact):
        raise TypeError(f"`{name}` is {number.dtype.name}: only floats have derivatives; use {name}.astype(float)")
    return number


def path_name(path: tuple[Any, ...], names: Sequence[str]) -> str:
    """The argument's name, with the way to the leaf: params.0.w."""
    way = jax.tree_util.keystr(path[1:], simple=True, separator=".")
    return f"{names[path[0].idx]}.{way}".rstrip(".")


def _explain(error: Exception) -> None:
    """Add to an error of JAX, of NumPy or of a traced value which function of ours takes a traced value."""
    known = any(note.startswith(_NOTE) for note in getattr(error, "__notes__", ()))
    if known or not re.search(r"\bTraced\b|traced value", str(error)):
        return
    name = _called(error)
    use = (
        f"minicnn.ops.{name}"
        if name in ops.__all__
        else "functions of minicnn and minicnn.ops; jax.jit, jax.vmap and jax.lax.scan go around the derivative"
    )
    error.add_note(f"{_NOTE}: use {use}")


def _called(error: Exception) -> str:
    """The name of the function that was called where the error left the user's code."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _NOT_THE_USERS.search(f.filename)]
    code = linecache.getline(frames[-1].filename, frames[-1].lineno or 0)[frames[-1].colno :]
    match = re.match(r"[\w.]*?(\w+)\(", code)
    return match[1] if match else ""


_NOTE = "minicnn: jax.numpy and numpy do not know traced values"
_NOT_THE_USERS = re.compile(r"[/\\](jax|jaxlib|numpy)[/\\]|[/\\]minicnn[/\\](primitive\.py$|ops[/\\])")
_LARGEST_NAMED = 64  # a constant of more entries is not looked at to see whether they are one number
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
