"""Elementwise and structural operations, as primitives: they take arrays, JAX's tracers and our traced values alike.

Models and losses are written with these, never with `jax.numpy`, so that both JAX and `minicnn.autodiff` differentiate
them. The names and the meaning are those of `jax.numpy`; broadcasting and promotion are primitives of their own.
Traced values get their operators and array methods here, from the same functions.
"""

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from string import ascii_uppercase
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.forms import meshes
from minicnn.primitive import ArrayLike, Primitive, Traced, value_of

Axes = int | Sequence[int] | None

__all__ = [
    "abs",
    "add",
    "astype",
    "broadcast_to",
    "concatenate",
    "cos",
    "div",
    "einsum",
    "exp",
    "getitem",
    "log",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "mul",
    "neg",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "sin",
    "sqrt",
    "sub",
    "sum",
    "tanh",
    "transpose",
    "where",
]

neg_p = Primitive("neg", jnp.negative)
exp_p = Primitive("exp", jnp.exp)
log_p = Primitive("log", jnp.log)
sqrt_p = Primitive("sqrt", jnp.sqrt)
sin_p = Primitive("sin", jnp.sin)
cos_p = Primitive("cos", jnp.cos)
tanh_p = Primitive("tanh", jnp.tanh)
sigmoid_p = Primitive("sigmoid", jax.nn.sigmoid)
relu_p = Primitive("relu", jax.nn.relu)
abs_p = Primitive("abs", jnp.abs)
add_p = Primitive("add", jnp.add)
sub_p = Primitive("sub", jnp.subtract)
mul_p = Primitive("mul", jnp.multiply)
div_p = Primitive("div", jnp.divide)
power_p = Primitive("power", jnp.power)
integer_power_p = Primitive("integer_power", lambda x, n: jax.lax.integer_pow(x, n))
maximum_p = Primitive("maximum", jnp.maximum)
where_p = Primitive("where", jnp.where)
sum_p = Primitive("sum", lambda x, axes: jnp.sum(x, axes))
max_p = Primitive("max", lambda x, axes: jnp.max(x, axes))
logsumexp_p = Primitive("logsumexp", lambda x, axes: jax.nn.logsumexp(x, axes))
broadcast_p = Primitive("broadcast", jnp.broadcast_to)
astype_p = Primitive("astype", lambda x, dtype: jnp.asarray(x).astype(dtype))
reshape_p = Primitive("reshape", meshes.reshape)
transpose_p = Primitive("transpose", jnp.transpose)
slice_p = Primitive("slice", lambda x, starts, limits, strides: jax.lax.slice(x, starts, limits, strides))
gather_p = Primitive("gather", lambda x, positions: jnp.ravel(x)[positions])
concatenate_p = Primitive("concatenate", lambda *xs, axis: jnp.concatenate(xs, axis))
einsum_p = Primitive(
    "einsum", lambda x, y, spec, precision: jnp.einsum("{},{}->{}".format(*spec), x, y, precision=precision)
)


def neg(x: ArrayLike) -> Any:
    """−x."""
    return neg_p(x)


def exp(x: ArrayLike) -> Any:
    """E to the power of x."""
    return exp_p(_floating(x))


def log(x: ArrayLike) -> Any:
    """The natural logarithm."""
    return log_p(_floating(x))


def sqrt(x: ArrayLike) -> Any:
    """The square root."""
    return sqrt_p(_floating(x))


def sin(x: ArrayLike) -> Any:
    """The sine."""
    return sin_p(_floating(x))


def cos(x: ArrayLike) -> Any:
    """The cosine."""
    return cos_p(_floating(x))


def tanh(x: ArrayLike) -> Any:
    """The hyperbolic tangent."""
    return tanh_p(_floating(x))


def sigmoid(x: ArrayLike) -> Any:
    """The logistic function, 1 / (1 + e⁻ˣ)."""
    return sigmoid_p(_floating(x))


def relu(x: ArrayLike) -> Any:
    """max(x, 0); its derivative at 0 is 0."""
    return relu_p(x)


def abs(x: ArrayLike) -> Any:
    """The absolute value; its derivative at 0 is 1, as in JAX."""
    return abs_p(x)


def add(x: ArrayLike, y: ArrayLike) -> Any:
    """X + y, broadcast."""
    return add_p(*_aligned(x, y))


def sub(x: ArrayLike, y: ArrayLike) -> Any:
    """X − y, broadcast."""
    return sub_p(*_aligned(x, y))


def mul(x: ArrayLike, y: ArrayLike) -> Any:
    """X·y entry by entry, broadcast."""
    return mul_p(*_aligned(x, y))


def div(x: ArrayLike, y: ArrayLike) -> Any:
    """X / y entry by entry, broadcast."""
    return div_p(*map(_floating, _aligned(x, y)))


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """X to the power of y, broadcast. A Python int y multiplies; any other y goes through the logarithm of x."""
    if isinstance(y, int) and not isinstance(y, bool):
        return integer_power_p(x, n=y)
    return power_p(*_aligned(x, y))


