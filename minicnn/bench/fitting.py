"""Do the cost model's constants hold on this machine? They are fitted anew, and what they would choose is compared.

Every candidate of every product is measured. For each value of `cost.MOVING` the model then names a candidate, and its
time over that of the fastest says what the value is worth: the best value is the one whose choices take least.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import numpy as np

from minicnn.bench.auto_choice import RESULTS, candidates, compiled, product_geometry
from minicnn.bench.cases import Case
from minicnn.bench.machine import one_line
from minicnn.bench.measure import in_turn
from minicnn.extras import require
from minicnn.forms.cost import MOVING, Cost
from minicnn.forms.explanation import name_of

if TYPE_CHECKING:
    from rich.table import Table

# Values of MOVING that are compared: powers of √2 from 4 to 1,024, in which one step changes few choices.
VALUES = tuple(2 ** (n / 2) for n in range(4, 21))
_ROUNDS = 5  # of every candidate at the least


@dataclass(frozen=True)
class Measured:
    """One candidate of one product.

    Attributes:
        product: the name of the case and the product.
        form: the candidate's name.
        cost: what the model predicts.
        seconds: what a call took, the median.
    """

    product: str
    form: str
    cost: Cost
    seconds: float


@dataclass(frozen=True)
class Fit:
    """How well each value of MOVING chooses.

    Attributes:
        regret: for each value the geometric mean of the chosen form's time over the fastest one's.
        per_second: predicted cost, in multiply-adds, over the seconds of the fastest form of a product: the median.
    """

    regret: dict[float, float]
    per_second: float

    @property
    def best(self) -> float:
        """The value whose choices take least; of several, the one in their middle."""
        least = min(self.regret.values())
        equal = [value for value, regret in self.regret.items() if regret <= least * (1 + 1e-9)]
        return equal[len(equal) // 2]


def measure(cases: Iterable[Case], seconds: float = 0.5) -> Iterator[Measured]:
    """Measure every candidate of the three products of every convolution among these cases."""
    for case in cases:
        if case.operation not in ("conv", "conv_transpose") or case.mapped:
            continue
        for result in RESULTS:
            with jax.enable_x64(case.dtype == "float64"):
                geometry = product_geometry(case, result)
                forms = {name_of(form, geometry, case.batch): form for form in candidates(case, geometry)}
                times = in_turn(compiled(case, result, forms.values()), seconds, rounds=_ROUNDS)
            for name, form in forms.items():
                cost = form.cost(geometry, case.batch)
                yield Measured(f"{case.name}, {result}", name, cost, float(np.median(times[name])))


def fit(measured: Sequence[Measured]) -> Fit:
    """Compare the values of MOVING by what they would have chosen."""
    products = [[one for one in measured if one.product == name] for name in dict.fromkeys(m.product for m in measured)]
    regret = {value: _regret(products, value) for value in (*VALUES, float(MOVING))}
    fastest = [min(product, key=lambda one: one.seconds) for product in products]
    rates = [one.cost.total / one.seconds for one in fastest]
    return Fit(dict(sorted(regret.items())), float(np.median(rates)))


def _regret(products: Sequence[Sequence[Measured]], moving: float) -> float:
    total = lambda one: one.cost.total + (moving - MOVING) * (one.cost.gathered + one.cost.scattered)
    ratios = [min(product, key=total).seconds / min(one.seconds for one in product) for product in products]
    return float(np.exp(np.mean(np.log(ratios))))


def table(found: Fit) -> "Table":
    """A table with one row per value; the one in use and the best are marked."""
    require("draw", "a table of the benchmark")
    from rich.table import Table

    grid = Table(title="time of the choice ÷ that of the fastest, geometric mean", caption=one_line())
    for name in ("MOVING", "choice ÷ fastest", ""):
        grid.add_column(name, justify="left" if not name else "right")
    for value, regret in found.regret.items():
        words = [word for word, here in (("in use", value == MOVING), ("best here", value == found.best)) if here]
        grid.add_row(f"{value:.0f}", f"{regret:.3f}", ", ".join(words))
    return grid
