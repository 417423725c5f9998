"""From the arguments of a convolution to everything about it but its arrays.

Every public function that slides a kernel or a window gets its axes here, and every convolution its geometry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, cast

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

from minicnn.arguments import (
    check_kernel_shape,
    check_keywords,
    check_length,
    flag,
    integer,
    is_sequence,
    per_axis,
    sizes,
    untraced,
)
from minicnn.axis import Axis, AxisPadding, PaddingWord, Sliding
from minicnn.forms.arithmetic import Arithmetic, checked_precision
from minicnn.forms.choice import as_form
from minicnn.forms.form import Form
from minicnn.forms.geometry import Geometry, Mask, as_mask
from minicnn.forms.tables import PadAxis, check_mode

Ints = int | Sequence[int]
Padding = PaddingWord | int | Sequence[AxisPadding]
Table = np.ndarray | Array | Sequence[Sequence[int]]


class ConvOptions(TypedDict, total=False):
    """The keyword arguments of `conv`, with its defaults."""

    stride: Ints
    padding: Padding
    dilation: Ints
    stretch: Ints
    groups: int
    mask: Table | None
    padding_mode: str
    flip: bool
    form: str | Form
    precision: jax.lax.PrecisionLike
    preferred_element_type: DTypeLike | None


@dataclass(frozen=True)
class Convolution:
    """Everything about a convolution but its arrays.

    Attributes:
        geometry: of the convolution of what the padding returns.
        pads: the padding that comes before it, one axis each; none for zeros, which the relation reads by itself where
            it leaves the input.
        form: how C is held.
        arithmetic: how products are computed.
    """

    geometry: Geometry
    pads: tuple[PadAxis, ...]
    form: Form
    arithmetic: Arithmetic

    @classmethod
    def of(cls, w_shape: Sequence[int], in_size: Sequence[int], **options: Any) -> "Convolution":
        """The convolution of inputs of one spatial size.

        Args:
            w_shape: shape of the kernel, (*kernel, c_in / groups, c_out).
            in_size: spatial size of the inputs.
            **options: the keyword arguments of `conv`.

        Raises:
            ValueError: where shapes, groups, the mask or the padding do not fit, or the kernel is larger than the
                padded input.
            TypeError: for an unknown argument, or one of the wrong type.

        >>> Convolution.of((3, 1, 1), (5,), padding="SAME").geometry.axes
        (Axis(in_size=5, out_size=5, kernel_size=3, stride=1, dilation=1, stretch=1, low=1),)
        """
        options = _known(options)
        slidings = _slidings(w_shape, options)
        in_size = sizes("in_size", in_size)
        _check_fits(slidings, in_size)
        return cls._over(slidings, in_size, w_shape, options)

    @classmethod
    def onto(
        cls,
        w_shape: Sequence[int],
        out_size: Sequence[int],
        output_size: Sequence[int] | None = None,
        output_padding: Ints = 0,
        **options: Any,
    ) -> "Convolution":
        """The convolution whose outputs have one spatial size: the one that a transposed convolution transposes.

        Several input sizes may share an output size; `output_size` or `output_padding` says which of them is meant.

        Raises:
            ValueError: as `of`, and for an input size that has not these outputs; lists those that have.
        """
        options = _known(options)
        slidings = _slidings(w_shape, options)
        rank = len(slidings)
        requested = (None,) * rank if output_size is None else sizes("output_size", output_size)
        extra = per_axis("output_padding", output_padding, rank)
        check_length("output_size", requested, rank)
        rows = zip(slidings, out_size, requested, extra, strict=True)
        in_size = [sliding.in_size(size, request, more) for sliding, size, request, more in rows]
        return cls._over(slidings, in_size, w_shape, options)

    @classmethod
    def _over(
        cls, slidings: Sequence[Sliding], in_size: Sequence[int], w_shape: Sequence[int], options: dict[str, Any]
    ) -> "Convolution":
        pads = _pads(slidings, in_size, options["padding_mode"])
        axes = tuple(sliding.over(size) for sliding, size in zip(slidings, in_size, strict=True))
        if pads:
            axes = tuple(replace(axis, in_size=pad.out_size, low=0) for axis, pad in zip(axes, pads, strict=True))
        geometry = geometry_of(axes, w_shape, options["groups"], options["mask"])
        return cls(
            geometry.flipped if options["flip"] else geometry,
            pads,
            as_form(options["form"]),
            Arithmetic(options["precision"], options["preferred_element_type"]),
        )


def windows(
    kernel_size: Sequence[int],
    in_size: Sequence[int],
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
) -> tuple[Axis, ...]:
    """The axes of windows that slide over inputs of one spatial size.

    Raises:
        ValueError: where an argument has not one entry per axis, or a window is larger than the padded input.

    >>> [axis.out_size for axis in windows((2, 3), (4, 5), stride=(2, 1))]
    [2, 3]
    """
    return over(sliding(kernel_size, stride, padding, dilation), in_size)


def over(slidings: Sequence[Sliding], in_size: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of kernels that slide over inputs of one spatial size.

    Raises:
        ValueError: where the sizes and the axes differ in number, or a kernel is larger than its padded input.
    """
    _check_fits(slidings, in_size)
    return tuple(each.over(size) for each, size in zip(slidings, in_size, strict=True))


