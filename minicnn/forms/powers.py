"""Sums of powers, of which neither the powers nor the sums over- or underflow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.blocks import is_tiled
from minicnn.forms.meshes import vary_alike
from minicnn.forms.monoids import SUM, Monoid, Parts
from minicnn.forms.wide import is_wide, raised, state_derivatives, wide_norms, wide_primitive, wide_sum
from minicnn.forms.windows import reduce_windows, window_sum


def window_norms(
    x: Shaped[Array, "b *in c"], axes: tuple[Axis, ...], p: float, alone: bool
) -> Shaped[Array, "b *out c"]:
    """The p-norm of each window: in float64 where that has room for the powers, else by scaled powers."""
    if is_wide(x.dtype, p):
        return _norms_p.bind(x, axes=axes, p=p, alone=alone)
    return scaled_norms(x, axes, p, alone)


def power_sum(
    rows: Shaped[Array, "b *out c"],
    columns: Shaped[Array, "b *in c"],
    y: Shaped[Array, "b *out c"],
    axes: tuple[Axis, ...],
    power: float,
) -> Shaped[Array, "b *in c"]:
    """Sum y·(columns·rows)^power over the windows that hold each input; no product of a window's is more than 1."""
    if is_wide(y.dtype, power):
        return _sum_p.bind(*vary_alike(rows, columns, y), axes=axes, power=power)
    return sum_scaled_powers(rows, columns, y, axes, power)


def scaled_norms(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], p: float, alone: bool) -> Shaped[Array, "b *out c"]:
    """The p-norm of each window: of squares, and of long windows that overlap, by classes, else by scaled powers."""
    if p == 2:
        return _euclidean(x, axes, alone)
    x = jnp.abs(x)
    classes = Classes.of(x.dtype, p)
    if not _are_long(axes) or classes.number > _MANY:
        largest, total = reduce_windows((x, jnp.ones_like(x)), axes, scaled_powers(p), alone=alone)
        return largest * total ** (1 / p)
    return _norms_by_classes(x, axes, p, classes, alone)


def _euclidean(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], alone: bool) -> Shaped[Array, "b *out c"]:
    """The square root of the sum of squares, which are added in three classes so that none over- or underflows.

    Large and small numbers are scaled by powers of two before they are squared. The classes and their scales are those
    of Blue, A portable Fortran program to find the Euclidean norm of a vector (ACM TOMS 4(1), 1978), as in LAPACK.
    """
    info = jnp.finfo(x.dtype)
    digits, least, most = info.nmant + 1, info.minexp + 1, info.maxexp
    small, large = 2.0 ** math.ceil((least - 1) / 2), 2.0 ** math.floor((most - digits + 1) / 2)
    up, down = 2.0 ** -math.floor((least - digits) / 2), 2.0 ** -math.ceil((most + digits - 1) / 2)
    is_small, is_large = jnp.abs(x) < small, jnp.abs(x) > large

    def root(members: Array, scale: float) -> Array:
        return jnp.sqrt(window_sum(jnp.where(members, x * scale, 0) ** 2, tuple(axes), alone))

    usual, from_large = root(~(is_small | is_large), 1.0), root(is_large, down)
    without = _hypotenuse(usual, root(is_small, up) / up)
    return jnp.where(from_large == 0, without, _hypotenuse(from_large, usual * down) / down)


def _hypotenuse(a: Array, b: Array) -> Array:
    """The square root of a² + b², of which neither is squared."""
    long, short = jnp.maximum(a, b), jnp.minimum(a, b)
    return jnp.where(short == 0, long, long * jnp.sqrt(1 + (short / long) ** 2))


