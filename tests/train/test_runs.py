"""A run: the same seed gives the same numbers, and the folder gives the parameters back."""

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import save
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.data import Dataset, digits
from minicnn.disk import read_bounded
from minicnn.identities import Comparison
from minicnn.nn import Conv, Dense, Flatten, MaxPool, Sequential
from minicnn.train import Config, Record, Run, fit, report
from minicnn.train.checkpoints import DamagedError, read_tensors
from minicnn.zoo import proof
from minicnn.zoo.proof import LayerReport
from tests.test_modes import TRACED
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
    with pytest.raises(ValueError, match=r"config.json is damaged: input should be an object"):
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
    assert run.record_of(4) == record
    with pytest.raises(ValueError, match=r"metrics.jsonl lacks the record of step 8: delete the checkpoint"):
        run.record_of(8)


def written(run, *places):
    """Records of these epochs and steps, written whatever they are."""
    lines = [json.dumps(Record(epoch, step, 0.5, 0.5, 0.5, 1.0).to_json()) + "\n" for epoch, step in places]
    run.write("metrics.jsonl", "".join(lines))


@pytest.mark.parametrize(
    ("places", "line", "message"),
    [
        ([(2, 8), (1, 4)], 2, "epoch 1 comes after epoch 2"),
        ([(1, 4), (1, 4)], 2, "epoch 1 comes after epoch 1"),
        ([(1, 4), (3, 12)], 2, "it is of epoch 3, and the run has 2"),
        ([(1, 4), (2, 2000)], 2, "2 epochs have 2000 steps, and 1 have 4"),
        ([(2, 7)], 1, "2 epochs have 7 steps"),
    ],
    ids=["out of order", "doubled", "after the last epoch", "after the last step", "half a step"],
)
def test_records_that_cannot_follow_each_other_are_damage(places, line, message, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    written(run, *places)
    with pytest.raises(ValueError, match=rf"a/metrics.jsonl, line {line}, is damaged: {message}$"):
        run.records()


def test_the_last_record_is_that_of_the_last_epoch(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    written(run, (2, 8))  # the first went with a file that someone deleted
    assert run.last_record().step == 8
    written(run, (1, 4))
    with pytest.raises(ValueError, match=r"a/metrics.jsonl lacks the record of epoch 2, the last: delete the last"):
        run.last_record()
    with pytest.raises(ValueError, match=r"lacks the record of epoch 2"):
        report.write_report(run, [], [], 1.0)


@pytest.mark.parametrize("seconds", [1e308, float("nan"), -1.0])
def test_a_run_takes_no_absurd_time(seconds):
    with pytest.raises(ValueError, match=r"`seconds`=\S+ must be "):
        Record(1, 4, 0.5, 0.5, 0.5, seconds)


def test_pipes_in_the_place_of_files_do_not_hang(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    os.mkfifo(run.folder / "metrics.jsonl")
    with pytest.raises(ValueError, match=r"metrics\.jsonl is damaged: it is no file"):
        run.records()
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(DamagedError, match="is damaged: it is no file"):
        read_tensors(tmp_path / "x.safetensors")


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"")

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError):
        read_tensors(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "`epochs`=0 must be at least 1"),
        ("epochs", 2.0, "`epochs`=2.0 must be a whole number"),
        ("epochs", True, "`epochs`=True must be a whole number"),
        ("batch", 0, "`batch`=0 must be at least 1"),
        ("batch", "8", "`batch`='8' must be a whole number"),
        ("seed", 2**63, "`seed`=9223372036854775808 must be less than 9223372036854775808"),
        ("reach", -1, "`reach`=-1 must be at least 0"),
        ("reach", 3_000_000_000, "`reach`=3000000000 must be less than 2147483648"),
        ("learning_rate", 0.0, "`learning_rate`=0.0 must be greater than 0"),
        ("learning_rate", 1e39, r"`learning_rate`=1e\+39 must be at most 3.4"),
        ("momentum", 1.5, "`momentum`=1.5 must be less than 1"),
        ("momentum", float("nan"), "`momentum`=nan must be a finite number"),
        ("weight_decay", -1.0, "`weight_decay`=-1.0 must be at least 0"),
        ("weight_decay", float("inf"), "`weight_decay`=inf must be a finite number"),
        ("model", None, "`model`=None must be text"),
    ],
)
def test_a_config_out_of_range_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        Config(**{field: value})


