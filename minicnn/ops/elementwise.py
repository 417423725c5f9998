"""Operations entry by entry, and those that have no derivative."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.arguments import flag, integer
from minicnn.ops import primitives
from minicnn.ops.operands import (
    Axes,
    aligned,
    aligned_as_floating,
    as_floating,
    astype,
    axes_of,
    broadcast_together,
    check_some,
    common_shape,
    dtype_of,
    is_complex,
    of_one_shape,
    operand,
    promoted,
    shape_of,
)
from minicnn.primitive import ArrayLike, Primitive, value_of


def _elementwise(primitive: Primitive, description: str) -> Callable[[ArrayLike], Any]:
    """The function of a primitive that takes floats; integers become floats first."""

    def function(x: ArrayLike) -> Any:
        return primitive(as_floating(x))

    function.__name__ = function.__qualname__ = primitive.name
    function.__doc__ = description
    return function


def _constant(compute: Callable[..., Any], description: str) -> Callable[..., Any]:
    """A function whose derivative is zero wherever it has one: it sees the values and answers with a plain array."""

    def function(*xs: ArrayLike, **kwargs: Any) -> Any:
        return jax.lax.stop_gradient(compute(*(value_of(operand(x)) for x in xs), **kwargs))

    function.__name__ = function.__qualname__ = compute.__name__
    function.__doc__ = description
    return function


def _over_axes(compute: Callable[..., Any], description: str) -> Callable[..., Any]:
    """As `_constant`, of a function that takes all entries over some axes together."""

    def function(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Any:
        if axis is not None:
            axes = axes_of(axis, len(shape_of(x)))
            axis = axes if isinstance(axis, Sequence) else axes[0]
        return constant(x, axis=axis, keepdims=flag("keepdims", keepdims))

    constant = _constant(compute, description)
    function.__name__, function.__qualname__, function.__doc__ = constant.__name__, constant.__name__, description
    return function


def _position(compute: Callable[..., Any], description: str) -> Callable[..., Any]:
    """As `_over_axes`, of a function that takes one axis, or all of them."""

    def function(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Any:
        check_some(x, axis, compute.__name__)
        return over_axes(x, None if axis is None else integer("axis", axis), keepdims)

    over_axes = _over_axes(compute, description)
    function.__name__, function.__qualname__, function.__doc__ = over_axes.__name__, over_axes.__name__, description
    return function


exp = _elementwise(primitives.exp_p, "The exponential function, eˣ.")
expm1 = _elementwise(primitives.expm1_p, "The exponential function minus 1, eˣ − 1, exact near 0.")
log = _elementwise(primitives.log_p, "The natural logarithm.")
log1p = _elementwise(primitives.log1p_p, "The logarithm of 1 + x, exact near 0.")
sqrt = _elementwise(primitives.sqrt_p, "The square root.")
sin = _elementwise(primitives.sin_p, "The sine.")
cos = _elementwise(primitives.cos_p, "The cosine.")
tan = _elementwise(primitives.tan_p, "The tangent.")
arctan = _elementwise(primitives.arctan_p, "The inverse tangent, in (−π/2, π/2).")
sinh = _elementwise(primitives.sinh_p, "The hyperbolic sine.")
cosh = _elementwise(primitives.cosh_p, "The hyperbolic cosine.")
tanh = _elementwise(primitives.tanh_p, "The hyperbolic tangent.")
sigmoid = _elementwise(primitives.sigmoid_p, "The logistic function, 1 / (1 + e⁻ˣ).")
erf = _elementwise(primitives.erf_p, "The error function, 2/√π·∫₀ˣ e^(−t²) dt.")
erfc = _elementwise(primitives.erfc_p, "The complement of the error function, 1 − erf x.")
sign = _constant(jnp.sign, "The sign, −1, 0 or 1; its derivative is 0.")
floor = _constant(jnp.floor, "The next integer below; its derivative is 0.")
ceil = _constant(jnp.ceil, "The next integer above; its derivative is 0.")
argmax = _position(jnp.argmax, "The position of the maximum, as in `jax.numpy`: integers, which have no derivative.")
argmin = _position(jnp.argmin, "The position of the minimum, as in `jax.numpy`: integers, which have no derivative.")
isnan = _constant(jnp.isnan, "Where x is NaN: a plain array of booleans.")
isfinite = _constant(jnp.isfinite, "Where x is neither infinite nor NaN: a plain array of booleans.")
any = _over_axes(jnp.any, "Whether any entry over axes is not zero: a plain array of booleans.")
all = _over_axes(jnp.all, "Whether every entry over axes is not zero: a plain array of booleans.")
zeros_like = _constant(jnp.zeros_like, "Zeros of the shape and dtype of x.")
ones_like = _constant(jnp.ones_like, "Ones of the shape and dtype of x.")


def round(x: ArrayLike, decimals: int = 0) -> Any:
    """The nearest number with so many decimals, ties to even; its derivative is 0."""
    return jax.lax.stop_gradient(jnp.round(value_of(operand(x)), integer("decimals", decimals)))


def stop_gradient(x: ArrayLike) -> Any:
    """The value of x as a constant: no derivative goes through it, neither ours nor JAX's."""
    return jax.lax.stop_gradient(value_of(operand(x)))


