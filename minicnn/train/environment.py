"""What beside the config decides the last bit of a run's numbers: versions, machine, threads and devices."""

import os
from importlib.metadata import version
from typing import Any

import jax
from jax.sharding import Mesh

from minicnn import __version__, processor
from minicnn.train.schema import short

_MOST_SHOWN = 200  # characters of a value: the flags of XLA are more than a word


def environment(mesh: Mesh) -> dict[str, Any]:
    """The environment of training on a mesh of devices, now."""
    return {
        "minicnn": __version__,
        **{name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")},
        "processor": processor.name(),
        "device": mesh.devices.flat[0].device_kind,
        "devices": mesh.size,
        "processes": jax.process_count(),
        "threads": processor.cores(),
        "xla flags": os.environ.get("XLA_FLAGS", ""),
        "x64": bool(jax.config.read("jax_enable_x64")),
    }


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What has changed, one phrase each.

    >>> differences({"threads": 2, "jax": "0.10.2"}, {"threads": 4, "jax": "0.10.2"})
    ['threads: 2 before, 4 now']
    """
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return [f"{_shown(name)}: {_shown(before.get(name))} before, {_shown(now.get(name))} now" for name in names]


def _shown(value: Any) -> str:
    """A name or a value, in one short line whatever a file holds."""
    text = str(value)
    return text if text.isprintable() and len(text) <= _MOST_SHOWN else short(value)
