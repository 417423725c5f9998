"""A run on disk: one folder with its config, metrics, checkpoints, parameters, pictures and report."""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import jax
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from minicnn import __version__
from minicnn.train.checkpoints import Checkpoints, flatten, unflatten
from minicnn.train.config import Config
from minicnn.train.devices import is_first
from minicnn.train.disk import append, locked, write_whole

Params = Any


@dataclass(frozen=True)
class Record:
    """What is known after one epoch; one line of `metrics.jsonl`.

    Attributes:
        epoch: passes done.
        step: steps done.
        loss: the mean over the epoch's batches.
        train_accuracy: on the epoch's batches, each as it was met: augmented, before its step.
        test_accuracy: on the test images, after the epoch.
        seconds: of training so far, compilation and testing included.
    """

    epoch: int
    step: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The fields as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    folder: Path

    @classmethod
    def create(cls, parent: Path, name: str, config: Config, data_dir: Path | None = None) -> Self:
        """Make a new folder, `name` or the first of `name-2`, `name-3`, … that is free; nothing is overwritten.

        Args:
            parent: where the folder goes.
            name: of the folder.
            config: of the run.
            data_dir: where the data set's files are, noted for whoever reads the run.
        """
        for number in range(1, 10_000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise OSError(f"cannot make {folder}: {error.strerror}") from error
            run = cls(folder)
            about = {"version": __version__, "data_dir": data_dir and str(data_dir.absolute())}
            run.write("config.json", json.dumps({**about, **config.to_json()}, indent=2) + "\n")
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

    @classmethod
    def reopen(cls, folder: Path) -> Self:
        """A run to go on with, finished or not.

        Raises:
            FileNotFoundError: if the folder has no config.
        """
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"{folder} is no run: it has no config.json")
        return cls(folder)

    @property
    def config(self) -> Config:
        """What the run was made of.

        Raises:
            ValueError: if the file is not a config.
        """
        try:
            fields = self._about()
            return Config.from_json({name: fields[name] for name in fields if name not in ("version", "data_dir")})
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{self.folder / 'config.json'} is no config: {error}") from error

    @property
    def data_dir(self) -> Path | None:
        """Where the data set's files were, if that was given."""
        folder = self._about().get("data_dir")
        return folder and Path(folder)

    @property
    def checkpoints(self) -> Checkpoints:
        """Its checkpoints."""
        return Checkpoints(self.folder)

    def lock(self) -> AbstractContextManager[None]:
        """Be the only one who writes the folder; process 0 of several has the lock for all.

        Raises:
            OSError: if another has it, or the folder cannot be written.
        """
        return locked(self.folder) if is_first() else nullcontext()

    def record(self, record: Record) -> None:
        """Append one line to `metrics.jsonl`."""
        append(self._metrics, json.dumps(record.to_json()))

    def records(self) -> list[Record]:
        """The lines of `metrics.jsonl`; one that was cut off while it was written does not count."""
        text = self._metrics.read_text() if self._metrics.exists() else ""
        return [Record(**json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]

    def forget_after(self, step: int) -> None:
        """Take back the lines of `metrics.jsonl` that were written after a step."""
        if self._metrics.exists():
            kept = [json.dumps(record.to_json()) + "\n" for record in self.records() if record.step <= step]
            write_whole(self._metrics, "".join(kept).encode())

    def save_params(self, params: Params) -> None:
        """Write `params.safetensors`, one tensor per leaf, named by its path."""
        self.write("params.safetensors", save(flatten(params)))

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
        return jax.tree.map(jax.numpy.asarray, unflatten(stored, like, path))

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the run whole or not at all."""
        path = self.folder / name
        write_whole(path, content.encode() if isinstance(content, str) else content)
        return path

    def _about(self) -> dict[str, Any]:
        path = self.folder / "config.json"
        try:
            fields = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"{path} is no config: {error}") from error
        if not isinstance(fields, dict):
            raise ValueError(f"{path} is no config: it holds a {type(fields).__name__}")
        return fields

    @property
    def _metrics(self) -> Path:
        return self.folder / "metrics.jsonl"