def neg(x: ArrayLike) -> Any:
    """Negate x."""
    return primitives.neg_p(operand(x))


def relu(x: ArrayLike) -> Any:
    """Compute max(x, 0), whose derivative at 0 is 0."""
    return primitives.relu_p(operand(x))


def abs(x: ArrayLike) -> Any:
    """The absolute value; its derivative at 0 is 1, as in JAX."""
    return primitives.abs_p(operand(x))


def conj(x: ArrayLike) -> Any:
    """The complex conjugate."""
    return primitives.conj_p(x) if is_complex(x) else x


def real(x: ArrayLike) -> Any:
    """The real part."""
    return primitives.real_p(x) if is_complex(x) else x


def imag(x: ArrayLike) -> Any:
    """The imaginary part; zeros where x is real."""
    return primitives.imag_p(x) if is_complex(x) else zeros_like(x)


def add(x: ArrayLike, y: ArrayLike) -> Any:
    """Add: x + y, broadcast."""
    return primitives.add_p(*aligned(x, y))


def sub(x: ArrayLike, y: ArrayLike) -> Any:
    """Subtract: x − y, broadcast."""
    return primitives.sub_p(*aligned(x, y))


def mul(x: ArrayLike, y: ArrayLike) -> Any:
    """Multiply entry by entry: x·y, broadcast."""
    return primitives.mul_p(*aligned(x, y))


def div(x: ArrayLike, y: ArrayLike) -> Any:
    """Divide entry by entry: x / y, broadcast."""
    return primitives.div_p(*aligned_as_floating(x, y))


def remainder(x: ArrayLike, y: ArrayLike) -> Any:
    """Compute x − y·⌊x/y⌋, broadcast: what is left of x, with the sign of y."""
    return primitives.remainder_p(*aligned(x, y))


def floor_divide(x: ArrayLike, y: ArrayLike) -> Any:
    """The next integer below x / y, broadcast; its derivative is 0."""
    common_shape({"x": shape_of(x), "y": shape_of(y)})
    return jax.lax.stop_gradient(jnp.floor_divide(value_of(x), value_of(y)))


