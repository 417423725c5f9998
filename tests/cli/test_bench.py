"""`minicnn bench`: what it writes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from minicnn.cli import app


def test_the_command_writes_a_table_json_and_a_picture(tmp_path: Path) -> None:
    files: list[Any] = [tmp_path / "b.json", tmp_path / "b.png"]
    options = ["--rivals", "minicnn,lax", "--seconds", "0.01", "--json", str(files[0]), "--picture", str(files[1])]
    result = CliRunner().invoke(app, ["bench", "LeNet-5 C3", *options])
    assert result.exit_code == 0, result.output
    assert {row["rival"] for row in json.loads(files[0].read_text())["measurements"]} == {"minicnn", "lax"}
    assert files[1].stat().st_size > 1000
    for unknown in (["--rivals", "nobody"], ["--growth", "C3"], ["--choices", "--memory"], ["--choices", "--growth"]):
        assert CliRunner().invoke(app, ["bench", *unknown]).exit_code == 2
