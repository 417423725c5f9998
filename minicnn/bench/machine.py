"""What a benchmark ran on: ratios hold for the processor that gave them, so every output names it."""

import json
from typing import Any

import jax

from minicnn import __version__, processor


def made_with() -> dict[str, str | int]:
    """The processor, the device and the versions that a figure belongs to."""
    return {
        "minicnn": __version__,
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "processor": processor.name(),
        "cores": processor.cores(),
        "devices": str(jax.devices()[0].device_kind),
    }


def as_json(**found: Any) -> str:
    """What was found as JSON, behind what it was made with."""
    return json.dumps({"made with": made_with(), **found}, indent=1)


def one_line() -> str:
    """The processor, its cores and the versions, as a table's caption says them."""
    facts = made_with()
    device = "" if facts["backend"] == "cpu" else f", {facts['devices']}"
    return f"{facts['processor']}, {facts['cores']} cores{device}, JAX {facts['jax']}, minicnn {facts['minicnn']}"
