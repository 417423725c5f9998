"""The commands as a person runs them, in a terminal of any width, and a tiny network that they know."""

import pytest
from typer.testing import CliRunner

from minicnn.cli import app
from minicnn.cli.app import console
from tests.train.conftest import tiny

__all__ = ["run", "tiny"]


@pytest.fixture
def run():
    def run(*args, width=120):
        console._width = width
        try:
            return CliRunner().invoke(app, [*map(str, args)], env={"COLUMNS": str(width)})
        finally:
            console._width = None

    return run
