"""What a benchmark ran on: ratios hold for the processor that gave them, so every output names it."""

import os
import platform
from pathlib import Path

import jax

from minicnn import __version__


def processor() -> str:
    """The processor's name as the system tells it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def made_with() -> dict[str, str | int]:
    """The processor, the device and the versions that a figure belongs to."""
    return {
        "minicnn": __version__,
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "devices": str(jax.devices()[0].device_kind),
    }


def one_line() -> str:
    """The processor, its cores and the versions, as a table's caption says them."""
    facts = made_with()
    device = "" if facts["backend"] == "cpu" else f", {facts['devices']}"
    return f"{facts['processor']}, {facts['cores']} cores{device}, JAX {facts['jax']}, minicnn {facts['minicnn']}"
