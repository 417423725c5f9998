"""One linear map at work, output by output: all that its figure, its animation and the terminal show of it."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from minicnn.arguments import integer
from minicnn.axis import Axis
from minicnn.draw import size_formulas
from minicnn.draw.arrays import Ruler
from minicnn.draw.tap_table import TapTable, kernel_numbers, parts, sum_names, tap_table
from minicnn.forms.resolve import check_groups, sliding
from minicnn.forms.tables import PadAxis
from minicnn.functional import avg_pool, conv, conv_map, conv_transpose, max_pool
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from minicnn.maps import ConvMap, LinearMap
from minicnn.maps.picture import LISTED

_AT_ONCE = 256  # cotangents that are multiplied at once, each as long as the output
ENTRIES = 4_000_000  # entries of the largest matrix that is made whole: 2000×2000, whose rank or figure takes 4 s
_ROUNDING = 1e-5  # of a fraction in float32, with a unit of 6e-8: what is further from 1/n is something else
PLACES = 10_000  # squares of the largest array that is drawn, 100×100, which takes 4 s: each is 3 points wide


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
    def _computed(self) -> tuple[Array, Array]:
        rows = math.prod(self.A.out_shape)

        @jax.jit
        def compute(x: Array, y_bar: Array) -> tuple[Array, Array]:
            y, vjp = jax.vjp(self.f, x)
            before = lambda n: jnp.where(jnp.arange(rows).reshape(y.shape) < n, y_bar, 0).astype(y.dtype)
            return y, jax.lax.map(lambda n: vjp(before(n))[0], jnp.arange(rows + 1), batch_size=_AT_ONCE)

        return compute(self.x, self.y_bar)

    @cached_property
    def C(self) -> Float[np.ndarray, "out in"]:
        """The matrix of the map."""
        return np.asarray(self.A.matrix())

    @property
    def y(self) -> Float[np.ndarray, "*out c"]:
        """The output f(x)."""
        return np.asarray(self._computed[0])

    @property
    def x_bars(self) -> Float[np.ndarray, "n *in c"]:
        """The vjp of the first n cotangents, for n from none to all of them: the gradient as it accumulates."""
        return np.asarray(self._computed[1])

    @cached_property
    def core(self) -> LinearMap:
        """The map whose window slides, without a padding that copies."""
        return parts(self.A)[0]

    @cached_property
    def pads(self) -> tuple[PadAxis, ...]:
        """The axes of the padding that copies the input, or whose copies a transposed convolution adds; often none."""
        _, before, after = parts(self.A)
        pad = before or after
        return pad.padded if pad else ()

    @property
    def transposed(self) -> bool:
        """Whether the map is the transpose of a convolution."""
        return self.name.endswith("ᵀ")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes as the input lies on them: their places before 0 and after the last input are the padding."""
        if self.transposed or not self.pads:
            return self.core.axes
        return tuple(
            replace(axis, in_size=pad.in_size, low=axis.low + pad.low)
            for axis, pad in zip(self.core.axes, self.pads, strict=True)
        )

    @cached_property
    def table(self) -> TapTable:
        """Which tap, or which sum of taps where padding copies the input, is in which entry of the matrix."""
        return tap_table(self.A, self.number)

    @cached_property
    def names(self) -> np.ndarray:
        """What is written into each non-zero: the name of its tap, or the number where there is no kernel."""
        if self.w is None:
            return np.array([_fraction(value) for value in self.C[self.table.rows, self.table.columns].tolist()])
        C = self.core.T if self.transposed else self.core
        return sum_names(C, self.table.sums)[self.table.numbers]  # pyright: ignore

    @property
    def unread(self) -> Int[np.ndarray, "n axes"]:
        """The input pixels that no output reads: zero columns of the matrix."""
        pads = (None,) * len(self.axes) if self.transposed or not self.pads else self.pads
        read = [_read(axis, pad) for axis, pad in zip(self.core.axes, pads, strict=True)]
        return np.argwhere(~reduce(np.logical_and.outer, read))

    def check_drawable(self) -> None:
        """Refuse what a picture of all its arrays cannot show, before any of them is computed.

        Raises:
            ValueError: for more than two spatial axes, or a matrix without entries.
            MemoryError: for what is too large, with its size and what to do.
        """
        rows, columns = self.A.shape
        if len(self.axes) > 2:
            raise ValueError(f"the input has {len(self.axes)} spatial axes: at most 2 can be drawn")
        if not rows * columns:
            raise ValueError(f"{self.name} is {rows}×{columns} and has no entries to draw")
        if rows * columns > ENTRIES:
            raise MemoryError(
                f"{self.name} is {rows}×{columns}, {rows * columns:,} entries; a picture of it with its arrays has at "
                f"most {ENTRIES:,}: use a smaller input, or draw the matrix alone with minicnn.draw.taps"
            )
        places = math.prod(Ruler.under(axis).size for axis in self.axes) * self.A.in_shape[-1]
        if places > PLACES:
            raise MemoryError(
                f"the input with its padding has {places:,} places; a picture of it has at most {PLACES:,}: use a "
                "smaller input, padding or stretch"
            )

    def window(self, n: int) -> Iterator[Touch]:
        """What lies under the window of output n, padding and gaps included.

        A transposed convolution adds the windows of every padded position that copies n.
        """
        *out, d = (int(i) for i in np.unravel_index(n, self.A.out_shape))
        group = self.number.shape[-2]  # the number of input channels that an output channel can read
        first = d // (self.number.shape[-1] * group // self.A.in_shape[-1]) * group
        joined = self.core.geometry.joined[:, d] if isinstance(self.core, ConvMap) else [True]
        for start in itertools.product(*self._copies(out)):
            for tap in np.ndindex(*(axis.kernel_size for axis in self.axes)):
                place = tuple(axis.position(o, k) for axis, o, k in zip(self.axes, start, tap, strict=True))
                for c in np.flatnonzero(joined).tolist():
                    yield Touch(first + c, place, int(self.number[*tap, c, d]))

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
    """Work out a convolution, or a transposed one, at an input.

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
    if min(channels) < 1:
        raise ValueError(f"`channels`={channels} must be at least 1 each")
    if any(np.ravel(output_padding)) and not transpose:
        raise ValueError(
            f"`output_padding`={output_padding} has a meaning only for a transposed convolution: give `transpose`, "
            "too, or leave it out"
        )
    c_in, c_out = channels[::-1] if transpose else channels
    check_groups(c_in, c_out, options.get("groups", 1))
    shape = (*kernel_size, c_in // options.get("groups", 1), c_out)
    _check_size("the input", (*in_size, channels[0]))
    _check_size("the kernel", shape)
    w = np.arange(1, math.prod(shape) + 1) if w is None else np.asarray(w)
    if w.size != math.prod(shape):
        raise ValueError(f"the kernel is given {w.size} numbers and has {math.prod(shape)} taps, {_sizes(shape)}")
    w = _array(w, shape)
    slidings = sliding(kernel_size, **{key: options[key] for key in _SLIDING & set(options)})
    if transpose:
        f = partial(conv_transpose, w=w, output_padding=output_padding, **options)
        size = jax.eval_shape(f, jax.ShapeDtypeStruct((*in_size, channels[0]), w.dtype)).shape[:-1]
        C = conv_map(w, size, **options)
        shown = [size_formulas.in_size(*numbers) for numbers in zip(slidings, in_size, size, strict=True)]
    else:
        f = partial(conv, w=w, **options)
        C = conv_map(w, tuple(in_size), **options)
        shown = [size_formulas.out_size(*numbers) for numbers in zip(slidings, in_size, strict=True)]
    A = C.T if transpose else C
    core, pad, _ = parts(C)
    _check_size("the output", A.out_shape)
    _check_size("the padded input", core.in_shape)
    rng = np.random.default_rng(integer("seed", seed, 0))
    x = rng.integers(0, 4, (*in_size, channels[0])) if x is None else x
    name = "C·Pad" if pad else "C"
    what, extra = ("Transposed convolution", {"output padding": output_padding}) if transpose else ("Convolution", {})
    return WorkedExample(
        title=_title(what, in_size, kernel_size, options | extra, channels),
        formula=tuple(dict.fromkeys(shown)),
        name=transposed(name) if transpose else name,
        A=A,
        f=f,
        x=_array(x, (*in_size, channels[0])),
        y_bar=_array(rng.integers(1, 4, A.out_shape), A.out_shape),
        w=w,
        number=kernel_numbers(core, transpose),  # pyright: ignore
    )


def worked_pool(kind: str, x: Any, window: tuple[int, ...], *, seed: int = 0, **options: Any) -> WorkedExample:
    """Work out a pool at an input.

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
    y_bar = np.random.default_rng(integer("seed", seed, 0)).integers(1, 4, A.out_shape)
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


def _check_size(what: str, shape: Sequence[int]) -> None:
    """Refuse an array of more numbers than are listed for a picture, before it is made.

    Raises:
        MemoryError: with its size.
    """
    if math.prod(shape) > LISTED:
        raise MemoryError(
            f"{what} is {_sizes(shape)}, {math.prod(shape):,} numbers; an example is explained with at most "
            f"{LISTED:,}: use smaller sizes, for which everything is the same"
        )


def _read(axis: Axis, pad: PadAxis | None) -> Bool[np.ndarray, " in"]:
    """Whether each input of an axis is read by any output, be it through one of its copies."""
    read = np.ones(axis.in_size, bool)
    read[list(axis.unread())] = False
    if pad is None:
        return read
    copied = np.zeros(pad.in_size + 1, bool)  # what the padding fills with zeros copies the last
    copied[pad.table()[read]] = True
    return copied[:-1]


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
    """A number as a fraction where it is one: 1/9 for 0.1111111, 1 for 1.0."""
    whole = round(1 / value) if value else 0
    return f"1/{whole}" if whole > 1 and abs(whole * value - 1) < _ROUNDING else f"{value:g}"
