"""Several devices, of one process or of many: a mesh of them, and what its processes tell one another."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "devices"


def mesh_of(devices: int | None = None) -> Mesh:
    """A mesh of one axis over some devices of every process, or over all of them.

    Args:
        devices: how many of each process; all if None.

    Raises:
        ValueError: if a process has fewer, saying how a CPU can stand in for several.

    >>> mesh_of(1).size
    1
    """
    local = jax.local_device_count()
    if devices is not None and not 1 <= devices <= local:
        raise ValueError(
            f"`devices`={devices} must be from 1 to the {local} there are; "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={devices} makes one CPU pretend to be {devices}"
        )
    chosen: dict[int, list[Any]] = {}
    for device in jax.devices():
        chosen.setdefault(device.process_index, []).append(device)
    return Mesh(np.array([device for own in chosen.values() for device in own[:devices]]), (AXIS,))


def join(coordinator: str, processes: int, process: int) -> None:
    """Become one of several processes, on one host or on many, that train together.

    Args:
        coordinator: host:port of process 0, the same for all.
        processes: how many there are.
        process: which of them this is, from 0.

    Raises:
        ValueError: if `process` is not one of them.
        ConnectionError: if they do not find one another.
    """
    if not 0 <= process < processes:
        raise ValueError(f"`process`={process} must be from 0 to {processes - 1}")
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except RuntimeError as error:
        raise ConnectionError(f"no connection with the coordinator at {coordinator}: {error}") from error


@contextmanager
def connected() -> Iterator[None]:
    """Work that needs all of several processes.

    Raises:
        ConnectionError: if another one is gone.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        reason = str(error).partition("\n")[0]
        raise ConnectionError(
            f"this process and the others have lost one another ({reason}): start all of them again with --resume"
        ) from error


def is_first() -> bool:
    """This is process 0, which alone writes and speaks."""
    return jax.process_index() == 0


def split_rows(mesh: Mesh) -> NamedSharding:
    """The first axis of an array spread over the mesh."""
    return NamedSharding(mesh, PartitionSpec(AXIS))


def everywhere(mesh: Mesh) -> NamedSharding:
    """A copy of an array on every device of the mesh."""
    return NamedSharding(mesh, PartitionSpec())


def spread(mesh: Mesh, images: np.ndarray, chosen: np.ndarray) -> jax.Array:
    """The chosen rows of an array that every process holds, spread over the mesh; each takes only its own."""
    own = lambda index: images[chosen[(index or (slice(None),))[0]]]
    return jax.make_array_from_callback((len(chosen), *images.shape[1:]), split_rows(mesh), own)


def copied(mesh: Mesh, tree: Any) -> Any:
    """A pytree that is the same in every process, with a copy on every device of the mesh."""
    place = lambda leaf: jax.make_array_from_process_local_data(everywhere(mesh), np.asarray(leaf))
    return jax.tree.map(place, tree)


def from_first(tree: Any) -> Any:
    """The pytree of process 0, in every process; the others give one of the same shapes."""
    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def json_from_first(value: Any) -> Any:
    """The JSON value of process 0, in every process.

    >>> json_from_first({"epochs": 3})
    {'epochs': 3}
    """
    if jax.process_count() == 1:
        return value
    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    whole = np.zeros(int(from_first(np.int32(text.size))), np.uint8)
    if is_first():
        whole[:] = text
    return json.loads(from_first(whole).tobytes())
