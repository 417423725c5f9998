"""Sums of powers of float32, added in float64: no power of theirs over- or underflows there.

That is one plain sum of windows, which XLA mostly compiles sooner than scaled powers, and runs several times as fast.
JAX has float64 only where it is asked for, and not all devices have it. So these sums are primitives, which CPUs
compute in float64 whatever the rest of a program is allowed, and other devices as scaled powers.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.blocks import combine_by_library, combine_written_out, is_tiled
from minicnn.forms.fence import fence
from minicnn.forms.meshes import vary_alike
from minicnn.forms.monoids import IN_LOOP, SUM, Monoid, Parts, has_few_channels
from minicnn.forms.shaping import moved
from minicnn.forms.shifts import axes_with
from minicnn.forms.windows import reduce_windows
from minicnn.jax_internals import Primitive, ad, batching, mlir


def is_wide(dtype: jnp.dtype, power: float) -> bool:
    """Tell whether float64 has room for the powers of a dtype, each multiplied by one more number of that dtype."""
    return dtype == jnp.float32 and power <= _MOST


# Seventh powers of normal numbers are 2⁻⁸⁸² to 2⁸⁹⁶, and float64 has 2⁻¹⁰²² to 2¹⁰²⁴: their sums have room, too.
_MOST = 6


def raised(x: Array, p: float) -> Array:
    """The power of x, by products if p is a small whole number."""
    return jax.lax.integer_pow(x, int(p)) if p in _PRODUCTS else x**p


_PRODUCTS = range(1, 9)  # so high powers are at most four products


def wide_norms(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], p: float, alone: bool) -> Shaped[Array, "b *out c"]:
    """The p-norm of each window; with `alone`, where no derivative is taken, those side by side compile the sooner."""
    side_by_side = alone and all(map(is_tiled, axes))
    x_wide = jax.lax.convert_element_type(x, jnp.float64)
    if side_by_side and all(axis.kernel_size <= IN_LOOP for axis in axes):
        total = _total_of_tiles(x_wide, axes, p)
    else:
        powers = _wide_power(jax.lax.abs(x_wide), p)
        total = _total(powers if side_by_side or _is_half(p) else fence(powers), axes, side_by_side)
    return jax.lax.convert_element_type(_root(total, p, compiled_soon=side_by_side), x.dtype)


def _total_of_tiles(x: Array, axes: Sequence[Axis], p: float) -> Array:
    """Sum the powers in windows that lie side by side.

    XLA's library for plain sums compiles nothing, but has powers in float64 written to memory before it reads them. A
    loop of one's own takes 40 ms more to compile. It is faster where powers are products: with 32 channels 2×2 windows
    of 4×126² squares took 5 ms in the library, and take 0.8. Others take long enough by themselves, and so do roots
    other than square roots of few channels.
    """
    if p == 2 or (p % 1 == 0 and not has_few_channels(x)):
        return combine_written_out(raised(x, p), axes, OF_POWERS)
    return combine_by_library(_wide_power(jax.lax.abs(x), p), axes, SUM)


def _plus_size(a: Array, b: Array) -> Array:
    """The sum of the sizes of powers, of which the first is not negative: so XLA does not leave it to its library."""
    return jax.lax.add(a, jax.lax.abs(b))


def _along(parts: Parts, axes: tuple[int, ...]) -> Parts:
    return (jax.lax.reduce(parts[0], np.zeros((), parts[0].dtype)[()], _plus_size, axes),)


# Of 31 squares LLVM writes each out, and not of 34: those run 3 to 5 times as long, and compile in 150 ms, not in 80.
# Higher powers take a few operations more.
OF_POWERS = Monoid(SUM.combine, SUM.neutral, _along, idempotent=False, written_out=24)


def _total(powers: Array, axes: Sequence[Axis], side_by_side: bool) -> Array:
    """Sum each window."""
    if all(axis.stride == 1 and axis.kernel_size > _SHORT for axis in axes):
        return _axis_by_axis(powers, axes)
    return reduce_windows((powers,), axes, SUM, alone=side_by_side)[0]


# Windows of so many entries that slide by one are added in one loop. Longer ones are added axis by axis: 7×7 take 3 ms
# so, and 12 at once; 3×3 compile twice as long axis by axis.
_SHORT = 4


def _wide_power(x: Array, p: float) -> Array:
    """The power of x ≥ 0: of halves by products and a square root, else by a logarithm, faster than a power is."""
    whole, rest = divmod(p, 1)
    if rest == 0.5:
        return raised(x, whole) * jnp.sqrt(x) if whole else jnp.sqrt(x)
    return jnp.exp(p * jnp.log(x)) if rest else raised(x, p)


def _is_half(p: float) -> bool:
    """Tell whether powers are products and square roots: so cheap that a loop may repeat those of an entry."""
    return 2 * p % 1 == 0


def _root(x: Array, p: float, compiled_soon: bool) -> Array:
    """The p-th root. An exponential and a logarithm take a fourth of the time of a power by 1/p."""
    if p == 2:
        return jax.lax.sqrt(x)
    return _root_by_steps(x, p) if _is_half(p) and not compiled_soon else jnp.exp(jnp.log(x) / p)


def _root_by_steps(x: Array, p: float) -> Array:
    """The p-th root, 2p whole, in a fourth of the time of exponential and logarithm, for 30 ms more to compile.

    Read as one binary number, exponent and digits are nearly the logarithm, and so its p-th part is a root to 4 %. Two
    steps of Halley's method leave 10⁻¹¹ of that, as each takes an error e to e³·(p² − 1)/12.
    """
    highest = jax.lax.bitcast_convert_type(x, jnp.uint64) >> 32
    of_one = int((1 - 1 / p) * (_BITS_OF_ONE - _ABOVE))
    root = jax.lax.div(highest.astype(jnp.uint32) * 2, jnp.uint32(2 * p)) + jnp.uint32(of_one)
    y = jax.lax.bitcast_convert_type(root.astype(jnp.uint64) << 32, jnp.float64)
    for _ in range(2):
        power = _wide_power(y, p)
        y *= ((p - 1) * power + (p + 1) * x) / ((p + 1) * power + (p - 1) * x)
    return jax.lax.select((x > 0) & (x < jnp.inf), y, x)  # 0, infinity and NaN are their own roots


_BITS_OF_ONE = 0x3FF00000  # the first 32 bits of 1.0
_ABOVE = 0.043 * 2**20  # half of what a logarithm lies above the digits at most: log₂(1 + m) − m ≤ 0.086


def _axis_by_axis(x: Array, axes: Sequence[Axis]) -> Array:
    """Sum along one axis, in memory before the next: one loop would repeat the first sums for each tap of the next."""
    for position, axis in enumerate(axes, start=1):
        one = axes_with({position: axis}, x.shape[1:-1])
        (x,) = reduce_windows((fence(x) if position > 1 else x,), one, SUM)
    return x


def wide_sum(
    rows: Shaped[Array, "b *out c"],
    columns: Shaped[Array, "b *in c"],
    y: Shaped[Array, "b *out c"],
    axes: Sequence[Axis],
    power: float,
) -> Shaped[Array, "b *in c"]:
    """Sum y·(columns·rows)^power over the windows that hold each input."""
    wide_rows, wide_columns, terms = (z.astype(jnp.float64) for z in (rows, columns, y))
    terms *= _wide_power(wide_rows, power)
    terms = terms if _is_half(power) else fence(terms)
    (total,) = reduce_windows((terms,), [axis.T for axis in axes], SUM)
    return (total * _wide_power(wide_columns, power)).astype(y.dtype)


def wide_primitive(
    name: str, wide: Callable[..., Array], usual: Callable[..., Array], size: Callable[..., tuple[int, ...]]
) -> Primitive:
    """A primitive of images that CPUs compute by `wide`, in a trace that has float64, and other devices by `usual`.

    Args:
        name: of the primitive.
        wide: a function of arrays (b, *size, c) and of hashable parameters.
        usual: the same function in the arithmetic of its operands, also where `jax.jit` is off.
        size: the spatial size of the result, from the parameters.
    """
    new, lower = Primitive(name), mlir.lower_fun(wide, multiple_results=False)

    def result(*operands: Any, **params: Any) -> Any:
        x = operands[-1]
        return x.update(shape=(x.shape[0], *size(**params), x.shape[-1]))

    def at_once(*operands: Array, **params: Any) -> Array:
        config: Any = jax.config
        return usual(*operands, **params) if config.jax_disable_jit else jax.jit(partial(new.bind, **params))(*operands)

    usually = mlir.lower_fun(usual, multiple_results=False)

    def in_float64(context: mlir.LoweringRuleContext, *operands: Any, **params: Any) -> Any:
        types: Any = context.avals_in
        if not all(isinstance(n, int) for x in types for n in x.shape):  # symbols are of another dtype than in float64
            return usually(context, *operands, **params)
        with jax.enable_x64(True):
            return lower(context, *operands, **params)

    new.def_impl(at_once)
    new.def_abstract_eval(result)
    batching.primitive_batchers[new] = partial(_batched, new)
    mlir.register_lowering(new, usually)
    mlir.register_lowering(new, in_float64, platform="cpu")
    return new


def _batched(of: Primitive, operands: tuple[Array, ...], dims: tuple[Any, ...], **params: Any) -> tuple[Array, int]:
    """Take what is mapped over as more images."""
    (count, *_) = (z.shape[dim] for z, dim in zip(operands, dims, strict=True) if dim is not None)
    full = [
        jnp.broadcast_to(z, (count, *z.shape)) if dim is None else moved(z, dim, 0)
        for z, dim in zip(operands, dims, strict=True)
    ]
    y = of.bind(*(z.reshape(count * z.shape[1], *z.shape[2:]) for z in full), **params)
    return y.reshape(count, full[0].shape[1], *y.shape[1:]), 0


def state_derivatives(of: Primitive, usual: Callable[..., Array]) -> None:
    """State the derivatives of a primitive as `wide_sum`: linear in y, and transposed rows and columns change places.

    In rows and columns, where anyone asks for it, it is differentiated as `usual` is.
    """

    def jvp(primals: tuple[Array, ...], tangents: tuple[Any, ...], **params: Any) -> tuple[Array, Any]:
        (rows, columns, _), (*others, y_dot) = primals, tangents
        if all(isinstance(dot, ad.Zero) for dot in others):
            return of.bind(*primals, **params), of.bind(*vary_alike(rows, columns, y_dot), **params)
        return jax.jvp(partial(usual, **params), primals, tuple(map(ad.instantiate_zeros, tangents)))

    def transpose(x_bar: Any, rows: Array, columns: Array, y: Any, *, axes: tuple[Axis, ...], power: float) -> Any:
        if isinstance(x_bar, ad.Zero):
            return None, None, ad.Zero(y.aval)
        back = tuple(axis.T for axis in axes)
        return None, None, of.bind(*vary_alike(columns, rows, x_bar), axes=back, power=power)

    ad.primitive_jvps[of] = jvp
    ad.primitive_transposes[of] = transpose
