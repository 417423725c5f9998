"""How the cost of each form grows with the image, the channels, the kernel and the batch, beside its law.

A law is the exponent of the largest term, in the variable that is swept: time t ∝ nᵉ. What was measured is the slope of
log t between the two largest values that could be computed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn.bench.measure import in_turn
from minicnn.extras import require
from minicnn.forms import Geometry
from minicnn.forms.memory import dense_nbytes, readable
from minicnn.forms.resolve import Convolution

if TYPE_CHECKING:
    from rich.table import Table

_LARGEST = 2 * 2**30  # bytes of a dense C that are still tried: every machine that runs the rest has as much
_ROUNDS = 3  # of every product at the least: an exponent needs its time to a tenth


@dataclass(frozen=True)
class Shape:
    """One square convolution with zero padding, of `batch` images."""

    size: int = 32
    channels: int = 4
    taps: int = 3
    batch: int = 4

    @property
    def geometry(self) -> Geometry:
        """The axes and channels of the convolution."""
        w_shape = (self.taps, self.taps, self.channels, self.channels)
        return Convolution.of(w_shape, (self.size,) * 2, padding="SAME").geometry


@dataclass(frozen=True)
class Sweep:
    """One variable that grows while the others stay.

    Attributes:
        name: of the variable.
        values: in increasing order.
        shape: from a value to the shape.
        time: for each form the exponent of its time.
        memory: for each form the exponent of what it stores besides x and y.
    """

    name: str
    values: Sequence[int]
    shape: Callable[[int], Shape]
    time: dict[str, int]
    memory: dict[str, int]


def _law(dense: int, tiles: int, diagonals: int, fourier: int) -> dict[str, int]:
    return {"dense": dense, "tiles": tiles, "diagonals": diagonals, "fourier": fourier}


SWEEPS = (
    # C has a row for every output and a column for every input pixel; the others pass over the pixels, n² of them
    Sweep("image n²", (16, 32, 64, 128, 256, 512, 1024), lambda n: Shape(size=n), _law(4, 2, 2, 2), _law(4, 2, 2, 2)),
    # every input channel is joined to every output channel, but only the numbers of the channels are moved
    Sweep("channels", (4, 8, 16, 32, 64, 128), lambda c: Shape(channels=c), _law(2, 2, 2, 2), _law(2, 1, 1, 2)),
    # C and the transform are as large for one tap as for many; tiles multiply k² and gather k of each pixel
    Sweep("kernel k²", (1, 3, 5, 9, 17, 33), lambda k: Shape(64, 1, k), _law(0, 2, 2, 0), _law(0, 1, 0, 0)),
    # a CPU takes a large batch by tiles in portions, which all use the same memory
    Sweep("batch", (4, 16, 64, 256, 1024), lambda b: Shape(batch=b), _law(1, 1, 1, 1), _law(0, 0, 1, 1)),
)


@dataclass(frozen=True)
class Point:
    """What one product takes: milliseconds, and bytes stored besides its operands and its result."""

    value: int
    milliseconds: float
    nbytes: int


@dataclass(frozen=True)
class Curve:
    """One form along one sweep; `refused` says why it ends before the last value."""

    sweep: Sweep
    form: str
    points: tuple[Point, ...]
    refused: str = ""

    def slope(self, of: Callable[[Point], float]) -> float:
        """The measured exponent between the two largest values."""
        if len(self.points) < 2 or min(of(point) for point in self.points[-2:]) <= 0:
            return float("nan")
        (small, low), (large, high) = ((point.value, of(point)) for point in self.points[-2:])
        return float(np.log(high / low) / np.log(large / small))


def measure(sweeps: Sequence[Sweep] = SWEEPS, seconds: float = 0.3) -> Iterator[Curve]:
    """Measure every form along every sweep."""
    for sweep in sweeps:
        for form in sweep.time:
            yield _curve(sweep, form, seconds)


def _curve(sweep: Sweep, name: str, seconds: float) -> Curve:
    points: list[Point] = []
    for value in sweep.values:
        shape = sweep.shape(value)
        needed = dense_nbytes(shape.geometry.out_shape, shape.geometry.in_shape, "float32")
        if name == "dense" and needed > _LARGEST:
            return Curve(sweep, name, tuple(points), f"C would be {readable(needed)}")
        points.append(Point(value, *_product(shape, name, seconds)))
    return Curve(sweep, name, tuple(points))


def _product(shape: Shape, form: str, seconds: float) -> tuple[float, int]:
    geometry = shape.geometry
    x, w = jnp.ones((shape.batch, *geometry.in_shape)), jnp.ones(geometry.w_shape)
    program = jax.jit(lambda x, w: minicnn.conv(x, w, padding="SAME", form=form)).lower(x, w).compile()
    nbytes = getattr(program.memory_analysis(), "temp_size_in_bytes", 0)
    times = in_turn({form: lambda: jax.block_until_ready(program(x, w))}, seconds, rounds=_ROUNDS)
    return float(np.median(times[form])), nbytes


def table(curves: Sequence[Curve]) -> "Table":
    """A table with one row per form and sweep: milliseconds and megabytes at each value, and both exponents."""
    require("draw", "a table of the benchmark")
    from rich.table import Table

    grid = Table(title="one product; exponents: law / measured between the two largest values")
    for name in ("swept", "form", "values", "ms", "MB", "time", "memory"):
        grid.add_column(name, justify="left" if name in ("swept", "form") else "right")
    for n, curve in enumerate(curves):
        sweep, points = curve.sweep, curve.points
        grid.add_row(
            sweep.name if n % len(sweep.time) == 0 else "",
            curve.form,
            "\n".join([*(str(point.value) for point in points), *filter(None, [curve.refused])]),
            "\n".join(f"{point.milliseconds:.2f}" for point in points),
            "\n".join(f"{point.nbytes / 1e6:.1f}" for point in points),
            f"{sweep.time[curve.form]} / {curve.slope(lambda point: point.milliseconds):.1f}",
            f"{sweep.memory[curve.form]} / {curve.slope(lambda point: point.nbytes):.1f}",
        )
        grid.add_section()
    return grid


def picture(curves: Sequence[Curve]) -> Any:
    """A figure with one column per sweep, time above memory: what was measured has marks, and the laws are dashed."""
    from matplotlib import pyplot as plt

    sweeps = list(dict.fromkeys(curve.sweep.name for curve in curves))
    figure, axes = plt.subplots(2, len(sweeps), figsize=(3.4 * len(sweeps), 6.4), layout="constrained", squeeze=False)
    for column, name in enumerate(sweeps):
        for curve, mark in zip([curve for curve in curves if curve.sweep.name == name], "osD^", strict=False):
            _draw(axes[0, column], curve, lambda point: point.milliseconds, curve.sweep.time, mark)
            _draw(axes[1, column], curve, lambda point: point.nbytes / 1e6, curve.sweep.memory, mark)
        axes[0, column].set_title(name)
        axes[1, column].set_xlabel(name.split()[-1].rstrip("²"))
    axes[0, 0].set_ylabel("one product, ms")
    axes[1, 0].set_ylabel("stored besides x and y, MB")
    axes[0, 0].legend(frameon=False)
    return figure


def _draw(ax: Any, curve: Curve, of: Callable[[Point], float], law: dict[str, int], mark: str) -> None:
    values, measured = np.array([(point.value, of(point)) for point in curve.points], float).T
    (line,) = ax.loglog(values, np.where(measured > 0, measured, np.nan), mark + "-", label=curve.form, markersize=4)
    ax.loglog(values, measured[-1] * (values / values[-1]) ** law[curve.form], "--", color=line.get_color(), alpha=0.5)
    ax.grid(alpha=0.3)
