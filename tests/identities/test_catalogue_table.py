"""`minicnn certify` on a layer: the table, the file and the exit status."""

import json

import pytest
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.identities import catalogue_table
from minicnn.identities.catalogue import CATALOGUE, Identity, Sides

RUN = CliRunner()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(
        catalogue_table, "CATALOGUE", {name: CATALOGUE[name] for name in ("two faces", "Toeplitz", "stretched")}
    )


def test_a_layer_given_by_options(tmp_path):
    args = ["certify", "--kernel", "2", "--input", "3x4", "--stride", "1x2", "--padding", "1", "--channels", "1x2"]
    result = RUN.invoke(app, [*args, "--flip", "--json", str(tmp_path / "found.json")])
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "3×4, 1→2 channels, kernel 2×2 flip True stride (1, 2)" in shown
    assert "does not apply" in shown
    assert "11 of 11 identities hold." in shown
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ok"] is True
    assert [item["name"] for item in found["results"]] == ["certify", "two faces", "Toeplitz", "stretched"]


def test_a_failing_identity_gives_a_non_zero_exit_status(tmp_path, monkeypatch):
    wrong = Identity("two faces", "1 = 2", lambda example: iter([Sides([1.0], [2.0])]))
    monkeypatch.setattr(catalogue_table, "CATALOGUE", {"two faces": wrong})
    result = RUN.invoke(
        app, ["certify", "--kernel", "2", "--input", "3", "--dims", "1", "--json", str(tmp_path / "a.json")]
    )
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith(" identities hold: see the table.")
    assert json.loads((tmp_path / "a.json").read_text())["ok"] is False


def test_without_a_layer_the_whole_catalogue_runs(monkeypatch):
    seen = []
    monkeypatch.setattr(catalogue_table, "answers", lambda example: iter(seen.append(example) or []))
    assert RUN.invoke(app, ["certify"]).exit_code == 0
    assert len(seen) == 10


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kernel", "three"], "`kernel`='three' must be whole numbers joined by x"),
        (["--kernel", "3", "--stride", "2x2x2"], "`stride`=2x2x2 has 3 numbers and the input 2 axes"),
        (["--kernel", "9"], "pad by 3 more or use a smaller kernel"),
        (["--kernel", "3", "--padding", "SOME"], "`padding`='SOME' is not a padding word"),
        (["--kernel", "3", "--groups", "2"], "`groups`=2 must divide"),
        (["runs/a", "--kernel", "3"], "give a RUN or --kernel, not both"),
    ],
)
def test_bad_input_is_one_line(args, message):
    result = RUN.invoke(app, ["certify", *args], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
