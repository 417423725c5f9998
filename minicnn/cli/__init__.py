"""The command line: one module per command, each of which registers itself with `app`."""

from minicnn.cli import certify, evaluate, model, predict, train
from minicnn.cli.app import app

__all__ = ["app", "certify", "evaluate", "main", "model", "predict", "train"]


def main() -> None:
    """The entry point."""
    app()
