"""`minicnn bench`: what it writes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_the_command_writes_a_table_json_and_a_picture(run, tmp_path: Path):
    files: list[Any] = [tmp_path / "b.json", tmp_path / "b.png"]
    options = ["--rivals", "minicnn,lax", "--seconds", "0.01", "--json", str(files[0]), "--picture", str(files[1])]
    result = run("bench", "LeNet-5 C3", *options)
    assert result.exit_code == 0, result.output
    assert {row["rival"] for row in json.loads(files[0].read_text())["measurements"]} == {"minicnn", "lax"}
    assert files[1].stat().st_size > 1000


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--rivals", "nobody"], "no nobody; there are minicnn"),
        (["--growth", "C3"], "--growth measures something else: leave out words"),
        (["--choices", "--memory"], "leave out --memory"),
        (["--choices", "--growth"], "leave out --choices"),
        (["nothing of the kind"], "names no case"),
        (["--seconds", "inf"], "`seconds`=inf must be at least 0, and finite"),
        (["--seconds", "nan"], "`seconds`=nan must be"),
        (["--json", "no/such/b.json"], "no/such/b.json cannot be written: there is no folder no/such"),
        (["--picture", "no/such/b.png"], "there is no folder no/such"),
        (["--picture", "b.doc"], "b.doc: a still is one of"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(run, monkeypatch, args, said):
    for module in ("measure", "auto_choice", "growth"):
        monkeypatch.setattr(f"minicnn.bench.{module}.in_turn", lambda *_, **__: pytest.fail("something was measured"))
    result = run("bench", *args, width=400)
    assert result.exit_code == 2
    assert said in result.output
