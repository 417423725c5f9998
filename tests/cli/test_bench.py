"""`minicnn bench`: what it writes, and what it refuses."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import minicnn.bench
from minicnn.cli import unused
from tests.processors import on_a_cpu


def test_the_command_writes_a_table_json_and_a_picture(run, tmp_path: Path):
    files: list[Any] = [tmp_path / "b.json", tmp_path / "b.png"]
    options = ["--rivals", "minicnn,lax", "--seconds", "0.01", "--json", str(files[0]), "--picture", str(files[1])]
    result = run("bench", "LeNet-5 C3", *options)
    assert result.exit_code == 0, result.output
    assert {row["rival"] for row in json.loads(files[0].read_text())["measurements"]} == {"minicnn", "lax"}
    assert files[1].stat().st_size > 1000


def test_a_run_that_is_stopped_tells_what_it_measured(run, monkeypatch, tmp_path: Path):
    measure = minicnn.bench.compare

    def stopped_at_c3(case: Any, *options: Any) -> Any:
        if case.name == "LeNet-5 C3":
            raise KeyboardInterrupt
        return measure(case, *options)

    monkeypatch.setattr(minicnn.bench, "compare", stopped_at_c3)
    result = run("bench", "LeNet-5 C", "--rivals", "minicnn", "--seconds", "0.01", "--json", tmp_path / "b.json")
    assert result.exit_code == 130
    assert "stopped" in result.output
    (row,) = json.loads((tmp_path / "b.json").read_text())["measurements"]
    assert row["case"] == "LeNet-5 C1"


def test_what_is_larger_than_a_report_is_not_compared(run, tmp_path: Path):
    with (tmp_path / "b.json").open("wb") as file:
        file.truncate(2**30)  # of holes, which take no place on the disk
    result = run("bench", "LeNet-5 C3", "--compare", str(tmp_path / "b.json"))
    assert result.exit_code == 2
    assert "has 1,073,741,824 bytes, and no such file has more than 4,194,304" in result.output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--rivals", "nobody"], "no nobody; there are minicnn"),
        (["--growth", "C3"], "WORDS would do nothing beside --growth, which does something else: leave it out"),
        (["--choices", "--memory"], "--memory would do nothing beside --choices"),
        (["--choices", "--growth"], "--choices would do nothing beside --growth"),
        (["C3", "--model", "jax.nn:relu"], "WORDS would do nothing beside --model"),
        (["--model", "jax.nn:relu", "--memory"], "--memory would do nothing beside --model"),
        (["--model", "jax.nn:relu"], "give the shape of each input"),
        (["--model", "jax.nn:nobody", "--shape", "3"], "jax.nn has no nobody"),
        (["--shape", "3"], "--shape would do nothing without a --model: give one, too"),
        (["--seed", "3"], "--seed would do nothing without a --model"),
        (["--list", "--seconds", "3"], "--seconds would do nothing beside --list"),
        (["--growth", "--seconds", "3"], "--seconds would do nothing beside --growth"),
        (["--choices", "--rivals", ""], "--rivals would do nothing beside --choices"),
        (["nothing of the kind"], "names no case"),
        (["--seconds", "inf"], "`seconds`=inf must be at least 0, and finite"),
        (["--seconds", "nan"], "`seconds`=nan must be"),
        (["--json", "no/such/b.json"], "no/such/b.json cannot be written: there is no folder no/such"),
        (["--picture", "no/such/b.png"], "there is no folder no/such"),
        (["--picture", "b.doc"], "b.doc: a still is one of"),
        (["--compare", "no/such/b.json"], "`--compare`=no/such/b.json cannot be read: No such file or directory"),
        (["--compare", "/"], "`--compare`=/ cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(run, monkeypatch, args, said):
    for module in ("measure", "auto_choice", "growth", "own_model"):
        monkeypatch.setattr(f"minicnn.bench.{module}.in_turn", lambda *_, **__: pytest.fail("something was measured"))
    result = run("bench", *args, width=400)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    "text",
    ["{}", "[" * 100_000 + "]" * 100_000, '{"measurements": 5}', "", "\0"],
    ids=["empty", "deep", "number", "nothing", "bytes"],
)
def test_what_is_no_report_is_refused_before_anything_is_measured(run, monkeypatch, tmp_path: Path, text):
    monkeypatch.setattr("minicnn.bench.measure.in_turn", lambda *_, **__: pytest.fail("something was measured"))
    (tmp_path / "b.json").write_text(text)
    result = run("bench", "C3", "--compare", tmp_path / "b.json", width=400)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert "b.json: not a report of `minicnn bench --json`: " in line


NET = """
import jax
import jax.numpy as jnp
from jax import lax

w = jnp.ones((3, 3, 1, 8))


def net(x):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=8)


def counts(tokens):
    return tokens + 1
"""


@on_a_cpu
def test_a_model_of_ones_own_before_and_after(run, tmp_path: Path):
    file, out = tmp_path / "own_net.py", tmp_path / "own.json"
    file.write_text(NET)
    result = run("bench", "--model", f"{file}:net", "--shape", "2,9,9,8", "--seconds", "0", "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "1 of 1 are replaced" in result.output
    found = json.loads(out.read_text())
    assert {"processor", "cores", "jax"} <= found["made with"].keys()
    forward, gradient = found["comparisons"]
    assert (forward["name"], gradient["name"]) == ("forward", "gradient")
    for one in (forward, gradient):
        assert one["ratio"] == pytest.approx(one["before"]["milliseconds"] / one["after"]["milliseconds"])
        assert all(one[when]["temporary_bytes"] >= 0 < one[when]["compile_seconds"] for when in ("before", "after"))


def test_a_model_without_floats_has_no_gradient(run, tmp_path: Path):
    file = tmp_path / "own_tokens.py"
    file.write_text(NET)
    result = run("bench", "--model", f"{file}:counts", "--shape", "4", "--dtype", "int32", "--seconds", "0")
    assert result.exit_code == 0, result.output
    assert "gradient" not in result.output


@pytest.mark.parametrize(("words", "typed"), [((), {}), (("C3",), {"words": "WORDS"})])
def test_words_that_are_none_were_not_typed(words: tuple[str, ...], typed: dict[str, str]):
    """Typer 0.26 says that they were."""
    parameter = SimpleNamespace(name="words", opts=["words"], metavar="WORDS")
    source = lambda name: "ParameterSource.COMMANDLINE"
    context: Any = SimpleNamespace(
        command=SimpleNamespace(params=[parameter]), params={"words": words}, get_parameter_source=source
    )
    assert unused.typed(context) == typed
