"""Why `form="auto"` takes the form it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Unpack

import jax
import jax.numpy as jnp

from minicnn.arguments import check_channels, check_kernel_shape, check_rank, sizes
from minicnn.forms.choice import choices, choose
from minicnn.forms.cost import Cost
from minicnn.forms.cuts import Cut
from minicnn.forms.dense import Dense
from minicnn.forms.fourier import Fourier
from minicnn.forms.geometry import Geometry
from minicnn.forms.layouts import hinting, in_front, warn_of_channels_in_front
from minicnn.forms.polyphase import Polyphase
from minicnn.forms.resolve import Convolution, ConvOptions
from minicnn.forms.tiles import Tiles


@dataclass(frozen=True)
class Candidate:
    """One way to hold C, and what one product with it is predicted to take."""

    name: str
    cost: Cost


@dataclass(frozen=True)
class Explanation:
    """The candidates for one product and the choice among them.

    The forms that `auto` chooses from come first, then those that are taken by name only.

    Attributes:
        candidates: what was compared.
        choice: the name of the form that `auto` takes.
    """

    candidates: tuple[Candidate, ...]
    choice: str

    def __str__(self) -> str:
        """A table with one row per candidate, in millions, costs of multiply-adds at full speed; loops one by one."""
        rows = [("form", "multiplied", "gathered", "scattered", "loops", "cost"), *map(self._row, self.candidates)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(w) if n else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join((*lines, f"auto takes {self.choice}"))

    __repr__ = __str__

    def _row(self, candidate: Candidate) -> tuple[str, ...]:
        cost = candidate.cost
        moved = (f"{number / 1e6:.3g}" for number in (cost.multiplied, cost.gathered, cost.scattered))
        return candidate.name, *moved, str(cost.loops), f"{cost.total / 1e6:.3g}"


def explain_form(w_shape: Sequence[int], in_shape: Sequence[int], **options: Unpack[ConvOptions]) -> Explanation:
    """The forms that a convolution could take, their predicted cost, and the one that `form="auto"` takes.

    The model is a pure function of shapes; see `minicnn.forms.cost`. Nothing is allocated or measured. Fourier, all of
    C and single tiles are listed for comparison: `auto` never takes Fourier, which is less accurate, however fast.

    Args:
        w_shape: shape of the kernel, (*kernel, c_in / groups, c_out).
        in_shape: shape of the input, (*batch, *spatial, c_in).
        **options: the keyword arguments of `conv`.

    Raises:
        ValueError: as `conv`.

    >>> print(explain_form((5, 5, 1, 6), (128, 32, 32, 1)))
    form               multiplied  gathered  scattered  loops  cost
    tiles 1×4 outputs        24.1         1      0.602      2  73.1
    diagonals                 181      3.28       15.1     26   741
    fourier                   393     0.924          0      3   422
    dense                     617      4.82          0      1   761
    tiles 1×1 outputs        15.1      2.51      0.602      1   109
    auto takes tiles 1×4 outputs
    """
    w_shape, in_shape = sizes("w_shape", w_shape), sizes("in_shape", in_shape)
    try:
        geometry, images = _product(w_shape, in_shape, options)
    except ValueError:
        _check_order(w_shape, in_shape, options)
        raise
    warn_of_channels_in_front(w_shape, callers=1, name="w_shape")
    forms = (*choices(geometry), Fourier(), Dense(), Tiles(1))
    named = {name_of(form, geometry, images): form for form in forms}
    found = tuple(Candidate(name, form.cost(geometry, images)) for name, form in named.items())
    chosen = choose(geometry, images)
    return Explanation(found, name_of(chosen, geometry, images))


def _product(w_shape: tuple[int, ...], in_shape: tuple[int, ...], options: ConvOptions) -> tuple[Geometry, int]:
    """The geometry of a convolution, and its number of images."""
    rank = check_kernel_shape(w_shape, "w_shape")
    check_rank("in_shape", jax.ShapeDtypeStruct(in_shape, jnp.float32), rank)
    with hinting(partial(in_front, w_shape, in_shape[-rank - 1 :], options.get("groups", 1), "w_shape")):
        geometry = Convolution.of(w_shape, in_shape[-rank - 1 : -1], **options).geometry.unmasked
        check_channels("in_shape", in_shape[-1], geometry.c_in, f"`w_shape`={w_shape}")
    return geometry, math.prod(in_shape[: -rank - 1])


def _check_order(w_shape: tuple[int, ...], in_shape: tuple[int, ...], options: ConvOptions) -> None:
    """Say so where shapes that do not fit would fit the other way round.

    Raises:
        ValueError: if they would.
    """
    try:
        _product(in_shape, w_shape, options)
    except (TypeError, ValueError):
        return
    raise ValueError(
        f"`w_shape`={w_shape} does not fit `in_shape`={in_shape}, but would the other way round: the kernel comes first"
    ) from None


def name_of(form: object, geometry: Geometry, images: int) -> str:
    """The name of a form, and of its tiles."""
    name = type(form).__name__.lower()
    if isinstance(form, Polyphase):
        return f"{name} {name_of(form.form, form.apart(geometry), images)}"
    return f"{name} {_tiles(form.cuts(geometry, images))}" if isinstance(form, Tiles) else name


def _tiles(parts: Sequence[Cut]) -> str:
    words = {True: "inputs", False: "outputs"}
    by_inputs = [cut.y.step != cut.y.length or cut.y.spacing > 1 for cut in parts]
    sizes = [cut.x.length if inputs else cut.y.length for cut, inputs in zip(parts, by_inputs, strict=True)]
    if len(set(by_inputs)) == 1:
        return f"{'×'.join(map(str, sizes))} {words[by_inputs[0]]}"
    return " × ".join(f"{size} {words[inputs]}" for size, inputs in zip(sizes, by_inputs, strict=True))
