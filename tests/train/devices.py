"""What a process with eight simulated devices finds out, or one of two that train together: JSON on stdout.

Or `train`, the command, with the tiny network among those it knows.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn.cli import app
from minicnn.data.registry import DATASETS
from minicnn.maps import shard_rows
from minicnn.nn import Conv, Flatten, MaxPool, Sequential
from minicnn.nn.elementary import Dense
from minicnn.train import Interrupted, Run, join, mesh_of
from minicnn.train.devices import copied, spread
from minicnn.train.loop import Listener, train
from minicnn.train.plan import loss_and_gradient
from minicnn.train.recipes import Recipe
from minicnn.zoo.registry import NETWORKS
from tests.train.tiny import CONFIG, NETWORK, flat, tiny_data, tiny_plan


def gradients() -> list[list[float]]:
    """Of a small convolutional network, on one device and on eight."""
    model = Sequential((Conv(4, (3, 3)), MaxPool((2, 2)), Flatten(), Dense(3)))
    random = np.random.default_rng(0)
    images, labels = random.random((16, 8, 8, 1), np.float32), random.integers(0, 3, 16).astype(np.int32)
    params, chosen = model.init(jax.random.key(0), (8, 8, 1)), np.arange(16)
    found = []
    for devices in (1, 8):
        mesh = mesh_of(devices)
        placed = copied(mesh, params), spread(mesh, images, chosen), spread(mesh, labels, chosen)
        assert len(placed[1].addressable_shards) == devices
        _, gradient = jax.jit(loss_and_gradient(model, Recipe()))(*placed)
        found.append(flat(gradient).tolist())
    return found


def resumed() -> dict[str, list]:
    """Parameters of a run on eight devices, stopped, then resumed on two; warnings; and the run on one device."""
    said: list[str] = []
    with TemporaryDirectory() as folder:
        run = Run.create(Path(folder), "run", CONFIG)
        stop = lambda moment: os.kill(os.getpid(), signal.SIGINT) if moment.step == 5 else None
        with suppress(Interrupted):
            train(tiny_plan(devices=8), Listener(on_step=stop), run)
        moved = train(tiny_plan(devices=2), Listener(warn=said.append), run)
    return {"moved": flat(moved).tolist(), "alone": flat(train(tiny_plan(), Listener())).tolist(), "said": said}


def rows() -> dict[str, object]:
    """Products with C whose rows are spread over eight devices, and with C on one."""
    random = np.random.default_rng(0)
    w, x, y = (
        jnp.asarray(random.integers(-3, 4, shape), jnp.float32) for shape in [(3, 3, 1, 2), (6, 6, 1), (4, 4, 2)]
    )
    C = minicnn.conv_map(w, (6, 6))
    spread_C = shard_rows(C, mesh_of(8))
    return {
        "shards": [list(shard.data.shape) for shard in spread_C.M.addressable_shards],
        "pairs": [
            [np.asarray(spread_C(x)).tolist(), np.asarray(C(x)).tolist()],
            [np.asarray(spread_C.T(y)).tolist(), np.asarray(C.T(y)).tolist()],
        ],
    }


def together(port: str, process: str, folder: str) -> dict[str, object]:
    """Train as one of two processes; the second half is a resumed run."""
    join(f"127.0.0.1:{port}", 2, int(process))
    plan, parent = tiny_plan(devices=None), Path(folder)
    run = Run.create(parent, "run", CONFIG) if process == "0" else Run(parent / "run")
    first = flat(train(plan, Listener(), run))
    if process == "0":
        run.checkpoints.paths()[0].unlink()
    jax.experimental.multihost_utils.sync_global_devices("deleted")
    again = flat(train(plan, Listener(), run))
    return {"devices": plan.mesh.size, "params": first.tolist(), "again": again.tolist()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        NETWORKS["tiny"], DATASETS["tiny"] = NETWORK, lambda folder: tiny_data()
        app()
    elif len(sys.argv) > 1:
        print(json.dumps(together(*sys.argv[1:])))
    else:
        print(json.dumps({"gradients": gradients(), "resumed": resumed(), "rows": rows()}))
