"""A run on disk: one folder with its config, metrics, parameters, pictures and report."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from minicnn import __version__
from minicnn.train.config import Config
from minicnn.train.loop import Record

Params = Any


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    folder: Path

    @classmethod
    def create(cls, parent: Path, name: str, config: Config) -> Self:
        """Make a new folder, `name` or the first of `name-2`, `name-3`, … that is free; nothing is overwritten."""
        for number in range(1, 10_000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            run = cls(folder)
            run.write("config.json", json.dumps({"version": __version__, **config.to_json()}, indent=2) + "\n")
            return run
        raise FileExistsError(f"{parent} holds 9,999 runs named {name!r}: choose another name")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A finished run.

        Raises:
            FileNotFoundError: if the folder lacks the config or the parameters, naming the file.
        """
        for name in ("config.json", "params.safetensors"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} is no finished run: it has no {name}")
        return cls(folder)

    @property
    def config(self) -> Config:
        """What the run was made of.

        Raises:
            ValueError: if the file is not a config.
        """
        path = self.folder / "config.json"
        try:
            fields = json.loads(path.read_text())
            fields.pop("version", None)
            return Config.from_json(fields)
        except (TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is no config: {error}") from error

    def record(self, record: Record) -> None:
        """Append one line to `metrics.jsonl`."""
        with (self.folder / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps(record.to_json()) + "\n")

    def records(self) -> list[Record]:
        """The lines of `metrics.jsonl`."""
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [Record(**json.loads(line)) for line in lines]

    def save_params(self, params: Params) -> None:
        """Write `params.safetensors`, one tensor per leaf, named by its path."""
        leaves = jax.tree_util.tree_leaves_with_path(params)
        self.write("params.safetensors", save({_path(path): np.asarray(leaf) for path, leaf in leaves}))

    def load_params(self, like: Params) -> Params:
        """Read the parameters back into the structure of `like`.

        Raises:
            ValueError: if the file is damaged, or its tensors are not those of the model.
        """
        path = self.folder / "params.safetensors"
        try:
            stored = load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        expected = {_path(where): leaf.shape for where, leaf in jax.tree_util.tree_leaves_with_path(like)}
        actual = {name: tensor.shape for name, tensor in stored.items()}
        if expected != actual:
            raise ValueError(f"{path} holds {actual} and the model needs {expected}")
        return jax.tree_util.tree_map_with_path(lambda where, _: jax.numpy.asarray(stored[_path(where)]), like)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the run whole or not at all."""
        path = self.folder / name
        partial = path.with_name(f".{name}.partial")
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path


def _path(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
