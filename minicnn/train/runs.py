"""A run on disk: one folder with its config, metrics, checkpoints, parameters, pictures and report."""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Self

import jax
from pydantic import AfterValidator
from safetensors.numpy import save

from minicnn import __version__
from minicnn.disk import append, clear, read_bounded, remove, write_whole
from minicnn.run_folder import CONFIG, METRICS, PARAMS, check_begun, check_finished
from minicnn.train import schema
from minicnn.train.checkpoints import Checkpoints, check_size, flatten, not_finite, read_tensors, unflatten
from minicnn.train.config import Config
from minicnn.train.devices import is_first
from minicnn.train.locks import locked
from minicnn.train.schema import Count, Fraction, Real, Seconds, Word, checked

Params = Any

# A config has about 400 bytes, and the record of an epoch 150: its names, two whole numbers and four real ones take at
# most 200.
_MOST_BYTES, _MOST_OF_EPOCH = 2**20, 256
# What `config.json` may lack, for the first runs did not choose it: they were made with what are its defaults.
_LATER = ("optimizer", "schedule", "momentum", "augment", "data_dir")


def _whole(path: str) -> str:
    """Refuse what is not the whole path of a folder, on whatever system it was written."""
    if "\0" in path or not (PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()):
        raise ValueError("must be the whole path of a folder")
    return path


@checked
class Origin(Config):
    """What `config.json` holds.

    Attributes:
        version: of minicnn, when the run began.
        data_dir: where the data set's files were, if that was given.
    """

    version: Word = ""
    data_dir: Annotated[str, AfterValidator(_whole)] | None = None

    @property
    def config(self) -> Config:
        """The config without what is noted beside it."""
        return Config(**{name: value for name, value in asdict(self).items() if name not in ("version", "data_dir")})


@checked
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

    epoch: Count
    step: Count
    loss: Real
    train_accuracy: Fraction
    test_accuracy: Fraction
    seconds: Seconds

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
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
            run._write_origin(__version__, data_dir and str(data_dir.absolute()), config)
            return run
        raise FileExistsError(f"{parent} holds 9,999 runs named {name!r}: choose another name")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A finished run.

        Raises:
            FileNotFoundError: if the folder lacks the config or the parameters, naming the file.
        """
        check_finished(folder)
        return cls(folder)

    @classmethod
    def reopen(cls, folder: Path) -> Self:
        """A run to go on with, finished or not.

        Raises:
            FileNotFoundError: if the folder has no config.
        """
        check_begun(folder)
        return cls(folder)

    @property
    def config(self) -> Config:
        """What the run was made of.

        Raises:
            ValueError: if the file is not a config.
        """
        return self._origin.config

    @property
    def data_dir(self) -> Path | None:
        """Where the data set's files were, if that was given."""
        folder = self._origin.data_dir
        return None if folder is None else Path(folder)

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints in the folder."""
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
        """The lines of `metrics.jsonl`; one that was cut off while it was written does not count.

        Raises:
            ValueError: if a line is not a record, naming it, or not one that can follow those before it: each is of a
                later epoch, none is later than the run's last, and all epochs have as many steps.
        """
        if not self._metrics.exists():
            return []
        if not self._metrics.is_file() and not self._metrics.is_dir():  # opening a pipe would wait for ever
            raise ValueError(f"{self._metrics} is damaged: it is no file")
        epochs = self.config.epochs
        content = read_bounded(self._metrics, max(_MOST_BYTES, _MOST_OF_EPOCH * epochs))
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        found = [schema.read(Record, line, f"{self._metrics}, line {n},") for n, line in enumerate(lines, start=1)]
        for n, record in enumerate(found):
            if wrong := _misplaced(record, found[n - 1] if n else None, epochs):
                raise ValueError(f"{self._metrics}, line {n + 1}, is damaged: {wrong}")
        return found

    def last_record(self) -> Record:
        """The record of the run's last epoch.

        Raises:
            ValueError: if there is none, or as `records`.
        """
        epochs = self.config.epochs
        for record in reversed(self.records()):
            if record.epoch == epochs:
                return record
        raise ValueError(
            f"{self._metrics} lacks the record of epoch {epochs}, the last: delete the last checkpoint and resume"
        )

    def record_of(self, step: int) -> Record:
        """The record of the epoch that ended with a step.

        Raises:
            ValueError: if there is none, or as `records`.
        """
        for record in self.records():
            if record.step == step:
                return record
        raise ValueError(
            f"{self._metrics} lacks the record of step {step}: delete the checkpoint of that step to repeat its epoch"
        )

    def go_on(self, config: Config, step: int, finished: bool) -> None:
        """Take back what was written after a step or half written, and what is no longer so of a run of this config.

        Args:
            config: of the run from now on.
            step: steps done.
            finished: there are no more steps to do.
        """
        clear(self.folder)
        if self._metrics.exists():
            kept = [json.dumps(record.to_json()) + "\n" for record in self.records() if record.step <= step]
            write_whole(self._metrics, "".join(kept))
        origin = self._origin
        if origin.config != config:
            self._write_origin(origin.version, origin.data_dir, config)
        if not finished:
            remove(self.folder / PARAMS)

    def save_params(self, params: Params) -> None:
        """Write `params.safetensors`, one tensor per leaf, named by its path.

        Raises:
            FloatingPointError: if a parameter is NaN or infinite.
        """
        if names := not_finite(params):
            raise FloatingPointError(f"the parameters {', '.join(names)} are not finite: they are not saved")
        self.write(PARAMS, save(flatten(params)))

    def load_params(self, like: Params) -> Params:
        """Read the parameters back into the structure of `like`.

        Raises:
            ValueError: if the file is damaged, or its tensors are not those of the model, or are not finite.
        """
        path = self.folder / PARAMS
        check_size(path, like)
        params = unflatten(read_tensors(path)[0], like, path)
        if names := not_finite(params):
            raise ValueError(f"{path} is damaged: {', '.join(names)} are not finite")
        return jax.tree.map(jax.numpy.asarray, params)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the run whole or not at all."""
        path = self.folder / name
        write_whole(path, content)
        return path

    @property
    def _origin(self) -> Origin:
        path = self.folder / CONFIG
        return schema.read(Origin, read_bounded(path, _MOST_BYTES), path, _LATER)

    def _write_origin(self, version: str, data_dir: str | None, config: Config) -> None:
        fields = {"version": version, "data_dir": data_dir, **config.to_json()}
        self.write(CONFIG, json.dumps(fields, indent=2) + "\n")

    @property
    def _metrics(self) -> Path:
        return self.folder / METRICS


def _misplaced(record: Record, before: Record | None, epochs: int) -> str:
    """What is wrong with a record behind another one, or as the first, if anything is."""
    if record.epoch > epochs:
        return f"it is of epoch {record.epoch}, and the run has {epochs}"
    if before is None:
        return "" if record.step % record.epoch == 0 else f"{record.epoch} epochs have {record.step} steps"
    if record.epoch <= before.epoch:
        return f"epoch {record.epoch} comes after epoch {before.epoch}"
    if record.step * before.epoch != before.step * record.epoch:
        return f"{record.epoch} epochs have {record.step} steps, and {before.epoch} have {before.step}"
    return ""