def sum_scaled_powers(
    rows: Shaped[Array, "b *out c"],
    columns: Shaped[Array, "b *in c"],
    y: Shaped[Array, "b *out c"],
    axes: Sequence[Axis],
    power: float,
) -> Shaped[Array, "b *in c"]:
    """Sum y·(columns·rows)^power over the windows that hold each input; no product of a window's is more than 1.

    Of long windows that overlap it is done by classes of `rows`, if few are enough, and else by scaled powers.
    """
    classes, back = Classes.beside_factors(rows.dtype, power), [axis.T for axis in axes]
    if not _are_long(axes) or power > 2:  # powers that are too high to be two factors of each entry's own
        largest, total = reduce_windows((rows, y), back, scaled_powers(power))
        return total * (largest * columns) ** power
    terms = raised(_members(rows, classes), power) * y[..., None, :]
    (sums,) = reduce_windows((terms.reshape(*rows.shape[:-1], -1),), back, SUM)
    scales = jnp.asarray([scale ** (power / 2) for scale in classes.scales], rows.dtype)[:, None]
    most = 2.0 ** ((classes.width // 2 + 2) * power / 2)
    # a larger product is of no window of the class: its sum is 0, and infinity would make a NaN of that
    halves = jnp.minimum(raised(columns, power / 2)[..., None, :] * scales, most)
    return (sums.reshape(halves.shape) * halves * halves).sum(-2)


def _are_long(axes: Sequence[Axis]) -> bool:
    """Tell whether windows of many entries overlap, or leave gaps."""
    return all(axis.kernel_size > _LONG for axis in axes) and not all(map(is_tiled, axes))


@dataclass(frozen=True)
class Classes:
    """Classes of positive numbers, as many binades each, whose powers can be added once they are scaled.

    Attributes:
        number: how many classes there are.
        least: the binary exponent at which the first begins.
        width: the number of binades in each.
    """

    number: int
    least: int
    width: int

    @classmethod
    def of(cls, dtype: jnp.dtype, p: float) -> "Classes":
        """The fewest classes of a dtype for p-th powers.

        As many of the largest as the digits count can be added, and next to the least of them all digits of what comes
        from the class below are normal numbers. An odd number of classes has ordinary numbers in the middle of one,
        where sums are near 1 and their roots are exact to the last digits.
        """
        info = jnp.finfo(dtype)
        binades = info.maxexp - info.minexp
        number = math.ceil(binades / max((binades - 2 * info.nmant) / p, 1)) // 2 * 2 + 1
        return cls(number, int(info.minexp), math.ceil(binades / number))

    @classmethod
    def beside_factors(cls, dtype: jnp.dtype, power: float) -> "Classes":
        """The fewest classes whose scaled powers take an eighth of a dtype's exponents, up or down.

        So factors have the rest: those in float32 may be as large as 2⁹⁶, and as small as 2⁻⁹⁴ without loss.
        """
        info = jnp.finfo(dtype)
        binades = info.maxexp - info.minexp
        number = math.ceil(4 * power) // 2 * 2 + 1
        return cls(number, int(info.minexp), math.ceil(binades / number))

    @property
    def begins(self) -> list[float]:
        """The least number of each class but the first, which has all smaller ones too."""
        return [2.0 ** (self.least + n * self.width) for n in range(1, self.number)]

    @property
    def scales(self) -> list[float]:
        """The power of two in the middle of each class."""
        return [2.0 ** (self.least + n * self.width + self.width // 2) for n in range(self.number)]


# Windows of 14 run twice as fast by classes as by scaled powers and compile in half the time; of 7, a third as fast.
_LONG = 8
_MANY = 5  # so many classes are summed no slower than windows of over nine taps as scaled pairs: up to fourth powers


def _norms_by_classes(x: Array, axes: Sequence[Axis], p: float, classes: Classes, alone: bool) -> Array:
    """Sum the powers of each class by itself, side by side as channels are.

    Of every window the highest class that it holds counts, and the one below it; lower ones are beyond its digits.
    """
    powers = raised(_members(x, classes), p)
    (sums,) = reduce_windows((powers.reshape(*x.shape[:-1], -1),), axes, SUM, alone=alone)
    totals = jnp.split(sums, classes.number, -1)
    root_of_step = 2.0 ** (-classes.width * p / 2)  # the power of a step between classes may be no normal number
    norm, scale = totals[0], jnp.full_like(totals[0], classes.scales[0])
    for below, total, own in zip(totals[:-1], totals[1:], classes.scales[1:], strict=True):
        held = total != 0
        carried = jnp.where(below > 1, below * root_of_step, 0) * root_of_step  # else XLA would join the two factors
        norm = jnp.where(held, total + carried, norm)
        scale = jnp.where(held, own, scale)
    return norm ** (1 / p) * scale


def _members(x: Shaped[Array, "*n c"], classes: Classes) -> Shaped[Array, "*n classes c"]:
    """The entries of each class, scaled, and 0 in the place of others; a NaN is in all classes."""
    begins, scales = (jnp.asarray(numbers, x.dtype)[:, None] for numbers in (classes.begins, classes.scales))
    entries, indices = x[..., None, :], jnp.arange(classes.number, dtype=jnp.int32)[:, None]
    place = (entries >= begins).sum(-2, keepdims=True, dtype=jnp.int32)
    return jnp.where((place == indices) | jnp.isnan(entries), entries / scales, 0)


def scaled_powers(p: float) -> Monoid:
    """Pairs (m, s) that stand for the sum of powers s·mᵖ, of which neither factor over- or underflows.

    The largest number of a window is its m, and what has a smaller one is scaled to that.
    """

    def combine(a: Parts, b: Parts) -> Parts:
        (m, s), (n, t) = a, b
        larger, smaller, swapped = jax.lax.max(m, n), jax.lax.min(m, n), m < n
        ratio = jax.lax.select(larger == smaller, jnp.ones_like(m), smaller / larger)  # 1 where both are 0 or infinite
        kept, scaled = jax.lax.select(swapped, t, s), jax.lax.select(swapped, s, t)
        return larger, kept + scaled * raised(ratio, p)

    def along(parts: Parts, axes: tuple[int, ...]) -> Parts:
        m, s = parts
        largest = m.max(axes, keepdims=True)
        ratio = jnp.where(m == largest, 1, m / largest)
        return largest.squeeze(axes), (s * raised(ratio, p)).sum(axes)

    return Monoid(combine, (0, 0), along, idempotent=False)


_norms_p = wide_primitive(
    "window_norms",
    wide_norms,
    scaled_norms,
    lambda axes, p, alone: tuple(axis.out_size for axis in axes),
)
_sum_p = wide_primitive(
    "power_sum", wide_sum, sum_scaled_powers, lambda axes, power: tuple(axis.in_size for axis in axes)
)
state_derivatives(_sum_p, sum_scaled_powers)
