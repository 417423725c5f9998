"""The processor a number was measured on: ratios and last bits hold for it alone."""

import os
import platform
from pathlib import Path


def name() -> str:
    """The processor's name as the system tells it, after its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{platform.machine()} {next(models, platform.processor())}".strip()


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
