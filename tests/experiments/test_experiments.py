"""Every experiment at its small size: its claims hold, its figures can be drawn at both widths, its rows exist."""

import json
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from experiments import __main__ as command
from experiments import errors, pages, rows
from experiments.frame import (
    WIDTHS,
    Claim,
    Experiment,
    Result,
    Table,
    at_least,
    at_most,
    claims_table,
    differs,
    equal,
    find,
    numbers_table,
    verdict,
)

ROOT = Path(__file__).parents[2]
# Their small runs take two seconds and more, mostly to compile.
SLOW = {
    *("linalg/held_lenet", "linalg/literature", "linalg/flow", "linalg/super_resolution", "linalg/deblurring"),
    *("networks/any_size", "networks/devices"),
    *("structures/refinement", "structures/upconvolution", "structures/segmentation"),
    *("lenet/comparison", "lenet/behaviour", "lenet/differences", "priors/permuted", "priors/pooled_weights"),
    *("history/neocognitron", "history/striped_cylinders", "history/then_and_now", "linalg/null_space"),
    *("history/one_algorithm", "history/simple_cells", "history/hmax", "images/visual_words", "images/blur"),
    *("pooling/invariance", "pooling/switches", "pooling/downsampling", "pooling/cardinality"),
    *("networks/cifar", "networks/stages", "networks/receptive_fields", "priors/shared_weights"),
    *("lift/denoiser", "lift/logits", "lift/masks", "lift/residual"),
    *("signals/long_multiplication", "signals/continuous", "signals/toeplitz", "signals/heat", "structures/smoothing"),
    *("images/strides", "images/borders", "images/hog", "images/transposed", "priors/distant", "history/paddle"),
    *("networks/quadrants", "networks/counting", "pooling/learned", "lenet/input_scale", "signals/fft"),
    *("signals/polynomials", "images/circulant", "images/histogram"),
}


def is_long(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.long] if name in SLOW else []


EVERY = [pytest.param(experiment, id=experiment.name, marks=is_long(experiment.name)) for experiment in find()]
ERRORS = [pytest.param(error, id=error.says, marks=is_long(error.experiment)) for error in errors.ERRORS if error.claim]

DICE = find(["signals/dice"])[0]


@cache
def small(experiment: Experiment) -> Result:
    return experiment.run("small")


@pytest.mark.parametrize("experiment", EVERY)
def test_its_claims_hold_and_it_can_be_written(experiment: Experiment, tmp_path: Path) -> None:
    result = small(experiment)
    assert not [claim for claim in result.claims if not claim.holds]
    result.write(tmp_path, dpi=30)
    facts = json.loads((tmp_path / "result.json").read_text())
    assert facts["ok"]
    assert all((tmp_path / f"{picture.name}-{size}.png").exists() for picture in result.pictures for size in WIDTHS)
    assert all((tmp_path / f"{film.name}.gif").exists() for film in result.films)


@pytest.mark.parametrize("experiment", EVERY)
def test_it_states_its_question_its_sources_and_its_rows(experiment: Experiment) -> None:
    assert experiment.question.endswith("?")
    assert "Source" in experiment.method
    assert set(experiment.rows) <= set(rows.TITLES)
    assert "run" in vars(experiment.module)
    assert experiment.sizes["full"]
    assert len({claim.what for claim in small(experiment).claims}) == len(small(experiment).claims)


def test_what_is_slow_exists() -> None:
    assert {experiment.name for experiment in find()} >= SLOW


def test_every_row_has_an_experiment_or_a_test_or_is_open() -> None:
    assert list(rows.TITLES) == list(range(1, 90))
    assert {row for row in rows.TITLES if not rows.demonstrated_by(row)} == rows.OPEN


def test_every_test_that_stands_for_a_row_exists() -> None:
    for named in rows.TESTS.values():
        for path, _, name in (test.partition("::") for test in named):
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_the_sources_is_shown_by_a_claim(error: errors.Error) -> None:
    claims = {claim.what: claim for claim in small(find([error.experiment])[0]).claims}
    assert claims[error.claim].holds


