"""The command line on a tiny network: train, resume, evaluate, predict, certify; what goes wrong is one line."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.data.registry import DATASETS
from minicnn.train import Run, augmentations, optimizers, report, schedules
from minicnn.train.checkpoints import Checkpoint, read
from minicnn.train.loop import Listener, train
from minicnn.zoo.registry import NETWORKS
from tests.train.tiny import CONFIG, flat, tiny_plan

ARGS = ["--model", "tiny", "--data", "tiny", "--batch", "8", "--epochs", "4", "--reach", "1"]


def call(*args, status=0):
    result = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.output


def begun(folder, until=5):
    """A run of the tiny network that Ctrl-C stopped."""
    run = Run.create(folder, "run", CONFIG)
    press = lambda moment: os.kill(os.getpid(), signal.SIGINT) if moment.step == until else None
    with pytest.raises(KeyboardInterrupt):
        train(tiny_plan(), Listener(on_step=press), run)
    return run


def test_a_stopped_run_is_resumed_and_read_back(tiny, tmp_path):
    run = begun(tmp_path)
    assert "epoch 4 of 4" in call("train", "--resume", run.folder)
    np.testing.assert_array_equal(flat(Run.open(run.folder).load_params(tiny_plan().initial().params)), expected())
    assert "accuracy" in call("evaluate", run.folder, "--json", tmp_path / "e.json", "--picture", tmp_path / "c.png")
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["accuracy"] == run.records()[-1].test_accuracy
    assert np.sum(found["counts"]) == 10
    assert (tmp_path / "c.png").exists()
    assert "vjp" in call("certify", run.folder, "--data-dir", tmp_path)
    Image.fromarray(np.uint8(np.eye(40) * 255)).save(tmp_path / "x.png")
    output = call("predict", run.folder, tmp_path / "x.png")
    assert "x.png: " in output
    assert "scaled to" in output


def expected():
    return flat(train(tiny_plan(), Listener()))


def test_ctrl_c_is_one_line_and_status_130(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.cli.progress.Display.on_step", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    output = call("train", *ARGS, "--runs-dir", tmp_path, status=130)
    assert (
        f"stopped after step 1 of 12, whose checkpoint is saved: go on with `minicnn train --resume {tmp_path}"
        in output
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--seed", "7", "--model", "lenet5"], "another config: `model`=lenet5 (tiny), `seed`=7 (0)"),
    ],
)
def test_resuming_with_another_config_is_one_line(tiny, args, message, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    assert message in call("train", "--resume", run.folder, *args, status=2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--resume", "nowhere"], "nowhere is not a run: it has no config.json"),
        (["--optimizer", "newton"], "`optimizer`='newton' is unknown: use one of "),
        (["--schedule", "none"], "`schedule`='none' is unknown: use one of "),
        (["--augment", "flip"], "`augment`='flip' is unknown: use one of "),
        (["--devices", "1000"], "`devices`=1000 must be from 1 to the "),
        (["--devices", "0"], "`devices`=0 must be at least 1"),
        (["--optimizer", "[/red]"], "`optimizer`='[/red]' is unknown"),
        (["--runs-dir", "/proc/runs"], "cannot make /proc/runs/run: "),
        (["--runs-dir=~nobody-there/runs"], "~nobody-there/runs: there is no such home folder"),
        (["--momentum", "1.5"], "`momentum`=1.5 must be less than 1"),
        (["--momentum", "nan"], "`momentum`=nan must be a finite number"),
        (["--weight-decay", "-1"], "`weight_decay`=-1.0 must be at least 0"),
        (["--reach", "3000000000"], "`reach`=3000000000 must be less than 2147483648"),
        (["--model", "cifarnet", "--data", "digits"], "`model`='cifarnet' takes (32, 32, 3): choose another"),
        (["--processes", "0"], "`processes`=0 must be at least 1"),
        (["--processes", "2"], "`processes`=2 need a `coordinator`: give HOST:PORT"),
        (["--process", "3"], "`process`=3 must be less than `processes`=1"),
        (["--coordinator", "abc"], "`coordinator`='abc' must be HOST:PORT of process 0"),
        (["--name", ""], "`name`='' must be the name of a folder"),
        (["--name", "a/.."], "`name`='a/..' must be the name of a folder"),
        (["--name", "../a"], "`name`='../a' must be the name of a folder"),
        (["--name", "/a"], "`name`='/a' must be the name of a folder"),
        (["--name", "a/b"], "`name`='a/b' must be the name of a folder"),
        (["--name", "a\\b"], "must be the name of a folder in --runs-dir: at most 200 characters that can be seen"),
        (["--name", "~"], "`name`='~' must be the name of a folder"),
        (["--name", "a\nb"], "`name`='a\\nb' must be the name of a folder"),
        (["--name=-a"], "`name`='-a' must be the name of a folder"),
        (["--name", " . "], "`name`=' . ' must be the name of a folder"),
        (["--name", "a" * 201], "must be the name of a folder"),
        (["--momentum", "0.5"], "`momentum`=0.5 would do nothing with `optimizer`=adamw: leave it out, or give "),
        (["--optimizer", "sgd", "--weight-decay", "0.1"], "`weight_decay`=0.1 would do nothing with `optimizer`=sgd"),
        (
            ["--augment", "none"],
            "`reach`=1 would do nothing with `augment`=none: leave it out, or",
        ),
        (
            ["--resume", "nowhere", "--name", "run"],
            "--name would do nothing beside --resume: the run stays",
        ),
        (["--resume", "nowhere", "--runs-dir", "runs"], "--runs-dir would do nothing beside --resume"),
        (["--coordinator", "a:65536"], "`coordinator`='a:65536' must be HOST:PORT of process 0"),
    ],
)
def test_what_cannot_be_done_is_one_line(tiny, args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in call("train", *(ARGS if "--resume" not in args else []), *args, status=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "linear", "passes"])
def test_every_optimizer_and_schedule_is_a_choice(tiny, optimizer, schedule):
    config = CONFIG.__class__(**{**CONFIG.to_json(), "optimizer": optimizer, "schedule": schedule})
    assert np.isfinite(flat(tiny_plan(config).initial().params)).all()


def test_an_optimizer_sees_a_sample_before_every_epoch(monkeypatch):
    import jax
    import optax

    seen = []

    def look(params, state, sample):
        seen.append(sample)
        return jax.tree.map(lambda leaf: leaf + 1, state)

    counting = optax.stateless(lambda updates, params: updates)
    transformation = optax.chain(optax.scale_by_learning_rate(0.1), optax.trace(0.0), counting)
    made = optimizers.Optimizer(transformation, sample=6, before_epoch=look)
    monkeypatch.setitem(optimizers.OPTIMIZERS, "looking", lambda problem: made)
    config = CONFIG.__class__(**{**CONFIG.to_json(), "optimizer": "looking"})
    plan = tiny_plan(config)
    train(plan, Listener())
    assert [len(sample) for sample in seen] == [6] * 4
    np.testing.assert_array_equal(seen[1].labels, plan.data.train.labels[plan.order(1)[:6]])


def test_the_help_names_everything_there_is():
    output = call("train", "--help").replace("\n", " ")
    tables = (NETWORKS, DATASETS, optimizers.OPTIMIZERS, schedules.SCHEDULES, augmentations.AUGMENTATIONS)
    for table in tables:
        for name in table:
            assert name in output


def test_the_hint_quotes_a_folder_with_spaces(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.cli.progress.Display.on_step", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    output = call("train", *ARGS, "--runs-dir", tmp_path, "--name", "my run", status=130)
    assert shlex.split(output.partition("go on with `")[2].rstrip("\n`")) == [
        *("minicnn", "train", "--resume"),
        str(tmp_path / "my run"),
    ]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_the_report_is_drawn_a_run_can_be_finished(tiny, tmp_path, monkeypatch, signum):
    def draw(*args):
        os.kill(os.getpid(), signum)
        time.sleep(60)

    with monkeypatch.context() as patched:
        patched.setattr(report, "save_pictures", draw)
        output = call("train", *ARGS, "--runs-dir", tmp_path, status=128 + signum)
    assert output.count("stopped after step 12 of 12, whose checkpoint is saved: go on with ") == 1
    monkeypatch.setattr(report, "save_pictures", lambda *args: [])
    call("train", "--resume", tmp_path / "run")
    assert (tmp_path / "run" / "report.md").exists()


def test_the_times_of_both_processes_add_up(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "save_pictures", lambda *args: [])
    run = begun(tmp_path)
    before = read(run.checkpoints.paths()[0])
    position = replace(before.facts.position, seconds=1000.0)
    run.checkpoints.save(Checkpoint(before.tensors, replace(before.facts, position=position)))
    output = call("train", "--resume", run.folder)
    ((training, everything),) = re.findall(r"took (\S+) s, everything (\S+) s", output)
    assert 1000 < float(training) <= float(everything)


def test_a_finished_run_goes_on_where_its_schedule_allows(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "save_pictures", lambda *args: [])
    call("train", *ARGS, "--schedule", "constant", "--runs-dir", tmp_path)
    output = call("train", "--resume", tmp_path / "run", "--epochs", "6")
    assert "epoch 6 of 6" in output
    assert "epoch 4 of 6" not in output
    run = Run.open(tmp_path / "run")
    assert run.config.epochs == 6
    config = replace(CONFIG, schedule="constant", epochs=6)
    alone = flat(train(tiny_plan(config), Listener()))
    np.testing.assert_array_equal(flat(run.load_params(tiny_plan().initial().params)), alone)


def test_a_finished_run_whose_checkpoints_are_gone_keeps_its_parameters(tiny, tmp_path):
    run = begun(tmp_path)
    run.save_params(tiny_plan().initial().params)
    for path in run.checkpoints.paths():
        path.write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in run.folder.iterdir()}
    output = call("train", "--resume", run.folder, status=2)
    assert f"error: {run.folder} is finished and has no checkpoint to go on from" in output
    after = {path: path.read_bytes() for path in run.folder.iterdir()}
    assert {path: content for path, content in before.items() if after[path] != content} == {}


def test_a_home_folder_is_understood_in_every_path(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert f"{tmp_path}/nowhere is not a finished run" in call("evaluate", "~/nowhere", status=2)
    assert f"{tmp_path}/nowhere is not a run" in call("train", "--resume=~/nowhere", status=2)
    assert f"{tmp_path}/nowhere is not a finished run" in call("certify", "~/nowhere", status=2)


@pytest.mark.parametrize("name", ["config.json", "params.safetensors"])
def test_a_folder_where_a_file_should_be_is_one_line(name, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    run.save_params({"w": np.zeros(1)})
    (run.folder / name).unlink()
    (run.folder / name).mkdir()
    assert f"is not a finished run: it has no {name}" in call("evaluate", run.folder, status=2)


def test_a_file_that_cannot_be_written_is_named_without_a_number(tiny, tmp_path, monkeypatch):
    run = begun(tmp_path)
    run.save_params(tiny_plan().initial().params)
    loop = tmp_path / "loop.json"
    loop.symlink_to(loop)
    output = call("evaluate", run.folder, "--json", loop, status=2)
    assert f"error: cannot write {loop}: {os.strerror(errno.ELOOP)}" in output


SLOW_IMPORT = """
import os, signal, sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "jax":
            os.kill(os.getpid(), signal.{name})
sys.meta_path.insert(0, Pressed())
from minicnn import __main__ as command
command.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_stopped_while_libraries_are_loaded_is_one_line(name):
    program = [sys.executable, "-c", SLOW_IMPORT.replace("{name}", name)]
    done = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + getattr(signal, name), "", "stopped\n")
