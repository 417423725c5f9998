"""A run that is killed at any moment and resumed ends with the parameters of the uninterrupted run, to the last bit."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from safetensors.numpy import save

from minicnn import disk
from minicnn.nn import Activation, AvgPool, Conv, Dense, Flatten, Sequential
from minicnn.train import Interrupted, Record, Run, Trained, report, resuming
from minicnn.train.checkpoints import Checkpoint, DamagedError, Facts, _digest, read, to_bytes, unflatten
from minicnn.train.environment import differences
from minicnn.train.loop import Listener, train
from minicnn.train.pending import Tally
from minicnn.train.plan import State
from minicnn.train.recipes import Recipe
from tests.train.tiny import CONFIG, carry_out, flat, tiny_plan

EVERY = 2
FACTS = Facts(Tally(7, 1.5, 3, 2.0), CONFIG, "images and labels", {"jax": "0.10.2", "threads": 2, "x64": False})
MUTATING = ("open", "write", "fsync", "replace", "unlink", "ftruncate")


class Killed(BaseException):
    """What no handler catches."""


class Disk:
    """`os`, but its calls are counted, and from one of them on they fail; a failing write leaves half of its bytes."""

    def __init__(self, last=None, failure=Killed) -> None:
        self.calls, self.last, self.failure = 0, last, failure

    def __getattr__(self, name):
        real = getattr(os, name)
        return (lambda *args: self._call(name, real, *args)) if name in MUTATING else real

    def _call(self, name, real, *args):
        self.calls += 1
        if self.last is None or self.calls <= self.last:
            return real(*args)
        if name == "write" and self.calls == self.last + 1:
            real(args[0], args[1][: len(args[1]) // 2])
        raise self.failure()


@pytest.fixture(scope="module")
def plan():
    return tiny_plan()


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """The uninterrupted run: its parameters, its metrics and how often it calls the disk."""
    run = Run.create(tmp_path_factory.mktemp("whole"), "run", CONFIG)
    counted, patch = Disk(), pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(disk, "os", counted)
        params = train(plan, Listener(), run, EVERY)
    return flat(params), metrics(run), counted.calls


def metrics(run):
    return [replace(record, seconds=0.0) for record in run.records()]


def go_on(plan, run, expected):
    params = train(plan, Listener(warn=pytest.fail), run, EVERY)
    np.testing.assert_array_equal(flat(params), expected[0])
    assert metrics(run) == expected[1]


def kept(run):
    return read(run.checkpoints.paths()[0])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("moment", range(20))
def test_killed_at_any_moment_a_resumed_run_ends_with_the_same_bits(plan, whole, moment, tmp_path, monkeypatch):
    drawn = random.Random(moment)
    run = Run.create(tmp_path, "run", CONFIG)
    for _ in range(1 + moment % 3):
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(disk, "os", Disk(last=drawn.randrange(whole[2] // 3)))
            train(plan, Listener(), run, EVERY)
    go_on(plan, run, whole)


def test_killed_while_a_checkpoint_is_written_the_one_before_it_counts(plan, whole, tmp_path, monkeypatch):
    run = Run.create(tmp_path, "run", CONFIG)
    names = []

    class Half(Disk):
        def _call(self, name, real, *args):
            names.append(name)
            if name == "write" and names.count("write") == 4:
                real(args[0], args[1][: len(args[1]) // 2])
                self.last = self.calls = 0
            return super()._call(name, real, *args)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(disk, "os", Half())
        train(plan, Listener(), run, EVERY)
    assert [path.name for path in run.folder.glob(".*.partial")]
    assert run.checkpoints.paths()
    go_on(plan, run, whole)
    assert not [path.name for path in run.folder.glob(".*.partial")]


def killed(folder: Path, epochs: int, drawn: random.Random) -> None:
    """Another process that trains in a folder, killed at a random moment after some checkpoints of its own."""
    command = [sys.executable, "-m", "tests.train.tiny", str(folder), str(epochs)]
    child = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    until = time.monotonic() + 300
    for _ in range(drawn.randint(1, 5)):
        before = newest(folder)
        while child.poll() is None and newest(folder) == before and time.monotonic() < until:
            time.sleep(0.0005)
    time.sleep(0.01 * drawn.random())
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def newest(folder: Path) -> str:
    return max((path.name for path in folder.glob("step-*")), default="")


def check_kills(tmp_path, kills: int, epochs: int, seed: int) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    carry_out(whole, epochs)
    drawn = random.Random(seed)
    for _ in range(kills):
        killed(cut, epochs, drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        carry_out(cut, epochs)
    last = [read(run.checkpoints.paths()[0]) for run in (Run(whole), Run(cut))]
    assert last[0].step == last[1].step == 3 * epochs
    for name, tensor in last[0].tensors.items():
        np.testing.assert_array_equal(last[1].tensors[name], tensor, err_msg=name)
    assert metrics(Run(whole)) == metrics(Run(cut))


def test_sigkill_and_resume(tmp_path):
    check_kills(tmp_path, kills=1, epochs=40, seed=0)


@pytest.mark.long
def test_twenty_sigkills_and_resume(tmp_path):
    check_kills(tmp_path, kills=20, epochs=100, seed=1)


def test_ctrl_c_saves_a_checkpoint(plan, whole, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    press = lambda moment: os.kill(os.getpid(), signal.SIGINT) if moment.step == 5 else None
    with pytest.raises(Interrupted, match="stopped after step 5 of 12, whose checkpoint is saved") as stop:
        train(plan, Listener(on_step=press), run)
    assert stop.value.signum == signal.SIGINT
    assert read(run.checkpoints.paths()[0]).step == stop.value.step == 5
    go_on(plan, run, whole)


def test_a_damaged_newest_checkpoint_is_skipped_with_a_warning(plan, whole, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run, EVERY)
    newest = run.checkpoints.paths()[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    said = []
    np.testing.assert_array_equal(flat(train(plan, Listener(warn=said.append), run, EVERY)), whole[0])
    (line,) = said
    assert newest.name in line
    assert "is damaged" in line
    assert "skipped" in line
    assert metrics(run) == whole[1]


def test_damaged_checkpoints_do_not_take_the_place_of_new_ones(plan, whole, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run, EVERY)
    for path in run.checkpoints.paths():
        path.write_bytes(path.read_bytes()[:-100])
    press = lambda moment: os.kill(os.getpid(), signal.SIGINT) if moment.step == 5 else None
    with pytest.raises(Interrupted):
        train(plan, Listener(on_step=press, warn=lambda text: None), run, EVERY)
    again = []
    listener = Listener(on_step=lambda moment: again.append(moment.step), warn=lambda text: None)
    np.testing.assert_array_equal(flat(train(plan, listener, run, EVERY)), whole[0])
    assert again[0] == 6
    assert metrics(run) == whole[1]


def test_every_changed_byte_of_a_checkpoint_is_seen(plan, tmp_path):
    tensors = {"w": np.arange(6, dtype=np.float32), "n": np.array(3, np.int32)}
    content = to_bytes(Checkpoint(tensors, FACTS))
    path = tmp_path / "step-000000007.safetensors"
    path.write_bytes(content)
    assert read(path).facts == FACTS
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        try:
            found = read(path)
        except DamagedError:
            continue
        assert found.step == 7  # the byte was padding
        assert content[position : position + 1] == b" "


ABSURD = {
    "a negative step": ("position.step", -5),
    "a broken step": ("position.step", 7.5),
    "a step of another file": ("position.step", 10**9),
    "a step without end": ("position.step", 10**300),
    "a step in words": ("position.step", "seven"),
    "a sum that is not finite": ("position.loss_sum", float("nan")),
    "an age of the world": ("position.seconds", 1e308),
    "less than no time": ("position.seconds", -1.0),
    "no time": ("position.seconds", float("nan")),
    "less than nothing right": ("position.right", -1),
    "an unknown fact": ("colour", "red"),
    "a config out of range": ("config.momentum", 1.5),
    "a list for a config": ("config", []),
    "a missing data set": ("data", None),
    "an environment of lists": ("environment.jax", [1]),
}


@pytest.mark.parametrize(("name", "value"), ABSURD.values(), ids=ABSURD)
def test_absurd_facts_with_a_right_checksum_are_damage_in_one_line(name, value, tmp_path):
    facts = json.loads(FACTS.to_json())
    *parents, last = name.split(".")
    place = facts
    for parent in parents:
        place = place[parent]
    place[last] = value
    text, tensors = json.dumps(facts), {"w": np.zeros(2, np.float32)}
    path = tmp_path / "step-000000007.safetensors"
    path.write_bytes(save(tensors, metadata={"facts": text, "sha256": _digest(text, tensors)}))
    with pytest.raises(DamagedError, match=r"^.*step-000000007.safetensors is damaged: [^\n]+$"):
        read(path)


@pytest.mark.parametrize(
    "missing", ["position.seconds", "position.loss_sum", "config.seed", "config.epochs", "environment"]
)
def test_facts_that_are_missing_are_not_made_up(missing, tmp_path):
    facts = json.loads(FACTS.to_json())
    *parents, last = missing.split(".")
    del (facts[parents[0]] if parents else facts)[last]
    text, tensors = json.dumps(facts), {"w": np.zeros(2, np.float32)}
    path = tmp_path / "step-000000007.safetensors"
    path.write_bytes(save(tensors, metadata={"facts": text, "sha256": _digest(text, tensors)}))
    with pytest.raises(DamagedError, match=r"^.*step-000000007.safetensors is damaged: [^\n]+$"):
        read(path)


def check_skipped(plan, run, spoil, message):
    """The checkpoint of step 5, spoilt under a right checksum, is skipped in one line, and the one before it counts."""
    expected = flat(train(plan, Listener()))
    stopped(plan, run, 5)
    run.checkpoints.save(spoil(kept(run)))
    said, steps = [], []
    listener = Listener(on_step=lambda moment: steps.append(moment.step), warn=said.append)
    np.testing.assert_array_equal(flat(train(plan, listener, run)), expected)
    assert said == [f"{run.folder / 'step-000000005.safetensors'} is damaged: {message}: it is skipped"]
    assert steps[0] == 4


def test_more_right_than_there_were_images_is_damage(plan, tmp_path):
    right = lambda old: replace(old.facts, position=replace(old.facts.position, right=2 * CONFIG.batch + 1))
    spoil = lambda old: Checkpoint(old.tensors, right(old))
    check_skipped(plan, Run.create(tmp_path, "run", CONFIG), spoil, "of 16 images 17 are right")


SPOILT = {
    "parameters": ("adamw", "params.1.w", np.nan, "is not finite"),
    "a later count": ("adamw", "optimizer.0.count", 6, "is 6 after 5 steps"),
    "a negative count": ("adamw", "optimizer.2.count", -1, "is -1 after 5 steps"),
    "a count of the schedule": ("sgd", "optimizer.1.count", 0, "is 0 after 5 steps"),
    "a count of one's own": ("levenberg", "optimizer.done", 4, "is 4 after 5 steps"),
    "mean gradients": ("adam", "optimizer.0.mu.3.w", np.inf, "is not finite"),
    "momentum": ("sgd", "optimizer.0.trace.3.b", np.nan, "is not finite"),
    "negative squares": ("adam", "optimizer.0.nu.1.w", -1e-9, "is negative"),
    "squares": ("adamw", "optimizer.0.nu.1.b", np.nan, "is NaN"),
    "second derivatives": ("levenberg", "optimizer.h.3.w", -1, "is negative"),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("optimizer", "name", "value", "message"), SPOILT.values(), ids=SPOILT)
def test_an_absurd_state_with_a_right_checksum_is_damage(optimizer, name, value, message, tmp_path):
    config = replace(CONFIG, optimizer=optimizer)

    def spoil(old):
        tensor = np.array(old.tensors[f"state.{name}"])
        tensor.flat[-1] = value
        return Checkpoint({**old.tensors, f"state.{name}": tensor}, old.facts)

    check_skipped(tiny_plan(config), Run.create(tmp_path, "run", config), spoil, f"{name} {message}")


def test_the_square_of_a_large_gradient_may_be_infinite(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    stopped(plan, run, 5)
    old, name = kept(run), "state.optimizer.0.nu.1.b"
    run.checkpoints.save(Checkpoint({**old.tensors, name: np.full_like(old.tensors[name], np.inf)}, old.facts))
    assert np.isfinite(flat(train(plan, Listener(warn=pytest.fail), run))).all()


@pytest.mark.parametrize("text", ["two\nlines", "x" * 10**6], ids=["lines", "long"])
def test_what_a_file_holds_is_shown_in_one_short_line(plan, text, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    with pytest.raises(ValueError, match=r"does not fit the model: it holds [^\n]+$") as tensors:
        unflatten({text: np.zeros(1, np.float32)}, {"w": np.zeros(1, np.float32)}, "params.safetensors")
    run.write("config.json", json.dumps({**CONFIG.to_json(), "model": text}))
    with pytest.raises(ValueError, match=r"config.json is damaged: `model`=[^\n]+$") as config:
        _ = run.config
    (phrase,) = differences({"xla flags": text}, {"xla flags": ""})
    assert "\n" not in phrase
    assert max(map(len, (str(tensors.value), str(config.value), phrase))) < 400 + len(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["nothing", "garbage", "a folder"])
def test_what_is_not_a_checkpoint_is_skipped_in_one_line(plan, content, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    path = run.folder / "step-000000099.safetensors"
    path.mkdir() if content is None else path.write_bytes(content)
    said = []
    assert run.checkpoints.newest(said.append) is None
    (line,) = said
    assert line.startswith(f"{path} is damaged: ")
    assert "\n" not in line


def test_a_checkpoint_larger_than_the_network_is_refused_and_nothing_is_begun_anew(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    path = run.folder / "step-000000099.safetensors"
    with path.open("wb") as file:
        file.truncate(2**30)  # of holes, which take no place on the disk
    with pytest.raises(ValueError, match=rf"{path} does not fit the model: it has {2**30:,} bytes, [^\n]+ at most "):
        resuming.restore(plan, run, pytest.fail)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 0.9])
def test_a_full_disk_is_one_line_and_nothing_is_lost(plan, whole, number, share, tmp_path, monkeypatch):
    run = Run.create(tmp_path, "run", CONFIG)
    failure = lambda: OSError(number, os.strerror(number))
    with monkeypatch.context() as patched, pytest.raises(OSError, match=rf"cannot .*: {os.strerror(number)}"):
        patched.setattr(disk, "os", Disk(last=1 + int(share * whole[2]), failure=failure))
        train(plan, Listener(), run, EVERY)
    assert all(read(path) for path in run.checkpoints.paths())
    go_on(plan, run, whole)


@pytest.fixture
def finished(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    run.record(Record(1, 3, 1.0, 0.5, 0.5, 1.0))
    return run, Trained(plan.model, plan.initial().params, plan.data, Recipe())


def test_layers_of_one_name_have_a_picture_each(finished):
    run, trained = finished
    names = report.save_pictures(run, trained)
    of_the_run = {"learning_curve.png", "confusion.png", "misread.png"}
    assert set(names) == of_the_run | {"Flatten.png", "2-Dense.png", "4-Dense.png"}
    assert {path.name for path in run.folder.glob("*.png")} == set(names)


def test_a_network_with_kernels_shows_them_and_its_maps(finished):
    run, trained = finished
    model = Sequential(
        (Conv(2, (2, 2)), Activation("tanh"), AvgPool((2, 2), stride=1), Flatten(), Dense(len(trained.data.classes)))
    )
    params = model.init(jax.random.key(0), trained.data.in_shape)
    names = report.save_pictures(run, Trained(model, params, trained.data, Recipe()))
    assert {"filters.png", "Conv-maps.png", "AvgPool-maps.png", "Conv.png"} <= set(names)
    assert not any("Activation" in name or "Dense-maps" in name for name in names)


def test_a_picture_on_a_full_disk_is_named(finished, monkeypatch):
    run, trained = finished
    full = lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(disk, "os", Disk(last=0, failure=full))
    with pytest.raises(OSError, match=r"cannot write .*learning_curve.png: No space left"):
        report.save_pictures(run, trained)
    assert not list(run.folder.glob("*.png"))


def test_a_read_only_folder_is_one_line(plan, tmp_path, monkeypatch):
    run = Run.create(tmp_path, "run", CONFIG)
    monkeypatch.setattr(disk, "os", Disk(last=0, failure=lambda: OSError(errno.EROFS, "Read-only file system")))
    with pytest.raises(OSError, match=r"cannot write .*run/.owner: Read-only file system"):
        train(plan, Listener(), run)


def test_where_a_folder_cannot_be_opened_it_is_not_synchronised(monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "os", SimpleNamespace(name="nt"))
    disk.sync_folder(tmp_path)


def test_two_processes_in_one_folder_is_one_line(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    with run.lock(), pytest.raises(OSError, match=rf"run is being written by process {os.getpid()} on .*: wait for it"):
        train(plan, Listener(), run)


def test_a_checkpoint_of_another_config_is_refused(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run)
    run.checkpoints.paths()[0].unlink()
    before = run.records()
    with pytest.raises(ValueError, match=r"of another config \(seed: 0 before, 1 now\)"):
        train(tiny_plan(replace(CONFIG, seed=1)), Listener(), run)
    assert run.records() == before


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("part", ["images", "labels"])
def test_other_images_or_labels_are_refused(plan, split, part, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run)
    old = getattr(plan.data, split)
    array = getattr(old, part).copy()
    array.flat[-1] = 1 - array.flat[-1]
    other = replace(plan, data=replace(plan.data, **{split: replace(old, **{part: array})}))
    with pytest.raises(ValueError, match="the checkpoint is of other images or labels than this 'tiny'"):
        train(other, Listener(), run)


def stopped(plan, run, step):
    press = lambda moment: os.kill(os.getpid(), signal.SIGINT) if moment.step == step else None
    with pytest.raises(Interrupted):
        train(plan, Listener(on_step=press), run)


@pytest.mark.parametrize(("schedule", "epochs"), [("constant", 6), ("constant", 2), ("cosine", 4)])
def test_a_run_becomes_longer_or_shorter_where_its_rates_stay_what_they_were(schedule, epochs, tmp_path):
    config = replace(CONFIG, schedule=schedule)
    run = Run.create(tmp_path, "run", config)
    stopped(tiny_plan(config), run, 5)
    run.save_params(tiny_plan().initial().params)
    now = tiny_plan(replace(config, epochs=epochs))
    params = train(now, Listener(warn=pytest.fail), run)
    np.testing.assert_array_equal(flat(params), flat(train(now, Listener())))
    assert run.config == now.config
    assert [record.epoch for record in run.records()] == list(range(1, epochs + 1))
    assert not (run.folder / "params.safetensors").exists()


@pytest.mark.parametrize(
    ("schedule", "epochs", "message"),
    [
        ("cosine", 6, r"`epochs`=6: the schedule 'cosine' spreads its rates over all of the run's 4 epochs, so the 5"),
        ("linear", 3, r"`epochs`=3: the schedule 'linear' spreads"),
        ("constant", 1, r"the checkpoint is of step 5, and `epochs`=1 ends at step 3"),
    ],
)
def test_where_they_do_not_the_reason_is_said_and_nothing_is_touched(schedule, epochs, message, tmp_path):
    config = replace(CONFIG, schedule=schedule)
    run = Run.create(tmp_path, "run", config)
    stopped(tiny_plan(config), run, 5)
    before = {path: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(ValueError, match=message):
        train(tiny_plan(replace(config, epochs=epochs)), Listener(), run)
    assert {path: path.read_bytes() for path in run.folder.iterdir() if path.name != ".owner"}.items() <= before.items()


def test_a_run_that_has_not_begun_takes_any_number_of_epochs(tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(tiny_plan(replace(CONFIG, epochs=2)), Listener(), run)
    assert run.config.epochs == 2


def test_parameters_that_are_not_finite_after_the_last_step_are_never_saved(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)

    def spoilt(state, images, labels, key, done):
        state, loss, right = plan.compiled(state, images, labels, key, done)
        spoil = np.nan if done == plan.steps - 1 else 1
        return State(jax.tree.map(lambda leaf: spoil * leaf, state.params), state.optimizer), loss, right

    with pytest.raises(FloatingPointError, match=r"after step 12 the parameters 1.b, .* are not finite; .* step 11, "):
        train(replace(plan, compiled=spoilt), Listener(), run)
    newest = kept(run)
    assert newest.step == 11
    assert all(np.isfinite(tensor).all() for tensor in newest.tensors.values())
    with pytest.raises(FloatingPointError, match="are not finite: lower the learning rate"):
        train(replace(plan, compiled=spoilt), Listener())


def test_the_seconds_of_a_resumed_run_are_those_of_both(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    stopped(plan, run, 5)
    before = kept(run)
    position = replace(before.facts.position, seconds=1000.0)
    run.checkpoints.save(Checkpoint(before.tensors, replace(before.facts, position=position)))
    train(plan, Listener(), run)
    assert [record.seconds > 1000 for record in run.records()] == [False, True, True, True]


def test_another_environment_is_warned_of(plan, whole, tmp_path, monkeypatch):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run)
    said = []
    now = resuming.environment(plan.mesh)
    monkeypatch.setattr(resuming, "environment", lambda mesh: {**now, "threads": 99})
    np.testing.assert_array_equal(flat(train(plan, Listener(warn=said.append), run)), whole[0])
    assert said == [f"the last bits may differ from the uninterrupted run's (threads: {now['threads']} before, 99 now)"]


def test_a_loss_that_is_no_longer_finite_keeps_the_last_good_state(tmp_path):
    config = replace(CONFIG, optimizer="sgd", schedule="constant", momentum=0.0, learning_rate=1e38)
    plan, run = tiny_plan(config), Run.create(tmp_path, "run", config)
    with pytest.raises(FloatingPointError, match=r"the loss of step (\d+) is .*keeps the state after step \d+") as stop:
        train(plan, Listener(), run, checkpoint_every=1)
    bad = int(str(stop.value).split("step ")[1].split()[0])
    kept = read(run.checkpoints.paths()[0])
    assert kept.step == bad - 2
    assert all(np.isfinite(tensor).all() for tensor in kept.tensors.values())


def test_only_the_last_few_checkpoints_are_kept(plan, tmp_path):
    run = Run.create(tmp_path, "run", CONFIG)
    train(plan, Listener(), run, checkpoint_every=1)
    assert [read(path).step for path in run.checkpoints.paths()] == [12, 11, 10]
