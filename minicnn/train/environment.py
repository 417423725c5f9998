"""What beside the config decides the last bit of a run's numbers: versions, machine, threads and devices."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from minicnn import __version__


def environment(mesh: Mesh) -> dict[str, Any]:
    """The environment of training on a mesh of devices, now."""
    return {
        "minicnn": __version__,
        **{name: version(name) for name in ("jax", "jaxlib", "numpy", "optax")},
        "processor": _processor(),
        "device": mesh.devices.flat[0].device_kind,
        "devices": mesh.size,
        "processes": jax.process_count(),
        "threads": _threads(),
        "xla flags": os.environ.get("XLA_FLAGS", ""),
        "x64": bool(jax.config.read("jax_enable_x64")),
    }


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What has changed, one phrase each.

    >>> differences({"threads": 2, "jax": "0.10.2"}, {"threads": 4, "jax": "0.10.2"})
    ['threads: 2 before, 4 now']
    """
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return [f"{name}: {before.get(name)} before, {now.get(name)} now" for name in names]


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()} {models[0] if models else platform.processor()}".strip()
