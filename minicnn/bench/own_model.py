"""What `minicnn.accelerate` brings for a model of one's own: before and after, in turn, in one run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn.acceleration import Listing
from minicnn.bench.machine import as_json, one_line
from minicnn.bench.measure import in_turn
from minicnn.extras import require

if TYPE_CHECKING:
    from rich.table import Table

    from minicnn.lift.models import Model


@dataclass(frozen=True)
class Measured:
    """One program before or after.

    Attributes:
        milliseconds: the median of its calls.
        spread: the middle half of the times, relative to their median.
        compile_seconds: tracing and compiling it.
        temporary_bytes: what it allocates besides arguments and results, where the compiler says so.
    """

    milliseconds: float
    spread: float
    compile_seconds: float
    temporary_bytes: int | None


@dataclass(frozen=True)
class Comparison:
    """One program of a model: as it is, and accelerated.

    Attributes:
        name: "forward", or "gradient": of the mean square of the results, in the parameters and in floating inputs.
        before: as it is.
        after: accelerated.
        listing: what was replaced by what.
    """

    name: str
    before: Measured
    after: Measured
    listing: Listing

    @property
    def ratio(self) -> float:
        """How many times as long it took before."""
        return self.before.milliseconds / self.after.milliseconds


def compare_model(model: "Model", inputs: Sequence[Any], seconds: float = 3.0) -> list[Comparison]:
    """Measure a model as it is and accelerated, forward and with its gradient.

    Args:
        model: as `minicnn.lift.models.read_model` reads it.
        inputs: what it is applied to.
        seconds: about how long to measure each program; at least 5 rounds are made.
    """
    leaves, tree = jax.tree.flatten((model.params, *inputs))
    varying = [n for n, leaf in enumerate(leaves) if _is_float(leaf)]
    arrays = [n for n, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]

    def forward(*values: Any) -> Any:
        whole = [*leaves]
        for n, value in zip(arrays, values, strict=True):
            whole[n] = value
        y = model.f(*jax.tree.unflatten(tree, whole))
        return [leaf for leaf in jax.tree.leaves(y) if hasattr(leaf, "dtype")]

    def loss(*values: Any) -> Any:
        return sum(jnp.mean(jnp.abs(y) ** 2) for y in forward(*values) if _is_float(y))

    places = [place for place, n in enumerate(arrays) if n in varying]
    operands = [leaves[n] for n in arrays]
    programs: dict[str, Callable[..., Any]] = {"forward": forward}
    if places:
        programs["gradient"] = jax.grad(loss, places)
    return [_compared(name, program, operands, seconds) for name, program in programs.items()]


def _compared(name: str, program: Callable[..., Any], operands: Sequence[Any], seconds: float) -> Comparison:
    fast = minicnn.accelerate(program)
    compiled = [_compiled(each, operands) for each in (program, fast)]
    calls = {n: _call(run, operands) for n, (run, _) in zip(("before", "after"), compiled, strict=True)}
    times = in_turn(calls, seconds).values()
    before, after = (_measured(*each, own) for each, own in zip(compiled, times, strict=True))
    return Comparison(name, before, after, fast.replaced(*operands))


def _compiled(program: Callable[..., Any], operands: Sequence[Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    compiled = jax.jit(program).lower(*operands).compile()
    return compiled, time.perf_counter() - begun


def _call(compiled: Any, operands: Sequence[Any]) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(compiled(*operands))


def _measured(compiled: Any, seconds: float, times: np.ndarray) -> Measured:
    low, median, high = np.percentile(times, (25, 50, 75))
    memory = getattr(compiled.memory_analysis(), "temp_size_in_bytes", None)
    return Measured(float(median), float((high - low) / median), seconds, memory)


def _is_float(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def table(comparisons: Sequence[Comparison]) -> "Table":
    """A table with a row for each program before and after."""
    require("draw", "a table of the benchmark")
    from rich import box
    from rich.table import Table

    title = "Medians in ms; ratio = before ÷ after;\ncompilation in s, temporary memory in MB"
    grid = Table(title=title, caption=one_line(), box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("")
    for name in ("before", "after", "ratio", "spread", "compile", "temp"):
        grid.add_column(name, justify="right", no_wrap=True)
    for one in comparisons:
        both = one.before, one.after
        grid.add_row(
            one.name,
            *(f"{each.milliseconds:.2f}" for each in both),
            f"{one.ratio:.2f}",
            " → ".join(f"{100 * each.spread:.0f} %" for each in both),
            " → ".join(f"{each.compile_seconds:.1f}" for each in both),
            " → ".join("–" if each.temporary_bytes is None else f"{each.temporary_bytes / 1e6:.1f}" for each in both),
        )
    return grid


def to_json(comparisons: Sequence[Comparison]) -> str:
    """The comparisons, and what they were made with."""
    rows = [{**asdict(one), "ratio": one.ratio} for one in comparisons]
    return as_json(comparisons=rows)
