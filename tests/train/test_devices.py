"""Several devices: what they compute together is what one computes, to rounding."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minicnn.train import Run, mesh_of
from minicnn.train.loop import Listener, train
from tests.simulated import environment
from tests.train.tiny import flat, tiny_plan

FEW_ROUNDINGS = 64 * np.finfo(np.float32).eps


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start(*args: str, devices: int, stderr: int | None = None) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.train.devices", *args]
    where = Path(__file__).parents[2]
    pipes = {"stdout": subprocess.PIPE, "stderr": stderr, "text": True}
    return subprocess.Popen(command, cwd=where, env=environment(devices), **pipes)


def result(process: subprocess.Popen) -> dict:
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def eight():
    return result(start(devices=8))


def test_the_gradients_of_eight_devices_are_those_of_one(eight):
    one, many = map(np.array, eight["gradients"])
    assert np.abs(one).max() > 0.01
    np.testing.assert_allclose(many, one, rtol=0, atol=FEW_ROUNDINGS * np.abs(one).max())


def test_a_run_resumes_on_another_number_of_devices(eight):
    found = eight["resumed"]
    np.testing.assert_allclose(found["moved"], found["alone"], rtol=1e-4, atol=1e-5)
    (line,) = found["said"]
    assert "devices: 8 before, 2 now" in line


def test_a_dense_matrix_is_spread_by_rows(eight):
    assert eight["rows"]["shards"] == [[4, 36]] * 8
    for spread, whole in eight["rows"]["pairs"]:
        np.testing.assert_array_equal(spread, whole)


def test_two_processes_train_together(tmp_path):
    port = free_port()
    processes = [start(port, str(process), str(tmp_path), devices=1) for process in range(2)]
    found = [result(process) for process in processes]
    assert [one["devices"] for one in found] == [2, 2]
    assert found[0] == found[1]
    assert found[0]["params"] == found[0]["again"]
    np.testing.assert_allclose(found[0]["params"], flat(train(tiny_plan(), Listener())), rtol=1e-4, atol=1e-5)
    assert [record.epoch for record in Run(tmp_path / "run").records()] == [1, 2, 3, 4]


@pytest.mark.long
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_is_one_line_of_the_other(lost, tmp_path):
    args = ["--model", "tiny", "--data", "tiny", "--batch", "8", "--epochs", "1000000", "--runs-dir", str(tmp_path)]
    args += ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2", "--process"]
    processes = [start("train", *args, str(n), devices=1, stderr=subprocess.PIPE) for n in range(2)]
    until = time.monotonic() + 300
    while not list(tmp_path.glob("run/step-*")) and time.monotonic() < until:
        time.sleep(0.05)
    processes[lost].kill()
    _, said = processes[1 - lost].communicate(timeout=300)
    processes[lost].communicate(timeout=300)
    assert processes[1 - lost].returncode == 2
    assert "start all of them again with --resume" in said
    assert "Traceback" not in said
    assert Run(tmp_path / "run").checkpoints.newest(pytest.fail)


def test_more_devices_than_there_are_is_one_line():
    with pytest.raises(ValueError, match=r"`devices`=64 must be from 1 to the \d+ there are; XLA_FLAGS="):
        mesh_of(64)
