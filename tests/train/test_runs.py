"""A run: the same seed gives the same numbers, and the folder gives the parameters back."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.data import Dataset, digits
from minicnn.identities import Comparison
from minicnn.nn import Conv, Dense, Flatten, MaxPool, Sequential
from minicnn.train import Config, Record, Run, fit, report
from minicnn.zoo import proof
from minicnn.zoo.proof import LayerReport
from tests.train.tiny import tiny_plan

MODEL = Sequential((MaxPool((4, 4)), Conv(2, (3, 3)), Flatten(), Dense(10)))
CONFIG = Config(epochs=2, batch=50)


@pytest.fixture(scope="module")
def small() -> Dataset:
    data = digits()
    return Dataset("small", data.classes, data.train[:200], data.test[:50])


def test_the_same_seed_gives_the_same_numbers(small):
    first, second = [], []
    a = fit(MODEL, small, CONFIG, on_epoch=first.append)
    b = fit(MODEL, small, CONFIG, on_epoch=second.append)
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert [r.loss for r in first] == [r.loss for r in second]


def test_every_epoch_has_its_own_order_and_every_seed_another():
    plan, other = tiny_plan(), tiny_plan(replace(tiny_plan().config, seed=1))
    orders = [plan.order(0), plan.order(1), other.order(0)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(24))
    assert len({order.tobytes() for order in orders}) == 3


def test_every_step_and_every_epoch_is_reported(small):
    steps, epochs = [], []
    fit(MODEL, small, CONFIG, on_step=steps.append, on_epoch=epochs.append)
    assert [(moment.step, moment.steps) for moment in steps] == [(n, 8) for n in range(1, 9)]
    assert [(r.epoch, r.step) for r in epochs] == [(1, 4), (2, 8)]


def test_a_loss_that_is_no_longer_finite_stops_the_run(small):
    with pytest.raises(FloatingPointError, match=r"the loss of step [2-4] is"):
        fit(MODEL, small, Config(epochs=1, batch=50, learning_rate=1e30))


def test_parameters_survive_the_disk(tmp_path):
    params = MODEL.init(jax.random.key(0), (32, 32, 1))
    run = Run.create(tmp_path, "a", CONFIG)
    run.save_params(params)
    jax.tree.map(np.testing.assert_array_equal, Run.open(run.folder).load_params(params), params)
    assert run.config == CONFIG


def test_a_second_run_of_one_name_gets_a_folder_of_its_own(tmp_path):
    assert Run.create(tmp_path, "a", CONFIG).folder != Run.create(tmp_path, "a", CONFIG).folder


def test_a_damaged_file_is_named(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    run.write("params.safetensors", b"not tensors")
    with pytest.raises(ValueError, match=r"params.safetensors is damaged"):
        run.load_params(MODEL.init(jax.random.key(0), (32, 32, 1)))
    run.write("config.json", "[1]")
    with pytest.raises(ValueError, match=r"config.json is no config"):
        _ = run.config


def test_parameters_of_another_model_are_refused(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    run.save_params({"w": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="and the model needs"):
        run.load_params({"w": np.zeros(4, np.float32)})


def test_metrics_are_read_back(tmp_path):
    run, record = Run.create(tmp_path, "a", CONFIG), Record(1, 4, 0.5, 0.25, 0.125, 1.5)
    run.record(record)
    assert run.records() == [record]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "`epochs`=0 must be at least 1"),
        ("batch", 0, "`batch`=0 must be at least 1"),
        ("reach", -1, "`reach`=-1 must be at least 0"),
        ("learning_rate", 0.0, "`learning_rate`=0.0 must be greater than 0"),
    ],
)
def test_a_config_out_of_range_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        Config(**{field: value})


def test_the_demo_trains_proves_and_reports(tmp_path):
    runner = CliRunner()
    result = runner.invoke(app, ["demo", "--epochs", "1", "--runs-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "demo"
    assert {path.name for path in folder.iterdir()} >= {
        "config.json", "metrics.jsonl", "params.safetensors", "report.md", "learning_curve.png", "C1.png", "C3.png",
    }  # fmt: skip
    text = (folder / "report.md").read_text()
    assert "identities hold" in text
    assert "| C1 | 4704×1024 | 117,600 |" in text
    assert runner.invoke(app, ["certify", str(folder)]).exit_code == 0


def test_a_failing_identity_gives_a_non_zero_exit_status(tiny, tmp_path, monkeypatch):
    failed = LayerReport("C1", (4, 16), 36, 256, (Comparison("vjp = Cᵀ", entries=64, differing=1, error=1.0),))
    monkeypatch.setattr(proof, "check_network", lambda *args: (failed,))
    monkeypatch.setattr(report, "save_pictures", lambda *args: [])
    args = ["train", "--model", "tiny", "--data", "tiny", "--batch", "8", "--epochs", "1", "--runs-dir", str(tmp_path)]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 1
    assert "An identity fails" in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "--batch", "5000"], "`batch`=5000 is more than the 1437 training images"),
        (["train", "--model", "alexnet"], "`model`='alexnet' is unknown: use one of lenet5"),
        (["train", "--data", "imagenet"], "`data`='imagenet' is unknown: use one of digits, mnist"),
        (["certify", "nowhere"], "nowhere is no finished run: it has no config.json"),
    ],
)
def test_bad_input_is_one_line(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())
