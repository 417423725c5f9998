"""Checkpoints: everything a run is at one step, in one checksummed safetensors file."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from minicnn.disk import remove, write_whole
from minicnn.train import schema
from minicnn.train.config import Config
from minicnn.train.pending import Tally
from minicnn.train.schema import checked

Tensors = Mapping[str, np.ndarray]

_MOST_SHOWN = 100  # characters of a tensor's name
_MOST_BESIDE = 2**20  # bytes beside the tensors, their names and the facts: those of the zoo's networks take 5,000
_NAME = re.compile(r"step-(\d+)\.safetensors")


class DamagedError(ValueError):
    """A file of tensors is not what was written."""


@checked
class Facts:
    """What a checkpoint holds beside its tensors.

    Attributes:
        position: steps done, and the sums of the epoch so far.
        config: the config of the run.
        data: the fingerprint of its data set.
        environment: what beside the config decides the last bit of its numbers.
    """

    position: Tally
    config: Config
    data: str
    environment: dict[str, str | int | bool]

    def to_json(self) -> str:
        """The facts as text, which `schema.read` reads."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Checkpoint:
    """A run at one step.

    Attributes:
        tensors: parameters, optimizer state and random keys, named by their paths.
        facts: everything else.
    """

    tensors: Tensors
    facts: Facts

    @property
    def step(self) -> int:
        """The number of steps done."""
        return self.facts.position.step


@dataclass(frozen=True)
class Checkpoints:
    """The newest few checkpoints of a run.

    Attributes:
        folder: where they are.
        keep: how many are kept.
    """

    folder: Path
    keep: int = 3

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint whole or not at all, then delete the oldest of those up to it."""
        path = self.folder / f"step-{checkpoint.step:09d}.safetensors"
        write_whole(path, to_bytes(checkpoint))
        # Later ones are damaged, for the run began before them again: they must not take the place of this one.
        for old in [other for other in self.paths() if other.name <= path.name][self.keep :]:
            remove(old)
        return path

    def paths(self) -> list[Path]:
        """The files, the newest first."""
        return sorted((path for path in self.folder.glob("step-*") if _NAME.fullmatch(path.name)), reverse=True)

    def newest(
        self, warn: Callable[[str], None], like: Any = None, damage: Callable[[Checkpoint], str] = lambda checkpoint: ""
    ) -> Checkpoint | None:
        """The newest checkpoint that is undamaged; `warn` is told of those that are not.

        Args:
            warn: is given one line.
            like: a pytree of tensors such as the checkpoint has, if that is known.
            damage: what else is wrong in a checkpoint that was read, in words, if anything is.

        Raises:
            ValueError: if one is larger than tensors like those of the pytree `like`, if that is given: to skip it, as
                what is damaged, would lose a larger network's.
        """
        for path in self.paths():
            if like is not None:
                check_size(path, like)
            try:
                checkpoint = read(path)
                if wrong := damage(checkpoint):
                    raise DamagedError(f"{path} is damaged: {wrong}")
                return checkpoint
            except DamagedError as error:
                warn(f"{error}: it is skipped")
        return None

    def discard_after(self, step: int) -> None:
        """Delete what was written after a step."""
        for path in self.paths():
            if _step_named(path) > step:
                remove(path)


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint's file; its metadata hold the facts and the SHA-256 of facts and tensors."""
    facts = checkpoint.facts.to_json()
    tensors = {name: np.asarray(tensor, order="C") for name, tensor in checkpoint.tensors.items()}
    return save(tensors, metadata={"facts": facts, "sha256": _digest(facts, tensors)})


def read(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DamagedError: if it is not what was written, naming the file.
    """
    tensors, metadata = read_tensors(path)
    facts = metadata.get("facts", "")
    if metadata.get("sha256") != _digest(facts, tensors):
        raise DamagedError(f"{path} is damaged: its SHA-256 is another")
    try:
        checkpoint = Checkpoint(tensors, schema.read(Facts, facts, path))
    except ValueError as error:
        raise DamagedError(str(error)) from error
    if checkpoint.step != _step_named(path):
        raise DamagedError(f"{path} is damaged: it is of step {checkpoint.step}")
    return checkpoint


def check_size(path: Path, like: Any) -> None:
    """Refuse a file that is larger than tensors of these shapes and dtypes, before a number of it is read.

    Raises:
        ValueError: naming the file, its size and the largest that there can be.
    """
    leaves = jax.tree.leaves(like)
    most = sum(leaf.size * np.dtype(leaf.dtype).itemsize for leaf in leaves) + _MOST_BESIDE
    if path.is_file() and (size := path.stat().st_size) > most:
        raise ValueError(
            f"{path} does not fit the model: it has {size:,} bytes, and one of this model at most {most:,}; "
            "give the model that it is of, or move it away"
        )


def read_tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """The tensors of a safetensors file, and its metadata.

    Raises:
        DamagedError: if it is not a safetensors file of numbers that NumPy knows, naming the file.
        OSError: if it is a file and cannot be opened: what it holds may be whole.
    """
    if path.is_file():
        path.open("rb").close()
    elif path.exists() and not path.is_dir():
        raise DamagedError(f"{path} is damaged: it is no file")
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = "it is a folder" if path.is_dir() else str(error).partition("\n")[0]
        raise DamagedError(f"{path} is damaged: {reason}") from error


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """The leaves of a pytree by their paths.

    >>> flatten({"w": jnp.ones(2), "b": (jnp.zeros(1),)}).keys()
    dict_keys(['b.0', 'w'])
    """
    return {path_name(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def unflatten(tensors: Tensors, like: Any, source: Path | str) -> Any:
    """The pytree with the structure of `like` whose leaves have these names.

    Raises:
        ValueError: if names, shapes or dtypes are not those of `like`, naming the source.
    """
    leaves = jax.tree_util.tree_leaves_with_path(like)
    expected = {path_name(path): (leaf.shape, np.dtype(leaf.dtype).name) for path, leaf in leaves}
    actual = {name: (tensor.shape, tensor.dtype.name) for name, tensor in tensors.items()}
    if expected != actual:
        differing = sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
        found = ", ".join(
            f"{_named(name)}={actual.get(name, 'nothing')} and the model needs {expected.get(name, 'nothing')}"
            for name in differing[:3]
        )
        raise ValueError(f"{source} does not fit the model: it holds {found}")
    return jax.tree_util.tree_map_with_path(lambda path, _: tensors[path_name(path)], like)


def not_finite(tree: Any) -> list[str]:
    """The names of the leaves that hold NaN or infinity.

    >>> not_finite({"w": jnp.array([1.0, jnp.nan]), "b": jnp.zeros(1)})
    ['w']
    """
    return [name for name, leaf in flatten(tree).items() if not np.isfinite(leaf).all()]


def path_name(path: tuple[Any, ...]) -> str:
    """The name of a leaf, such as `0.w`."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _named(name: str) -> str:
    """The name of a tensor, which may hold anything where a file has it."""
    return name if name.isprintable() and len(name) <= _MOST_SHOWN else schema.short(name)


def _step_named(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _digest(facts: str, tensors: Tensors) -> str:
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
