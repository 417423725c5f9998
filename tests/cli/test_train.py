"""The command line on a tiny network: train, resume, evaluate, predict, certify; what goes wrong is one line."""

import json
import os
import signal

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.data.registry import DATASETS
from minicnn.train import Run, augmentations, optimizers, schedules
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
        (["--epochs", "9"], "has another config: `epochs`=9 (4)"),
        (["--seed", "7", "--model", "lenet5"], "another config: `model`=lenet5 (tiny), `seed`=7 (0)"),
    ],
)
def test_resuming_with_another_config_is_one_line(tiny, args, message, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    assert message in call("train", "--resume", run.folder, *args, status=2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--resume", "nowhere"], "nowhere is no run: it has no config.json"),
        (["--optimizer", "newton"], "`optimizer`='newton' is unknown: use one of "),
        (["--schedule", "none"], "`schedule`='none' is unknown: use one of "),
        (["--augment", "flip"], "`augment`='flip' is unknown: use one of "),
        (["--devices", "1000"], "`devices`=1000 must be from 1 to the "),
        (["--devices", "0"], "`devices`=0 must be from 1 to the "),
        (["--optimizer", "[/red]"], "`optimizer`='[/red]' is unknown"),
        (["--runs-dir", "/proc/runs"], "cannot make /proc/runs/run: "),
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