def test_claims_can_fail() -> None:
    failing = [equal("a", 1.0, 2.0, ""), equal("b", [1], [1, 2], ""), at_most("c", 2, 1, ""), at_least("d", 1, 2, "")]
    failing += [differs("e", [1, 2], [1, 2], ""), equal("f", float("nan"), 0.0, "", 1.0)]
    assert not any(claim.holds for claim in failing)
    assert equal("a", 1.0, 1.1, "", np.float64(0.2)).holds is True
    assert differs("a", [1, 2], [2, 1], "").holds


def test_square_brackets_are_printed_as_they_are() -> None:
    console = Console(width=100, record=True)
    console.print(claims_table(Result([equal("v[i]", "w[j]", "w[j]", "")]), ""))
    console.print(numbers_table(Table("", ("sum",), (("Σ v[i]",),))))
    printed = console.export_text()
    assert all(cell in printed for cell in ("v[i]", "w[j]", "Σ v[i]"))


def test_pages_have_the_question_the_verdicts_the_figures_and_what_to_try(tmp_path: Path) -> None:
    replace(small(DICE), size="usual").write(tmp_path / "runs" / DICE.name, dpi=30)
    pages.write([DICE], tmp_path / "runs", tmp_path / "pages")
    page = (tmp_path / "pages" / "signals-dice.md").read_text()
    assert page.startswith(f"# {DICE.question}")
    assert "| holds |" in page
    assert "- `--set rolls=1000000`: pairs of dice that are thrown." in page
    assert (tmp_path / "pages" / "signals-dice-dice.png").exists()
    assert "signals-dice" in (tmp_path / "pages" / "index.md").read_text()
    assert (tmp_path / "pages" / "errors.md").read_text().count("\n| ") == len(errors.ERRORS) + 2


def test_pages_show_no_small_run_and_none_of_an_older_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, runs = tmp_path / "runs" / DICE.name, list[str]()

    def run(self: Experiment, size: str = "usual") -> Result:
        runs.append(self.name)
        return Result([equal("a", 1, 1, "")])

    monkeypatch.setattr(Experiment, "run", run)
    Result([equal("a", 1, 1, "")], size="small").write(record)
    for _ in range(2):
        pages.write([DICE], tmp_path / "runs", tmp_path / "pages")
    assert runs == [DICE.name]
    os.utime(record / "result.json", (0, 0))
    pages.write([DICE], tmp_path / "runs", tmp_path / "pages")
    assert runs == [DICE.name] * 2


def test_verdicts_are_recorded_and_listed(tmp_path: Path) -> None:
    assert verdict(tmp_path) == "not run"
    for size, holds, expected in (
        ("usual", True, "holds"),
        ("small", True, "holds (small)"),
        ("usual", False, "fails"),
        ("rolls=9", False, "fails (rolls=9)"),
    ):
        Result([Claim("a", "1", "2", "nowhere", holds)], size=size).write(tmp_path / DICE.name)
        assert verdict(tmp_path / DICE.name) == expected
        for option in ("--folder", "--rows"):
            console = Console(width=200, record=True)
            console.print(rows.table(tmp_path) if option == "--rows" else command.listed(tmp_path))
            assert expected in console.export_text()


def test_a_claim_that_fails_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    given = list[dict[str, object]]()

    def broken(self: Experiment, size: str = "usual", **changed: object) -> Result:
        given.append(changed)
        return Result([Claim("a", "1", "2", "nowhere", holds=False)])

    monkeypatch.setattr(Experiment, "run", broken)
    assert run(command.app, ["--folder", str(tmp_path)]).exit_code == 0
    maybe = ["lenet/differences", "--set", "networks=maybe"]
    for refused in (["nothing"], ["signals/dice", "--set", "rols=3"], ["signals/dice", "--set", "rolls=x"], maybe):
        assert run(command.app, [*refused, "--folder", str(tmp_path)]).exit_code == 2
    assert command._value("False", bool) is False
    found = run(command.app, ["signals/dice", "--set", "rolls=9", "--folder", str(tmp_path)])
    assert found.exit_code == 1
    assert "signals/dice" in found.output
    assert "processor time" in found.output
    assert given == [{"rolls": 9}]


def test_the_command_shows_rows_and_errors(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert "Neocognitron" in run(command.app, ["--rows", "--folder", str(tmp_path)]).output
    assert "Blakemore" in run(command.app, ["--errors", "--folder", str(tmp_path)]).output
