"""`minicnn --version`: what a person who is to repeat something has to know."""

import os
import platform
from importlib.metadata import version

import jax

import minicnn
from minicnn import processor


def report() -> str:
    """Versions, processor, devices and the flags of JAX, one fact a line."""
    facts = {
        "minicnn": minicnn.__version__,
        **{name: version(name) for name in ("jax", "jaxlib", "numpy")},
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "processor": f"{processor.name()}, {processor.cores()} cores",
        "devices": _devices(),
        "JAX flags": _flags(),
    }
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {fact}" for name, fact in facts.items())


def _devices() -> str:
    """How many devices of each kind there are, or why none can be used."""
    try:
        kinds = [device.device_kind for device in jax.devices()]
    except RuntimeError as error:
        return f"none: {' '.join(str(error).split())}"
    return f"{jax.default_backend()}: " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


def _flags() -> str:
    """What the environment tells JAX and XLA."""
    given = [f"{name}={text}" for name, text in sorted(os.environ.items()) if name.startswith(("JAX_", "XLA_"))]
    return " ".join(given) or "none"
