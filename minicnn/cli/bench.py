"""`minicnn bench`."""

from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import app, console, one_line_errors


@app.command()
def bench(
    only: Annotated[list[str] | None, typer.Argument(help="Words in the names of cases; all cases without.")] = None,
    rivals: Annotated[str, typer.Option(help="Who is measured, by commas; all that are installed without.")] = "",
    seconds: Annotated[float, typer.Option(help="About how long to measure each case.")] = 3.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the measurements to this file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw the ratios into this file.")] = None,
) -> None:
    """Measure convolutions, pools and LeNet-5 beside jax.lax, flax and PyTorch, in turn, in one run."""
    from minicnn.bench import compare, find, report
    from minicnn.bench.rivals import RIVALS

    with one_line_errors():
        names = [name.strip() for name in rivals.split(",") if name.strip()] or list(RIVALS)
        if unknown := set(names) - set(RIVALS):
            raise ValueError(f"`rivals`: no {', '.join(sorted(unknown))}; there are {', '.join(RIVALS)}")
        measured = []
        for case in find(only or []):
            with console.status(case.name):
                measured += compare(case, names, seconds)
        console.print(report.table(measured))
        for rival, numbers in report.summary(measured).items():
            console.print(
                f"{rival}: geometric mean {numbers['geometric mean']:.2f}, least {numbers['least']:.2f} "
                f"of {numbers['cases']} convolutions"
            )
        if json_file is not None:
            json_file.write_text(report.to_json(measured))
        if picture is not None:
            report.picture(measured).savefig(picture, dpi=120)
