"""Processes that see several devices where there is one processor."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest


def environment(devices: int) -> dict[str, str]:
    """The variables of such a process, which compiles as little as this one does: see conftest.py."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}".strip()
    return {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def answers(module: str, questions: Sequence[Any], devices: int) -> list[Any]:
    """What a module of questions answers in such a process, one after the other."""
    command, where = [sys.executable, "-m", module, json.dumps(questions)], Path(__file__).parents[1]
    printed = subprocess.run(command, cwd=where, env=environment(devices), stdout=subprocess.PIPE, check=True).stdout
    return json.loads(printed.splitlines()[-1])


def attempt(question: Callable[[str], Any], name: str) -> Any:
    """The answer about a name, in such a process, or why there is none: one failure must not hide the rest."""
    try:
        return question(name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:400]


def to_run(request: pytest.FixtureRequest, *names: str) -> list[tuple[Any, ...]]:
    """What the parameters of these names are in those tests of a module that are to be run."""
    own = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    with_all = [case.params for case in own if case and case.params.keys() >= set(names)]
    return sorted({tuple(params[name] for name in names) for params in with_all})
