"""`python -m experiments` lists the experiments, runs them, and writes what they found."""

import inspect
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from experiments import errors, pages, rows
from experiments.frame import Experiment, claims_table, find, numbers_table, verdict

console = Console()
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Names = Annotated[list[str] | None, typer.Argument(help="Experiments or folders, or all; none lists them.")]
Folder = Annotated[Path, typer.Option(help="Where results are written.")]


@app.command()
def main(
    names: Names = None,
    *,
    small: Annotated[bool, typer.Option("--small", help="As small as in the tests.")] = False,
    full: Annotated[bool, typer.Option("--full", help="As long as it takes.")] = False,
    changed: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE of an argument of its run.")] = None,
    show_errors: Annotated[
        bool, typer.Option("--errors", help="The errors in the sources, with what shows them.")
    ] = False,
    show_rows: Annotated[bool, typer.Option("--rows", help="The table of all systems with their verdicts.")] = False,
    write_pages: Annotated[Path | None, typer.Option("--pages", help="Write the pages of the documentation.")] = None,
    folder: Folder = Path("runs/experiments"),
) -> None:
    """Run experiments, each with a table, a figure and a verdict for every claim; exit with 1 if one fails."""
    if small and full:
        raise typer.BadParameter("choose one of --small and --full")
    if show_rows or show_errors:
        console.print(rows.table(folder) if show_rows else errors.table(folder))
        return
    if write_pages is not None:
        pages.write(find(), folder, write_pages)
        return
    if not names:
        console.print(listed(folder))
        return
    chosen = _chosen(names)
    size = "small" if small else "full" if full else "usual"
    arguments = _arguments(chosen, changed or [])
    begun = time.process_time()
    failed = [experiment.name for experiment in chosen if not _run(experiment, size, folder, arguments)]
    if len(chosen) > 1:
        console.print(f"{len(chosen)} experiments in {time.process_time() - begun:.0f} s of processor time")
    if failed:
        console.print(f"[bold red]A claim fails in {', '.join(failed)}.[/]")
        raise typer.Exit(1)


def _chosen(names: list[str]) -> list[Experiment]:
    try:
        return find([] if names == ["all"] else names)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _arguments(chosen: list[Experiment], changed: list[str]) -> dict[str, Any]:
    """The values that are given as NAME=VALUE, where every chosen experiment takes that name."""
    found = {}
    for name, _, text in (setting.partition("=") for setting in changed):
        for experiment in chosen:
            parameters = inspect.signature(experiment.module.run).parameters
            if name not in parameters:
                raise typer.BadParameter(f"{experiment.name} has no {name!r}: use one of {', '.join(parameters)}")
            found[name] = _value(text, type(parameters[name].default))
    return found


def _value(text: str, kind: type) -> Any:
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(f"{text!r} is no {kind.__name__}") from error


def _run(experiment: Experiment, size: str, folder: Path, arguments: dict[str, Any]) -> bool:
    result = experiment.run(size, **arguments)
    result.write(folder / experiment.name)
    for table in result.tables:
        console.print(numbers_table(table))
    console.print(claims_table(result, f"{experiment.name}: {experiment.question}"))
    console.print(f"{result.seconds:.1f} s of processor time; figures and numbers in {folder / experiment.name}\n")
    return result.ok


def listed(folder: Path) -> Table:
    """Every experiment with its question, its rows and the last verdict."""
    grid = Table("experiment", "question", "rows", "last verdict")
    for experiment in find():
        numbers = ", ".join(map(str, experiment.rows))
        grid.add_row(experiment.name, experiment.question, numbers, verdict(folder / experiment.name))
    return grid


if __name__ == "__main__":
    app()
