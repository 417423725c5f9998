"""How large the sums are that a linear function computes: |A_k|…|A_1|, read off its jaxpr.

A linear jaxpr is a product of linear steps A_k … A_1. Run with every constant replaced by its absolute value and every
difference by a sum, it computes |A_k|…|A_1|; with every non-zero constant replaced by 1 it counts the paths from an
input to an output. An entry is the sum over its paths, so that any evaluation along the graph, forwards or backwards,
is off by at most γ_n·|A_k|…|A_1| with n the multiplications on a path and the additions: no more than there are other
paths, and no more than the steps of a path can add up together. Steps in another dtype are counted by themselves.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from minicnn.forms import fence, trilinear
from minicnn.identities.function import Function, Layout, Leaves
from minicnn.identities.materialise import columns
from minicnn.identities.rounding import roundoff
from minicnn.jax_internals import ClosedJaxpr, Literal

Weigh = Callable[[Any], Any]

# What minicnn's own linear primitives do, of JAX's operations.
STEPS: dict[str, Callable[..., Any]] = {**trilinear.STEPS, **fence.STEPS}


class UnderivableError(Exception):
    """No rounding bound can be derived for a step of the function; the message names it."""


@dataclass(frozen=True)
class Sums:
    """The sums behind every entry of a matrix.

    Attributes:
        size: |A_k|…|A_1|, (out, in).
        paths: how many ways lead from each input to each output.
        additions: how much the steps of a way can add up together, by the dtype that they add in.
        products: the multiplications on a way, by dtype.
        backwards: how much the steps add up together in either direction.
        integral: every constant that multiplies is an integer.
        dtype: the one with the fewest digits on the way.
    """

    size: Float[np.ndarray, "out in"]
    paths: Float[np.ndarray, "out in"]
    additions: Mapping[jnp.dtype, int]
    products: Mapping[jnp.dtype, int]
    backwards: int
    integral: bool
    dtype: jnp.dtype

    def terms(self, paths: Float[np.ndarray, "..."]) -> dict[jnp.dtype, Float[np.ndarray, "..."]]:
        """Count the roundings on the way to sums over so many paths, by dtype."""
        return {
            dtype: np.clip(paths - 1, 0, self.additions.get(dtype, 0)) + self.products.get(dtype, 0)
            for dtype in {*self.additions, *self.products}
        }

    def joined(self, other: "Sums") -> "Sums":
        """Take the larger of the sums of two ways to the same matrix."""
        return Sums(
            np.maximum(self.size, other.size),
            np.maximum(self.paths, other.paths),
            Counter(self.additions) | Counter(other.additions),
            Counter(self.products) | Counter(other.products),
            max(self.backwards, other.backwards),
            self.integral and other.integral,
            max(self.dtype, other.dtype, key=roundoff),
        )

    @property
    def T(self) -> "Sums":
        """The sums behind the transposed matrix."""
        return replace(self, size=self.size.T, paths=self.paths.T)

    @property
    def either_way(self) -> "Sums":
        """The same where it may be computed backwards, in steps that are not known: all in the shortest dtype."""
        return replace(self, additions={self.dtype: self.backwards}, products={self.dtype: sum(self.products.values())})


def sums_of(function: Function) -> Sums:
    """Find the sums that a linear function computes.

    Raises:
        UnderivableError: naming the step that is not linear or not known.
    """
    jaxpr = jax.make_jaxpr(function)(*function.primals)
    size, paths = _Walk(jnp.abs), _Walk(lambda c: c != 0)
    outputs = function.outputs
    number = jax.ShapeDtypeStruct((1,), outputs.dtype)
    both = Layout(("",) * (2 * len(outputs.like) + 1), (*outputs.like, *outputs.like, number))

    def walked(x: Leaves) -> Leaves:
        sizes, counts = size.run(jaxpr, x), paths.run(jaxpr, x)
        return (*sizes, *counts, size.integral().reshape(1))

    found = np.abs(columns(walked, function.inputs, both)).astype(np.float64)
    m = outputs.size
    dtypes = {*size.additions, *size.products, *(leaf.dtype for leaf in (*function.inputs.like, *outputs.like))}
    integral, coarsest = bool(found[:, -1].all()), max(dtypes, key=roundoff)
    counts = size.additions, size.products, size.backwards
    return Sums(found[:, :m].T, found[:, m : 2 * m].T, *counts, integral, coarsest)


def sums_backwards(function: Function) -> Sums:
    """Find the sums that the transpose of a linear function computes, behind the entries of the function's own matrix.

    They differ from `sums_of` where a product takes another form backwards: winograd's tiles are those of the
    transposed axes there.

    Raises:
        UnderivableError: as `sums_of`.
    """

    def transposed(*y_bar: Any) -> Leaves:
        return jax.vjp(function, *function.primals)[1](y_bar)

    y_bar = tuple(jnp.zeros(leaf.shape, leaf.dtype) for leaf in function.outputs.like)
    return sums_of(Function(transposed, y_bar)).T


@dataclass
class _Walk:
    """One walk along a jaxpr: values that vary with the input, and constants, weighed where they meet them.

    Attributes:
        weigh: what stands for a constant.
        products: multiplications on a path so far, by dtype.
        additions: how much the steps of a path can add up together, by dtype.
        backwards: how much they can in either direction.
        whole: whether only integers multiply, as far as that is known.
        constants: those that multiply.
    """

    weigh: Weigh
    products: Counter[jnp.dtype] = field(default_factory=Counter)
    additions: Counter[jnp.dtype] = field(default_factory=Counter)
    backwards: int = 0
    whole: bool = True
    constants: list[Any] = field(default_factory=list)

    def run(self, closed: ClosedJaxpr, args: Sequence[Any]) -> tuple[Any, ...]:
        """Compute the results of the jaxpr for weights instead of values."""
        self.products, self.additions, self.backwards = Counter(), Counter(), 0
        self.whole, self.constants = True, []
        results, varies = self.follow(closed, args, [True] * len(args))
        pairs = zip(results, varies, strict=True)
        return tuple(result if varied else self.constant(result) for result, varied in pairs)

    def integral(self) -> Any:
        """Tell whether all constants are integers."""
        whole = [jnp.all((c == jnp.round(c)) & jnp.isfinite(c)) for c in self.constants]
        return jnp.all(jnp.asarray([self.whole, *whole]))

    def follow(self, closed: ClosedJaxpr, args: Sequence[Any], varying: Sequence[bool]) -> tuple[list, list[bool]]:
        """Run a jaxpr, and tell which of the results vary."""
        jaxpr = closed.jaxpr
        known = dict(zip(jaxpr.constvars, ((c, False) for c in closed.consts), strict=True))
        known |= dict(zip(jaxpr.invars, zip(args, varying, strict=True), strict=True))

        def read(v: Any) -> tuple[Any, bool]:
            return (v.val, False) if isinstance(v, Literal) else known[v]

        for eqn in jaxpr.eqns:
            values, varied = zip(*map(read, eqn.invars), strict=True) if eqn.invars else ((), ())
            results, varies = self.step(eqn, list(values), list(varied))
            known |= dict(zip(eqn.outvars, zip(results, varies, strict=True), strict=True))
        pairs = [read(v) for v in jaxpr.outvars]
        return [value for value, _ in pairs], [varied for _, varied in pairs]

    def step(self, eqn: Any, values: list[Any], varying: list[bool]) -> tuple[list[Any], list[bool]]:
        """Run one equation, and tell which of its results vary."""
        name, count = eqn.primitive.name, len(eqn.outvars)
        step = PRIMITIVES.get(name)
        inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
        if step is CALL and inner is not None:
            inner = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
            return self.follow(inner, values, varying)
        if name in STEPS:
            return self.follow(_opened(eqn), values, varying)
        if not any(varying):
            return _bind(eqn, values), [False] * count
        if step is None or step is CALL:
            raise UnderivableError(name)
        for dtype in {v.aval.dtype for v in eqn.outvars if jnp.issubdtype(v.aval.dtype, jnp.inexact)}:
            self.additions[dtype] += step.additions(eqn, varying)
        self.backwards += (step.backwards or step.additions)(eqn, varying)
        return step.run(self, eqn, values, varying), [True] * count

    def constant(self, c: Any) -> Any:
        """Weigh a floating constant; an index is left as it is."""
        dtype = jnp.result_type(c)
        if not jnp.issubdtype(dtype, jnp.inexact):
            return c
        self.constants.append(c)
        return jnp.asarray(self.weigh(c)).astype(dtype)


def _opened(eqn: Any) -> ClosedJaxpr:
    """Open the steps that a primitive of minicnn's takes, a product those of its form."""
    operands = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]
    with jax.disable_jit():  # which writes loops out
        return jax.make_jaxpr(lambda *values: STEPS[eqn.primitive.name](*values, **eqn.params))(*operands)