def test_numbers_of_numpy_are_numbers():
    config = Config(epochs=np.int64(3), batch=np.uint8(8), learning_rate=np.float32(0.5))
    assert config == Config(epochs=3, batch=8, learning_rate=0.5)
    assert type(config.epochs) is int


def test_images_are_not_moved_further_than_they_are_wide():
    with pytest.raises(ValueError, match="`reach`=5 is more than the 4 pixels of an image"):
        tiny_plan(replace(tiny_plan().config, reach=5))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (lambda data: (data.train, data.test), TypeError, "`data` is a tuple: make it a minicnn.data.Dataset"),
        (lambda data: replace(data, test=data.test[:0]), ValueError, "`data` has no test images"),
        (
            lambda data: replace(data, classes=(*data.classes, *"abcdefghijk")),
            ValueError,
            r"has outputs of shape \(3,\)",
        ),
    ],
    ids=["no data set", "no test images", "more classes than outputs"],
)
def test_data_that_a_network_cannot_learn_from_is_refused(data, error, message):
    plan = tiny_plan()
    with pytest.raises(error, match=message):
        fit(plan.model, data(plan.data), replace(plan.config, model="lenet5"))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "levenberg"])
def test_a_step_is_traced_in_all_modes_of_jax_at_once(optimizer):
    with ExitStack() as modes:
        for mode in TRACED.values():
            modes.enter_context(mode())
        plan = tiny_plan(replace(tiny_plan().config, augment="distort", optimizer=optimizer))
        batch = plan.data.train[:8]
        compiled: Any = plan.compiled
        compiled.lower(plan.shapes(), batch.images, batch.labels, plan.keys.augmentation, np.int32(0))


