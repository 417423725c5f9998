"""The command line: one module per command, each of which registers itself with `app`."""

import io
import sys

from minicnn.extras import require

require("cli", "the command minicnn")

from minicnn.cli import bench, certify, evaluate, explore, gallery, lift, model, predict, show, spectrum, train
from minicnn.cli.app import app

__all__ = [
    "app",
    "bench",
    "certify",
    "evaluate",
    "explore",
    "gallery",
    "lift",
    "main",
    "model",
    "predict",
    "show",
    "spectrum",
    "train",
]


def main() -> None:
    """Run the command that the arguments name; a name of a file that is no text is printed all the same."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
