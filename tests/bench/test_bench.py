"""The benchmark computes the same with every rival, and says what it measured."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn.bench import CASES, Case, choices, find, growth, jax_rivals, report, torch_rivals
from minicnn.bench.measure import Measurement, ratios
from minicnn.bench.memory import peak_bytes
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


def test_the_geometries_of_the_choices_are_the_cases() -> None:
    for case in CASES:
        if case.operation in ("conv", "conv_transpose"):
            geometry = choices.geometry_of(case)
            assert (case.batch, *geometry.in_shape) == case.x_shape
            made = jax.eval_shape(
                jax_rivals.theirs(replace(case, layout="NHWC", mapped=0)),
                *map(_struct, replace(case, mapped=0).operands()),
            )
            assert (case.batch, *geometry.out_shape) == made.shape


def _struct(array: np.ndarray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def test_a_choice_that_is_not_close_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        choices, "in_turn", lambda programs, *_, **__: {name: len(f().shape) for name, f in programs.items()}
    )
    found = list(choices.measure([SMALL[0]]))
    assert [choice.result for choice in found] == ["y", "x̄", "w̄"]
    assert all(choice.ratio == 1.0 and choice.close for choice in found)
    far = replace(found[0], ratio=1.3)
    assert not far.close
    assert "!" in list(choices.table([far]).columns[-1].cells)


def test_dense_says_its_size_before_it_allocates_and_slopes_are_exponents() -> None:
    sweep = growth.Sweep("image n²", (4, 8, 1024), lambda n: growth.Shape(n, 1, 3, 1), {"dense": 4}, {"dense": 4})
    (curve,) = growth.measure([sweep], seconds=0.0)
    assert [point.value for point in curve.points] == [4, 8]
    assert curve.refused == "C would be 4.0 TiB"
    square = replace(curve, points=(growth.Point(8, 3.0, 10), growth.Point(16, 12.0, 80)))
    assert (square.slope(lambda point: point.milliseconds), square.slope(lambda point: point.nbytes)) == (2.0, 3.0)
    assert "4 / 2.0" in list(growth.table([square]).columns[5].cells)
    assert growth.picture([square]).axes


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_peak_memory_holds_at_least_the_gradients() -> None:
    case = find(["float64"])[0]
    assert 2 * 8 * 300 * 300 <= (peak_bytes(case.name, "minicnn") or 0) < 2**30
    assert peak_bytes(case.name, "nobody") is None


def test_the_command_writes_a_table_json_and_a_picture(tmp_path: Path) -> None:
    files: list[Any] = [tmp_path / "b.json", tmp_path / "b.png"]
    options = ["--rivals", "minicnn,lax", "--seconds", "0.01", "--json", str(files[0]), "--picture", str(files[1])]
    result = CliRunner().invoke(app, ["bench", "LeNet-5 C3", *options])
    assert result.exit_code == 0, result.output
    assert {row["rival"] for row in json.loads(files[0].read_text())["measurements"]} == {"minicnn", "lax"}
    assert files[1].stat().st_size > 1000
    for unknown in (["--rivals", "nobody"], ["--growth", "C3"], ["--choices", "--memory"], ["--choices", "--growth"]):
        assert CliRunner().invoke(app, ["bench", *unknown]).exit_code == 2
