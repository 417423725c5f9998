"""The application, and what its commands share."""

import json
import shlex
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from minicnn.cli.waiting import Terminal, waiting
from minicnn.disk import write_whole

if TYPE_CHECKING:
    from minicnn.identities.comparison import Comparison

# The commands in the order of the help, below what they are for.
PANELS = {
    "Train": ("demo", "train", "evaluate", "predict"),
    "See": ("show", "explore", "gallery", "model"),
    "Prove and measure": ("certify", "lift", "spectrum", "bench"),
}
_ORDER = [name for names in PANELS.values() for name in names]


class Commands(TyperGroup):
    """Commands in the order of their panels, whose errors of usage are one line as all other errors are."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read what is asked of the command itself."""
        with one_line_usage():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Read what is asked of one of the commands, and run it."""
        with one_line_usage(ctx):
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """List the names of the commands."""
        return sorted(super().list_commands(ctx), key=lambda name: [*_ORDER, name].index(name))


class App(typer.Typer):
    """Commands in whose paths ~ is the home folder, whose errors are one line, and which are never silent for long.

    A shell replaces ~ at the beginning of a word only, and not in `--data-dir=~/data`.
    """

    def command(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function as a command."""

        def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def command(**given: Any) -> Any:
                with one_line_errors(), waiting.shown("loading"):
                    return function(**{name: _from_home(value) for name, value in given.items()})

            panel = next((panel for panel, names in PANELS.items() if function.__name__ in names), None)
            super(App, self).command(*args, rich_help_panel=panel, **kwargs)(command)
            return function

        return decorated


app = App(
    cls=Commands,
    help="Every layer is a matrix, and differentiation is transposition.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# What a person can mend.
TOLD = (ValueError, TypeError, OSError, MemoryError, ArithmeticError)
# Whatever is typed wrongly: Typer exports only this kind of it, and not the whole.
_USAGE: Any = typer.BadParameter.__base__
console = Terminal()
errors = Terminal(stderr=True)


def _checked_seed(seed: int | None) -> int | None:
    """Refuse what cannot be a seed everywhere: NumPy's are not negative, JAX's have 32 bits, its sign among them."""
    if seed is not None and not 0 <= seed < 2**31:
        raise typer.BadParameter(f"a seed is a whole number from 0 to {2**31 - 1}, and {seed} is not.")
    return seed


SEED = typer.Option(callback=_checked_seed, help="The same seed gives the same numbers.")
Seed = Annotated[int, SEED]


def _print_versions(asked: bool) -> None:
    if asked:
        from minicnn.cli.versions import report

        with waiting.shown("looking for devices"):
            console.print(report(), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_versions,
            is_eager=True,
            help="Print versions, processor, devices and JAX's flags, and exit.",
        ),
    ] = False,
) -> None:
    """What is asked of the command itself is done by the callback of its option."""


def conclude(comparisons: "Iterable[Comparison]", what: str = "identities hold") -> None:
    """End with a line that says how many comparisons hold, and with exit status 1 if not all of them do."""
    from minicnn.identities.comparison import all_hold, count

    compared = list(comparisons)
    if all_hold(compared):
        console.print(f"{count(compared)} {what}.", highlight=False)
    else:
        console.print(f"[bold red]{count(compared)} {what}: see the table.[/]", highlight=False)
        raise typer.Exit(1)


def check_written(*files: Path | None) -> None:
    """Refuse a file that cannot be written because there is no such folder, before anything is computed for it."""
    from minicnn.draw.saving import check_folder

    for file in filter(None, files):
        check_folder(file)


def write_json(file: Path | None, found: Any) -> None:
    """Write what was found, where a file is given for it."""
    if file is not None:
        write_whole(file, json.dumps(found, indent=1) + "\n")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib to a file and close it."""
    from matplotlib import pyplot as plt

    from minicnn.draw import saving

    saving.save_figure(figure, path, 120)
    plt.close(figure)


def error_line(error: Exception) -> None:
    """Say in one line what went wrong, where anybody can be told: a disk that is full does not end what goes on."""
    with suppress(OSError):
        errors.print(f"[bold red]error:[/] {escape(_said(error))}", highlight=False, soft_wrap=True)


@contextmanager
def one_line_usage(group: Any = None) -> Iterator[None]:
    """What is typed wrongly is said in one line, with the command whose help says what can be typed.

    Args:
        group: the context of the commands, where one of them is being read: some errors come without their own.
    """
    try:
        yield
    except _USAGE as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it has printed the help
            raise
        error_line(ValueError(f"{_misuse(error)} (see `{_command_of(error, group)} --help`)"))
        raise typer.Exit(2) from error


def _misuse(error: Any) -> str:
    """An error of usage as ours are worded, with the value where that is of another type."""
    said, faults = error.format_message().rstrip("."), getattr(error.__cause__, "errors", list)()
    if faults:
        said = said.replace("Invalid value for", f"Invalid value {faults[0]['input']!r} for", 1)
    return said[:1].lower() + said[1:]


def _command_of(error: Any, group: Any) -> str:
    """The command that was typed, as it was."""
    if error.ctx is not None:
        return error.ctx.command_path
    return "minicnn" if group is None else f"{group.command_path} {group.invoked_subcommand or ''}".rstrip()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person can mend is said in one line, without a traceback, and so is that a person stopped it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        line, folder = str(stop) or "stopped", getattr(stop, "folder", None)
        if folder is not None:
            line += f": go on with `minicnn train --resume {shlex.quote(str(folder))}`"
        errors.print(escape(line), highlight=False, soft_wrap=True)
        # The exit status that shells give a process which a signal ended.
        raise typer.Exit(128 + getattr(stop, "signum", signal.SIGINT)) from stop
    except (*TOLD, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "Out of memory" not in str(error):  # as XLA says it
            raise
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
        return [_from_home_if_any(item) for item in value]
    try:
        return value.expanduser() if isinstance(value, Path) else value
    except RuntimeError as error:
        raise ValueError(f"{value}: there is no such home folder") from error


def _from_home_if_any(value: Any) -> Any:
    """One of many, left as it is where there is no such home folder: it is not found there, and the others are."""
    try:
        return _from_home(value)
    except ValueError:
        return value
