"""Sums of powers, of which neither the powers nor the sums over- or underflow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.windows import SUM, Monoid, Parts, is_tiled, reduce_windows


def window_norms(x: Shaped[Array, "b *in c"], axes: Sequence[Axis], p: float, alone: bool) -> Shaped[Array, "b *out c"]:
    """The p-norm of each window: of long windows that slide by classes, if few are enough, else by scaled powers."""
    x = jnp.abs(x)
    classes = Classes.of(x.dtype, p)
    slide = all(axis.stride == 1 and axis.kernel_size > _LONG for axis in axes)
    if not slide or all(map(is_tiled, axes)) or classes.number > _MANY:
        largest, total = reduce_windows((x, jnp.ones_like(x)), axes, scaled_powers(p), alone=alone)
        return largest * total ** (1 / p)
    return _norms_by_classes(x, axes, p, classes, alone)


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

    @property
    def begins(self) -> list[float]:
        """The least number of each class but the first, which has all smaller ones too."""
        return [2.0 ** (self.least + n * self.width) for n in range(1, self.number)]

    @property
    def scales(self) -> list[float]:
        """The power of two in the middle of each class."""
        return [2.0 ** (self.least + n * self.width + self.width // 2) for n in range(self.number)]


# Windows of 14 run as fast by classes as by scaled powers and compile in half the time; of 4 and 7, a third as fast.
_LONG = 8
_MANY = 5  # so many classes are summed no slower than windows of over nine taps as scaled pairs: up to fourth powers


def _norms_by_classes(x: Array, axes: Sequence[Axis], p: float, classes: Classes, alone: bool) -> Array:
    """Sum the powers of each class by itself, side by side as channels are.

    Of every window the highest class that it holds counts, and the one below it; lower ones are beyond its digits.
    """
    begins, scales = (jnp.asarray(numbers, x.dtype)[:, None] for numbers in (classes.begins, classes.scales))
    entries, indices = x[..., None, :], jnp.arange(classes.number, dtype=jnp.int32)[:, None]
    place = (entries >= begins).sum(-2, keepdims=True, dtype=jnp.int32)
    member = (place == indices) | jnp.isnan(entries)
    powers = raised(jnp.where(member, entries / scales, 0), p)
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


def raised(x: Array, p: float) -> Array:
    """The power of x, by products if p is a small whole number."""
    return jax.lax.integer_pow(x, int(p)) if p in _PRODUCTS else x**p


_PRODUCTS = range(1, 9)  # so high powers are at most four products


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
