"""One linear map at work, output by output: everything that is drawn, computed by the library."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from minicnn.axis import Axis
from minicnn.draw import size_formulas
from minicnn.draw.tap_table import Sums, geometry_of, numbers, parts, sum_names, tap_table
from minicnn.forms import Geometry
from minicnn.forms.resolve import check_groups, sliding
from minicnn.forms.tables import PadAxis
from minicnn.functional import avg_pool, conv, conv_map, conv_transpose, max_pool
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from minicnn.maps import LinearMap


class Touch(NamedTuple):
    """One place under the window of an output: the input channel, the place on the fine grid, and the tap."""

    channel: int
    place: tuple[int, ...]
    tap: int


@dataclass(frozen=True, eq=False)
class WorkedExample:
    """A map A, an input x and a cotangent ȳ, and what comes of them.

    The fine grid of an axis has u − 1 places between neighbouring inputs; output o meets tap k at place s·o + d·k − p.

    Attributes:
        title: what it is, in one line.
        formula: how its size comes about, one line for each different axis.
        name: of the matrix, such as "C", or "C·Pad" where the padding copies the input.
        A: the map.
        f: the function whose matrix A is.
        x: its input, (*in, c).
        y_bar: the cotangent of its output, (*out, c).
        w: the kernel as it was given; None for a pool.
        number: for each entry of A's own kernel its place in `w`.

    >>> example = worked_conv((4, 4), (3, 3))
    >>> example.C.shape, example.y.shape, example.x_bars.shape
    ((4, 16), (2, 2, 1), (5, 4, 4, 1))
    """

    title: str
    formula: tuple[str, ...]
    name: str
    A: LinearMap
    f: Callable[[Any], Any]
    x: Float[Array, "*in c"]
    y_bar: Float[Array, "*out c"]
    w: Float[Array, "*kernel c co"] | None
    number: Int[np.ndarray, "*kernel c co"]

    @cached_property
    def _computed(self) -> tuple[Array, Array, Array]:
        rows = math.prod(self.A.out_shape)

        @jax.jit
        def compute(A: LinearMap, x: Array, y_bar: Array) -> tuple[Array, Array, Array]:
            y, vjp = jax.vjp(self.f, x)
            first = jnp.tri(rows + 1, rows, -1, dtype=y.dtype) * y_bar.ravel()
            (x_bars,) = jax.vmap(vjp)(first.reshape(rows + 1, *y.shape))
            return A.matrix(), y, x_bars

        return compute(self.A, self.x, self.y_bar)

    @property
    def C(self) -> Float[np.ndarray, "out in"]:
        """The matrix."""
        return np.asarray(self._computed[0])

    @property
    def y(self) -> Float[np.ndarray, "*out c"]:
        """The output, f(x)."""
        return np.asarray(self._computed[1])

    @property
    def x_bars(self) -> Float[np.ndarray, "n *in c"]:
        """The vjp of the first n cotangents, for n from none to all of them: the gradient as it accumulates."""
        return np.asarray(self._computed[2])

    @property
    def geometry(self) -> Geometry:
        """The axes and channels of the map; behind a padding that copies, those of what it returns."""
        return geometry_of(parts(self.A)[0])

    @cached_property
    def pads(self) -> tuple[PadAxis, ...]:
        """The axes of the padding that copies the input, or whose copies a transposed convolution adds; often none."""
        _, before, after = parts(self.A)
        pad = before or after
        return pad.axes if pad else ()

    @property
    def transposed(self) -> bool:
        """Whether the map is the transpose of a convolution."""
        return self.name.endswith("ᵀ")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes as the input lies on them: their places before 0 and after the last input are the padding."""
        if self.transposed or not self.pads:
            return self.geometry.axes
        return tuple(
            replace(axis, in_size=pad.in_size, low=axis.low + pad.low)
            for axis, pad in zip(self.geometry.axes, self.pads, strict=True)
        )

    @cached_property
    def _tapped(self) -> tuple[Int[np.ndarray, "out in"], Sums]:
        return tap_table(self.A, self.number)

    @property
    def table(self) -> Int[np.ndarray, "out in"]:
        """For each entry of the matrix the number of its tap, or of its sum of taps, or −1."""
        return self._tapped[0]

    @property
    def sums(self) -> Sums:
        """The taps by themselves, and where padding copies the input, their sums in entries where several meet."""
        return self._tapped[1]

    @cached_property
    def names(self) -> np.ndarray:
        """What is written into each entry: the name of its tap, or the number where there is no kernel."""
        if self.w is None:
            return np.array([[_fraction(value) for value in row] for row in self.C])
        core, _, _ = parts(self.A)
        return sum_names(core.T if self.transposed else core, self.sums)[self.table]  # pyright: ignore

    @property
    def unread(self) -> list[tuple[int, ...]]:
        """The input pixels that no output reads: zero columns of the matrix."""
        pads = (None,) * len(self.axes) if self.transposed or not self.pads else self.pads
        missed = [_unread(axis, pad) for axis, pad in zip(self.geometry.axes, pads, strict=True)]
        sizes = self.A.in_shape[:-1]
        return [pixel for pixel in np.ndindex(*sizes) if any(i in gone for i, gone in zip(pixel, missed, strict=True))]

    def window(self, n: int) -> Iterator[Touch]:
        """What lies under the window of output n, padding and gaps included.

        A transposed convolution adds the windows of every padded position that copies n.
        """
        geometry = self.geometry
        *out, d = (int(i) for i in np.unravel_index(n, self.A.out_shape))
        group = d // (geometry.c_out // geometry.groups)
        channels = [
            (group * (geometry.c_in // geometry.groups) + int(c), c) for c in np.flatnonzero(geometry.joined[:, d])
        ]
        for start in itertools.product(*self._copies(out)):
            for tap in np.ndindex(*(axis.kernel_size for axis in geometry.axes)):
                place = tuple(
                    axis.stride * o + axis.dilation * k - axis.low
                    for axis, o, k in zip(self.axes, start, tap, strict=True)
                )
                for channel, c in channels:
                    yield Touch(channel, place, int(self.number[*tap, c, d]))

    def _copies(self, out: Sequence[int]) -> list[list[int]]:
        """For each axis the outputs of the geometry that are added up in an output."""
        if not (self.transposed and self.pads):
            return [[o] for o in out]
        return [np.flatnonzero(pad.table() == o).tolist() for pad, o in zip(self.pads, out, strict=True)]


def worked_conv(
    in_size: Sequence[int],
    kernel_size: Sequence[int],
    *,
    channels: tuple[int, int] = (1, 1),
    transpose: bool = False,
    output_padding: int | tuple[int, ...] = 0,
    x: Any = None,
    w: Any = None,
    seed: int = 0,
    **options: Any,
) -> WorkedExample:
    """A convolution, or a transposed one, at an input.

    Args:
        in_size: spatial size of the input.
        kernel_size: taps per axis.
        channels: of the input and of the output.
        transpose: the convolution's Cᵀ, from what the convolution returns to what it reads.
        output_padding: of a transposed convolution.
        x: the input; small integers if None.
        w: the kernel, (*kernel, c_in / groups, c_out) of the convolution; 1, 2, 3, … if None.
        seed: of the drawn integers.
        **options: keyword arguments of `minicnn.conv`.

    Raises:
        ValueError: as `minicnn.conv` and `minicnn.conv_transpose`.
    """
    rng = np.random.default_rng(seed)
    c_in, c_out = channels[::-1] if transpose else channels
    check_groups(c_in, c_out, options.get("groups", 1))
    shape = (*kernel_size, c_in // options.get("groups", 1), c_out)
    w = np.arange(1, math.prod(shape) + 1) if w is None else np.asarray(w)
    if w.size != math.prod(shape):
        raise ValueError(f"the kernel is given {w.size} numbers and has {math.prod(shape)} taps, {_sizes(shape)}")
    w = _array(w, shape)
    slidings = sliding(kernel_size, **{key: options[key] for key in _SLIDING & set(options)})
    x = _array(rng.integers(0, 4, (*in_size, channels[0])) if x is None else x, (*in_size, channels[0]))
    if transpose:
        f = partial(conv_transpose, w=w, output_padding=output_padding, **options)
        size = jax.eval_shape(f, x).shape[:-1]
        C = conv_map(w, size, **options)
        shown = [size_formulas.in_size(*numbers) for numbers in zip(slidings, in_size, size, strict=True)]
    else:
        f = partial(conv, w=w, **options)
        C = conv_map(w, tuple(in_size), **options)
        shown = [size_formulas.out_size(*numbers) for numbers in zip(slidings, in_size, strict=True)]
    A = C.T if transpose else C
    name = "C·Pad" if parts(C)[1] else "C"
    what, extra = ("Transposed convolution", {"output padding": output_padding}) if transpose else ("Convolution", {})
    return WorkedExample(
        title=_title(what, in_size, kernel_size, options | extra, channels),
        formula=tuple(dict.fromkeys(shown)),
        name=transposed(name) if transpose else name,
        A=A,
        f=f,
        x=x,
        y_bar=_array(rng.integers(1, 4, A.out_shape), A.out_shape),
        w=w,
        number=numbers(parts(C)[0], transpose),  # pyright: ignore
    )


def worked_pool(kind: str, x: Any, window: tuple[int, ...], *, seed: int = 0, **options: Any) -> WorkedExample:
    """A pool at an input.

    Args:
        kind: "average" or "max".
        x: the input, (*spatial, c).
        window: size of the window.
        seed: of the drawn cotangent.
        **options: keyword arguments of `minicnn.avg_pool` or `minicnn.max_pool`.
    """
    x = _array(x, np.shape(x))
    A = avg_pool_map(x.shape, window, **options) if kind == "average" else max_pool_map_at(x, window, **options)
    pool = {"average": avg_pool, "max": max_pool}[kind]
    given = {key: options[key] for key in _SLIDING & set(options)}
    slidings = sliding(window, **({"stride": window} | given))
    shown = [size_formulas.out_size(*numbers) for numbers in zip(slidings, x.shape, strict=False)]
    y_bar = np.random.default_rng(seed).integers(1, 4, A.out_shape)
    number = np.arange(math.prod(window) * x.shape[-1]).reshape(*window, 1, x.shape[-1])
    return WorkedExample(
        title=_title(f"{kind.capitalize()} pooling", x.shape[:-1], window, options, (1, 1), usual=_OF_POOLS),
        formula=tuple(dict.fromkeys(shown)),
        name="P" if kind == "average" else "P(x)",
        A=A,
        f=partial(pool, window=window, **options),
        x=x,
        y_bar=_array(y_bar, A.out_shape),
        w=None,
        number=number,
    )


def transposed(name: str) -> str:
    """The name of a matrix's transpose.

    >>> transposed("C"), transposed("Cᵀ"), transposed("C·Pad"), transposed("(C·Pad)ᵀ")
    ('Cᵀ', 'C', '(C·Pad)ᵀ', 'C·Pad')
    """
    if name.endswith("ᵀ"):
        return name.removesuffix("ᵀ").removeprefix("(").removesuffix(")") if "·" in name else name.removesuffix("ᵀ")
    return f"({name})ᵀ" if "·" in name else f"{name}ᵀ"


_SLIDING = {"stride", "padding", "dilation", "stretch"}


def _unread(axis: Axis, pad: PadAxis | None) -> set[int]:
    """The inputs of an axis that no output reads, not through any of their copies either."""
    if pad is None:
        return set(axis.unread())
    return set(range(pad.in_size)) - set(np.delete(pad.table(), list(axis.unread())).tolist())


def _array(values: Any, shape: tuple[int, ...]) -> Float[Array, "..."]:
    return jnp.asarray(np.asarray(values, np.float32).reshape(shape))


def _title(
    what: str,
    in_size: Sequence[int],
    kernel: Sequence[int],
    options: dict[str, Any],
    channels: tuple[int, int],
    usual: dict[str, tuple[Any, ...]] | None = None,
) -> str:
    parts = [f"input {_sizes(in_size)}", f"{'window' if 'pooling' in what else 'kernel'} {_sizes(kernel)}"]
    parts += [f"{channels[0]} → {channels[1]} channels"] if channels != (1, 1) else []
    usual = _USUAL if usual is None else usual
    parts += [
        f"{name.replace('_', ' ')} {_option(value)}"
        for name, value in options.items()
        if not {*(value if isinstance(value, tuple) else (value,))} <= {*usual.get(name, ()), (0, 0)}
    ]
    return f"{what}: {', '.join(parts)}"


_USUAL = {
    "stride": (1,),
    "padding": (0, "VALID"),
    "dilation": (1,),
    "stretch": (1,),
    "groups": (1,),
    "flip": (False,),
    "padding_mode": ("zeros",),
    "output padding": (0,),
}
_OF_POOLS = {name: values for name, values in _USUAL.items() if name != "stride"}


def _option(value: Any) -> str:
    if isinstance(value, tuple):
        parts = [_option(part).replace("×", ":") for part in value]
        return parts[0] if len(set(parts)) == 1 and ":" not in parts[0] else "×".join(parts)
    return "yes" if value is True else f"{value}"


def _sizes(sizes: Sequence[int]) -> str:
    return "×".join(map(str, sizes))


def _fraction(value: float) -> str:
    """1/9 for 0.1111111, 1 for 1.0."""
    whole = round(1 / value) if value else 0
    return f"1/{whole}" if whole > 1 and abs(whole * value - 1) < 1e-5 else f"{value:g}"
