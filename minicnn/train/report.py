"""What a run says of itself: a table for the terminal, and a report with pictures for the folder."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from minicnn import draw
from minicnn.forms.memory import readable
from minicnn.identities.comparison import Comparison, count
from minicnn.nn import Activation
from minicnn.train.config import Config
from minicnn.train.runs import Run
from minicnn.train.trained import Trained
from minicnn.zoo.proof import LayerReport

_FACTS = ("layer", "C", "nnz", "density", "dense C")
_MOST_DRAWN = 128 * 2**20
_IDENTITIES = ("forward = C", "vjp = Cᵀ", "weights = Xᵀ")


def table(reports: Sequence[LayerReport]) -> Table:
    """One row per linear layer; below each error stands its rounding bound."""
    grid = Table(box=SIMPLE_HEAD, padding=0, show_edge=False, title="Every layer's matrix, checked at one test image")
    for name in (*_FACTS, *_IDENTITIES):
        grid.add_column(name.replace(" = ", "\n= "), justify="left" if name == "layer" else "right", no_wrap=True)
    for report in reports:
        grid.add_row(*_facts(report), *_errors(report, "\n"), style=None if report.ok else "bold red")
    return grid


def write_report(run: Run, reports: Sequence[LayerReport], pictures: Sequence[str], seconds: float) -> None:
    """Write `report.md`: what was trained, how well, the table and the pictures."""
    config, last = run.config, run.last_record()
    held = count(check for report in reports for check in report.checks)
    lines = [
        f"# {config.model} on {config.data}",
        "",
        f"Test accuracy **{100 * last.test_accuracy:.2f} %** after {last.epoch} epochs ({last.step} steps), "
        f"training accuracy {100 * last.train_accuracy:.2f} %. Training took {last.seconds:.1f} s, everything "
        f"{seconds:.1f} s.",
        "",
        f"{held} identities hold to rounding.",
        "",
        _row([*_FACTS, *_IDENTITIES]),
        _row(["---"] * (len(_FACTS) + len(_IDENTITIES))),
        *(_row([*_facts(report), *_errors(report, " ")]) for report in reports),
        "",
        "Each error is the largest difference between the two sides; behind ≤ is the rounding bound of the entry that "
        "comes closest to its own. The cotangents are the gradients of the loss at one test image.",
        "",
        *(f"![{name.removesuffix('.png')}]({name})\n" for name in pictures),
        "## Configuration",
        "",
        *(f"- {name}: {value}" for name, value in _settings(config)),
        "",
    ]
    run.write("report.md", "\n".join(lines))


def save_pictures(run: Run, trained: Trained) -> list[str]:
    """Write the pictures of a run, and return the names of their files.

    They are the learning curve, the confusion matrix, the misread test images, the learned filters of the first layer
    that has any, and of each layer, at the first test image, the feature maps and C beside its Cᵀ. A matrix of more
    than 128 MiB gets no picture.
    """
    import matplotlib as mpl

    mpl.use("agg")
    test, classes = trained.data.test, trained.data.classes
    said = trained.labels(test.images)
    names = [
        _save(run, "learning_curve.png", draw.training(run.records())[0]),
        _save(run, "confusion.png", draw.confusion(trained.counts(test, said), classes=classes)),
        _save(run, "misread.png", draw.misread(test.images, test.labels, said, classes=classes)),
    ]
    steps = list(trained.model.steps(trained.params, test.images[0]))
    learned = [step for step in steps if isinstance(step.params, dict) and np.ndim(step.params.get("w", 0)) in (3, 4)]
    if learned:
        names.append(_save(run, "filters.png", draw.filters(learned[0].params)))
    labels = [step.label for step in steps]
    for place, step in enumerate(steps, start=1):
        name = step.label if labels.count(step.label) == 1 else f"{place}-{step.label}"
        if isinstance(step.layer, Activation):
            continue
        if np.ndim(step.output) == 3 and np.shape(step.output)[:2] != (1, 1):
            title = f"What {step.label} makes of the first test image"
            names.append(_save(run, f"{name}-maps.png", draw.feature_maps(step.output, title=title)))
        if (A := step.map_at()).nbytes <= _MOST_DRAWN:
            names.append(_save(run, f"{name}.png", draw.pair(A, name=step.label)[0]))
    return names


def _save(run: Run, name: str, axes: Any) -> str:
    from matplotlib import pyplot as plt

    picture = BytesIO()
    axes.figure.savefig(picture, dpi=110)
    plt.close(axes.figure)
    return run.write(name, picture.getvalue()).name


def _facts(report: LayerReport) -> list[str]:
    rows, columns = report.shape
    size = f"{rows}×{columns}"
    return [report.label, size, f"{report.nnz:,}", f"{100 * report.density:.1f} %", readable(report.nbytes)]


def _errors(report: LayerReport, separator: str) -> list[str]:
    checks = {check.identity: check for check in report.checks}
    return [_error(checks[name], separator) if name in checks else "–" for name in _IDENTITIES]


def _error(check: Comparison, separator: str) -> str:
    return f"{check.error:.1e}{separator}{'≤' if check.ok else '>'} {check.bound or 0:.1e}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _settings(config: Config) -> list[tuple[str, Any]]:
    return sorted(config.to_json().items())