def sliding(
    kernel_size: Sequence[int],
    stride: Ints = 1,
    padding: Padding = "VALID",
    dilation: Ints = 1,
    stretch: Ints = 1,
) -> tuple[Sliding, ...]:
    """The arguments of a convolution or a pool, spread over its axes.

    Raises:
        ValueError: naming the argument that has not one entry per axis.
    """
    kernel_size = sizes("kernel_size", kernel_size)
    rank = len(kernel_size)
    if rank == 0:
        raise ValueError("a convolution needs at least one spatial axis; use a matrix product for none")
    columns = (
        kernel_size,
        per_axis("stride", stride, rank),
        _padding_per_axis(padding, rank),
        per_axis("dilation", dilation, rank),
        per_axis("stretch", stretch, rank),
    )
    return tuple(Sliding(*row) for row in zip(*columns, strict=True))


def check_groups(c_in: int, c_out: int, groups: int) -> int:
    """The number of groups, which divides the channels.

    Raises:
        ValueError: naming the channels that `groups` does not divide.
    """
    groups = integer("groups", groups, 1)
    for name, channels in (("c_in", c_in), ("c_out", c_out)):
        if channels % groups:
            raise ValueError(f"`groups`={groups} must divide {name}={channels}")
    return groups


def geometry_of(axes: tuple[Axis, ...], w_shape: Sequence[int], groups: int = 1, mask: Any = None) -> Geometry:
    """The geometry of axes and channels.

    Raises:
        ValueError: if `groups` does not divide the channels, or the mask has not one entry for each kernel.
    """
    *_, c, c_out = w_shape
    groups = check_groups(c * integer("groups", groups, 1), c_out, groups)
    return Geometry(axes, c * groups, c_out, groups, checked_mask(mask, (c, c_out)))


_DEFAULTS = ConvOptions(
    stride=1,
    padding="VALID",
    dilation=1,
    stretch=1,
    groups=1,
    mask=None,
    padding_mode="zeros",
    flip=False,
    form="auto",
    precision=None,
    preferred_element_type=None,
)


def _known(options: dict[str, Any]) -> dict[str, Any]:
    check_keywords("a convolution", options, _DEFAULTS)
    known: dict[str, Any] = {**_DEFAULTS, **options}
    return known | {"flip": flag("flip", known["flip"]), "precision": checked_precision(known["precision"])}


def _slidings(w_shape: Sequence[int], options: dict[str, Any]) -> tuple[Sliding, ...]:
    rank = check_kernel_shape(w_shape)
    return sliding(w_shape[:rank], *(options[name] for name in ("stride", "padding", "dilation", "stretch")))


def _padding_per_axis(padding: Any, rank: int) -> tuple[Any, ...]:
    if not is_sequence(padding):
        return (padding,) * rank
    check_length("padding", padding, rank)
    return tuple(cast(Sequence[AxisPadding], padding))


def _check_fits(slidings: Sequence[Sliding], in_size: Sequence[int]) -> None:
    if len(in_size) != len(slidings):
        raise ValueError(
            f"`in_size`={tuple(in_size)} has {len(in_size)} axes and the kernel {len(slidings)}: "
            "give one size per spatial axis"
        )
    for position, (each, size) in enumerate(zip(slidings, in_size, strict=True)):
        if each.kernel_size == 0:
            raise ValueError(f"the kernel has no taps on axis {position}: give it at least one")
        if each.room(size) < 0 and not (size == 0 and each.keeps_size):
            if each.extent + each.room(size) < 0:
                raise ValueError(
                    f"padding {each.widths(size)} of axis {position}, which has {size} positions, crops more than "
                    "there is: crop by less"
                )
            raise ValueError(
                f"the kernel spans {each.extent} on axis {position} and the padded input only "
                f"{each.extent + each.room(size)}: pad by {-each.room(size)} more or use a smaller kernel"
            )


def _pads(slidings: Sequence[Sliding], in_size: Sequence[int], mode: str) -> tuple[PadAxis, ...]:
    check_mode("padding_mode", mode)
    if mode == "zeros":
        return ()
    if any(each.stretch > 1 for each in slidings):
        raise ValueError(f'`padding_mode`={mode!r} has no meaning for a stretched input: use "zeros", or `minicnn.pad`')
    return tuple(PadAxis.of(size, each.widths(size), mode) for each, size in zip(slidings, in_size, strict=True))


def checked_mask(mask: Any, shape: tuple[int, ...]) -> Mask | None:
    """The mask of a kernel, or None.

    Raises:
        ValueError: if it is not a table of zeros and ones with one entry per kernel.
    """
    if mask is None:
        return None
    untraced("mask", mask)
    table = np.asarray(mask)
    if table.shape != shape:
        raise ValueError(
            f"`mask` has shape {table.shape} and the kernel's channels are {shape}: give one entry for each"
        )
    if not np.isin(table, (0, 1)).all():
        raise ValueError("`mask` must hold zeros and ones: multiply w by anything else")
    return as_mask(table)
