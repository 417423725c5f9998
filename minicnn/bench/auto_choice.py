"""Is the form that the cost model chooses the fastest? The candidates of every convolution, measured in turn."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from minicnn.bench.cases import Case
from minicnn.bench.measure import in_turn
from minicnn.extras import require
from minicnn.forms import Arithmetic, Form, Geometry, Tiles
from minicnn.forms.choice import choices, choose
from minicnn.forms.explanation import name_of
from minicnn.forms.form import Costed
from minicnn.forms.resolve import windows
from minicnn.forms.trilinear import convolve, correlate

if TYPE_CHECKING:
    from rich.table import Table

RESULTS = ("y", "x̄", "w̄")  # the products of a step
CLOSE = 1.25  # a choice that takes so many times as long as the best is still a good one: runs differ by a tenth
_SIZES = (1, 2, 3, 4, 6, 8, 16)  # outputs or inputs of the tiles that are compared, per axis
_TILES = 8  # the number of tiles that are measured: those that are predicted to be cheapest
_HOPELESS = 8  # what is predicted to cost so many times the cheapest is not measured, for no prediction errs so far
_ROUNDS = 7  # of every candidate at the least: a median of fewer follows the slow seconds of a machine


@dataclass(frozen=True)
class Choice:
    """What was chosen for one product of one case, and what was fastest.

    Attributes:
        case: name of the case.
        result: "y", "x̄" or "w̄".
        chosen: name of the form that `auto` takes.
        best: name of the fastest.
        ratio: time of the chosen one over that of the fastest.
    """

    case: str
    result: str
    chosen: str
    best: str
    ratio: float

    @property
    def close(self) -> bool:
        """Whether the choice is at most `CLOSE` times as slow as the best."""
        return self.ratio <= CLOSE


def measure(cases: Iterable[Case], seconds: float = 0.5) -> Iterator[Choice]:
    """Measure the three products of every convolution among these cases."""
    for case in cases:
        if case.operation not in ("conv", "conv_transpose") or case.mapped:
            continue
        with jax.enable_x64(case.dtype == "float64"):
            yield from (_choice(case, result, seconds) for result in RESULTS)


def geometry_of(case: Case) -> Geometry:
    """The geometry of a convolution, or of a transposed one."""
    forward = case.operation == "conv"
    in_size = case.in_size if forward else tuple(case.stride * n for n in case.in_size)
    axes = windows(case.kernel, in_size, case.stride, case.padding, case.dilation)
    if forward:
        return Geometry(axes, case.c_in, case.c_out, case.groups)
    return Geometry(axes, case.c_out, case.c_in, case.groups).T


def table(choices: Iterable[Choice]) -> "Table":
    """A table with one row per product, in which a choice that is not close is marked."""
    require("draw", "a table of the benchmark")
    from rich.table import Table

    grid = Table(title=f"the chosen form's time ÷ the fastest one's; ! above {CLOSE}")
    for name in ("case", "product", "auto takes", "fastest", "ratio", ""):
        grid.add_column(name, justify="right" if name == "ratio" else "left")
    for choice in choices:
        grid.add_row(
            choice.case, choice.result, choice.chosen, choice.best, f"{choice.ratio:.2f}", "" if choice.close else "!"
        )
    return grid


def product_geometry(case: Case, result: str) -> Geometry:
    """The geometry of one product of a convolution: that of x̄ is transposed."""
    return geometry_of(case).T if result == "x̄" else geometry_of(case)


def compiled(case: Case, result: str, forms: Iterable[Form]) -> dict[str, Callable[[], Any]]:
    """Compile one product of a convolution in each of these forms: by its name, a call that waits for the result."""
    geometry = product_geometry(case, result)
    shapes = (case.batch, *geometry.in_shape), geometry.w_shape, (case.batch, *geometry.out_shape)
    x, w, y = (jax.random.normal(jax.random.key(n), shape, case.dtype) for n, shape in enumerate(shapes))
    operation, other = (correlate, y) if result == "w̄" else (convolve, w)

    def program(form: Form) -> Callable[[], Any]:
        compute = jax.jit(lambda x, other: operation(x, other, geometry, form, Arithmetic())).lower(x, other).compile()
        return lambda: jax.block_until_ready(compute(x, other))

    return {name_of(form, geometry, case.batch): program(form) for form in forms}


def _choice(case: Case, result: str, seconds: float) -> Choice:
    geometry = product_geometry(case, result)
    chosen = name_of(choose(geometry, case.batch), geometry, case.batch)
    times = in_turn(compiled(case, result, candidates(case, geometry)), seconds, rounds=_ROUNDS)
    medians = {name: float(np.median(measured)) for name, measured in times.items()}
    best = min(medians, key=lambda name: medians[name])
    return Choice(case.name, result, chosen, best, medians[chosen] / medians[best])


def candidates(case: Case, geometry: Geometry) -> list[Costed]:
    """The choices of `auto`, and the tiles that are predicted to come close."""
    cost = lambda form: form.cost(geometry, case.batch).total
    cuts = product(((of, size) for of in ("outputs", "inputs") for size in _SIZES), repeat=case.rank)
    tiles = sorted((Tiles(sizes, words) for words, sizes in (zip(*cut, strict=True) for cut in cuts)), key=cost)
    forms = [*choices(geometry), *tiles[:_TILES]]
    return [form for form in forms if cost(form) <= _HOPELESS * min(map(cost, forms))]
