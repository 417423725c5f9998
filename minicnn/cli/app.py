"""The application, and what its commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
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


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person can mend is said in one line, without a traceback."""
    try:
        yield
    except (ValueError, TypeError, OSError, MemoryError, FloatingPointError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
