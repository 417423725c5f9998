"""The benchmark computes the same with every rival, and says what it measured."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn.bench import CASES, Case, find, jax_rivals, report, torch_rivals
from minicnn.bench.measure import Measurement, ratios
from minicnn.cli import app

SMALL = (
    Case("conv", "convolution", "conv", 2, (7, 7), 4, 6, (3, 3), 2, "SAME", 1, 2),
    Case("dilated", "convolution", "conv", 2, (9,), 2, 3, (3,), 1, 2, 2),
    Case("transposed", "transposed", "conv_transpose", 2, (4, 4), 3, 2, (4, 4), 2, "SAME"),
    Case("max", "pool", "max_pool", 2, (7, 7), 3, 3, (3, 3), 2),
    Case("average", "pool", "avg_pool", 2, (6, 6), 3, 3, (2, 2), 2),
    Case("NCHW", "scan", "conv", 2, (6, 6), 2, 3, (3, 3), layout="NCHW"),
    Case("mapped", "other", "conv", 2, (6, 6), 2, 3, (3, 3), mapped=3),
)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_the_rivals_compute_the_same(case: Case) -> None:
    operands = jax_rivals.operands(case)
    expected = np.asarray(jax.jit(jax_rivals.theirs(case))(*operands))
    np.testing.assert_allclose(jax.jit(jax_rivals.ours(case))(*operands), expected, atol=1e-4)
    if not case.mapped:
        pytest.importorskip("torch")
        y = torch_rivals.function(case)(*torch_rivals.operands(case, channels_last=False)).detach().numpy()
        first = case.layout == "NCHW"
        np.testing.assert_allclose(y if first else np.moveaxis(y, 1, -1), expected, atol=1e-4)


def test_there_are_13_convolutions_and_every_name_is_its_own() -> None:
    assert sum(case.panel == "convolution" for case in CASES) == 13
    assert len({case.name for case in CASES}) == len(CASES)


def test_an_unknown_case_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="names no case: there are LeNet-5 step"):
        find(["nothing of the kind"])


def test_a_scan_is_compared_with_our_scan() -> None:
    step = lambda rival, ms: Measurement("c", "convolution", rival, None, ms, 0.0, None, None)
    many = [step("minicnn", 2.0), step("minicnn in scan", 4.0), step("lax", 6.0), step("lax in scan", 40.0)]
    assert ratios(many) == {"lax": 3.0, "lax in scan": 10.0}
    assert report.summary(many)["lax"] == {"geometric mean": pytest.approx(3.0), "least": 3.0, "cases": 1}


def test_the_command_writes_a_table_json_and_a_picture(tmp_path: Path) -> None:
    files: list[Any] = [tmp_path / "b.json", tmp_path / "b.png"]
    options = ["--rivals", "minicnn,lax", "--seconds", "0.01", "--json", str(files[0]), "--picture", str(files[1])]
    result = CliRunner().invoke(app, ["bench", "LeNet-5 C3", *options])
    assert result.exit_code == 0, result.output
    assert {row["rival"] for row in json.loads(files[0].read_text())["measurements"]} == {"minicnn", "lax"}
    assert files[1].stat().st_size > 1000
    assert CliRunner().invoke(app, ["bench", "--rivals", "nobody"]).exit_code == 2
