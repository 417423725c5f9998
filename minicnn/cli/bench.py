"""`minicnn bench`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.app import Seed, app, check_written, console, save_figure
from minicnn.cli.faults import placed_faults
from minicnn.cli.target import TARGET, Dtypes, Shapes
from minicnn.cli.unused import refuse, typed
from minicnn.disk import read_bounded, write_whole

if TYPE_CHECKING:
    from minicnn.bench import Case, Measurement

_OF_A_MODEL = ("shape", "dtype", "seed")
# What each mode heeds, by the names of the parameters. What is not named is refused, so none is ignored in silence.
_MODES = {
    "listed": ("only",),
    "growth": ("picture",),
    "choices": ("only",),
    "fit": ("only", "seconds"),
    "model": ("seconds", "json_file", *_OF_A_MODEL),
}


@app.command()
def bench(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Words in the names of cases; all cases without.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Instead: the names of the cases and of the rivals.")] = False,
    rivals: Annotated[str, typer.Option(help="Who is measured, by commas; all that are installed without.")] = "",
    seconds: Annotated[float, typer.Option(help="About how long to measure each case.")] = 3.0,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also measure peak memory, each rival in a process of its own.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the measurements to this file.")] = None,
    compared: Annotated[
        Path | None, typer.Option("--compare", help="Also print the ratios to a run that --json wrote.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw the ratios, or the growth, into this file.")] = None,
    choices: Annotated[
        bool, typer.Option("--choices", help="Instead: is the form that auto takes the fastest?")
    ] = False,
    fit: Annotated[
        bool, typer.Option("--fit", help="Instead: do the cost model's constants hold on this machine?")
    ] = False,
    growth: Annotated[bool, typer.Option("--growth", help="Instead: how each form's cost grows, and its law.")] = False,
    model: Annotated[
        str | None, typer.Option(help=f"Instead: what minicnn.accelerate brings for your own model. {TARGET}")
    ] = None,
    shape: Shapes = None,
    dtype: Dtypes = None,
    seed: Seed = 0,
) -> None:
    """Measure convolutions, pools and LeNet-5 beside jax.lax, flax and PyTorch, in turn, in one run."""
    from minicnn.bench import find, report

    _check_used(context)
    if listed:
        _list(only or [])
        return
    _check(seconds, json_file, picture)
    if model is not None:
        _own_model(model, shape, dtype, seed, seconds, json_file)
        return
    cases = find(only or [])
    if growth:
        _growth(picture)
    elif choices:
        _choices(cases)
    elif fit:
        _fit(cases, seconds)
    else:
        names = [name.strip() for name in rivals.split(",") if name.strip()]
        before = None if compared is None else _report(compared)
        measured = _compare(cases, names, seconds, memory, json_file, picture)
        if before is not None:
            console.print(report.comparison(before, measured))


def _check(seconds: float, json_file: Path | None, picture: Path | None) -> None:
    from minicnn.draw.saving import check_still

    if not 0 <= seconds < math.inf:
        raise ValueError(f"`seconds`={seconds} must be at least 0, and finite")
    check_written(json_file)
    if picture is not None:
        check_still(picture)


def _list(only: list[str]) -> None:
    from minicnn.bench import find
    from minicnn.bench.rivals import RIVALS

    cases = find(only)
    for panel in dict.fromkeys(case.panel for case in cases):
        console.print(f"[bold]{panel}[/]", highlight=False)
        console.print("\n".join(f"  {case.name}" for case in cases if case.panel == panel), highlight=False)
    console.print(f"[bold]rivals[/]\n  {', '.join(RIVALS)}", highlight=False)


def _own_model(
    target: str,
    shapes: Sequence[str] | None,
    dtypes: Sequence[str] | None,
    seed: int,
    seconds: float,
    json_file: Path | None,
) -> None:
    import jax

    from minicnn.bench import own_model
    from minicnn.cli.target import check_found, inputs, is_wide, load
    from minicnn.lift.models import read_model

    check_found(target)
    with jax.enable_x64(is_wide(dtypes)), placed_faults(target):
        key = jax.random.key(seed)
        xs = inputs(shapes, dtypes, seed)
        model = read_model(load(target, key), *xs, key=key)
        with console.status("measuring before and after"):
            found = own_model.compare_model(model, xs, seconds)
    for one in found:
        console.print(f"{one.name}:\n{one.listing}\n", soft_wrap=True, highlight=False, markup=False)
    console.print(own_model.table(found))
    if json_file is not None:
        write_whole(json_file, own_model.to_json(found))


def _check_used(context: typer.Context) -> None:
    """Refuse what does nothing for what is measured: a mode has its own options, and they do nothing without it."""
    given = typed(context)
    mode = next((name for name in _MODES if context.params[name]), None)
    if mode is None:
        refuse(context, _OF_A_MODEL, "without a --model: give one, too")
    else:
        unused = given.keys() - {mode, *_MODES[mode]}
        refuse(context, unused, f"beside {given[mode]}, which does something else: leave it out")


def _compare(
    cases: "Sequence[Case]",
    names: list[str],
    seconds: float,
    memory: bool,
    json_file: Path | None,
    picture: Path | None,
) -> "Sequence[Measurement]":
    from minicnn.bench import compare
    from minicnn.bench.rivals import RIVALS

    if unknown := set(names) - set(RIVALS):
        raise ValueError(f"`rivals`: no {', '.join(sorted(unknown))}; there are {', '.join(RIVALS)}")
    measured: list[Measurement] = []
    try:
        for case in cases:
            with console.status(case.name):
                measured += compare(case, names or list(RIVALS), seconds, memory)
    finally:  # a run takes half an hour: if it is stopped, the cases that are measured are told all the same
        if measured:
            _tell(measured, json_file, picture)
    return measured


def _tell(measured: "Sequence[Measurement]", json_file: Path | None, picture: Path | None) -> None:
    from minicnn.bench import report

    console.print(report.table(measured))
    for rival, numbers in report.summary(measured).items():
        console.print(
            f"{rival}: geometric mean {numbers['geometric mean']:.2f}, least {numbers['least']:.2f} "
            f"of {numbers['cases']} convolutions"
        )
    if json_file is not None:
        write_whole(json_file, report.to_json(measured))
    if picture is not None:
        save_figure(report.picture(measured), picture)


def _report(file: Path) -> "Sequence[Measurement]":
    from minicnn.bench import report

    try:
        return report.from_json(read_bounded(file, report.MOST_BYTES))
    except OSError as error:
        raise ValueError(f"`--compare`={file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"`--compare`={file}: {error}") from error


def _choices(cases: "Sequence[Case]") -> None:
    from minicnn.bench import auto_choice

    with console.status("measuring the candidates"):
        found = list(auto_choice.measure(cases))
    console.print(auto_choice.table(found))
    far = [choice for choice in found if not choice.close]
    console.print(f"{len(far)} of {len(found)} choices take more than {auto_choice.CLOSE} times as long as the fastest")


def _fit(cases: "Sequence[Case]", seconds: float) -> None:
    from minicnn.bench import fitting
    from minicnn.forms.cost import MOVING

    with console.status("measuring the candidates"):
        measured = list(fitting.measure(cases, seconds))
    if not measured:
        raise ValueError("`only` names no convolution: the cost model chooses between their forms")
    found = fitting.fit(measured)
    console.print(fitting.table(found))
    console.print(
        f"{found.per_second:.3g} multiply-adds of predicted cost per second; by the best choices here moving a number "
        f"takes as long as {found.best:.0f} of them, and {MOVING} in the model"
    )


def _growth(picture: Path | None) -> None:
    from minicnn.bench import growth

    with console.status("measuring the growth"):
        curves = list(growth.measure())
    console.print(growth.table(curves))
    if picture is not None:
        save_figure(growth.picture(curves), picture)