def _bind(eqn: Any, values: Sequence[Any]) -> list[Any]:
    results = eqn.primitive.bind(*values, **eqn.params)
    return list(results) if eqn.primitive.multiple_results else [results]


def _weighed(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    """Run the primitive itself, with its constants weighed."""
    return _bind(eqn, [v if varied else walk.constant(v) for v, varied in zip(values, varying, strict=True)])


def _product(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    """Do the same for a product, which is linear in one of its operands at a time."""
    if sum(varying) > 1:
        raise UnderivableError(eqn.primitive.name)
    walk.products[eqn.outvars[0].aval.dtype] += 1
    return _weighed(walk, eqn, values, varying)


def _sub(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    x, y = (v if varied else walk.constant(v) for v, varied in zip(values, varying, strict=True))
    return [x + y]


def _same(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    return values[:1]


def _div(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    if varying[1]:
        raise UnderivableError("div")
    walk.products[eqn.outvars[0].aval.dtype] += 1
    walk.whole = False
    return [values[0] / jnp.asarray(walk.weigh(values[1])).astype(jnp.result_type(values[1]))]


def _fft(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    """Let every entry read every entry along the axes, through factors of modulus 1 and ⌈log₂ N⌉ stages."""
    lengths, kind = eqn.params["fft_lengths"], jax.lax.FftType(eqn.params["fft_type"]).name
    axes, N = tuple(range(-len(lengths), 0)), math.prod(lengths)
    walk.products[eqn.outvars[0].aval.dtype] += 2 * math.ceil(math.log2(max(N, 2)))
    walk.whole = False
    total = jnp.abs(values[0]).sum(axes, keepdims=True) * (2 if kind == "IRFFT" else 1)
    total = total / walk.weigh(jnp.asarray(1.0 if kind in ("FFT", "RFFT") else N)).astype(total.dtype)
    (out,) = eqn.outvars
    return [jnp.broadcast_to(total, out.aval.shape).astype(out.aval.dtype)]


def _select(walk: _Walk, eqn: Any, values: list[Any], varying: list[bool]) -> list[Any]:
    if varying[0]:
        raise UnderivableError("select_n")
    cases = [v if varied else walk.constant(v) for v, varied in zip(values[1:], varying[1:], strict=True)]
    return [jax.lax.select_n(values[0], *cases)]


def _one(eqn: Any, varying: Sequence[bool]) -> int:
    """Count one: each number of the result comes from one number of each operand."""
    return 1


def _all(eqn: Any, varying: Sequence[bool]) -> int:
    """Count everything: a number may be the sum of a whole operand, or its cotangent that of the whole result."""
    return max(math.prod(v.aval.shape) for v in (*eqn.outvars, *eqn.invars)) + 1


def _contracted(eqn: Any, varying: Sequence[bool]) -> int:
    """Count what a matrix product sums, forwards or backwards."""
    (contracted, _), (batch, _) = eqn.params["dimension_numbers"]
    shape = eqn.invars[0].aval.shape
    summed, shared = (math.prod(shape[axis] for axis in axes) for axes in (contracted, batch))
    return max(summed, _constant_size(eqn, varying) // max(summed * shared, 1)) + 1


def _kernel(eqn: Any, varying: Sequence[bool]) -> int:
    """Count what a convolution sums, which is no more than its kernel."""
    return _constant_size(eqn, varying) + 1


def _constant_size(eqn: Any, varying: Sequence[bool]) -> int:
    sizes = [math.prod(v.aval.shape) for v in eqn.invars]
    return max(sizes) if all(varying) else sizes[varying.index(False)]


class Step(NamedTuple):
    """How a walk takes a primitive of JAX that is linear.

    Attributes:
        run: its results for weights instead of values.
        additions: how many numbers one number of the result adds up, and one more for its use.
        backwards: the same for one number of the result or of the cotangent, where that is another count.
    """

    run: Callable[[_Walk, Any, list[Any], list[bool]], list[Any]]
    additions: Callable[[Any, Sequence[bool]], int]
    backwards: Callable[[Any, Sequence[bool]], int] | None = None


CALL = Step(_weighed, _all)  # a primitive that holds a jaxpr, which is followed

# All that is known of JAX's primitives by name. What is not listed has no rounding bound.
PRIMITIVES: dict[str, Step] = {
    **dict.fromkeys(("jit", "eval_jaxpr", "custom_jvp_call", "custom_vjp_call", "remat2"), CALL),
    **dict.fromkeys(
        (
            "add", "add_any", "concatenate", "convert_element_type", "copy", "dynamic_slice", "dynamic_update_slice",
            "name", "optimization_barrier", "pad", "reshape", "rev", "slice", "split", "squeeze", "stack",
            "transpose", "unstack",
        ),
        Step(_weighed, _one),
    ),
    **dict.fromkeys(
        ("cumsum", "reduce_sum", "reduce_window_sum", "scatter-add"),
        Step(_weighed, _all),
    ),
    **dict.fromkeys(("broadcast_in_dim", "gather", "tile"), Step(_weighed, _one, _all)),
    "mul": Step(_product, _one),
    "dot_general": Step(_product, _contracted),
    "conv_general_dilated": Step(_product, _kernel),
    "sub": Step(_sub, _one),
    "neg": Step(_same, _one),
    "conj": Step(_same, _one),
    "div": Step(_div, _one),
    "select_n": Step(_select, _one),
    "fft": Step(_fft, _all),
}  # fmt: skip
# Names that earlier releases of JAX have for some of them.
FORMERLY = {
    "pjit": "jit",
    "closed_call": "eval_jaxpr",
    "core_call": "eval_jaxpr",
    "checkpoint": "remat2",
    "remat": "remat2",
    "copy_p": "copy",
}
PRIMITIVES |= {old: PRIMITIVES[name] for old, name in FORMERLY.items()}


def input_roundoff(function: Function) -> tuple[str, float]:
    """Find how the products of a function round their factors on this backend: a name and a unit roundoff, or nothing.

    GPUs may round the factors of a float32 product to TF32, TPUs to bfloat16, unless a precision forbids it.
    """
    narrow = {"gpu": ("TF32", 2.0**-11), "tpu": ("bfloat16", 2.0**-8)}.get(jax.default_backend())
    jaxpr = jax.make_jaxpr(function)(*function.primals)
    asked = [str(precision) for precision in _precisions(jaxpr.jaxpr)]
    if any("BF16" in p for p in asked):
        return "bfloat16", 2.0**-8
    if any("TF32" in p for p in asked):
        return "TF32", 2.0**-11
    if narrow and any("HIGHEST" not in p for p in asked):
        return narrow
    return "", 0.0


def _precisions(jaxpr: Any) -> list[Any]:
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("dot_general", "conv_general_dilated"):
            found.append(eqn.params.get("precision"))
        if eqn.primitive.name in STEPS:
            found += _precisions(_opened(eqn).jaxpr)
        for inner in (eqn.params.get("jaxpr"), eqn.params.get("call_jaxpr")):
            if inner is not None:
                found += _precisions(getattr(inner, "jaxpr", inner))
    return found
