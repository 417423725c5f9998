"""The constant of the cost model is judged by the times of what it would choose."""

import pytest

from minicnn.bench import find
from minicnn.bench.fitting import Measured, fit, measure
from minicnn.forms.cost import MOVING, Cost


def candidate(product: str, multiplied: float, moved: float, seconds: float) -> Measured:
    return Measured(product, f"{multiplied}", Cost(multiplied, moved, 0), seconds)


def test_the_best_value_is_that_of_the_machine_whose_times_were_made_with_it() -> None:
    speed, moving = 1e9, 8
    pairs = [(1000.0 * n, 1000.0) for n in range(1, 200, 3)]
    rivals = [(multiplied + 16_000.0, 10.0) for multiplied, _ in pairs] + [(m + 4_000.0, 10.0) for m, _ in pairs]
    measured = [
        candidate(str(n), multiplied, moved, (multiplied + moving * moved) / speed)
        for n, both in enumerate(zip(pairs * 2, rivals, strict=True))
        for multiplied, moved in both
    ]
    found = fit(measured)
    assert 4 < found.best < 16
    assert found.regret[found.best] == 1
    assert found.regret[float(MOVING)] > 1


@pytest.mark.long
def test_every_candidate_of_a_convolution_is_measured() -> None:
    case = next(case for case in find(["C1"]) if case.operation == "conv")
    measured = list(measure([case], seconds=0))
    assert len({one.product for one in measured}) == 3
    assert all(one.seconds > 0 and one.cost.total > 0 for one in measured)
    assert MOVING in fit(measured).regret
