"""A run so small that a test can carry it out twenty times, and the programs that other processes carry out."""

import sys
from pathlib import Path

import jax
import numpy as np

from minicnn.data import Dataset, Split
from minicnn.nn import Activation, Dense, Flatten, Sequential
from minicnn.train import Config, Run, mesh_of
from minicnn.train.loop import Listener, train
from minicnn.train.plan import Plan, plan_of
from minicnn.train.recipes import Recipe
from minicnn.zoo.registry import Network

MODEL = Sequential((Flatten(), Dense(5), Activation("tanh"), Dense(3)))
CONFIG = Config(model="tiny", data="tiny", epochs=4, batch=8, reach=1)
NETWORK = Network(lambda: MODEL, (4, 4, 1))


def tiny_data(train: int = 24) -> Dataset:
    random = np.random.default_rng(0)
    split = lambda n: Split(random.random((n, 4, 4, 1), np.float32), random.integers(0, 3, n).astype(np.int32))
    return Dataset("tiny", ("a", "b", "c"), split(train), split(10))


def tiny_plan(config: Config = CONFIG, devices: int | None = 1) -> Plan:
    return plan_of(MODEL, tiny_data(), config, Recipe(), mesh_of(devices))


def flat(params) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def carry_out(folder: Path, epochs: int) -> None:
    """Train, or go on training, in a folder: the program that is killed. An epoch is three steps."""
    config = Config(model="tiny", data="tiny", epochs=epochs, batch=8, reach=1)
    run = Run.reopen(folder) if folder.exists() else Run.create(folder.parent, folder.name, config)
    train(tiny_plan(config), Listener(), run, checkpoint_every=2)


if __name__ == "__main__":
    carry_out(Path(sys.argv[1]), int(sys.argv[2]))
