"""Every experiment at its small size: its claims hold, its figures can be drawn at both widths, its rows exist."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments import pages, rows
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
)

ROOT = Path(__file__).parents[2]
EVERY = find()


@pytest.mark.parametrize("experiment", EVERY, ids=lambda experiment: experiment.name)
def test_its_claims_hold_and_it_can_be_written(experiment: Experiment, tmp_path: Path) -> None:
    result = experiment.run("small")
    assert not [claim for claim in result.claims if not claim.holds]
    result.write(tmp_path)
    facts = json.loads((tmp_path / "result.json").read_text())
    assert facts["ok"]
    assert all((tmp_path / f"{picture.name}-{size}.png").exists() for picture in result.pictures for size in WIDTHS)


@pytest.mark.parametrize("experiment", EVERY, ids=lambda experiment: experiment.name)
def test_it_states_its_question_its_sources_and_its_rows(experiment: Experiment) -> None:
    assert experiment.question.endswith("?")
    assert "Source" in experiment.method
    assert set(experiment.rows) <= set(rows.TITLES)
    assert "run" in vars(experiment.module)


def test_every_test_that_stands_for_a_row_exists() -> None:
    for named in rows.TESTS.values():
        for path, _, name in (test.partition("::") for test in named):
            assert f"def {name}" in (ROOT / path).read_text()


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


def test_pages_have_the_question_the_verdicts_and_the_figures(tmp_path: Path) -> None:
    experiment = find(["signals/dice"])[0]
    pages.write([experiment], tmp_path / "runs", tmp_path / "pages")
    page = (tmp_path / "pages" / "signals-dice.md").read_text()
    assert page.startswith(f"# {experiment.question}")
    assert "| holds |" in page
    assert (tmp_path / "pages" / "signals-dice-dice.png").exists()
    assert "signals-dice" in (tmp_path / "pages" / "index.md").read_text()


def test_a_claim_that_fails_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from experiments import __main__ as command

    run = CliRunner().invoke
    assert run(command.app, ["--folder", str(tmp_path)]).exit_code == 0
    assert run(command.app, ["nothing", "--folder", str(tmp_path)]).exit_code == 2
    broken = Result([Claim("a", "1", "2", "nowhere", holds=False)])
    monkeypatch.setattr(Experiment, "run", lambda self, size="usual": broken)
    found = run(command.app, ["signals/dice", "--folder", str(tmp_path)])
    assert found.exit_code == 1
    assert "signals/dice" in found.output


def test_the_command_lists_rows() -> None:
    command = [sys.executable, "-m", "experiments", "--rows"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "the Neocognitron" in found.stdout
