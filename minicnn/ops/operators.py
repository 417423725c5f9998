"""The operators and methods of traced values: those of arrays, from the same functions."""

import builtins
import operator
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from minicnn.ops.elementwise import (
    abs,
    add,
    all,
    any,
    argmax,
    argmin,
    clip,
    conj,
    div,
    divmod,
    floor_divide,
    imag,
    mul,
    neg,
    power,
    real,
    remainder,
    round,
    sub,
)
from minicnn.ops.operands import astype
from minicnn.ops.positions import diagonal, sort, take, trace
from minicnn.ops.products import dot, matmul
from minicnn.ops.reductions import cumprod, cumsum, max, mean, min, prod, std, sum, var
from minicnn.ops.structure import getitem, ravel, repeat, reshape, squeeze, swapaxes, transpose
from minicnn.primitive import Traced, value_of


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: function(y, x)


def _on_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose result has no derivative: it sees the values and answers with a plain array."""
    return lambda *xs: function(*map(value_of, xs))


def _losing(conversion: str) -> Callable[..., NoReturn]:
    """What would make a number of Python, which carries no derivative."""

    def refuse(x: Traced, *args: Any) -> NoReturn:
        raise TypeError(
            f"`{conversion}` of a traced value would lose its derivative: compute with it and minicnn.ops, change its "
            "dtype with x.astype, or take x.value, which is a constant"
        )

    return refuse


def _arguments(values: tuple[Any, ...]) -> Any:
    """What a method was given one by one or as one tuple."""
    return values[0] if len(values) == 1 and isinstance(values[0], Iterable) else values


_BINARY = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "truediv": div,
    "pow": power,
    "matmul": matmul,
    "floordiv": floor_divide,
    "mod": remainder,
    "divmod": divmod,
}
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
METHODS: dict[str, Any] = {
    **{f"__{name}__": function for name, function in _BINARY.items()},
    **{f"__r{name}__": _swapped(function) for name, function in _BINARY.items()},
    **{f"__{name}__": _on_values(getattr(operator, name)) for name in _COMPARISONS},
    **{f"__{name}__": _losing(name) for name in ("int", "float", "complex", "index")},
    **{f"__{name}__": _losing(f"math.{name}") for name in ("trunc", "floor", "ceil")},
    "__bool__": _on_values(bool),
    "__pos__": lambda x: x,
    "__neg__": neg,
    "__abs__": abs,
    "__round__": lambda x, *digits: builtins.round(x.value, *digits),
    "__getitem__": getitem,
    "__len__": lambda x: len(x.value),
    "__iter__": lambda x: (x[i] for i in range(len(x.value))),
    **{
        function.__name__: function
        for function in (
            *(sum, mean, var, std, prod, cumsum, cumprod, max, min, any, all, argmax, argmin, clip, round, conj, dot),
            *(astype, ravel, squeeze, swapaxes, repeat, take, sort, diagonal, trace),
        )
    },
    "flatten": ravel,
    "reshape": lambda x, *shape: reshape(x, _arguments(shape)),
    "transpose": lambda x, *axes: transpose(x, _arguments(axes) if axes else None),
    "item": _losing("item"),
    "tolist": _losing("tolist"),
    "real": property(real),
    "imag": property(imag),
    "T": property(transpose),
    "mT": property(lambda x: swapaxes(x, -1, -2)),
    "__hash__": None,
}
