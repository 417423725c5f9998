"""Processes that see several devices where there is one processor."""

import os


def environment(devices: int) -> dict[str, str]:
    """The variables of such a process, which compiles as little as this one does: see conftest.py."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}".strip()
    return {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
