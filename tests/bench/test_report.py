"""What a benchmark says of its measurements."""

import pytest
from rich.console import Console

from minicnn import processor
from minicnn.bench import machine, report
from minicnn.bench.measure import Measurement, ratios


def _step(rival: str, ms: float) -> Measurement:
    return Measurement("c", "convolution", rival, None, ms, 0.0, None, None)


def test_a_scan_is_compared_with_our_scan() -> None:
    many = [_step("minicnn", 2.0), _step("minicnn in scan", 4.0), _step("lax", 6.0), _step("lax in scan", 40.0)]
    assert ratios(many) == {"lax": 3.0, "lax in scan": 10.0}
    assert report.summary(many)["lax"] == {"geometric mean": pytest.approx(3.0), "least": 3.0, "cases": 1}


def test_a_report_is_read_back_as_it_was_written() -> None:
    many = [_step("minicnn", 2.0), _step("lax", 6.0)]
    assert report.from_json(report.to_json(many)) == many


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[" * 100_000,
        "null",
        report.to_json([_step("lax", 2.0)]).replace('"step": 2.0', '"step": "2"'),
        report.to_json([_step("lax", 2.0)]).replace('"step": 2.0', '"step": 0'),
        report.to_json([_step("lax", 2.0)]).replace('"case": "c"', '"case": []'),
    ],
    ids=["nothing", "deep", "null", "a time in words", "no time at all", "a case that is no name"],
)
def test_another_file_is_not_a_report(text: str) -> None:
    with pytest.raises(ValueError, match="not a report of `minicnn bench --json`"):
        report.from_json(text)


def test_two_runs_are_compared_by_what_both_measured() -> None:
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(report.comparison([_step("minicnn", 3.0), _step("flax", 1.0)], [_step("minicnn", 2.0)]))
    assert "1.50" in shown.get() and "flax" not in shown.get()


def test_every_output_names_the_processor() -> None:
    assert processor.name() in report.to_json([])
    assert processor.name() in machine.one_line()