def divmod(x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
    """The pair of ⌊x/y⌋, which has no derivative, and the remainder."""
    return floor_divide(x, y), remainder(x, y)


negative, subtract, multiply, divide, mod = neg, sub, mul, div, remainder  # as `jax.numpy` calls them


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """Raise x to the power of y, broadcast. An int y multiplies; any other y goes through the logarithm of x."""
    if isinstance(y, int | np.integer) and not isinstance(y, bool):
        x = astype(x, jnp.result_type(int)) if dtype_of(x) == jnp.bool_ else x
        return primitives.integer_power_p(x, n=int(y))
    if jnp.issubdtype(dtype_of(x), jnp.inexact) and jnp.issubdtype(dtype_of(y), jnp.integer):
        return primitives.power_p(*of_one_shape(x, y))  # JAX knows the derivative at 0 of a whole power as such
    return primitives.power_p(*aligned(x, y))


def square(x: ArrayLike) -> Any:
    """Multiply x by itself, entry by entry."""
    return power(x, 2)


def reciprocal(x: ArrayLike) -> Any:
    """Divide 1 by x, entry by entry."""
    return div(1, as_floating(x))


def maximum(x: ArrayLike, y: ArrayLike) -> Any:
    """The larger of x and y, broadcast; where they are equal the derivative is one half each."""
    return primitives.maximum_p(*aligned(x, y))


def minimum(x: ArrayLike, y: ArrayLike) -> Any:
    """The smaller of x and y, broadcast; where they are equal the derivative is one half each."""
    return primitives.minimum_p(*aligned(x, y))


def clip(x: ArrayLike, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Any:
    """Keep x between `min` and `max`; on a bound the derivative is one half.

    Raises:
        TypeError: if one of them is complex.
    """
    for name, value in {"x": x, "min": min, "max": max}.items():
        if value is not None and is_complex(value):
            raise TypeError(f"`{name}` is complex, and complex numbers have no order: clip their parts, real and imag")
    x = operand(x) if min is None else maximum(min, x)
    return x if max is None else minimum(max, x)


def arctan2(y: ArrayLike, x: ArrayLike) -> Any:
    """The angle of the point (x, y) in [−π, π], broadcast."""
    return primitives.arctan2_p(*aligned_as_floating(y, x))


def hypot(x: ArrayLike, y: ArrayLike) -> Any:
    """Compute √(x² + y²), broadcast, without overflow; its derivative at (0, 0) is that of the larger, 1 and 1 shared.

    Raises:
        TypeError: if the arrays are complex.
    """
    x, y = aligned_as_floating(x, y)
    if is_complex(x):
        raise TypeError("the length of a complex point is not defined: take the absolute values first, with abs")
    x, y = abs(x), abs(y)
    larger = maximum(x, y)
    at_origin = value_of(larger) == 0
    scale = stop_gradient(where(at_origin, 1, larger))  # a constant: it cancels, and so do its derivatives
    a, b = (div(where(at_origin, 1, z), scale) for z in (x, y))
    length = where(at_origin, larger, mul(scale, sqrt(add(square(a), square(b)))))
    # A number, broadcast by the primitive: no ∞ is computed where none is read, which checks would refuse.
    return primitives.where_p(jnp.isinf(value_of(x)) | jnp.isinf(value_of(y)), math.inf, length)


def logaddexp(x: ArrayLike, y: ArrayLike) -> Any:
    """Compute log(eˣ + eʸ), broadcast, without overflow."""
    return primitives.logaddexp_p(*aligned_as_floating(x, y))


def softplus(x: ArrayLike) -> Any:
    """Compute log(1 + eˣ), without overflow."""
    return logaddexp(x, 0)


def elu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Any:
    """Compute x where it is positive and α·(eˣ − 1) elsewhere."""
    positive = value_of(operand(x)) > 0
    return where(positive, x, mul(alpha, expm1(where(positive, 0.0, x))))


def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 0.01) -> Any:
    """Compute x where it is positive and `negative_slope`·x elsewhere; the derivative at 0 is 1."""
    return where(value_of(operand(x)) >= 0, x, mul(negative_slope, x))


def silu(x: ArrayLike) -> Any:
    """Compute x·σ(x)."""
    return mul(x, sigmoid(x))


def gelu(x: ArrayLike, approximate: bool = True) -> Any:
    """Compute x·Φ(x), with the normal distribution Φ or its usual approximation by the hyperbolic tangent."""
    x = as_floating(x)
    x = astype(x, dtype_of(x))  # no weak one, as in JAX
    if not flag("approximate", approximate):
        return mul(0.5, mul(x, erfc(mul(-math.sqrt(0.5), x))))
    inner = mul(math.sqrt(2 / math.pi), add(x, mul(0.044715, power(x, 3))))
    return mul(x, mul(0.5, add(1, tanh(inner))))


def where(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> Any:
    """Choose x where the condition holds and y elsewhere, broadcast."""
    x, y = promoted(x, y)
    shape = common_shape({"condition": shape_of(condition), "x": shape_of(x), "y": shape_of(y)})
    return primitives.where_p(*broadcast_together(shape, condition, x, y))