def maximum(x: ArrayLike, y: ArrayLike) -> Any:
    """The larger of x and y, broadcast; where they are equal the derivative is one half each."""
    return maximum_p(*_aligned(x, y))


def where(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> Any:
    """X where the condition holds and y elsewhere, broadcast."""
    x, y = _promoted(x, y)
    shape = jnp.broadcast_shapes(_shape(condition), _shape(x), _shape(y))
    return where_p(broadcast_to(condition, shape), broadcast_to(x, shape), broadcast_to(y, shape))


def sum(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum over axes, or over all of them."""
    return _reduced(sum_p, x, axis, keepdims)


def mean(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean over axes, or over all of them."""
    count = math.prod(_shape(x)[a] for a in _axes(axis, len(_shape(x))))
    return div(sum(x, axis, keepdims), count)


def max(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """The maximum over axes; where several entries are largest they share the derivative equally."""
    return _reduced(max_p, x, axis, keepdims)


def logsumexp(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
    """Log Σ eˣ over axes, without overflow; its derivative is the softmax."""
    return _reduced(logsumexp_p, _floating(x), axis, keepdims)


def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Any:
    """X repeated along new axes and axes of size 1."""
    return x if _shape(x) == tuple(shape) else broadcast_p(x, shape=tuple(shape))


def astype(x: ArrayLike, dtype: DTypeLike) -> Any:
    """X in another dtype."""
    return x if _dtype(x) == jnp.dtype(dtype) and not _is_scalar(x) else astype_p(x, dtype=jnp.dtype(dtype))


def reshape(x: ArrayLike, shape: int | Sequence[int]) -> Any:
    """The same entries in another shape; one size may be −1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    size = math.prod(_shape(x))
    if -1 in sizes:
        known = math.prod(s for s in sizes if s != -1)
        sizes = tuple(size // (known or 1) if s == -1 else s for s in sizes)
    return x if _shape(x) == sizes else reshape_p(x, shape=sizes)


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed if none is given."""
    rank = len(_shape(x))
    order = tuple(reversed(range(rank))) if axes is None else tuple(a % rank for a in axes)
    return transpose_p(x, axes=order)


def concatenate(xs: Sequence[ArrayLike], axis: int = 0) -> Any:
    """Arrays joined along one axis."""
    return concatenate_p(*_promoted(*xs), axis=axis % len(_shape(xs[0])))


def getitem(x: ArrayLike, index: Any) -> Any:
    """x[index]: integers, slices, None and Ellipsis cut a box out; integer arrays pick entries by position."""
    index, shape = index if isinstance(index, tuple) else (index,), _shape(x)
    if any(isinstance(part, Traced) for part in index):
        raise TypeError("the index is a traced value: an index must be an integer, and integers have no derivative")
    if not all(map(_is_box, index)):
        return gather_p(x, jnp.arange(math.prod(shape)).reshape(shape)[index])
    box = tuple(_box(index, shape))
    starts, limits, strides = zip(*box, strict=True) if box else ((), (), ())
    whole = box == tuple((0, size, 1) for size in shape)
    cut = x if whole else slice_p(x, starts=starts, limits=limits, strides=strides)
    return reshape(cut, np.broadcast_to(np.int8(0), shape)[index].shape)


def einsum(spec: str, x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The product of two arrays in index notation, "ij,jk->ik".

    Raises:
        ValueError: if the specification has no arrow or repeats a letter within one array.
    """
    spec = spec.replace(" ", "")
    names, arrow, out = spec.partition("->")
    parts = (*names.split(","), out)
    if not arrow or len(parts) != 3 or any(count > 1 for part in parts for count in Counter(part).values()):
        raise ValueError(
            f'`spec`={spec!r} must name two arrays and the result, as "ij,jk->ik", each letter once in each'
        )
    (x, a), (y, b) = _without_lone(x, parts[0], parts[1] + out), _without_lone(y, parts[1], parts[0] + out)
    return einsum_p(*_promoted(x, y), spec=(a, b, out), precision=precision)


def matmul(x: ArrayLike, y: ArrayLike, *, precision: jax.lax.PrecisionLike = None) -> Any:
    """The matrix product over the last axes; leading axes of either are batch axes, broadcast."""
    rank_x, rank_y = len(_shape(x)), len(_shape(y))
    if not rank_x or not rank_y:
        raise ValueError("a matrix product needs an axis to sum over: multiply a number with mul")
    if rank_x > 2 and rank_y > 2:
        batch = jnp.broadcast_shapes(_shape(x)[:-2], _shape(y)[:-2])
        x, y = (broadcast_to(z, (*batch, *_shape(z)[-2:])) for z in (x, y))
    letters = ascii_uppercase[: len(_shape(x if rank_x > rank_y else y)[:-2])]
    row, column = "i" * (rank_x > 1), "k" * (rank_y > 1)
    left, right = (letters if rank > 2 else "" for rank in (rank_x, rank_y))
    return einsum(f"{left}{row}j,{right}j{column}->{letters}{row}{column}", x, y, precision=precision)


def _reduced(primitive: Primitive, x: ArrayLike, axis: Axes, keepdims: bool) -> Any:
    shape = _shape(x)
    axes = _axes(axis, len(shape))
    y = primitive(x, axes=axes)
    return reshape(y, [1 if a in axes else n for a, n in enumerate(shape)]) if keepdims else y


def _axes(axis: Axes, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    return tuple(a % rank for a in ((axis,) if isinstance(axis, int) else axis))


def _aligned(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    x, y = _promoted(x, y)
    shape = jnp.broadcast_shapes(_shape(x), _shape(y))
    return broadcast_to(x, shape), broadcast_to(y, shape)


def _promoted(*xs: ArrayLike) -> tuple[Any, ...]:
    dtype = jnp.result_type(*map(value_of, xs))
    return tuple(astype(x, dtype) for x in xs)


def _floating(x: ArrayLike) -> Any:
    dtype = _dtype(x)
    return x if jnp.issubdtype(dtype, jnp.inexact) else astype(x, jnp.promote_types(dtype, jnp.float32))


def _shape(x: ArrayLike) -> tuple[int, ...]:
    return np.shape(value_of(x))


def _dtype(x: ArrayLike) -> jnp.dtype:
    return jnp.result_type(value_of(x))


def _is_scalar(x: ArrayLike) -> bool:
    return isinstance(x, bool | int | float | complex)


def _without_lone(x: ArrayLike, letters: str, elsewhere: str) -> tuple[Any, str]:
    """Sum an operand over the letters that no other array has."""
    kept = "".join(letter for letter in letters if letter in elsewhere)
    lone = tuple(axis for axis, letter in enumerate(letters) if letter not in elsewhere)
    return (sum(x, lone) if lone else x), kept


def _is_box(part: Any) -> bool:
    if isinstance(part, slice):
        return part.step is None or part.step > 0
    return part is None or part is Ellipsis or (isinstance(part, int | np.integer) and not isinstance(part, bool))


def _box(index: tuple[Any, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, limit, stride) on every axis of the array."""
    parts = [part for part in index if part is not None]
    gap = next((n for n, part in enumerate(parts) if part is Ellipsis), len(parts))
    after = parts[gap + 1 :]
    whole = [slice(None)] * (len(shape) - gap - len(after))
    for axis, (part, size) in enumerate(zip(parts[:gap] + whole + after, shape, strict=True)):
        if isinstance(part, slice):
            start, limit, stride = part.indices(size)
            yield start, limit if limit > start else start, stride
        elif -size <= part < size:
            yield int(part) % size, int(part) % size + 1, 1
        else:
            raise IndexError(f"index {part} is out of bounds for axis {axis} of size {size}")


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: function(y, x)


def _on_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose result has no derivative: it sees the values and answers with a plain array."""
    return lambda *xs: function(*map(value_of, xs))


def _shape_argument(sizes: tuple[Any, ...]) -> Any:
    return sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes


def _swapaxes(x: Traced, a: int, b: int) -> Any:
    order = list(range(x.ndim))
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


_BINARY = {"add": add, "sub": sub, "mul": mul, "truediv": div, "pow": power, "matmul": matmul}
_VALUES = {name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
_VALUES |= {"bool": bool, "int": int, "float": float, "complex": complex, "index": operator.index}
_METHODS: dict[str, Any] = {
    **{f"__{name}__": function for name, function in _BINARY.items()},
    **{f"__r{name}__": _swapped(function) for name, function in _BINARY.items()},
    **{f"__{name}__": _on_values(function) for name, function in _VALUES.items()},
    "__neg__": neg,
    "__abs__": abs,
    "__getitem__": getitem,
    "__len__": lambda x: len(x.value),
    "__iter__": lambda x: (x[i] for i in range(len(x.value))),
    "sum": sum,
    "mean": mean,
    "max": max,
    "astype": astype,
    "reshape": lambda x, *shape: reshape(x, _shape_argument(shape)),
    "ravel": lambda x: reshape(x, -1),
    "flatten": lambda x: reshape(x, -1),
    "squeeze": lambda x, axis=None: reshape(x, np.broadcast_to(np.int8(0), x.shape).squeeze(axis).shape),
    "transpose": lambda x, *axes: transpose(x, _shape_argument(axes) if axes else None),
    "swapaxes": _swapaxes,
    "item": lambda x: x.value.item(),
    "T": property(transpose),
    "mT": property(lambda x: _swapaxes(x, -1, -2)),
    "__hash__": None,
}
for _name, _method in _METHODS.items():
    setattr(Traced, _name, _method)
