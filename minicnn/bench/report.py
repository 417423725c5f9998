"""What a benchmark says: a table for the terminal, JSON, and a picture with one panel per question."""

import json
import reprlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.bench.machine import as_json, one_line
from minicnn.bench.measure import Measurement, ratios
from minicnn.extras import require

if TYPE_CHECKING:
    from rich.table import Table

# Of a report: a measurement takes 300 bytes, and the whole benchmark has some hundreds of them.
MOST_BYTES = 2**22

_Many = Sequence[Measurement]


def table(measurements: _Many) -> "Table":
    """A table with one row per rival below its case: milliseconds, and how many times as long as ours it takes."""
    require("draw", "a table of the benchmark")
    from rich import box
    from rich.table import Table

    title = (
        "Medians in ms; ratio = rival ÷ ours, forward plus backward;\ncompilation in s, temporary and peak memory in MB"
    )
    grid = Table(title=title, caption=one_line(), box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("")
    for name in ("forward", "step", "spread", "ratio", "compile", "temp", "peak"):
        grid.add_column(name, justify="right", no_wrap=True)
    for case, several in _by_case(measurements):
        found = ratios(several)
        grid.add_row(f"[bold]{case}[/]")
        for measured in several:
            grid.add_row(f"  {measured.rival}", *_cells(measured, found.get(measured.rival)))
    return grid


def summary(measurements: _Many) -> dict[str, dict[str, float]]:
    """For every rival the geometric mean and the least of its ratios over the convolutions.

    Returns:
        {rival: {"geometric mean": …, "least": …, "cases": …}}.
    """
    found: dict[str, list[float]] = {}
    for _, several in _by_case([m for m in measurements if m.panel == "convolution"]):
        for rival, ratio in ratios(several).items():
            found.setdefault(rival, []).append(ratio)
    return {
        rival: {"geometric mean": float(np.exp(np.mean(np.log(many)))), "least": min(many), "cases": len(many)}
        for rival, many in found.items()
    }


def to_json(measurements: _Many) -> str:
    """The measurements, their summary, and what they were made with."""
    rows = [asdict(measured) for measured in measurements]
    return as_json(summary=summary(measurements), measurements=rows)


def from_json(text: str | bytes) -> list[Measurement]:
    """The measurements that `to_json` wrote.

    Raises:
        ValueError: for a text that is not such a report.
    """
    try:
        found = [Measurement(**row) for row in json.loads(text)["measurements"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a report of `minicnn bench --json`: {error}") from error
    for measured in found:
        words, time = (measured.case, measured.rival), measured.step
        if not all(isinstance(word, str) for word in words) or not isinstance(time, int | float) or not time > 0:
            raise ValueError(f"not a report of `minicnn bench --json`: it holds {reprlib.repr(measured)}")
    return found


def comparison(before: _Many, now: _Many) -> "Table":
    """A table of two runs: for what both measured, the steps' times and how many times as long the first took.

    The processor may have been slower throughout in one of them, so the ratio of the rivals stands beside ours.
    """
    require("draw", "a table of the benchmark")
    from rich import box
    from rich.table import Table

    steps = {(measured.case, measured.rival): measured.step for measured in before}
    grid = Table(title="Medians of a step in ms; ratio = before ÷ now", caption=one_line(), box=box.SIMPLE_HEAD)
    for name in ("case", "rival", "before", "now", "ratio"):
        grid.add_column(name, justify="left" if name in ("case", "rival") else "right")
    for measured in now:
        if (old := steps.get((measured.case, measured.rival))) is not None:
            ratio = f"{old / measured.step:.2f}"
            grid.add_row(measured.case, measured.rival, f"{old:.2f}", f"{measured.step:.2f}", ratio)
    return grid


def picture(measurements: _Many) -> Any:
    """A figure with one panel per question: the ratio of every rival on a logarithmic scale, ours being 1."""
    from matplotlib import pyplot as plt

    panels = list(dict.fromkeys(measured.panel for measured in measurements))
    cases = {panel: [case for case, many in _by_case(measurements) if many[0].panel == panel] for panel in panels}
    heights = [len(cases[panel]) + 0.6 for panel in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(8, 0.45 * sum(heights) + 1.5), height_ratios=heights, sharex=True, squeeze=False
    )
    marks = dict(zip(dict.fromkeys(m.rival for m in measurements), "osD^vP*X<>", strict=False))
    for ax, panel in zip(axes[:, 0], panels, strict=True):
        _panel(ax, panel, [m for m in measurements if m.panel == panel], cases[panel], marks)
    axes[-1, 0].set_xlabel("time of a step ÷ minicnn's (right of the line: minicnn is faster)")
    handles = {
        label: handle for ax in axes[:, 0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="upper center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.7 / figure.get_figheight()))
    return figure


def _panel(ax: Any, panel: str, measurements: _Many, cases: Sequence[str], marks: dict[str, str]) -> None:
    for case, several in _by_case(measurements):
        for rival, ratio in ratios(several).items():
            ax.plot(
                ratio, cases.index(case), marks[rival], label=rival, markersize=6, color=f"C{list(marks).index(rival)}"
            )
    ax.axvline(1, color="grey", linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(range(len(cases)), cases, fontsize=8)
    ax.set_ylim(len(cases) - 0.5, -0.5)
    ax.set_title(panel, loc="left", fontsize=9)
    ax.grid(axis="x", alpha=0.3)


def _cells(measured: Measurement, ratio: float | None) -> tuple[str, ...]:
    number = lambda value, digits: "–" if value is None else f"{value:.{digits}f}"
    return (
        number(measured.forward, 2),
        number(measured.step, 2),
        f"{100 * measured.spread:.0f} %",
        number(ratio, 2),
        number(measured.compile_seconds, 1),
        number(_megabytes(measured.temporary_bytes), 1),
        number(_megabytes(measured.peak_bytes), 1),
    )


def _megabytes(nbytes: int | None) -> float | None:
    return None if nbytes is None else nbytes / 1e6


def _by_case(measurements: _Many) -> list[tuple[str, list[Measurement]]]:
    return [(case, list(many)) for case, many in groupby(measurements, key=lambda measured: measured.case)]
