"""The application, and what its commands share."""

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape


class App(typer.Typer):
    """Commands in whose paths ~ is the home folder, and whose errors are one line.

    A shell replaces ~ at the beginning of a word only, and not in `--data-dir=~/data`.
    """

    def command(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function as a command."""
        register = super().command(*args, **kwargs)

        def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def command(**given: Any) -> Any:
                with one_line_errors():
                    return function(**{name: _from_home(value) for name, value in given.items()})

            register(command)
            return function

        return decorated


app = App(
    help="Every layer is a matrix, and differentiation is transposition.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()

Seed = Annotated[int, typer.Option(help="The same seed gives the same numbers.")]


def exit_by(reports: Any) -> None:
    """Exit status 1 if one of the reports is not ok."""
    if not all(report.ok for report in reports):
        console.print("[bold red]An identity fails: see the table.[/]")
        raise typer.Exit(1)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib to a file and close it."""
    from matplotlib import pyplot as plt

    figure.savefig(path, dpi=120)
    plt.close(figure)


def error_line(error: Exception) -> None:
    """Say in one line what went wrong."""
    Console(stderr=True).print(f"[bold red]error:[/] {escape(_said(error))}", highlight=False, soft_wrap=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person can mend is said in one line, without a traceback, and so is that a person stopped it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        line, folder = str(stop) or "stopped", getattr(stop, "folder", None)
        if folder is not None:
            line += f": go on with `minicnn train --resume {shlex.quote(str(folder))}`"
        Console(stderr=True).print(escape(line), highlight=False, soft_wrap=True)
        # The exit status that shells give a process which a signal ended.
        raise typer.Exit(128 + getattr(stop, "signum", signal.SIGINT)) from stop
    except (ValueError, TypeError, OSError, MemoryError, ArithmeticError) as error:
        error_line(error)
        raise typer.Exit(2) from error


def _said(error: BaseException) -> str:
    """An error in one line, that of the system without its number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split("\n")) or type(error).__name__


def _from_home(value: Any) -> Any:
    """A path, or each path of a list, with the home folder for ~."""
    if isinstance(value, list):
        return [_from_home(item) for item in value]
    try:
        return value.expanduser() if isinstance(value, Path) else value
    except RuntimeError as error:
        raise ValueError(f"{value}: there is no such home folder") from error
