"""What a benchmark says of its measurements."""

import pytest

from minicnn.bench import report
from minicnn.bench.measure import Measurement, ratios


def test_a_scan_is_compared_with_our_scan() -> None:
    step = lambda rival, ms: Measurement("c", "convolution", rival, None, ms, 0.0, None, None)
    many = [step("minicnn", 2.0), step("minicnn in scan", 4.0), step("lax", 6.0), step("lax in scan", 40.0)]
    assert ratios(many) == {"lax": 3.0, "lax in scan": 10.0}
    assert report.summary(many)["lax"] == {"geometric mean": pytest.approx(3.0), "least": 3.0, "cases": 1}