GARBAGE = {
    "text": b"garbage\n",
    "no text": b"\xff\xfe\x00\n",
    "deep": b"[" * 100_000 + b"\n",
    "a list": b"[1]\n",
    "nothing": b"\n",
    "a name too many": b'{"epoch": 1, "colour": 2}\n',
    "NaN": b'{"epoch": NaN}\n',
    "a long number": b'{"epoch": ' + b"9" * 5000 + b"}\n",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_a_run_is_one_line_that_names_the_file(content, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    (run.folder / "metrics.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=r"^.*a/metrics.jsonl, line 1, is damaged: [^\n]+$") as metrics:
        run.records()
    (run.folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^.*a/config.json is damaged: [^\n]+$") as config:
        _ = run.config
    assert max(len(str(metrics.value)), len(str(config.value))) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "size", "read"),
    [
        ("config.json", 2**20 + 1, lambda run: run.config),
        ("metrics.jsonl", 2**20 + 1, lambda run: run.records()),
    ],
)
def test_a_file_that_is_too_large_for_what_it_is_said_to_hold_is_named(name, size, read, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    with (run.folder / name).open("wb") as file:
        file.truncate(size)  # of holes, which take no place on the disk
    with pytest.raises(ValueError, match=rf"a/{name} is damaged: it has {size:,} bytes"):
        read(run)


def test_the_records_of_a_long_run_are_read_however_long_their_numbers_are(tmp_path):
    run = Run.create(tmp_path, "a", replace(CONFIG, epochs=6000))
    small = 1.2345678901234567e-300
    records = [Record(n, 357_913 * n, -small, small, small, small) for n in range(1, 6001)]
    lines = "".join(json.dumps(record.to_json()) + "\n" for record in records)
    assert 2**20 < len(lines) < 6000 * 256
    run.write("metrics.jsonl", lines)
    assert run.records() == records


def test_parameters_larger_than_the_model_are_refused_before_they_are_read(tmp_path, monkeypatch):
    run = Run.create(tmp_path, "a", CONFIG)
    run.save_params({"w": np.zeros(2**18 + 2**10, np.float32)})
    monkeypatch.setattr("minicnn.train.runs.read_tensors", lambda path: pytest.fail("was read"))
    size = (run.folder / "params.safetensors").stat().st_size
    with pytest.raises(ValueError, match=rf"does not fit the model: it has {size:,} bytes, .* at most {2**20 + 16:,};"):
        run.load_params({"w": np.zeros(4, np.float32)})


def test_of_what_does_not_know_its_size_no_more_is_read_than_is_asked(tmp_path):
    with pytest.raises(ValueError, match=r"/dev/zero is damaged: it has more bytes, and no such file has more than 9"):
        read_bounded(Path("/dev/zero"), 9)
    (tmp_path / "nine").write_bytes(bytes(9))
    assert read_bounded(tmp_path / "nine", 9) == bytes(9)


def test_a_config_out_of_range_in_a_file_is_refused(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    text = (run.folder / "config.json").read_text()
    run.write("config.json", text.replace('"epochs": 2', '"epochs": -2'))
    with pytest.raises(ValueError, match=r"config.json is damaged: `epochs`=-2 must be at least 1"):
        _ = run.config


ALWAYS = ("version", "model", "data", "epochs", "batch", "seed", "learning_rate", "weight_decay", "reach")


@pytest.mark.parametrize("name", ALWAYS)
def test_what_every_version_wrote_into_a_config_is_not_made_up(name, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    path = run.folder / "config.json"
    fields = json.loads(path.read_text())
    del fields[name]
    run.write("config.json", json.dumps(fields))
    with pytest.raises(ValueError, match=rf"^{path} is damaged: `{name}` is missing$"):
        _ = run.config
    run.write("config.json", "{}")
    with pytest.raises(ValueError, match=rf"^{path} is damaged: `model` is missing; `data` is missing; [^\n]+$"):
        _ = run.data_dir


def test_the_configs_of_the_first_runs_are_read(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    fields = json.loads((run.folder / "config.json").read_text())
    run.write("config.json", json.dumps({name: fields[name] for name in ALWAYS}))
    assert run.config == CONFIG
    assert run.data_dir is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("version", "0\n1"), ("version", 1), ("data_dir", "here"), ("data_dir", ""), ("data_dir", "/\0")],
)
def test_what_is_noted_beside_a_config_is_checked(name, value, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    fields = json.loads((run.folder / "config.json").read_text())
    run.write("config.json", json.dumps({**fields, name: value}))
    with pytest.raises(ValueError, match=rf"^.*a/config.json is damaged: `{name}`=[^\n]+ must be [^\n]+$"):
        _ = run.config


def header(dtype, shape, size):
    """A safetensors file of one tensor of zeros."""
    text = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)


@pytest.mark.parametrize("dtype", ["F8_E5M2", "F8_E4M3", "NO_SUCH"])
def test_a_tensor_of_a_type_that_numpy_lacks_is_one_line(dtype, tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    run.write("params.safetensors", header(dtype, [4], 4))
    with pytest.raises(ValueError, match=r"params.safetensors (is damaged|does not fit the model): [^\n]+$"):
        run.load_params({"w": np.zeros(4, np.float32)})


def test_a_folder_where_a_file_should_be_is_one_line(tmp_path):
    run = Run.create(tmp_path, "a", CONFIG)
    for name in ("params.safetensors", "metrics.jsonl"):
        (run.folder / name).mkdir()
    with pytest.raises(FileNotFoundError, match=r"a is not a finished run: it has no params.safetensors"):
        Run.open(run.folder)
    with pytest.raises(ValueError, match=r"params.safetensors is damaged: it is a folder"):
        run.load_params({"w": np.zeros(4, np.float32)})
    with pytest.raises(OSError, match=r"metrics.jsonl"):
        run.records()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_not_finite_are_neither_saved_nor_believed(value, tmp_path):
    run, params = Run.create(tmp_path, "a", CONFIG), {"w": np.full(3, value, np.float32)}
    with pytest.raises(FloatingPointError, match="the parameters w are not finite: they are not saved"):
        run.save_params(params)
    assert not (run.folder / "params.safetensors").exists()
    run.write("params.safetensors", save(params))
    with pytest.raises(ValueError, match=r"params.safetensors is damaged: w are not finite"):
        run.load_params(params)


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
    assert "0 of 1 identities hold: see the table." in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "--batch", "5000"], "`batch`=5000 is more than the 1437 training images"),
        (["train", "--model", "alexnet"], "`model`='alexnet' is unknown: use one of lenet5"),
        (["train", "--data", "imagenet"], "`data`='imagenet' is unknown: use one of digits, mnist"),
        (["certify", "nowhere"], "nowhere is not a finished run: it has no config.json"),
    ],
)
def test_bad_input_is_one_line(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())
